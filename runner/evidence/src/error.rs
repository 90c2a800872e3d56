//! Why evidence could not be kept, or cannot be believed.

use std::io;
use std::path::{Path, PathBuf};

/// Why evidence could not be written or read back: always which file, and what helps.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The operating system refused.
    #[error("{}: cannot {doing} ({})", .path.display(), remedy(.doing, .source))]
    Io {
        /// What it was about.
        path: PathBuf,
        /// What was tried, as in "cannot …".
        doing: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// A run of this id is there already.
    #[error("{}: there is a run of this id already; remove it, or give another folder with --runs-dir", .path.display())]
    Exists {
        /// Its folder.
        path: PathBuf,
    },
    /// The id of the run is no plain file name.
    #[error("{}: {id:?} cannot be the id of a run: letters, digits, '-', '_' and '.' can, with no '.' first", .path.display())]
    Id {
        /// The folder of runs.
        path: PathBuf,
        /// The id.
        id: String,
    },
    /// Something has no JSON form.
    #[error("{}: what was to be written has no JSON form", .path.display())]
    NotJson {
        /// The file it was for.
        path: PathBuf,
        /// Why not.
        source: serde_json::Error,
    },
    /// A file does not read as what this program writes.
    #[error("{}:{line}: not as evidence is written", .path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// Its line, counted from 1.
        line: usize,
        /// What the parser says of it.
        source: serde_json::Error,
    },
    /// It was written in another version of the format.
    #[error("{}:{line}: schema: expected {expected}, found {found}: written by another version of lab", .path.display(), expected = super::SCHEMA)]
    Schema {
        /// The file.
        path: PathBuf,
        /// Its line, counted from 1.
        line: usize,
        /// The version it claims.
        found: u32,
    },
    /// A record is not what was written.
    #[error("{}:{line}: altered after it was written: its data have sha256 {found}, recorded is {recorded}", .path.display())]
    Altered {
        /// The file.
        path: PathBuf,
        /// Its line, counted from 1.
        line: usize,
        /// The hash beside the data.
        recorded: String,
        /// The hash of the data.
        found: String,
    },
    /// The file as a whole is not what was written: records are missing, or were added or exchanged.
    #[error("{}: altered after it was written: it has sha256 {found}, case.json says {recorded}", .path.display())]
    AlteredFile {
        /// The file.
        path: PathBuf,
        /// The hash in `case.json`.
        recorded: String,
        /// The hash of the file.
        found: String,
    },
}

impl EvidenceError {
    /// Turns the operating system's refusal into ours.
    pub(super) fn io(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, doing, source }
    }
}

/// What helps against it.
fn remedy(doing: &str, error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "make room on that disk, or give another folder with --runs-dir"
        }
        io::ErrorKind::NotFound => "is it there, and all folders above it?",
        _ if doing == "read" => "it must be a file that may be read",
        _ => "give a folder that can be written with --runs-dir",
    }
}
