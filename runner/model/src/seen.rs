//! The bundles of observations that judges get: what one case looked at, as it is stored.

mod kind;

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use crate::observe::{
    HttpReply, Lookup, NetnsView, NodeName, Place, PodCidrs, PodName, PodSeen, Resolution, Role, RouterSeen, Segment,
    ServiceSeen, ServiceTable, Traffic, UPLINK,
};

pub use kind::{
    AgentSeen, BeforeCniSeen, ComponentsSeen, ContainersSeen, EngineSeen, FirstReadySeen, ImagesSeen, KubeProxySeen,
    NativeSeen, NestedSeen, NodesShownSeen, ReadySeen, ReleaseSeen,
};

/// Every node that the lab says it has, and whether it answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodesSeen {
    /// In the lab's order.
    pub nodes: Vec<NodeAnswer>,
}

/// A node's answer to a look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeAnswer {
    /// Its name.
    pub name: NodeName,
    /// Its role.
    pub role: Role,
    /// What the probe saw, or why it saw nothing.
    pub view: Result<NetnsView, String>,
}

/// All nodes of the lab, and the layer-2 segments that were found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentsSeen {
    /// The lab's nodes.
    pub nodes: Vec<NodeName>,
    /// All segments.
    pub segments: Vec<Segment>,
}

/// Who answers ARP for whom, and which way each node's packets for its peers take. The views hold each node's own eth0
/// address and link-layer address, and its rules and routes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdjacencySeen {
    /// A look into each node.
    pub nodes: BTreeMap<NodeName, NetnsView>,
    /// What each node was answered when it asked for all its peers' addresses.
    pub resolutions: BTreeMap<NodeName, Vec<Resolution>>,
    /// Each kernel's own decisions on the way to the peers' addresses; none where no kernel was asked, as in what
    /// was stored before this was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lookups: Option<BTreeMap<NodeName, Vec<Lookup>>>,
}

/// What nodes showed before routing was installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseSeen {
    /// How long before the judgement it was observed.
    pub age: Duration,
    /// The gateway of the bridge, that the default route must lead to.
    pub gateway: Ipv4Addr,
    /// Each node's own gateway, where they have not all the same: in racks, its ToR.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gateways: BTreeMap<NodeName, Ipv4Addr>,
    /// A look into each node.
    pub nodes: BTreeMap<NodeName, NetnsView>,
}

/// Routing as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutingSeen {
    /// A look into each node.
    pub nodes: BTreeMap<NodeName, NetnsView>,
    /// Who has which pod CIDR.
    pub pod_cidrs: PodCidrs,
    /// The kernel's own decisions, asked on each node; empty where they were not recorded.
    pub lookups: BTreeMap<NodeName, Vec<Lookup>>,
}

/// Routers between racks, and the nodes beside them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutersSeen {
    /// All ToRs, and then the router.
    pub routers: Vec<RouterSeen>,
    /// A look into each node.
    pub nodes: BTreeMap<NodeName, NetnsView>,
    /// Who has which pod CIDR.
    pub pod_cidrs: PodCidrs,
}

/// The workload's pods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadSeen {
    /// All pods of the workload.
    pub pods: Vec<PodSeen>,
    /// Each node's role.
    pub roles: BTreeMap<NodeName, Role>,
    /// Who has which pod CIDR.
    pub pod_cidrs: PodCidrs,
}

/// The Service and the pods that should be behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointsSeen {
    /// The Service.
    pub service: ServiceSeen,
    /// All pods of the workload.
    pub pods: Vec<PodSeen>,
    /// Who has which pod CIDR.
    pub pod_cidrs: PodCidrs,
}

/// The datapath's tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TablesSeen {
    /// The Service's ClusterIP and port.
    pub cluster_ip: Option<SocketAddrV4>,
    /// All pods of the workload.
    pub pods: Vec<PodSeen>,
    /// Each table that was asked for, or why it could not be read.
    pub tables: Vec<(Place, Result<ServiceTable, String>)>,
}

/// What the Service answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswersSeen {
    /// The Service's ClusterIP and port.
    pub cluster_ip: Option<SocketAddrV4>,
    /// All pods of the workload.
    pub pods: Vec<PodSeen>,
    /// Each node's role. Empty where an older program did not say.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<NodeName, Role>,
    /// Where requests were made, and what came back; or why none could be made.
    pub replies: Vec<(Place, Result<Vec<HttpReply>, String>)>,
}

/// Traffic, and who is who in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireSeen {
    /// What was sent and captured.
    pub traffic: Traffic,
    /// A look into each node that took part: eth0's addresses and MTU.
    pub nodes: BTreeMap<NodeName, NetnsView>,
    /// All pods of the workload.
    pub pods: Vec<PodSeen>,
    /// The bridge or Docker network that the nodes should be on. None where there was none of its name, or an older program
    /// did not look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<Segment>,
    /// Why pods took no part whose network namespace could not be entered, by pod: none of its containers runs. Empty where
    /// an older program did not say.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub not_entered: BTreeMap<PodName, String>,
    /// The name of each node's link to its peers, where it is another than [`UPLINK`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub uplinks: BTreeMap<NodeName, String>,
}

impl WireSeen {
    /// The name of a node's link to its peers.
    pub fn uplink(&self, node: &NodeName) -> &str {
        self.uplinks.get(node).map_or(UPLINK, String::as_str)
    }

    /// The ordered pairs of nodes whose pods sent.
    pub fn nodes_sent(&self) -> BTreeSet<(&NodeName, &NodeName)> {
        let node = |name: &PodName| self.pods.iter().find(|pod| pod.name == *name).and_then(|pod| pod.node.as_ref());
        let pairs = self.traffic.between_pods.iter();
        pairs.filter_map(|one| Some((node(&one.from)?, node(&one.to)?))).collect()
    }
}
