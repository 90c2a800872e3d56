//! The topology as data: the nodes, pods, links and addresses. Nothing is made here.
//!
//! The addresses are the article's: nodes on 172.18.0.0/16 behind the bridge's 172.18.0.1, a /24 of the pod pool
//! for each node, the ClusterIP within kind's default service subnet.

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;

use lab_model::Routing;
use lab_model::observe::{MacAddr, Mtu, NodeName, PodName, Role};
use lab_model::racks::Racks;

/// The subnet of Docker's network `kind` in the article.
pub const BRIDGE_SUBNET: (Ipv4Addr, u8) = (Ipv4Addr::new(172, 18, 0, 0), 16);
/// The link with a node's router address; it corresponds to Cilium's `cilium_host`.
pub const ROUTER_DEVICE: &str = "pod_host";
/// The other end of that link; it corresponds to `cilium_net`.
pub const ROUTER_PEER_DEVICE: &str = "pod_net";
/// The tunnel device of mode vxlan; it corresponds to `cilium_vxlan`.
pub const VXLAN_DEVICE: &str = "pod_vxlan";
/// UDP port of the tunnel: Linux's default, and Cilium's (`tunnel-port` of 1.12).
pub const VXLAN_PORT: u16 = 8472;
/// VXLAN network identifier of the tunnel.
pub const VXLAN_VNI: u32 = 2;
/// How much VXLAN reduces the MTU: outer IPv4 20, UDP 8, VXLAN 8, inner Ethernet 14 octets (RFC 7348).
pub const VXLAN_OVERHEAD: u32 = 50;
/// MTU of every link: Docker's default.
pub const LINK_MTU: Mtu = Mtu(1500);
/// The port of the server outside the native routing CIDR, which answers with the client's address.
pub const OUTSIDE_PORT: u16 = 9999;
/// The Service's address in the article, within kind's default service subnet 10.96.0.0/16.
pub const CLUSTER_IP: Ipv4Addr = Ipv4Addr::new(10, 96, 37, 61);

/// What a lab is to have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// How pod traffic gets from node to node.
    pub routing: Routing,
    /// Names and roles of the nodes, in order.
    pub nodes: Vec<(NodeName, Role)>,
    /// Name of the bridge.
    pub bridge: String,
    /// The number of pods of the workload.
    pub replicas: usize,
    /// Name of the workload: pods are `NAME-1`, `NAME-2`, …
    pub workload: String,
    /// The port that the pods listen on.
    pub target_port: u16,
    /// The port of the Service.
    pub service_port: u16,
    /// The network that pod CIDRs are taken from.
    pub pod_pool: Ipv4Net,
    /// Prefix length of a pod CIDR.
    pub pod_cidr_prefix: u8,
    /// The native routing CIDR: packets to it are not masqueraded.
    pub native_cidr: Ipv4Net,
    /// How the pods are placed on the workers.
    #[serde(default)]
    pub placement: Placement,
    /// Where the nodes are.
    #[serde(default = "bridge_subnet")]
    pub subnet: Ipv4Net,
    /// The racks that they stand in; none where all are on one bridge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub racks: Option<RacksSpec>,
}

/// The racks of a lab, and what their routers run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RacksSpec {
    /// The program BIRD. Empty where none was found, which the doctor refuses.
    pub bird: PathBuf,
    /// How they are laid out.
    pub layout: Racks,
}

/// Where the article's nodes are.
pub const fn bridge_subnet() -> Ipv4Net {
    Ipv4Net::new_assert(BRIDGE_SUBNET.0, BRIDGE_SUBNET.1)
}

/// How the pods of the workload are placed on the workers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Placement {
    /// Each on a worker of its own: the workload's required anti-affinity (hello-app.yaml).
    #[default]
    Apart,
    /// All on the first worker: a contrast that must be refuted.
    Together,
}

/// The whole topology.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The spec that it was made from.
    pub spec: Spec,
    /// The bridge's address.
    pub gateway: Ipv4Net,
    /// The nodes, in the order of the spec.
    pub nodes: Vec<NodePlan>,
    /// The pods, in the order of their names.
    pub pods: Vec<PodPlan>,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodePlan {
    /// Its name.
    pub name: NodeName,
    /// Name of its port on the bridge.
    pub port: String,
    /// Address of its eth0, with the bridge's prefix length.
    pub address: Ipv4Net,
    /// Where its default route leads: the bridge's address, in a rack that of the ToR.
    pub gateway: Ipv4Net,
    /// The position of its rack; 0 where there are none.
    pub rack: usize,
    /// Link-layer address of its eth0, made from the IPv4 address as Docker does.
    pub mac: MacAddr,
    /// Its pod CIDR.
    pub pod_cidr: Ipv4Net,
    /// Its router address: the first of the pod CIDR.
    pub router: Ipv4Addr,
    /// Link-layer address of its end of the tunnel.
    pub tunnel_mac: MacAddr,
}

/// One pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodPlan {
    /// Its name.
    pub name: PodName,
    /// Index of its node in [`Plan::nodes`].
    pub node: usize,
    /// Its address.
    pub address: Ipv4Addr,
    /// The node's end of its veth.
    pub host_device: String,
}

/// Why a spec cannot be laid out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// There are not enough addresses or workers.
    #[error("{what}: {available} are available in {network}, {wanted} are needed")]
    TooMany {
        /// What there is not enough of.
        what: &'static str,
        /// How many there are.
        available: u64,
        /// The network that they are taken from.
        network: Ipv4Net,
        /// How many are needed.
        wanted: u64,
    },
    /// The prefix length does not fit into the pool.
    #[error("pod CIDRs of /{prefix} cannot be cut from the pool {pool}")]
    Prefix {
        /// The wanted length.
        prefix: u8,
        /// The pool.
        pool: Ipv4Net,
    },
    /// A node is in none of the racks.
    #[error("{node} is in none of the racks")]
    InNoRack {
        /// The node.
        node: NodeName,
    },
}

/// The offset in a pod CIDR of the first pod's address. The router has the first address, and the article's pods do not
/// have the next ones either.
const FIRST_POD: u32 = 10;
/// The most pods that are put on one worker with [`Placement::Together`].
const PODS_TOGETHER: usize = 16;

impl Plan {
    /// Lays the topology out.
    ///
    /// # Errors
    /// When there are not enough addresses for what is asked.
    pub fn new(spec: Spec) -> Result<Self, PlanError> {
        let bridge = spec.subnet;
        let pool = spec.pod_pool;
        let mut cidrs = pool
            .subnets(spec.pod_cidr_prefix)
            .map_err(|_too_short| PlanError::Prefix { prefix: spec.pod_cidr_prefix, pool })?;
        let too_many = |what, available, network, wanted: usize| PlanError::TooMany {
            what,
            available,
            network,
            wanted: u64::try_from(wanted).unwrap_or(u64::MAX),
        };
        // Node addresses end in 2 to 254: one octet is enough for the 100 nodes that a lab may have.
        if spec.nodes.len() > 253 {
            return Err(too_many("nodes", 253, bridge, spec.nodes.len()));
        }
        let mut nodes = Vec::with_capacity(spec.nodes.len());
        for (index, (name, _role)) in (0_u8..).zip(&spec.nodes) {
            let available = u64::from(index);
            let pod_cidr = cidrs.next().ok_or_else(|| too_many("pod CIDRs", available, pool, spec.nodes.len()))?;
            let (rack, gateway, address) = match &spec.racks {
                None => {
                    let gateway = Ipv4Net::new_assert(nth(bridge, 1), bridge.prefix_len());
                    (0, gateway, Ipv4Net::new_assert(nth(bridge, 2 + u32::from(index)), bridge.prefix_len()))
                }
                Some(RacksSpec { layout, .. }) => {
                    let own = layout.of(name).zip(layout.address_of(name));
                    let own = own.ok_or_else(|| PlanError::InNoRack { node: name.clone() })?;
                    (own.0.0, own.0.1.gateway, own.1)
                }
            };
            let [a, b, c, d] = address.addr().octets();
            nodes.push(NodePlan {
                name: name.clone(),
                port: format!("veth{index}"),
                address,
                gateway,
                rack,
                mac: MacAddr([0x02, 0x42, a, b, c, d]),
                pod_cidr,
                router: nth(pod_cidr, 1),
                tunnel_mac: MacAddr([0x02, 0x43, a, b, c, d]),
            });
        }
        let workers: Vec<usize> = spec
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, (_, role))| *role == Role::Worker)
            .map(|(index, _)| index)
            .collect();
        let room = match spec.placement {
            Placement::Apart => workers.len(),
            Placement::Together => workers.len().min(1) * PODS_TOGETHER,
        };
        if spec.replicas > room {
            let available = u64::try_from(room).unwrap_or(u64::MAX);
            return Err(too_many("places for replicas", available, bridge, spec.replicas));
        }
        let places: Vec<usize> = match spec.placement {
            Placement::Apart => workers,
            Placement::Together => workers.into_iter().take(1).cycle().take(spec.replicas).collect(),
        };
        let pods = places
            .into_iter()
            .take(spec.replicas)
            .enumerate()
            .map(|(index, node)| PodPlan {
                name: PodName(format!("{}-{}", spec.workload, index + 1)),
                node,
                address: nth(nodes[node].pod_cidr, FIRST_POD + u32::try_from(index % 200).unwrap_or(0)),
                host_device: format!("lxc{}", index + 1),
            })
            .collect();
        let gateway = Ipv4Net::new_assert(nth(bridge, 1), bridge.prefix_len());
        Ok(Self { spec, gateway, nodes, pods })
    }

    /// The Service's ClusterIP and port.
    pub const fn cluster_ip(&self) -> SocketAddrV4 {
        SocketAddrV4::new(CLUSTER_IP, self.spec.service_port)
    }

    /// The address of the server outside the native routing CIDR: the bridge's, or the router's own between racks.
    pub fn outside(&self) -> SocketAddrV4 {
        let address = self.racks().map_or(self.gateway.addr(), |racks| racks.router);
        SocketAddrV4::new(address, OUTSIDE_PORT)
    }

    /// How the racks are laid out; none where all nodes are on one bridge.
    pub fn racks(&self) -> Option<&Racks> {
        self.spec.racks.as_ref().map(|racks| &racks.layout)
    }
}

/// The `n`th address of a network.
fn nth(network: Ipv4Net, n: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(network.network().to_bits() + n)
}
