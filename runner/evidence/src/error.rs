//! Errors of writing evidence, and of reading back evidence that is damaged or was altered.

use std::io;
use std::path::{Path, PathBuf};

/// Why evidence could not be written or read back. Each message names the file.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The operating system refused.
    #[error("{}: cannot {doing} ({})", .path.display(), remedy(.doing, .source))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried, as in "cannot …".
        doing: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// A run of this id exists already.
    #[error("{}: there is a run of this id already; remove it, or give another folder with --runs-dir", .path.display())]
    Exists {
        /// Its folder.
        path: PathBuf,
    },
    /// The folder of runs is another user's.
    #[error(
        "{}: the folder of runs belongs to {}, and only that user can write there; `sudo chown -R \"$(id -u):$(id -g)\" {}` makes it yours, or give another folder with --runs-dir", .path.display(), user(*.owner), .path.display())]
    NotYours {
        /// The folder of runs.
        path: PathBuf,
        /// The number of its user.
        owner: u32,
    },
    /// The id of the run is no plain file name.
    #[error("{}: {id:?} cannot be the id of a run: use letters, digits, '-', '_' and '.', and do not begin with '.'", .path.display())]
    Id {
        /// The folder of runs.
        path: PathBuf,
        /// The id.
        id: String,
    },
    /// A value cannot be written as JSON.
    #[error("{}: the value to write here cannot be written as JSON", .path.display())]
    NotJson {
        /// The file it was for.
        path: PathBuf,
        /// Why not.
        source: serde_json::Error,
    },
    /// A file has another form than this program writes.
    #[error("{}:{line}: this is not the form in which lab writes evidence", .path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// Its line, counted from 1.
        line: usize,
        /// What the parser says of it.
        source: serde_json::Error,
    },
    /// It was written in another version of the format.
    #[error("{}:{line}: schema: expected {oldest} to {newest}, found {found}: written by another version of lab, which can read it", .path.display(), oldest = super::OLDEST_SCHEMA, newest = super::SCHEMA)]
    Schema {
        /// The file.
        path: PathBuf,
        /// Its line, counted from 1.
        line: usize,
        /// The version it claims.
        found: u32,
    },
    /// A record was altered: its data do not have the hash that is recorded beside them.
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
    /// The file as a whole was altered: records are missing, were added, or were exchanged.
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
    /// Makes an [`EvidenceError::Io`] of an error of the operating system, for `map_err`.
    pub(super) fn io(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, doing, source }
    }
}

fn user(number: u32) -> String {
    if number == 0 { "root, as after `sudo lab run`".to_owned() } else { format!("the user {number}") }
}

/// What the user can do about it.
fn remedy(doing: &str, error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "make room on that disk, or give another folder with --runs-dir"
        }
        io::ErrorKind::NotFound => "check that it exists, and all folders above it",
        _ if doing == "read" => "check that it is a file and that you may read it",
        _ => "give a folder that you may write to with --runs-dir",
    }
}
