//! `manifests/kind.yaml`: the cluster configuration of kind, as far as the article uses it
//! (`kind.x-k8s.io/v1alpha4`, <https://kind.sigs.k8s.io/docs/user/configuration/>).

use serde::{Deserialize, Serialize};

use lab_model::observe::Role;

/// The whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KindConfig {
    /// Always `Cluster`.
    pub kind: ClusterKind,
    /// Always `kind.x-k8s.io/v1alpha4`.
    pub api_version: KindApi,
    /// The nodes. kind numbers them within each role.
    pub nodes: Vec<KindNode>,
    /// The cluster's network.
    pub networking: Networking,
}

impl KindConfig {
    /// How many nodes have this role.
    pub fn count(&self, role: Role) -> usize {
        self.nodes.iter().filter(|node| node.role == role).count()
    }
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindNode {
    /// Its role.
    pub role: Role,
}

/// The cluster's network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Networking {
    /// Whether kind leaves out its own CNI, kindnet. Nodes then stay `NotReady` until another is installed.
    #[serde(rename = "disableDefaultCNI")]
    pub disable_default_cni: bool,
    /// The mode of kube-proxy, or that it is not installed.
    pub kube_proxy_mode: KubeProxyMode,
}

/// The modes of kube-proxy that kind knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KubeProxyMode {
    /// It is not installed (`kubeadm --skip-phases=addon/kube-proxy`).
    None,
    /// With iptables.
    Iptables,
    /// With IPVS.
    Ipvs,
}

/// The value of `kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClusterKind {
    /// `Cluster`.
    Cluster,
}

/// The value of `apiVersion`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KindApi {
    /// `kind.x-k8s.io/v1alpha4`.
    #[serde(rename = "kind.x-k8s.io/v1alpha4")]
    V1Alpha4,
}
