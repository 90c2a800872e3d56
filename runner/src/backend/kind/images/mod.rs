//! Images of a lab: taken by digest, once, and passed on to all nodes at once.

pub mod archive;

pub use archive::{ArchiveError, Archived, Layout, NameError, Naming, Platform, Reference};
