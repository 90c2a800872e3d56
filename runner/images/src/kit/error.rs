//! Why a kit cannot be used, or not be made.

use crate::ImageError;
use lab_base::failure::Failure;
use std::io;
use std::path::{Path, PathBuf};

use super::{INDEX_FILE, SCHEMA};
use lab_base::new_file::NewFileError;
use lab_manifest::Sha256;

/// What is wrong with a kit: which file, what in it, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum KitError {
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
    /// It is something else.
    #[error("{}: not a kit: {why}; `lab kit pack` makes one", path.display())]
    NotAKit {
        /// The file.
        path: PathBuf,
        /// What it is.
        why: String,
    },
    /// It ends too early.
    #[error("{}: cut off in {member}: {expected} bytes were announced, {there} are there; copy it again", path.display())]
    CutOff {
        /// The file.
        path: PathBuf,
        /// What is not whole.
        member: String,
        /// Its size.
        expected: u64,
        /// How much of it is there.
        there: u64,
    },
    /// Its index, which is written last, is missing.
    #[error("{}: cut off: {INDEX_FILE}, which is written last, is missing after {last}; copy it again", path.display())]
    NoIndex {
        /// The file.
        path: PathBuf,
        /// The last member that is there.
        last: String,
    },
    /// Something is in it that has no business there.
    #[error("{}: {member:?} in it {why}: no kit that lab packed; do not use it", path.display())]
    Member {
        /// The file.
        path: PathBuf,
        /// The name of what is in it.
        member: String,
        /// What is wrong with that.
        why: String,
    },
    /// Something that a lab needs is not in it.
    #[error("{}: incomplete: there is no {missing} in it; pack it again", path.display())]
    Incomplete {
        /// The file.
        path: PathBuf,
        /// What is not there.
        missing: String,
    },
    /// Content is not what was packed.
    #[error(
        "{}: {member} in it is damaged: its SHA-256 is {found}, {INDEX_FILE} says {expected}; copy it again",
        path.display()
    )]
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
    /// It was packed by another version.
    #[error("{}: {INDEX_FILE}: schema: expected {SCHEMA}, found {found}: packed by another version of lab", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// What it has.
        found: u64,
    },
    /// Its index cannot be read.
    #[error("{}: {INDEX_FILE}: {problem}; pack it again", path.display())]
    Index {
        /// The file.
        path: PathBuf,
        /// Why not.
        problem: String,
    },
    /// Nothing is overwritten unasked.
    #[error("{}: there is a file already; give another name with -o, or --force to replace it", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A chart, and not the pinned one.
    #[error(
        "{}: not the chart that pins.json pins: its SHA-256 is {found}, expected {expected}; it is at {url}",
        path.display()
    )]
    Chart {
        /// The file.
        path: PathBuf,
        /// The pin.
        expected: Sha256,
        /// What is there.
        found: Sha256,
        /// Where the pinned one is.
        url: String,
    },
    /// An image for another machine than the others are for.
    #[error("{image} is for {found}, and a kit of this Engine is for {expected}: pull or build it for that")]
    Platform {
        /// The image.
        image: String,
        /// What the kit is for.
        expected: String,
        /// What the image is for.
        found: String,
    },
    /// An image on its way into the kit, or out of it.
    #[error(transparent)]
    Image(#[from] crate::ImageError),
    /// The work was broken off.
    #[error("{}: {why}", path.display())]
    Stopped {
        /// What was worked on.
        path: PathBuf,
        /// What stopped it.
        why: String,
    },
}

impl KitError {
    pub(super) fn io(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { path, doing, source }
    }
}

impl From<NewFileError> for KitError {
    fn from(error: NewFileError) -> Self {
        match error {
            NewFileError::Exists { path } => Self::Exists { path },
            NewFileError::Io { path, doing, source } => Self::Io { path, doing, source },
        }
    }
}

impl From<KitError> for Failure {
    fn from(error: KitError) -> Self {
        match &error {
            // What is wrong with the Engine or on the way to a registry, and not with a file.
            KitError::Image(ImageError::Archive { .. }) => Self::input(&error),
            KitError::Image(_) | KitError::Stopped { .. } => Self::stage(&error),
            _ => Self::input(&error),
        }
    }
}
