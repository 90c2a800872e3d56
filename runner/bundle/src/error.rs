//! Why a bundle cannot be believed, or not be made.

use lab_base::failure::{Failure, code};
use lab_base::text::clean;
use std::io;
use std::path::{Path, PathBuf};

use super::index::BUNDLE;
use lab_evidence::EvidenceError;
use lab_report::JsonError;
use lab_sealed::SealedError;

/// What is wrong with a bundle or a run's folder: which file, what in it, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The file itself.
    #[error(transparent)]
    Sealed(#[from] SealedError),
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
    /// The operating system refused, for `map_err`; `doing` reads after "cannot".
    pub(super) fn io(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self + use<> {
        let io = BUNDLE.io(path, doing);
        move |source| io(source).into()
    }
}

impl From<BundleError> for Failure {
    fn from(error: BundleError) -> Self {
        Self { code: code::INPUT, message: clean(&lab_base::failure::chain(&error)) }
    }
}
