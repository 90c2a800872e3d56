//! `kit.json`: what a kit holds, by digest.

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
    // nix/kit.bash has kits from GNU tar.
    own_headers: false,
    schema: SCHEMA,
    // A thousand times what there is.
    index_bytes: 1 << 20,
    command: "lab kit pack",
    again: "pack it again",
};

/// How a member is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stored {
    /// As it is.
    Plain,
    /// Compressed (RFC 8878).
    Zstd,
}

/// A file in a kit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its name there.
    pub path: String,
    /// Bytes as it is stored.
    pub bytes: u64,
    /// Of those bytes.
    pub sha256: Sha256,
    /// How it is stored.
    pub stored: Stored,
    /// Bytes that it has once it is not compressed any more.
    pub content_bytes: u64,
}

/// An image in a kit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KitImage {
    /// Its key in `pins.json`, `images`.
    pub name: String,
    /// Name and tag.
    pub reference: Reference,
    /// The digest by which it was pulled; none for one that was not.
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
    /// The archive, as the chart's repository has it.
    pub file: Member,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// Version of the format.
    pub schema: u64,
    /// What packed it: `lab 0.1.0`.
    pub packed_by: String,
    /// When, as RFC 3339 writes it.
    pub packed: String,
    /// What its images run on.
    pub platform: Platform,
    /// The version of Kubernetes that its node image brings; none where that is not the pinned one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<Version>,
    /// Images.
    pub images: Vec<KitImage>,
    /// Cilium's chart.
    pub chart: KitChart,
}

impl Index {
    /// An image, by its key in `pins.json`.
    pub fn image(&self, name: &str) -> Option<&KitImage> {
        self.images.iter().find(|image| image.name == name)
    }

    /// All files that it names.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.images.iter().map(|image| &image.file).chain([&self.chart.file])
    }
}
