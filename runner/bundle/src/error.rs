//! Errors of opening and making bundles.

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
    /// The file is not a bundle, damaged or incomplete, or cannot be written.
    #[error(transparent)]
    Sealed(#[from] SealedError),
    /// The folder is not that of a run.
    #[error("{}: not a run's folder: {why}", path.display())]
    NotARun {
        /// The folder.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// A file of a run has something that must not be passed on.
    #[error("{}:{line}: this line looks like a secret, so the run is not bundled; remove the secret, or pass on the report alone", path.display())]
    Secret {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// A capture is not the one that the run wrote.
    #[error("{}: {why}; put the run's own file back, or pass on the report alone", path.display())]
    Capture {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        why: String,
    },
    /// The run is of a lab.
    #[error("{}: a run in a lab, whose names and addresses are the lab's own; leave --anonymise out", path.display())]
    NotForeign {
        /// The run's folder.
        path: PathBuf,
    },
    /// What tells whose cluster a run is of cannot be taken out of it.
    #[error("{}: not anonymised, and nothing was written: {why}", path.display())]
    NotAnonymised {
        /// The run's folder.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// A file of a run was changed during bundling.
    #[error("{}: changed while it was bundled; try again when the run is over", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A member does not have the form that a run writes, or its hash is wrong.
    #[error("{}: member {source}", path.display())]
    Evidence {
        /// The file.
        path: PathBuf,
        /// The member and what is wrong with it.
        #[source]
        source: EvidenceError,
    },
    /// Its report cannot be read.
    #[error("{}: member report.json: {source}", path.display())]
    Report {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: JsonError,
    },
    /// Two of its members contradict each other.
    #[error("{}: {what}: it was altered after the run; do not trust it", path.display())]
    Contradiction {
        /// The file.
        path: PathBuf,
        /// The members, and how they contradict each other.
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
        let code = if matches!(error, BundleError::NotForeign { .. }) { code::USAGE } else { code::INPUT };
        Self { code, message: clean(&lab_base::failure::chain(&error)) }
    }
}
