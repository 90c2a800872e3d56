//! Deliberate faults: changes to a lab's namespaces, to show which cases notice them.
//!
//! The probe only looks; `lab tamper` changes. It reads a list of [`Tamper`]s on standard input, makes the changes in
//! order, and writes one line when they are made. Servers among the changes run until standard input closes. If it reads
//! [`UNDO`] before that, it restores what it had found. It touches only the namespaces whose files it is given.

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

/// The line on standard error once all changes are made.
pub const TAMPERED: &str = "lab-tamper: done";

/// The line on standard input that undoes all changes.
pub const UNDO: &str = "undo";

/// One change, in one namespace, or between two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tamper {
    /// The namespace's file.
    pub netns: PathBuf,
    /// The file of the second namespace in which something is changed ([`Act::other`]).
    pub other: Option<PathBuf>,
    /// The change.
    pub act: Act,
}
