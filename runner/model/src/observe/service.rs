//! Pods, Services and the load balancer's tables.

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::{Mtu, NodeName, PodName};

/// A TCP socket that listens, from the kernel's socket list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// `0.0.0.0` (or `::` for a dual-stack socket, written `0.0.0.0` here) is every address.
    pub address: Ipv4Addr,
    /// TCP port.
    pub port: u16,
}

/// The pod CIDR of each node, and where that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodCidrs {
    /// For example `CiliumNode.spec.ipam.podCIDRs`, or `address of pod_host`.
    pub source: String,
    /// Of each node that has one.
    pub by_node: BTreeMap<NodeName, Ipv4Net>,
}

/// A layer-2 segment and who hangs on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Name of the bridge or Docker network.
    pub name: String,
    /// The bridge's own address with its prefix length; none if it has none.
    pub gateway: Option<Ipv4Net>,
    /// The largest packet that it takes: of a bridge the largest MTU among it and its ports, of a Docker network what it
    /// was made with. None where nothing told, or an older program did not look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<Mtu>,
    /// The nodes on it.
    pub members: Vec<SegmentMember>,
}

/// A node on a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentMember {
    /// Which node.
    pub node: NodeName,
    /// The address of its eth0 with its prefix length; none if it has none.
    pub address: Option<Ipv4Net>,
}

/// A pod of the workload as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodSeen {
    /// Its name.
    pub name: PodName,
    /// The node it is on; none if no node claims it.
    pub node: Option<NodeName>,
    /// Its address; none before it has one.
    pub address: Option<Ipv4Addr>,
    /// Ready: on kind the pod's condition, on netns its server listens on the target port.
    pub ready: bool,
}

/// A Service as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSeen {
    /// Its name.
    pub name: String,
    /// Where it and its endpoints were read.
    pub source: String,
    /// ClusterIP and port; none if the Service does not exist.
    pub cluster_ip: Option<SocketAddrV4>,
    /// Its ready endpoints.
    pub endpoints: Vec<SocketAddrV4>,
}

/// What the datapath thinks of a backend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackendState {
    /// Takes new connections.
    Active,
    /// Does not; the datapath's word for why.
    Other(String),
}

/// One place that a connection can be sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backend {
    /// Address and port after translation.
    pub address: SocketAddrV4,
    /// Whether it is used.
    pub state: BackendState,
}

/// A virtual address and what stands behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frontend {
    /// ClusterIP and port.
    pub address: SocketAddrV4,
    /// What it is translated to; empty means that connections go nowhere.
    pub backends: Vec<Backend>,
}

/// A datapath's own load-balancer table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceTable {
    /// Where it was read: `nftables ip lab`, `cilium bpf lb list`.
    pub source: String,
    /// TCP frontends.
    pub frontends: Vec<Frontend>,
}
