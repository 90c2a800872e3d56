//! An image's archive, as `docker save` writes it, read once from its beginning to its end and passed on as it is read.
//!
//! There are two layouts: that of Docker's image specification v1.2 (`manifest.json`), and the OCI image layout
//! (`oci-layout` and `index.json`, image-spec v1.0 `image-layout.md`), which Docker writes since version 25 with a
//! `manifest.json` beside it. What identifies an image in both, and on a node (the image id of CRI), is the digest of
//! its configuration.
//!
//! What is passed on is written anew: one image for one platform, under the names that it should have, without what
//! nobody reads. The documents that make it an image come last, once everything they name was seen to be there and
//! undamaged: a reader never gets a whole image that is not the one it was promised.

mod docker;
mod error;
mod oci;
mod read;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::{Read, Write};

pub use error::ArchiveError;

use lab_manifest::Digest;
use lab_manifest::overrides::Reference;
use lab_sealed::TarWriter;

/// What an image's programs run on (image-spec v1.0 `config.md`: `os`, `architecture`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// `linux`.
    pub os: String,
    /// As Go names it: `amd64`, `arm64`.
    pub architecture: String,
}

impl Platform {
    /// Linux on this architecture, named as Go or as the kernel names it (`amd64` or `x86_64`).
    pub fn linux(architecture: &str) -> Self {
        let architecture = match architecture {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        Self { os: "linux".to_owned(), architecture: architecture.to_owned() }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)
    }
}

/// What an image should be, and be called where it is passed on to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naming {
    /// Its name there.
    pub reference: Reference,
    /// The registry's digest for it. It is called by that too where the archive itself proves that it has it.
    pub repo_digest: Option<Digest>,
    /// What it must run on.
    pub platform: Platform,
    /// The digest that its configuration must have, where that is known beforehand.
    pub config: Option<Digest>,
}

/// How an archive was laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Docker's image specification v1.2.
    Docker,
    /// The OCI image layout.
    Oci,
}

/// What an archive was seen to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archived {
    /// How it was laid out.
    pub layout: Layout,
    /// Digest of the image's configuration: the image id of CRI.
    pub config: Digest,
    /// Digest of its manifest, where the archive has one.
    pub manifest: Option<Digest>,
    /// Digest of the index that the manifest was found through, if it was.
    pub index: Option<Digest>,
    /// What it runs on.
    pub platform: Platform,
    /// The names it had in the archive.
    pub names: Vec<String>,
    /// The names it was passed on with.
    pub given: Vec<String>,
    /// How many layers it has.
    pub layers: usize,
    /// Bytes of content that were passed on.
    pub bytes: u64,
}

impl Archived {
    /// The archive itself proves that a registry's digest names this image.
    pub fn proves(&self, repo_digest: &Digest) -> bool {
        [&self.manifest, &self.index].into_iter().flatten().any(|digest| digest == repo_digest)
    }
}

/// Reads an archive to its end and passes the image on.
///
/// # Errors
/// [`ArchiveError`]. What was passed on by then is no image.
pub fn pass_on(input: impl Read, out: impl Write, naming: &Naming) -> Result<Archived, ArchiveError> {
    let mut out = TarWriter::new(out);
    let content = read::read(input, &mut out)?;
    let found = if content.has("index.json") {
        let found = oci::find(&content, naming)?;
        if let Some(manifest) = docker::config_named(&content)?.filter(|config| *config != found.image.config) {
            return Err(ArchiveError::Disagree { index: found.image.config, manifest });
        }
        found
    } else if content.has("manifest.json") {
        docker::find(&content, naming)?
    } else {
        return Err(ArchiveError::NoImage { found: content.in_words() });
    };
    if let Some(expected) = naming.config.as_ref().filter(|expected| **expected != found.image.config) {
        return Err(ArchiveError::Other { expected: expected.clone(), found: found.image.config });
    }
    for (path, text) in &found.documents {
        out.file(path, text).map_err(ArchiveError::Write)?;
    }
    out.finish().map_err(ArchiveError::Write)?;
    Ok(found.image)
}

/// An image that was found in an archive, and the documents that make what was passed on that image.
#[derive(Debug)]
struct Found {
    image: Archived,
    documents: Vec<(&'static str, Vec<u8>)>,
}
