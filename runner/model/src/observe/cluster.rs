//! What the API server tells of nodes, pods and what runs them, and what a node's own runtime tells.
//!
//! Field names follow Kubernetes' API (`core/v1`, `apps/v1`, <https://kubernetes.io/docs/reference/kubernetes-api/>).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;

use super::NodeName;

/// A condition of an object (`status.conditions`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// `type`: `Ready`.
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// One word for why: `KubeletNotReady`.
    pub reason: String,
    /// The reason in a sentence.
    pub message: String,
    /// When `status` changed last, to the second.
    pub last_transition: Option<DateTime<Utc>>,
}

/// A node object (`v1.Node`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubeNode {
    /// `metadata.name`.
    pub name: NodeName,
    /// What follows `node-role.kubernetes.io/` in its labels: `control-plane`, before 1.24 `master` too; none on
    /// workers.
    pub roles: Vec<String>,
    /// `status.nodeInfo.kubeletVersion`, with its `v`: `v1.25.3`.
    pub kubelet_version: String,
    /// Addresses of type `InternalIP`.
    pub internal_ips: Vec<IpAddr>,
    /// `status.nodeInfo.osImage`: `Ubuntu 22.04.1 LTS`.
    pub os_image: String,
    /// `status.nodeInfo.kernelVersion`.
    pub kernel: String,
    /// `status.nodeInfo.containerRuntimeVersion`: `containerd://1.6.9`.
    pub runtime: String,
    /// Its conditions.
    pub conditions: Vec<Condition>,
}

impl KubeNode {
    /// Its condition `Ready`.
    pub fn ready(&self) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.kind == "Ready")
    }
}

/// The state of a container (`v1.ContainerState`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainerState {
    /// Runs.
    Running {
        /// Since when, to the second.
        started: Option<DateTime<Utc>>,
    },
    /// Does not run yet, or not again.
    Waiting {
        /// `CrashLoopBackOff`, `ImagePullBackOff`, …
        reason: String,
        /// The reason in a sentence.
        message: String,
    },
    /// Has ended.
    Terminated {
        /// Its exit code.
        exit_code: i32,
        /// `Error`, `OOMKilled`, `Completed`, …
        reason: String,
        /// The end of its log, where the pod asks for that.
        message: String,
        /// When it started.
        started: Option<DateTime<Utc>>,
    },
}

impl ContainerState {
    /// When the container that this is the state of started.
    pub const fn started(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Running { started } | Self::Terminated { started, .. } => *started,
            Self::Waiting { .. } => None,
        }
    }
}

/// A container of a pod (`v1.ContainerStatus`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubeContainer {
    /// Its name in the pod: `cilium-agent`.
    pub name: String,
    /// The image's reference, as the runtime resolved it.
    pub image: String,
    /// `imageID`: the image's config digest, `sha256:…`, or, where the runtime knows one, a repository digest,
    /// `quay.io/cilium/cilium@sha256:…`. Empty before the image is there.
    pub image_id: String,
    /// `containerID` without the runtime's name: 64 hex digits. Empty before there is a container.
    pub container_id: String,
    /// Passes its readiness probe.
    pub ready: bool,
    /// How often it was started again.
    pub restarts: u32,
    /// What it does now; none where the kubelet has not said yet.
    pub state: Option<ContainerState>,
    /// What the container before this one came to (`lastState`).
    pub last_state: Option<ContainerState>,
}

/// A pod (`v1.Pod`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubePod {
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `spec.nodeName`; none before it is scheduled.
    pub node: Option<NodeName>,
    /// `spec.hostNetwork`: shares its node's network namespace, so no network plugin manages it.
    pub host_network: bool,
    /// `status.phase`: `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
    pub phase: String,
    /// `status.podIP`, or where that is of IPv6 the IPv4 address in `status.podIPs`, if there is one.
    pub address: Option<IpAddr>,
    /// Its condition `Ready` is `True`.
    pub ready: bool,
    /// It is being deleted (`metadata.deletionTimestamp`).
    pub terminating: bool,
    /// Its containers (`status.containerStatuses`), without those that initialise it.
    pub containers: Vec<KubeContainer>,
}

impl KubePod {
    /// `namespace/name`, as Cilium and `kubectl` write it.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Its container of this name.
    pub fn container(&self, name: &str) -> Option<&KubeContainer> {
        self.containers.iter().find(|container| container.name == name)
    }
}

/// A `DaemonSet` (`apps/v1`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonSetSeen {
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// `status.desiredNumberScheduled`.
    pub desired: u32,
    /// `status.numberReady`.
    pub ready: u32,
    /// `status.numberAvailable`.
    pub available: u32,
    /// `status.updatedNumberScheduled`.
    pub updated: u32,
}

/// A `Deployment` (`apps/v1`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentSeen {
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// `spec.replicas`.
    pub desired: u32,
    /// `status.readyReplicas`.
    pub ready: u32,
    /// `status.availableReplicas`.
    pub available: u32,
    /// `status.updatedReplicas`.
    pub updated: u32,
}

/// An image in a node's container runtime (`crictl images -o json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeImage {
    /// `id`: the digest of its configuration, `sha256:…`.
    pub id: String,
    /// `repoTags`.
    #[serde(rename = "repoTags", default)]
    pub tags: Vec<String>,
    /// `repoDigests`.
    #[serde(rename = "repoDigests", default)]
    pub repo_digests: Vec<String>,
}

/// A container in a node's containerd (`ctr -n k8s.io containers ls`, `ctr -n k8s.io tasks ls`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NestedContainer {
    /// Its id, 64 hex digits.
    pub id: String,
    /// The reference of its image: `registry.k8s.io/kube-apiserver:v1.25.3`.
    pub image: String,
    /// `io.containerd.runc.v2`.
    pub runtime: String,
    /// Of its task: `RUNNING`, `STOPPED`, …; none where it has no task.
    pub task: Option<String>,
}

/// One listing of a node's packet filter (`iptables-nft-save`, `iptables-legacy-save`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterListing {
    /// The program that listed it.
    pub program: String,
    /// The tables, `nat`, `filter`, …, with their chains; or why nothing was listed.
    pub tables: Result<BTreeMap<String, Vec<String>>, String>,
}
