//! Why a bundle cannot be believed, or not be made.

use lab_base::failure::{Failure, code};
use lab_base::text::clean;
use std::io;
use std::path::{Path, PathBuf};

use super::{INDEX_FILE, SCHEMA};
use lab_base::new_file::NewFileError;
use lab_evidence::EvidenceError;
use lab_manifest::Sha256;
use lab_report::JsonError;

/// What is wrong with a bundle or a run's folder: which file, what in it, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The operating system refused.
    #[error("{}: cannot {doing}: {source}", path.display())]
    Io {
        /// What it was about.
        path: PathBuf,
        /// What was tried, as in "cannot …".
        doing: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// Nothing is overwritten unasked.
    #[error("{}: there is a file already; give another name with -o, or --force to replace it", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// There is no such run.
    #[error("{}: not a run's folder: {why}", path.display())]
    NotARun {
        /// The folder.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// A file of a run has something that must not be handed on.
    #[error("{}:{line}: looks like a secret; the run is not bundled with it: take it out, or hand over the report alone", path.display())]
    Secret {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// A file of a run was written to meanwhile.
    #[error("{}: changed while it was bundled; try again when the run is over", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// It is something else.
    #[error("{}: not a bundle: {why}; `lab bundle` makes one", path.display())]
    NotABundle {
        /// The file.
        path: PathBuf,
        /// What it is.
        why: String,
    },
    /// It ends too early.
    #[error("{}: cut off {at}; copy it again", path.display())]
    CutOff {
        /// The file.
        path: PathBuf,
        /// Where.
        at: String,
    },
    /// It goes on where it should end.
    #[error("{}: something follows its end; copy it again", path.display())]
    GoesOn {
        /// The file.
        path: PathBuf,
    },
    /// What is compressed cannot be unfolded.
    #[error("{}: damaged {at}: {source}; copy it again", path.display())]
    Compressed {
        /// The file.
        path: PathBuf,
        /// Where.
        at: String,
        /// What decompression says.
        source: io::Error,
    },
    /// More comes out of it than any run has.
    #[error("{}: {unfolded} bytes come out of {from}: no run is like that; do not use it", path.display())]
    Bomb {
        /// The file.
        path: PathBuf,
        /// Bytes so far.
        unfolded: u64,
        /// Out of so many.
        from: u64,
    },
    /// Something is in it that has no business there.
    #[error("{}: {member:?} in it {why}: no bundle that lab wrote; do not use it", path.display())]
    Member {
        /// The file.
        path: PathBuf,
        /// The name of what is in it.
        member: String,
        /// What is wrong with that.
        why: String,
    },
    /// Something is not in it.
    #[error("{}: incomplete: there is no {missing} in it; bundle it again", path.display())]
    Incomplete {
        /// The file.
        path: PathBuf,
        /// What is not there.
        missing: String,
    },
    /// Content is not what was bundled.
    #[error("{}: {member} in it is damaged: its SHA-256 is {found}, {INDEX_FILE} says {expected}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is damaged.
        member: String,
        /// By the index.
        expected: Sha256,
        /// By what is there.
        found: Sha256,
    },
    /// It was written by another version.
    #[error("{}: {INDEX_FILE}: schema: expected {SCHEMA}, found {found}: written by another version of lab", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// What it has.
        found: u64,
    },
    /// Its index cannot be read.
    #[error("{}: {INDEX_FILE}: {problem}", path.display())]
    Index {
        /// The file.
        path: PathBuf,
        /// Why not.
        problem: String,
    },
    /// What a run wrote does not read as that, or its hashes do not fit.
    #[error("{}: in it {source}", path.display())]
    Evidence {
        /// The file.
        path: PathBuf,
        /// What is wrong with what.
        #[source]
        source: EvidenceError,
    },
    /// Its report cannot be read.
    #[error("{}: in it report.json: {source}", path.display())]
    Report {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: JsonError,
    },
    /// Two of its members cannot both be true.
    #[error("{}: {what}: altered after the run; do not believe it", path.display())]
    Contradiction {
        /// The file.
        path: PathBuf,
        /// Which, and how they differ.
        what: String,
    },
}

impl BundleError {
    pub(super) fn io(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { path, doing, source }
    }
}

impl From<NewFileError> for BundleError {
    fn from(error: NewFileError) -> Self {
        match error {
            NewFileError::Exists { path } => Self::Exists { path },
            NewFileError::Io { path, doing, source } => Self::Io { path, doing, source },
        }
    }
}

impl From<BundleError> for Failure {
    fn from(error: BundleError) -> Self {
        Self { code: code::INPUT, message: clean(&lab_base::failure::chain(&error)) }
    }
}
