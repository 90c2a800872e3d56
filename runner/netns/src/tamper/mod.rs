//! Faults: deliberate changes to a lab's namespaces, so that it can be shown which cases notice.
//!
//! Where the probe only looks, `lab tamper` changes: it reads a list of [`Tamper`]s on standard input, makes the
//! changes in order, writes one line when they stand, and holds those that need a process (a server) until standard
//! input closes. Told [`UNDO`] before that, it puts back what it had found. It touches only the namespaces whose files
//! it is given.

mod act;
mod client;
mod fib;
mod nft;
mod routes;
mod serve;
mod undo;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use act::{Act, Says};
pub use client::Tampered;
pub use serve::{TamperArgs, main};

/// The line on standard error once all changes stand.
pub const TAMPERED: &str = "lab-tamper: done";

/// The line on standard input that takes all changes back.
pub const UNDO: &str = "undo";

/// One change, in one namespace, or between two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tamper {
    /// The namespace's file.
    pub netns: PathBuf,
    /// The file of the other namespace that the change is about ([`Act::other`]).
    pub other: Option<PathBuf>,
    /// What is changed.
    pub act: Act,
}
