//! How racks are laid out: ToRs, the router between them, who is in which AS. Derived from `manifests/racks.yaml`, and
//! both what a lab is built from and what judges hold observations against.

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::observe::{NodeName, Place};

/// Name of the router between the racks.
pub const ROUTER: &str = "router";
/// The link of a ToR that leads to the router.
pub const TOR_UPLINK: &str = "up0";
/// The link of a node on kind that is on no rack's network, but on that of the nodes' containers: the API server is there, and
/// no pod's packet.
pub const MANAGEMENT: &str = "mgmt0";

/// All racks, and the router between them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Racks {
    /// The router's AS (racks.yaml: `router.as`).
    pub router_as: u32,
    /// The router's own address, where the server outside of the native routing CIDR is (racks.yaml: `router.address`).
    pub router: Ipv4Addr,
    /// The hold time that every end of a session asks for (racks.yaml: `holdSeconds`).
    pub hold: Duration,
    /// The racks, in order.
    pub racks: Vec<Rack>,
    /// Whether nodes announce their pod CIDRs; else the racks are those of a control.
    pub bgp: bool,
    /// The link by which each node is on a network beside its rack's; none where nodes have no such link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management: Option<String>,
}

/// One rack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rack {
    /// Its ToR's AS.
    pub tor_as: u32,
    /// The AS that its nodes are in.
    pub node_as: u32,
    /// The ToR's address on the rack's network, with that network's prefix length: the nodes' gateway.
    pub gateway: Ipv4Net,
    /// The ToR's end of its link to the router.
    pub tor_end: Ipv4Net,
    /// The router's end of that link.
    pub router_end: Ipv4Net,
    /// The nodes in it.
    pub nodes: Vec<NodeName>,
    /// The Docker network that it is; none on netns, where its ToR has a bridge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
}

/// The ToR of the rack at this position.
pub fn tor(rack: usize) -> Place {
    Place::Router(format!("tor{rack}"))
}

/// The router between the racks.
pub fn router() -> Place {
    Place::Router(ROUTER.to_owned())
}

/// The router's link to the ToR of the rack at this position.
pub fn router_port(rack: usize) -> String {
    format!("tor{rack}")
}

impl Racks {
    /// All ToRs, and then the router.
    pub fn routers(&self) -> impl Iterator<Item = Place> {
        (0..self.racks.len()).map(tor).chain([router()])
    }

    /// A node's own address in its rack: of all nodes the first has the second address of its rack's network, the next one the
    /// third of its own, and so on, so that no two end in the same number.
    pub fn address_of(&self, node: &NodeName) -> Option<Ipv4Net> {
        let all = self.racks.iter().flat_map(|rack| rack.nodes.iter().map(move |node| (rack, node)));
        let (position, (rack, _)) = (2..).zip(all).find(|(_, (_, own))| *own == node)?;
        let address = Ipv4Addr::from_bits(rack.gateway.network().to_bits() + position);
        Ipv4Net::new(address, rack.gateway.prefix_len()).ok()
    }

    /// The position of the rack with this node, and the rack.
    pub fn of(&self, node: &NodeName) -> Option<(usize, &Rack)> {
        self.racks.iter().enumerate().find(|(_, rack)| rack.nodes.contains(node))
    }
}
