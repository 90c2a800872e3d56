//! What is wrong with an image's archive.

use std::io;

use super::Platform;
use lab_manifest::Digest;

/// An archive that is not one image, whole and undamaged; the message reads after `IMAGE: `.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// Where it comes from broke off.
    #[error("reading the archive{}: {source}", after(at))]
    Read {
        /// The last entry that began; empty before the first.
        at: String,
        /// Why not.
        source: io::Error,
    },
    /// Whoever takes it takes no more.
    #[error("passing the archive on: {0}")]
    Write(#[source] io::Error),
    /// It ends in the middle of an entry.
    #[error("the archive is cut off in {path}: {expected} bytes were announced, {found} are there")]
    CutOff {
        /// The entry.
        path: String,
        /// Its size.
        expected: u64,
        /// How much of it is there.
        found: u64,
    },
    /// An entry that has no business in an image's archive.
    #[error("the archive has an entry {path:?}, {why}")]
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
    /// Neither of the two layouts.
    #[error("the archive is no image: it has neither index.json nor manifest.json, but {found}")]
    NoImage {
        /// What it has.
        found: String,
    },
    /// Several images.
    #[error("the archive has several images ({}), where one is expected", names.join(", "))]
    Several {
        /// What tells them apart.
        names: Vec<String>,
    },
    /// A file that should say what is in the archive does not.
    #[error("{path} in the archive cannot be used: {problem}")]
    Document {
        /// The file.
        path: String,
        /// Why not.
        problem: String,
    },
    /// Something is named and not there.
    #[error("the archive is incomplete: {named_in} names {path}, which is not there")]
    Missing {
        /// What is named.
        path: String,
        /// Where.
        named_in: String,
    },
    /// Content is not what its digest says.
    #[error("{path} in the archive is damaged: its content has the digest {found}, expected {expected}")]
    Damaged {
        /// The file.
        path: String,
        /// What it is named by.
        expected: Digest,
        /// What it has.
        found: Digest,
    },
    /// Not for this machine.
    #[error("the archive has the image for {there}, not for {wanted}")]
    Platform {
        /// What is needed.
        wanted: Platform,
        /// What there is.
        there: String,
    },
    /// Two descriptions of the image contradict each other.
    #[error("index.json and manifest.json in the archive describe different images: {index} and {manifest}")]
    Disagree {
        /// The configuration's digest by `index.json`.
        index: Digest,
        /// The same by `manifest.json`.
        manifest: Digest,
    },
    /// It is an image, but another one.
    #[error("the archive has another image: its configuration has the digest {found}, expected {expected}")]
    Other {
        /// What was expected.
        expected: Digest,
        /// What is there.
        found: Digest,
    },
}

fn after(at: &str) -> String {
    if at.is_empty() { String::new() } else { format!(" in {at}") }
}
