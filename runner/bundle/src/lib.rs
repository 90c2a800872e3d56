//! A bundle: a run's folder in one file, to be handed to somebody who judges it again without a lab.
//!
//! It is a sealed file ([`lab_sealed`]), compressed with zstd as a whole. Its first member is `bundle.json` ([`Index`]),
//! which names each of the others in their order, with size and SHA-256: what is read afterwards is held against it as it
//! comes, so that nothing that was not announced is ever unfolded. The same folder gives the same bytes.
//!
//! Hashes tell what was damaged or exchanged on the way. They do not tell who wrote a bundle: there is no signature.

mod collect;
mod differences;
mod error;
mod index;
mod limits;
mod open;
mod pack;
mod part;
mod replay;
mod whole;

pub use differences::{Difference, Verdict};
pub use error::BundleError;
pub use index::{INDEX_FILE, Index, Member, SCHEMA};
pub use open::{Opened, open, read};
pub use pack::{Packing, plan};
pub use part::{InCase, Part};
pub use replay::{Again, Replay, Replayed, replay};
