//! `manifests/pins.json` as types: the only place for versions, digests and hashes.
//!
//! What is not known for certain is absent, and a `note` beside it says why. Nix reads the same file.

use serde::{Deserialize, Serialize};

use crate::{
    ApiVersion, Digest, GithubName, NarHash, NixRelease, Repository, Revision, Schema, Sha256, Tag, Url, Version,
};

/// The whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pins {
    /// The form of the file.
    pub schema: Schema,
    /// Programs that build a lab on kind.
    pub tools: Tools,
    /// The cluster's Kubernetes.
    pub kubernetes: Kubernetes,
    /// Cilium's Helm chart.
    pub chart: Chart,
    /// Images that run in the cluster, or are it.
    pub images: Images,
    /// The Docker Engine.
    pub docker: Docker,
    /// Where everything else that is built comes from.
    pub nixpkgs: Nixpkgs,
}

/// Programs that build a lab on kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Tools {
    /// Makes the cluster.
    pub kind: Tool,
    /// Looks at it.
    pub kubectl: Tool,
    /// Installs Cilium.
    pub helm: Tool,
    /// The program `cilium`, outside the cluster.
    pub cilium_cli: Tool,
}

/// A program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Tool {
    /// What it must report as its own version.
    pub version: Version,
    /// The release for `x86_64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linux_amd64: Option<Download>,
    /// The release for `aarch64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linux_arm64: Option<Download>,
    /// What it can be built from, where a release is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Why something is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A file of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Download {
    /// Where it is.
    pub url: Url,
    /// Of the file as downloaded: of the archive, where it is one.
    pub sha256: Sha256,
}

/// A commit on GitHub, as `fetchFromGitHub` of nixpkgs takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Whose repository.
    pub owner: GithubName,
    /// Its name.
    pub repo: GithubName,
    /// The commit.
    pub rev: Revision,
    /// Of the tree at that commit.
    pub hash: NarHash,
    /// Of the Go modules it needs, as `buildGoModule` takes it; absent where the tree has them, or needs none.
    #[serde(rename = "vendorHash", skip_serializing_if = "Option::is_none")]
    pub vendor_hash: Option<NarHash>,
}

/// What each node reports of itself (`core/v1`, `NodeSystemInfo`). All of it comes with the nodes' image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Kubernetes {
    /// Kubernetes' version, without its `v`.
    pub version: Version,
    /// `osImage`; absent where it is not known: then nodes are compared with each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os_image: Option<String>,
    /// `containerRuntimeVersion`; absent where it is not known: then nodes are compared with each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_runtime_version: Option<String>,
}

/// Cilium's Helm chart; its name is in `cilium.yaml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chart {
    /// Of the chart, which is that of Cilium too.
    pub version: Version,
    /// What the article gives to `helm repo add`.
    pub repository: Url,
    /// Where the chart's archive is.
    pub url: Url,
    /// Of the archive; the repository's index calls it `digest`.
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
    /// Its name, with the registry where it is not Docker Hub's.
    pub repository: Repository,
    /// Its tag.
    pub tag: Tag,
    /// What the registry has under that tag; absent for what is built and not pulled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// What it is built from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// What Nix fetches; absent until `nix run .#prefetch` has computed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive: Option<Archive>,
    /// Why something is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Hashes of an image's archive for one platform each, as `dockerTools.pullImage` of nixpkgs makes and takes it.
///
/// They cannot be derived from the digest: the archive holds the image's name and tag.
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
    /// Name and tag, as a pod asks for it: `hello-app:1.0`.
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
    /// Why something is absent.
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
    /// Of the tree at that commit.
    #[serde(rename = "narHash")]
    pub nar_hash: NarHash,
    /// When it was committed, in seconds of Unix time.
    #[serde(rename = "lastModified")]
    pub last_modified: u64,
}
