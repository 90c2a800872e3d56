//! A bundle: a run's folder in one file, for somebody who judges the run again without a lab.
//!
//! It is a sealed file ([`lab_sealed`]), compressed with zstd as a whole. Its first member is `bundle.json` ([`Index`]),
//! which names each of the others in order, with size and SHA-256. Each member is compared with it while it is read, so
//! nothing that was not announced is decompressed. The same folder gives the same bytes.
//!
//! The hashes show what was damaged or replaced on the way. They do not show who made a bundle: there is no signature.

mod anonymise;
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

pub use anonymise::Anonymised;
pub use differences::{Difference, Verdict};
pub use error::BundleError;
pub use index::{INDEX_FILE, Index, Member, SCHEMA};
pub use open::{Opened, open, read};
pub use pack::{Packing, plan};
pub use part::{InCase, Part};
pub use replay::{Again, Replay, Replayed, replay};
