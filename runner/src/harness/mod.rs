//! Running cases: what is asked for, the stages that are built for it, the verdicts, the evidence.

mod libtest;
mod printed;
mod select;
mod session;
mod setup;

pub use libtest::{Harness, offered};
pub use select::{Selection, selected};
pub use session::{Event, LabSource, Session, SessionOptions, Stopped};
pub use setup::{Setup, setup};
