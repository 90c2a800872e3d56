//! What the lab should be, derived from `manifests/` and the command line: the yardstick that judges hold
//! observations against. No number here is a constant of this program.

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

use crate::foreign::ForeignExpectations;
use crate::observe::NodeName;
use crate::racks::Racks;
use crate::{BackendKind, Ground};

/// The yardstick of a run; written to `run.json`, so that a run can be judged again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectations {
    /// Nodes with the role control-plane (kind.yaml: `nodes[].role`).
    pub control_planes: usize,
    /// Nodes with the role worker (kind.yaml: `nodes[].role`, or `--nodes`).
    pub workers: usize,
    /// Name of the bridge or Docker network (kind's own name for it).
    pub network: String,
    /// All pod CIDRs come from this pool (cilium.yaml: `chartDefaults.clusterPoolIPv4PodCIDR`).
    pub pod_pool: Ipv4Net,
    /// Prefix length of each node's pod CIDR (cilium.yaml: `chartDefaults.clusterPoolIPv4MaskSize`).
    pub pod_cidr_prefix: u8,
    /// Packets to addresses in here are routed, not masqueraded (cilium.yaml: `values.ipv4NativeRoutingCIDR`).
    pub native_cidr: Ipv4Net,
    /// Ready pods of the workload (hello-app.yaml: `Deployment.spec.replicas`, or `--replicas`).
    pub replicas: usize,
    /// Name of the Service (hello-app.yaml: `Service.metadata.name`).
    pub service: String,
    /// Port of the Service (hello-app.yaml: `Service.spec.ports[0].port`).
    pub service_port: u16,
    /// Port of the pods (hello-app.yaml: `Service.spec.ports[0].targetPort`).
    pub target_port: u16,
    /// How racks are laid out; none where all nodes are on one network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub racks: Option<Racks>,
    /// What only a lab on kind should be; none on netns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterExpectations>,
    /// What only a foreign cluster should be; none of a lab.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<ForeignExpectations>,
}

/// What stands in place of a value of the Helm release that is read from the cluster each time: the control plane's
/// address (cilium.yaml: `values.k8sServiceHost`).
pub const FROM_CLUSTER: &str = "from-cluster";

/// What a lab on kind should be, beside what every lab should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterExpectations {
    /// The kind cluster's name (`--name`), which begins its nodes' names.
    pub name: String,
    /// Kubernetes' version without its `v` (pins.json: `kubernetes.version`). None where the command line gave another
    /// node image: then all that runs Kubernetes must have the version that its API server tells.
    pub kubernetes: Option<String>,
    /// The nodes' system (pins.json: `kubernetes.osImage`). None where it is not pinned, or the command line gave another
    /// node image: then nodes are compared with each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os_image: Option<String>,
    /// The nodes' container runtime and its version (pins.json: `kubernetes.containerRuntimeVersion`). None as above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_runtime: Option<String>,
    /// The network that Services get their addresses from (kind.yaml: `networking.serviceSubnet`, else kind's own). None in
    /// what older programs have written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_cidr: Option<Ipv4Net>,
    /// The nodes' image (pins.json: `images.node`).
    pub node_image: ImageExpected,
    /// The images in the cluster, by their keys in pins.json, `images`: `cilium`, `operator-generic`, `hello-app`.
    pub images: BTreeMap<String, ImageExpected>,
    /// Name of Cilium's chart (cilium.yaml: `release.chart`).
    pub chart: String,
    /// Version of Cilium's chart (pins.json: `chart.version`).
    pub chart_version: String,
    /// Name of the Helm release (cilium.yaml: `release.name`).
    pub release: String,
    /// Namespace of the Helm release (cilium.yaml: `release.namespace`).
    pub namespace: String,
    /// What the release must set, with dots between nested keys: the article's seven values (cilium.yaml: `values`),
    /// and what the command line sets. [`FROM_CLUSTER`] stands for the control plane's address.
    pub values: BTreeMap<String, Value>,
    /// What the release may set beside, because the lab needs it and it changes nothing that the article shows.
    pub own_values: BTreeMap<String, Value>,
    /// The oldest API of the Engine that will do (pins.json: `docker.apiMin`): `1.41`.
    pub engine_api_min: String,
}

/// An image that should run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageExpected {
    /// Name and tag: `kindest/node:v1.25.3`.
    pub reference: String,
    /// What its registry must know it by, `sha256:` and 64 hex digits. None for an image that no registry is asked for:
    /// then it must be the one that the lab took.
    pub digest: Option<String>,
}

impl ImageExpected {
    /// The name without the tag: `kindest/node`.
    pub fn repository(&self) -> &str {
        // A colon before a slash belongs to a registry's port.
        match self.reference.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => repository,
            _ => &self.reference,
        }
    }
}

/// Adds the leaves of a tree of values, with dots between nested keys.
pub fn flatten(prefix: &str, value: &Value, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (key, member) in members {
                // In Helm's own notation a dot within a key has a backslash before it.
                let key = key.replace('.', "\\.");
                flatten(&if prefix.is_empty() { key } else { format!("{prefix}.{key}") }, member, into);
            }
        }
        // No values at all.
        Value::Null | Value::Object(_) if prefix.is_empty() => {}
        leaf => drop(into.insert(prefix.to_owned(), leaf.clone())),
    }
}

impl Expectations {
    /// All nodes.
    pub const fn nodes(&self) -> usize {
        self.control_planes + self.workers
    }

    /// The name of the network on which a node is with its peers: its rack's, where that is a network of its own.
    pub fn network_of(&self, node: &NodeName) -> &str {
        let rack = self.racks.as_ref().and_then(|racks| racks.of(node));
        rack.and_then(|(_, rack)| rack.network.as_deref()).unwrap_or(&self.network)
    }

    /// Whether nodes are to be on a network of this name: the lab's, or that of a rack.
    pub fn has_network(&self, name: &str) -> bool {
        let racks = self.racks.as_ref().map(|racks| racks.racks.as_slice()).unwrap_or_default();
        name == self.network || racks.iter().any(|rack| rack.network.as_deref() == Some(name))
    }

    /// Which cases exist in such a lab on this backend.
    pub fn ground(&self, backend: BackendKind) -> Ground {
        Ground { backend, bgp: self.racks.as_ref().is_some_and(|racks| racks.bgp) }
    }
}
