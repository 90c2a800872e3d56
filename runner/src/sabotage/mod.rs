//! Sabotage: a sound lab is broken on purpose, one named fault at a time, and the cases must notice.

pub mod acts;
mod bench;
mod expect;
pub mod members;

pub use bench::{Bench, article};
pub use expect::{Expect, words};
