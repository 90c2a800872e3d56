//! Nodes that know nothing of their peers' pods: their packets for these go to the ToR.

use ipnet::Ipv4Net;
use std::net::{IpAddr, Ipv4Addr};

use super::node::Node;
use super::{UPLINK, node, verdict};
use crate::bgp::racks_of;
use crate::fib::Decision;
use crate::weighing::{Weighing, unobserved};
use lab_model::expect::Expectations;
use lab_model::observe::{NodeName, Place, Route, TABLE_LOCAL};
use lab_model::seen::RoutingSeen;
use lab_model::{Judgement, Proof, Reason, words};

/// No node has a route to a peer's pod CIDR, or to a part of it or around it, but the default route, and that leads to its
/// ToR. Cilium's BGP control plane announces, and puts no route into a node's kernel.
///
/// # Errors
/// [`Reason::OwnRouteToPeer`] for each such route, and where packets for a peer's pods do not go to the ToR; unobserved where
/// not all nodes were looked into, or a pod CIDR is not known.
pub fn peers_by_the_tor_alone(seen: &RoutingSeen, expect: &Expectations) -> Judgement {
    let racks = racks_of(expect)?;
    if seen.nodes.is_empty() {
        return unobserved("no node was looked into");
    }
    let mut weighing = Weighing::default();
    if seen.nodes.len() < expect.nodes() {
        weighing.miss(format!("{} of {} nodes were looked into", seen.nodes.len(), expect.nodes()));
    }
    let mut shown = Vec::new();
    for node in node::survey(&seen.nodes, &seen.pod_cidrs) {
        let Some((_, rack)) = racks.of(node.name) else {
            weighing.miss(format!("{} is in none of the racks", node.name));
            continue;
        };
        for peer in seen.nodes.keys().filter(|peer| *peer != node.name) {
            match seen.pod_cidrs.by_node.get(peer) {
                Some(pods) => weigh(&node, (peer, *pods), rack.gateway.addr(), &mut weighing),
                None => weighing.miss(format!("the pod CIDR of {peer} is not known")),
            }
        }
        shown.push(format!("{}: default via {} dev {UPLINK}", node.name, rack.gateway.addr()));
    }
    weighing.conclude(|| {
        let nodes = seen.nodes.len();
        Proof::new(format!(
            "{nodes} of {nodes} nodes have no route to a peer's pods but the default route to their ToR; {}",
            shown.first().cloned().unwrap_or_default()
        ))
        .with_details(shown)
    })
}

/// One finding at most for each peer: the route that should not be there, or the first packet that goes elsewhere.
fn weigh(node: &Node<'_>, (peer, pods): (&NodeName, Ipv4Net), tor: Ipv4Addr, weighing: &mut Weighing) {
    let name = node.name;
    let mut refute = |observed: String, by_hand: String| {
        let expected =
            format!("{name}: packets for {pods}, the pods of {peer}, by the default route via {tor} dev {UPLINK}");
        let observed = format!("{name}: {observed}");
        weighing.refute(Reason::OwnRouteToPeer, Place::Node(name.clone()), expected, observed, Some(by_hand));
    };
    let meets = |route: &&Route| {
        let to = route.destination;
        route.table != TABLE_LOCAL && to.prefix_len() > 0 && (to.contains(&pods) || pods.contains(&to))
    };
    if let Some(route) = node.view.routes.iter().find(meets) {
        return refute(words::route(route), "ip -4 route show table all".to_owned());
    }
    let destination = pods.network();
    // The node's own packets, and those of its pods, for which there may be rules.
    for origin in &node.origins {
        let flow = origin.flow(destination);
        let from = flow.source.map(|source| format!(" from {source}")).unwrap_or_default();
        let wrong = match node.fib.decide(&flow) {
            Decision::Route { route, .. } if leads(route, tor) => continue,
            Decision::Route { route, .. } => format!("{destination}{from} takes {}", words::route(route)),
            Decision::Refused(_) => format!("{destination}{from} is refused by a rule or a route"),
            Decision::NoRoute => format!("{destination}{from} has no route"),
            Decision::Undecidable(why) => return weighing.miss(format!("{name}: {why}")),
        };
        return refute(wrong, verdict::by_hand(node, &flow));
    }
}

/// Whether this is the default route to the ToR.
fn leads(route: &Route, tor: Ipv4Addr) -> bool {
    let [hop] = route.hops.as_slice() else { return false };
    route.destination.prefix_len() == 0
        && hop.gateway == Some(IpAddr::V4(tor))
        && hop.device.as_deref() == Some(UPLINK)
        && !hop.encapsulates
}

#[cfg(test)]
mod tests;
