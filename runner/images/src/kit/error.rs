//! Why a kit cannot be used, or not be made.

use crate::ImageError;
use lab_base::failure::Failure;
use std::io;
use std::path::{Path, PathBuf};

use super::KIT;
use lab_manifest::Sha256;
use lab_sealed::SealedError;

/// What is wrong with a kit: which file, what in it, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum KitError {
    /// The file itself.
    #[error(transparent)]
    Sealed(#[from] SealedError),
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
    /// The operating system refused, for `map_err`; `doing` reads after "cannot".
    pub fn io(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self + use<> {
        let io = KIT.io(path, doing);
        move |source| io(source).into()
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
