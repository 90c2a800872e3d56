//! Where a node's own pod CIDR leads.

use ipnet::Ipv4Net;
use std::net::Ipv4Addr;

use super::node::{self, Node, Origin};
use super::{UPLINK, links, verdict};
use crate::fib::{Decision, Flow, Refusal};
use crate::weighing::{Weighing, unobserved};
use lab_model::expect::Expectations;
use lab_model::observe::{NetnsView, NextHop, Place, Route, RouteKind};
use lab_model::seen::RoutingSeen;
use lab_model::{Judgement, Proof, Reason, words};

/// How many nodes a proof's summary names.
const NODES_NAMED: usize = 3;

/// A node's own pod CIDR stays on the node, for packets of its own and for those that come from a peer: it leads to the
/// node's address among its pods (Cilium: via the address of `cilium_host`), to the link that holds it, or to a pod's own
/// link. A link that leads out of the node is none of these, whatever addresses it has: a second network's may well have
/// one of the pod CIDR.
///
/// # Errors
/// [`Reason::OwnCidrLeadsAway`], one for each node; unobserved when a node, its pod CIDR or its rules were not seen.
pub fn own_pods_are_local(seen: &RoutingSeen, expect: &Expectations) -> Judgement {
    if seen.nodes.is_empty() {
        return unobserved("no node's routes were seen");
    }
    let nodes = node::survey(&seen.nodes, &seen.pod_cidrs);
    let mut weighing = Weighing::default();
    node::require(&nodes, expect, &mut weighing);
    let mut stays = Vec::new();
    for node in &nodes {
        let Some(cidr) = node.cidr else { continue };
        if let Some(line) = weigh(node, cidr, &arrivals(node, &nodes), &mut weighing) {
            stays.push(line);
        }
    }
    weighing.conclude(|| {
        Proof::new(format!(
            "{} of {} nodes keep their own pod CIDR; {}",
            stays.len(),
            nodes.len(),
            words::few(&stays, NODES_NAMED, "; ")
        ))
        .with_details(stays)
    })
}

/// Where packets to a node's pods come from: the node itself, and a pod of each peer that a rule tells from others.
fn arrivals(node: &Node<'_>, nodes: &[Node<'_>]) -> Vec<Origin> {
    let mut origins = vec![Origin { source: None, iif: None }];
    let peers = nodes.iter().filter(|peer| peer.name != node.name).filter_map(|peer| peer.cidr);
    let sources = peers.flat_map(|cidr| node.fib.source_samples(cidr));
    let wanted = if node.fib.tells_sources_apart() { usize::MAX } else { 1 };
    origins.extend(sources.take(wanted).map(|source| Origin { source: Some(source), iif: Some(UPLINK.to_owned()) }));
    origins
}

/// How the CIDR's first address stays; none where any address does not.
fn weigh(node: &Node<'_>, cidr: Ipv4Net, arrivals: &[Origin], weighing: &mut Weighing) -> Option<String> {
    let mut first = None;
    for destination in node.fib.samples(cidr) {
        for origin in arrivals {
            let flow = origin.flow(destination);
            let decision = node.fib.decide(&flow);
            match stays(node.view, cidr, &decision) {
                Stays::Here(route) => {
                    first.get_or_insert_with(|| format!("{}: {}", node.name, words::route(route)));
                }
                Stays::Leaves => {
                    weighing.refute(
                        Reason::OwnCidrLeadsAway,
                        Place::Node(node.name.clone()),
                        format!("{}: its own {cidr} leads to an address or a pod of this node", node.name),
                        format!("{}: {}", node.name, away(&flow, &decision)),
                        Some(verdict::by_hand(node, &flow)),
                    );
                    return None;
                }
                Stays::Open(why) => {
                    weighing.miss(format!("{}: {why}", node.name));
                    return None;
                }
            }
        }
    }
    first
}

/// Whether a packet for a pod of this node stays on it.
pub(super) enum Stays<'a> {
    /// It does, by this route.
    Here(&'a Route),
    /// It does not.
    Leaves,
    /// That depends on what was not seen.
    Open(String),
}

/// Whether a packet for this network of pods of this node stays.
pub(super) fn stays<'a>(view: &NetnsView, cidr: Ipv4Net, decision: &Decision<'a>) -> Stays<'a> {
    match decision {
        Decision::Undecidable(why) => Stays::Open(why.clone()),
        Decision::NoRoute | Decision::Refused(_) => Stays::Leaves,
        Decision::Route { route, .. } => {
            let here = match route.kind {
                RouteKind::Local | RouteKind::Broadcast | RouteKind::Anycast => true,
                RouteKind::Unicast => {
                    !route.hops.is_empty() && route.hops.iter().all(|hop| leads_here(view, cidr, route, hop))
                }
                _ => false,
            };
            if here { Stays::Here(route) } else { Stays::Leaves }
        }
    }
}

fn leads_here(view: &NetnsView, cidr: Ipv4Net, route: &Route, hop: &NextHop) -> bool {
    let straight = hop.gateway.is_none() && !hop.encapsulates;
    let to_a_pod = || {
        links::pod_links(view, Some(cidr)).any(|pod| hop.device.as_deref() == Some(pod.name.as_str()))
            && route.destination.prefix_len() == 32
    };
    links::keeps(view, cidr, hop) || (straight && to_a_pod())
}

/// Where it goes instead, in words.
pub(super) fn away(flow: &Flow<'_>, decision: &Decision<'_>) -> String {
    let destination: Ipv4Addr = flow.destination;
    match decision {
        Decision::Route { route, .. } if route.destination.prefix_len() == 0 => {
            format!("no route; {destination} would leave through {}", words::route(route))
        }
        Decision::Route { route, .. } => format!("{destination} takes {}", words::route(route)),
        Decision::Refused(Refusal::Rule(rule)) => format!("{destination} is refused by rule {}", words::rule(rule)),
        Decision::Refused(Refusal::Route(_, route)) => format!("{destination} is refused by {}", words::route(route)),
        Decision::NoRoute => format!("no route; {destination} leads nowhere"),
        Decision::Undecidable(why) => why.clone(),
    }
}

#[cfg(test)]
mod tests;
