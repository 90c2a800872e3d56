//! `manifests/kind.yaml`: the cluster configuration of kind, as far as the article uses it
//! (`kind.x-k8s.io/v1alpha4`, <https://kind.sigs.k8s.io/docs/user/configuration/>).

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::value::ServiceCidr;

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
    /// The network that Services get their addresses from; kind's own if it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_subnet: Option<ServiceCidr>,
}

impl Networking {
    /// The network that Services get their addresses from.
    pub fn service_cidr(&self) -> Ipv4Net {
        self.service_subnet.map_or(SERVICE_CIDR, ServiceCidr::net)
    }
}

/// The network of `ClusterIP`s that kind gives a cluster whose configuration names none
/// (kind v0.17.0, `pkg/apis/config/defaults.go` and `internal/apis/config/default.go`: `ServiceSubnet`).
const SERVICE_CIDR: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 96, 0, 0), 16);

/// The network of pods' addresses that kind gives such a cluster (as above: `PodSubnet`), of which each node has a /24
/// (kubeadm's `node-cidr-mask-size-ipv4`). Cilium takes pods' addresses from it with `ipam.mode=kubernetes` alone.
pub(super) const POD_SUBNET: (Ipv4Net, u8) = (Ipv4Net::new_assert(Ipv4Addr::new(10, 244, 0, 0), 16), 24);

/// Other keys that kind v0.17.0 has (`pkg/apis/config/v1alpha4/types.go`), each with what a lab has in its place, if
/// anything.
const OTHER_KEYS: [(&str, Option<&str>); 17] = [
    ("name", Some("--name")),
    ("featureGates", None),
    ("runtimeConfig", None),
    ("kubeadmConfigPatches", None),
    ("kubeadmConfigPatchesJSON6902", None),
    ("containerdConfigPatches", None),
    ("containerdConfigPatchesJSON6902", None),
    ("nodes.image", Some("--node-image REF")),
    ("nodes.labels", None),
    ("nodes.extraMounts", None),
    ("nodes.extraPortMappings", None),
    ("nodes.kubeadmConfigPatches", None),
    ("nodes.kubeadmConfigPatchesJSON6902", None),
    ("networking.ipFamily", None),
    ("networking.apiServerPort", None),
    ("networking.apiServerAddress", None),
    ("networking.podSubnet", Some("--pod-pool CIDR, since Cilium takes pods' addresses from a pool of its own")),
];

/// What to say of a key that the manifest must not have, if it is one of kind's: `path` is without indexes.
pub(super) fn of_kind(path: &str) -> Option<String> {
    let (key, instead) = OTHER_KEYS.iter().find(|(key, _instead)| *key == path)?;
    let instead = instead.map(|instead| format!("; a lab has {instead}")).unwrap_or_default();
    let key = key.rsplit('.').next().unwrap_or(key);
    Some(format!(
        "expected only what the article's cluster has, found `{key}`, a key of kind's that lab does not support{instead}"
    ))
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
