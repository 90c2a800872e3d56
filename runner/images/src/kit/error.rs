//! Errors of opening and making kits.

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
    /// The file is not a kit, damaged or incomplete, or cannot be written.
    #[error(transparent)]
    Sealed(#[from] SealedError),
    /// A chart that is not the pinned one.
    #[error(
        "{}: not the chart that pins.json pins: its SHA-256 is {found}, expected {expected}; it is at {url}",
        path.display()
    )]
    Chart {
        /// The file.
        path: PathBuf,
        /// The pin.
        expected: Sha256,
        /// The SHA-256 of the file.
        found: Sha256,
        /// The address of the pinned chart.
        url: String,
    },
    /// An image for another platform than the others.
    #[error(
        "{image} is for {found}, and a kit of this Engine is for {expected}: pull or build the image for {expected}"
    )]
    Platform {
        /// The image.
        image: String,
        /// The platform of the kit.
        expected: String,
        /// The platform of the image.
        found: String,
    },
    /// An image could not be put into the kit, or taken out of it.
    #[error(transparent)]
    Image(#[from] crate::ImageError),
    /// A thread that did the work was stopped.
    #[error("{}: {why}", path.display())]
    Stopped {
        /// The kit.
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
            // The archive is at fault, so this is bad input. Other image errors are the Engine's or the registry's.
            KitError::Image(ImageError::Archive { .. }) => Self::input(&error),
            KitError::Image(_) | KitError::Stopped { .. } => Self::stage(&error),
            _ => Self::input(&error),
        }
    }
}
