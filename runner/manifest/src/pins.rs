//! `manifests/pins.json` as types: the only place for versions, digests and hashes.
//!
//! A value that is not known for certain is left out, and a `note` beside it says why. Nix reads the same file.

use serde::{Deserialize, Serialize};

use crate::{
    ApiVersion, Digest, GithubName, NarHash, NixRelease, Repository, Revision, Schema, Sha256, Tag, Url, Version,
};

/// The whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pins {
    /// The version of the file's format.
    pub schema: Schema,
    /// Programs that build a lab on kind.
    pub tools: Tools,
    /// The version of Kubernetes, and the system of the nodes.
    pub kubernetes: Kubernetes,
    /// Cilium's Helm chart.
    pub chart: Chart,
    /// The images of the nodes, and of what runs in the cluster.
    pub images: Images,
    /// The Docker Engine.
    pub docker: Docker,
    /// The nixpkgs that everything else is built from.
    pub nixpkgs: Nixpkgs,
}

/// Programs that build a lab on kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Tools {
    /// `kind`, which creates the cluster.
    pub kind: Tool,
    /// `kubectl`, which queries the cluster.
    pub kubectl: Tool,
    /// `helm`, which installs Cilium.
    pub helm: Tool,
    /// `cilium`, the command line of Cilium on the host.
    pub cilium_cli: Tool,
}

/// A program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Tool {
    /// The version that it must report.
    pub version: Version,
    /// The release for `x86_64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linux_amd64: Option<Download>,
    /// The release for `aarch64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linux_arm64: Option<Download>,
    /// The source that it can be built from, if no release is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Why a value is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A file of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Download {
    /// Its address.
    pub url: Url,
    /// SHA-256 of the file as downloaded (of the archive, if it is one).
    pub sha256: Sha256,
}

/// A commit on GitHub, as `fetchFromGitHub` of nixpkgs takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The owner of the repository.
    pub owner: GithubName,
    /// The repository's name.
    pub repo: GithubName,
    /// The commit.
    pub rev: Revision,
    /// Hash of the tree at that commit.
    pub hash: NarHash,
    /// Hash of the Go modules that it needs, as `buildGoModule` takes it; absent if the tree contains them, or needs none.
    #[serde(rename = "vendorHash", skip_serializing_if = "Option::is_none")]
    pub vendor_hash: Option<NarHash>,
}

/// The system that each node reports (`core/v1`, `NodeSystemInfo`), which comes with the nodes' image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Kubernetes {
    /// Kubernetes' version, without its `v`.
    pub version: Version,
    /// `osImage`; absent if it is not known; then the nodes are only compared with each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os_image: Option<String>,
    /// `containerRuntimeVersion`; absent if it is not known; then the nodes are only compared with each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_runtime_version: Option<String>,
}

/// Cilium's Helm chart; its name is in `cilium.yaml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chart {
    /// The version of the chart, which is also that of Cilium.
    pub version: Version,
    /// The repository that the article gives to `helm repo add`.
    pub repository: Url,
    /// The address of the chart's archive.
    pub url: Url,
    /// SHA-256 of the archive, which the repository's index calls `digest`.
    pub sha256: Sha256,
}

/// Images that run in the cluster, or are it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Images {
    /// A kind node.
    pub node: Image,
    /// The agent.
    pub cilium: Image,
    /// The operator.
    pub operator_generic: Image,
    /// The workload.
    pub hello_app: Image,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// Its name, with its registry unless that is Docker Hub.
    pub repository: Repository,
    /// Its tag.
    pub tag: Tag,
    /// The digest in the registry; absent for an image that is built and not pulled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The image that upstream publishes of the same source, where this one has no digest because it is built by whoever
    /// runs the lab: it is taken where nobody has built one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<Published>,
    /// The source that it is built from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Hashes of the archives that Nix fetches; absent until `nix run .#prefetch` has computed them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive: Option<Archive>,
    /// Why a value is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// An image as its registry has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// Its name, with its registry.
    pub repository: Repository,
    /// The digest in the registry.
    pub digest: Digest,
}

/// Hashes of an image's archive for each platform, as `dockerTools.pullImage` of nixpkgs makes it.
///
/// They cannot be derived from the digest, because the archive contains the image's name and tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Archive {
    /// For `x86_64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linux_amd64: Option<NarHash>,
    /// For `aarch64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linux_arm64: Option<NarHash>,
}

impl Image {
    /// Name and tag, as a pod's specification has them, for example `hello-app:1.0`.
    pub fn tagged(&self) -> String {
        format!("{}:{}", self.repository, self.tag)
    }
}

/// The range of Docker Engine APIs that a lab can be built with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Docker {
    /// The oldest.
    pub api_min: ApiVersion,
    /// The newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_max: Option<ApiVersion>,
    /// Why a value is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Where everything else that is built comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nixpkgs {
    /// The branch.
    pub release: NixRelease,
    /// The commit; `flake.lock` has the same.
    pub rev: Revision,
    /// Hash of the tree at that commit.
    #[serde(rename = "narHash")]
    pub nar_hash: NarHash,
    /// When it was committed, in seconds of Unix time.
    #[serde(rename = "lastModified")]
    pub last_modified: u64,
}
