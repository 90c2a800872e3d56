//! Errors about an image's archive.

use std::io;

use super::Platform;
use lab_manifest::Digest;

/// Why an archive is not one image, whole and undamaged. The message reads after `IMAGE: `.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// Reading the archive failed.
    #[error("the archive cannot be read{}: {source}", after(at))]
    Read {
        /// The entry that was being read; empty before the first.
        at: String,
        /// Why not.
        source: io::Error,
    },
    /// All readers that the archive is passed on to have stopped reading.
    #[error("the archive cannot be passed on: {0}")]
    Write(#[source] io::Error),
    /// The archive ends in the middle of an entry.
    #[error("the archive is cut off in {path}: it has {found} of {expected} bytes")]
    CutOff {
        /// The entry.
        path: String,
        /// The size in its header.
        expected: u64,
        /// The bytes that the archive has of it.
        found: u64,
    },
    /// An entry that an image's archive cannot have.
    #[error("the archive has the entry {path:?}, {why}")]
    Entry {
        /// Its path.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// More entries than an image has.
    #[error("the archive has more than {most} entries")]
    Entries {
        /// How many an image may have.
        most: usize,
    },
    /// The archive has neither of the two layouts.
    #[error("the archive is not an image: it has neither index.json nor manifest.json, but {found}")]
    NoImage {
        /// Its files, shortened.
        found: String,
    },
    /// The archive has several images.
    #[error("the archive has several images ({}), where one is expected", names.join(", "))]
    Several {
        /// Their names, or digests where they have none.
        names: Vec<String>,
    },
    /// A document that describes the archive's content cannot be used.
    #[error("{path} in the archive cannot be used: {problem}")]
    Document {
        /// The file.
        path: String,
        /// Why not.
        problem: String,
    },
    /// A file that a document names is missing.
    #[error("the archive is incomplete: {named_in} names {path}, which is missing")]
    Missing {
        /// The missing file.
        path: String,
        /// The document that names it.
        named_in: String,
    },
    /// The content of a file does not have the digest that the file is named by.
    #[error("{path} in the archive is damaged: its content has the digest {found}, expected {expected}")]
    Damaged {
        /// The file.
        path: String,
        /// The digest that it is named by.
        expected: Digest,
        /// The digest of its content.
        found: Digest,
    },
    /// The image is for another platform.
    #[error("the archive has the image for {found}, not for {wanted}")]
    Platform {
        /// The platform that is needed.
        wanted: Platform,
        /// The platform of the image, or all that the archive has.
        found: String,
    },
    /// Two descriptions of the image contradict each other.
    #[error("index.json and manifest.json in the archive describe different images: {index} and {manifest}")]
    Disagree {
        /// The digest of the configuration according to `index.json`.
        index: Digest,
        /// The digest of the configuration according to `manifest.json`.
        manifest: Digest,
    },
    /// The archive has an image other than the expected one.
    #[error("the archive has another image: its configuration has the digest {found}, expected {expected}")]
    Other {
        /// The digest that was expected.
        expected: Digest,
        /// The digest that the archive's image has.
        found: Digest,
    },
}

fn after(at: &str) -> String {
    if at.is_empty() { String::new() } else { format!(" in {at}") }
}
