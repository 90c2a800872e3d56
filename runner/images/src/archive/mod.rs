//! An image's archive, as `docker save` writes it, read once from its beginning to its end and passed on as it is read.
//!
//! There are two layouts: that of Docker's image specification v1.2 (`manifest.json`), and the OCI image layout
//! (`oci-layout` and `index.json`, image-spec v1.0 `image-layout.md`), which Docker writes since version 25 with a
//! `manifest.json` beside it. What identifies an image in both, and on a node (the image id of CRI), is the digest of
//! its configuration.
//!
//! The archive that is passed on is written anew: one image for one platform, under the names that it should have,
//! without files that no reader needs. The documents that make it an image are written last, after everything that they
//! name was found and verified, so a reader never receives a complete image other than the expected one.

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

/// The platform that an image's programs run on (image-spec v1.0 `config.md`: `os`, `architecture`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// The operating system: `linux`.
    pub os: String,
    /// The architecture as Go names it: `amd64`, `arm64`.
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

/// What an image must be, and what it is to be called where it is passed on to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naming {
    /// The name that it is passed on with.
    pub reference: Reference,
    /// The registry's digest for it. If the archive itself proves that the image has this digest, it is passed on with
    /// that as a second name.
    pub repo_digest: Option<Digest>,
    /// The platform that it must be for.
    pub platform: Platform,
    /// The digest that its configuration must have; none if that is not known beforehand.
    pub config: Option<Digest>,
}

/// The layout of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Docker's image specification v1.2.
    Docker,
    /// The OCI image layout.
    Oci,
}

/// What was found in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archived {
    /// How it was laid out.
    pub layout: Layout,
    /// Digest of the image's configuration: the image id of CRI.
    pub config: Digest,
    /// Digest of its manifest, if the archive has one.
    pub manifest: Option<Digest>,
    /// Digest of the index that the manifest was found through, if it was.
    pub index: Option<Digest>,
    /// The platform that it is for.
    pub platform: Platform,
    /// The names that it had in the archive.
    pub names: Vec<String>,
    /// The names that it was passed on with.
    pub given: Vec<String>,
    /// The number of its layers.
    pub layers: usize,
    /// Bytes of content that were passed on.
    pub bytes: u64,
}

impl Archived {
    /// Whether the archive itself proves that a registry's digest names this image: it contains the manifest or the index
    /// with that digest.
    pub fn proves(&self, repo_digest: &Digest) -> bool {
        [&self.manifest, &self.index].into_iter().flatten().any(|digest| digest == repo_digest)
    }
}

/// Reads an archive to its end and passes the image on.
///
/// # Errors
/// [`ArchiveError`]. What was passed on until then is not a complete image.
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
        return Err(ArchiveError::NoImage { found: content.summary() });
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

/// An image that was found in an archive, and the documents still to be written that make the passed-on files an image.
#[derive(Debug)]
struct Found {
    image: Archived,
    documents: Vec<(&'static str, Vec<u8>)>,
}
