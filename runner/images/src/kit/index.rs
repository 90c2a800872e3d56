//! `kit.json`: the index of a kit, with the digest of each file in it.

use serde::{Deserialize, Serialize};

use crate::{Layout, Platform, Reference};
use lab_manifest::{Digest, Sha256, Version};
use lab_sealed::Kind;

/// Version of the format.
pub const SCHEMA: u64 = 1;
/// The last member of a kit.
pub const INDEX_FILE: &str = "kit.json";
/// A kit as a sealed file.
pub(super) static KIT: Kind = Kind {
    name: "kit",
    index: INDEX_FILE,
    index_last: true,
    // nix/kit.bash makes kits with GNU tar, whose headers differ.
    own_headers: false,
    schema: SCHEMA,
    // About a thousand times the size of a real index.
    index_bytes: 1 << 20,
    command: "lab kit pack",
    again: "pack it again",
};

/// How a member is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stored {
    /// Uncompressed.
    Plain,
    /// Compressed with zstd (RFC 8878).
    Zstd,
}

/// A file in a kit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its name in the archive.
    pub path: String,
    /// Its size as it is stored, in bytes.
    pub bytes: u64,
    /// The SHA-256 of the bytes that are stored.
    pub sha256: Sha256,
    /// How it is stored.
    pub stored: Stored,
    /// Its size after decompression, in bytes.
    pub content_bytes: u64,
}

/// An image in a kit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KitImage {
    /// Its key in `pins.json`, `images`.
    pub name: String,
    /// Name and tag.
    pub reference: Reference,
    /// The digest by which it was pulled; none for an image that was not pulled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo_digest: Option<Digest>,
    /// The digest of its configuration, read from the archive.
    pub config_digest: Digest,
    /// How the archive is laid out.
    pub layout: Layout,
    /// The archive.
    pub file: Member,
}

/// The chart in a kit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KitChart {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// The archive, unchanged from the chart's repository.
    pub file: Member,
}

/// The whole index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// Version of the format.
    pub schema: u64,
    /// The program that packed it: `lab 0.1.0`.
    pub packed_by: String,
    /// When, as RFC 3339 writes it.
    pub packed: String,
    /// The platform of its images.
    pub platform: Platform,
    /// The version of Kubernetes in its node image; none if that is not the pinned version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<Version>,
    /// Its images.
    pub images: Vec<KitImage>,
    /// Cilium's chart.
    pub chart: KitChart,
}

impl Index {
    /// An image, by its key in `pins.json`.
    pub fn image(&self, name: &str) -> Option<&KitImage> {
        self.images.iter().find(|image| image.name == name)
    }

    /// All files that the index names.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.images.iter().map(|image| &image.file).chain([&self.chart.file])
    }
}
