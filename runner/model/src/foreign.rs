//! A foreign cluster: somebody's own, that this program did not build. What was read of its configuration, and what was
//! seen of it where labs are looked at otherwise.

mod configuration;
mod inside;
mod probed;
mod tables;

pub use configuration::{Beneath, Configuration, Families, KubeProxy, Mode, PodAddresses, RoutesBy};
pub use inside::{NodeInside, PodInside};
pub use probed::{ForeignAdjacencySeen, ForeignAnswersSeen, ForeignWireSeen, PROBE, PROBE_PORT, Sample};
pub use tables::{NodeTables, RouteLines};

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};

use crate::observe::{
    AgentConfig, AgentStatus, Condition, DaemonSetSeen, DeploymentSeen, FilterListing, NodeName, ServiceTable,
};

/// What is expected of a foreign cluster: what its own configuration asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignExpectations {
    /// The context of the kubeconfig, or `in-cluster`.
    pub context: String,
    /// The namespace that Cilium is in.
    pub namespace: String,
    /// What was read of the configuration.
    pub configuration: Configuration,
    /// Whether something of its own may be sent there: the probe tier. Without it the cluster is read alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub probed: bool,
    /// Whether the cluster's own pods are looked into: the inside tier.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inside: bool,
}

/// A node as the API server tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignNode {
    /// `metadata.name`.
    pub name: NodeName,
    /// Its IPv4 addresses: `CiliumNode.spec.addresses` of type `InternalIP`, else `Node.status.addresses`.
    pub addresses: Vec<Ipv4Addr>,
    /// The networks that its pods have their addresses from; empty where the IPAM mode gives nodes none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pod_networks: Vec<Ipv4Net>,
    /// `topology.kubernetes.io/zone`; none where the node has no such label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

/// Nodes and whether they answer, for `cluster::three_nodes_run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignNodesSeen {
    /// Each node.
    pub nodes: Vec<ForeignNodeAnswer>,
}

/// A node's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignNodeAnswer {
    /// Its name.
    pub name: NodeName,
    /// Its condition `Ready`; none where its object has none.
    pub ready: Option<Condition>,
    /// Whether its agent could be asked, and if not, why.
    pub agent: Result<(), String>,
}

/// Agents and how they do, for `cilium::components_are_ok`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignComponentsSeen {
    /// The agents' `DaemonSet`; none where there is none.
    pub agents: Option<DaemonSetSeen>,
    /// The operators' Deployment; none where there is none.
    pub operators: Option<DeploymentSeen>,
    /// The status of each node's agent, or why it did not tell it.
    pub statuses: BTreeMap<NodeName, Result<AgentStatus, String>>,
    /// What could not be seen and it cannot hold without, where something it is about was not collected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<String>,
}

/// What agents run with, for `cilium::routes_natively`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignNativeSeen {
    /// What each node's agent runs with, or why it did not tell.
    pub agents: BTreeMap<NodeName, Result<AgentConfig, String>>,
    /// Names of the `CiliumNodeConfigs`, which give some nodes other settings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub node_configs: Vec<String>,
    /// What could not be seen and it cannot hold without, where something it is about was not collected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<String>,
}

/// What an agent's log says of direct routes that it could not make.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentLog {
    /// Each of them once.
    pub refused: Vec<RefusedRoute>,
    /// The first such line, as the agent wrote it; none where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
}

/// A direct route that an agent could not make, since a router is between its node and the next hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RefusedRoute {
    /// The next hop: a peer's address.
    pub to: Ipv4Addr,
    /// The router.
    pub gateway: Ipv4Addr,
}

/// Routes of all nodes, for the cases of `routing::`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignRoutingSeen {
    /// The nodes.
    pub nodes: Vec<ForeignNode>,
    /// What was read in each, or why nothing was.
    pub tables: BTreeMap<NodeName, Result<NodeTables, String>>,
    /// The addresses of the pods on each node that are not on its own network.
    pub pods: BTreeMap<NodeName, Vec<Ipv4Addr>>,
    /// Those of their addresses whose pods had ended when all routes were read, or why that is not known.
    #[serde(default = "none_ended", skip_serializing_if = "is_none_ended")]
    pub ended: Result<BTreeSet<Ipv4Addr>, String>,
    /// In the inside tier: the pods on each node that were looked into, or why none was.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inside: BTreeMap<NodeName, Result<NodeInside, String>>,
    /// Where agents make routes: of the nodes that lack one, what their agents log of that, or why it could not be read.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub logs: BTreeMap<NodeName, Result<AgentLog, String>>,
    /// What was not seen where it was read from, and taken for granted; none where all was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beyond: Option<String>,
}

#[expect(clippy::unnecessary_wraps, reason = "serde takes the field's own type")]
const fn none_ended() -> Result<BTreeSet<Ipv4Addr>, String> {
    Ok(BTreeSet::new())
}

fn is_none_ended(ended: &Result<BTreeSet<Ipv4Addr>, String>) -> bool {
    ended.as_ref().is_ok_and(BTreeSet::is_empty)
}

/// What kube-proxy would leave, for `cluster::no_kube_proxy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignProxySeen {
    /// All `DaemonSets` of all namespaces.
    pub daemon_sets: Vec<DaemonSetSeen>,
    /// Each node's packet filter, once for every program that can list one; or why none could be run.
    pub filters: BTreeMap<NodeName, Result<Vec<FilterListing>, String>>,
    /// What was not seen where it was read from, and taken for granted; none where all was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beyond: Option<String>,
}

/// A port of a Service that has a `ClusterIP`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignService {
    /// `namespace/name`.
    pub name: String,
    /// `ClusterIP` and port.
    pub address: SocketAddrV4,
    /// Its ready endpoints, as its slices tell them.
    pub endpoints: Vec<SocketAddrV4>,
    /// Why tables need not have exactly these: its endpoints changed while tables were read, or some of them alone serve
    /// some nodes. None where they must.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loose: Option<String>,
}

/// Services, for `service::cluster_ip_has_both_backends`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignEndpointsSeen {
    /// Each TCP port of each Service with a `ClusterIP`.
    pub services: Vec<ForeignService>,
    /// The nodes.
    pub nodes: Vec<ForeignNode>,
    /// The addresses of all ready pods.
    pub ready: Vec<Ipv4Addr>,
    /// Of those endpoints that a slice says are pods' (`targetRef.kind`): `address (namespace/name)`.
    pub claimed: Vec<(Ipv4Addr, String)>,
}

/// The datapath's tables, for `service::load_balancer_table_matches`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignTablesSeen {
    /// Each TCP port of each Service with a `ClusterIP`.
    pub services: Vec<ForeignService>,
    /// Each node's table, or why it could not be read.
    pub tables: BTreeMap<NodeName, Result<ServiceTable, String>>,
}
