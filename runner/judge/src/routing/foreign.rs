//! Routes of foreign clusters. Nodes are read and judged one after another: the tables of a thousand nodes do not need to
//! be held at once in the form in which they are judged.

mod detours;
mod devices;
mod inside;
mod own;
#[cfg(test)]
mod tests;
mod way;
mod ways;

pub use devices::no_tunnel_device;
pub use own::own_pods_are_local;
pub use ways::{pairs_astray, ways_to_every_peer};

use ipnet::Ipv4Net;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::links;
use crate::fib::Fib;
use crate::weighing::Weighing;
use lab_model::expect::Expectations;
use lab_model::foreign::{ForeignNode, ForeignRoutingSeen};
use lab_model::observe::{NetnsView, NodeName};

/// A node while it is judged.
struct Here<'a> {
    node: &'a ForeignNode,
    view: &'a NetnsView,
    fib: Fib<'a>,
}

impl Here<'_> {
    /// The link that has the node's address.
    fn uplink(&self) -> Option<&str> {
        let own = self.view.addresses.iter().find(|own| self.node.addresses.contains(&own.address.addr()));
        own.map(|own| own.device.as_str())
    }

    /// The node's own address, with the length of the prefix that its link is in.
    fn own_subnet(&self) -> Option<Ipv4Net> {
        let own = self.view.addresses.iter().find(|own| self.node.addresses.contains(&own.address.addr()));
        own.map(|own| own.address)
    }

    /// Whether an address is in a network that one of this node's links is on.
    fn reaches(&self, address: Ipv4Addr) -> bool {
        self.view.addresses.iter().any(|own| own.address.prefix_len() < 32 && own.address.contains(&address))
    }
}

/// Gives each node whose tables were read to `judge`, and notes what is missing.
fn each_node(
    seen: &ForeignRoutingSeen,
    expect: &Expectations,
    weighing: &mut Weighing,
    mut judge: impl FnMut(&Here<'_>, &mut Weighing),
) {
    if seen.nodes.len() < expect.nodes() {
        weighing.miss(format!("{} of {} nodes were looked at", seen.nodes.len(), expect.nodes()));
    }
    weighing.each_once("node", seen.nodes.iter().map(|node| &node.name));
    for node in &seen.nodes {
        let name = &node.name;
        let view = match seen.tables.get(name) {
            None => Err("its routes were not read".to_owned()),
            Some(Err(why)) => Err(why.clone()),
            Some(Ok(tables)) => tables.view(),
        };
        let view = match view {
            Ok(view) => view,
            Err(why) => {
                weighing.miss(format!("{name}: {why}"));
                continue;
            }
        };
        if view.links.is_empty() {
            weighing.miss(format!("{name}: no links were seen"));
        }
        for unlisted in links::unlisted(&view) {
            weighing.miss(format!("{name}: {unlisted}"));
        }
        judge(&Here { node, view: &view, fib: Fib::new(&view) }, weighing);
    }
}

/// Whose each node's address is.
fn owners(nodes: &[ForeignNode]) -> BTreeMap<Ipv4Addr, &NodeName> {
    nodes.iter().flat_map(|node| node.addresses.iter().map(move |address| (*address, &node.name))).collect()
}
