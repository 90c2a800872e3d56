//! The errors of reading `manifests/`. Each is one line that names the place.

use std::io;
use std::path::PathBuf;

/// A file of `manifests/` that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// A file cannot be read.
    #[error(
        "{}: cannot be read: {error}; its folder must hold pins.json, kind.yaml, cilium.yaml and hello-app.yaml",
        file.display()
    )]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
    /// A file is not valid JSON or YAML.
    #[error("{file}:{line}:{column}: not valid {format}: {problem}")]
    Syntax {
        /// The file.
        file: String,
        /// From 1.
        line: usize,
        /// From 1, in bytes (JSON) or characters (YAML).
        column: usize,
        /// `JSON` or `YAML`.
        format: &'static str,
        /// What the parser says.
        problem: String,
    },
    /// A value does not have the form that it must have, is missing, or is unknown.
    #[error("{file}:{line}: {}{problem}", if path.is_empty() { String::new() } else { format!("{path}: ") })]
    Invalid {
        /// The file.
        file: String,
        /// From 1.
        line: usize,
        /// The keys that lead to the value, for example `images.cilium.digest`; empty for the whole document.
        path: String,
        /// A text that says what was expected and what was found.
        problem: String,
    },
    /// A YAML file holds more or fewer documents than it must.
    #[error("{file}: expected {expected} YAML document{}, found {found}", if *expected == 1 { "" } else { "s" })]
    Documents {
        /// The file.
        file: String,
        /// How many it must hold.
        expected: usize,
        /// How many it holds.
        found: usize,
    },
    /// Each value has its form, but two of them contradict each other.
    #[error("{file}: {key}: expected {expected}, found {found}")]
    Inconsistent {
        /// The file with the first of the two values.
        file: String,
        /// The keys that lead to that value.
        key: &'static str,
        /// What the other value requires, and where it is.
        expected: String,
        /// What was found instead.
        found: String,
    },
}
