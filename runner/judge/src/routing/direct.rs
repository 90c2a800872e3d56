//! Direct routes to every peer.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::kernel;
use super::node::{self, Node};
use super::roads::{Pairs, Roads, pairs};
use super::verdict::Pair;
use crate::weighing::unobserved;
use lab_model::expect::Expectations;
use lab_model::observe::{Lookup, NodeName};
use lab_model::road::Road;
use lab_model::seen::RoutingSeen;
use lab_model::{Judgement, Proof, words};

/// How many routes of the first node a proof's summary names.
const ROUTES_NAMED: usize = 4;

/// On every node, for every peer: an unmarked packet to the peer's pod CIDR, from the node itself and forwarded from a
/// pod, goes via the peer's own address on eth0. The rules and routes say so, evaluated in the kernel's order for
/// addresses that stand for the whole CIDR, and the kernel's own lookups agree. Rules that no such packet matches are
/// listed in the proof.
///
/// # Errors
/// One finding for each node, peer and [reason](lab_model::Reason): `RouteMissing`, `WrongNextHop`, `ThroughTunnel`,
/// `WrongDevice`, `Shadowed`, `KernelDisagrees`. Unobserved when a node, its pod CIDR, its address, its rules or one of the
/// kernel's own decisions about a peer was not seen, or a rule depends on what was not.
pub fn direct_route_to_every_peer(seen: &RoutingSeen, expect: &Expectations) -> Judgement {
    judge(seen, expect, true)
}

/// The same by rules and routes alone, for observations that hold no lookups of the kernel's.
///
/// # Errors
/// As [`direct_route_to_every_peer`], without `KernelDisagrees`.
pub fn tables_lead_directly(seen: &RoutingSeen, expect: &Expectations) -> Judgement {
    judge(seen, expect, false)
}

/// What was found about the way from each node to each peer's pods, for pages to draw. It comes from the same look at
/// the tables as the verdict of [`direct_route_to_every_peer`], and so cannot contradict it.
pub fn roads(seen: &RoutingSeen, expect: &Expectations) -> Vec<Road> {
    let nodes = node::survey(&seen.nodes, &seen.pod_cidrs);
    let pairs = pairs_to_pods(&nodes);
    let (found, _agreed) = weigh(&nodes, &pairs, Some(&seen.lookups), expect);
    let road = |(at, pair): &((usize, usize), Pair<'_, '_>)| Road {
        from: pair.from.name.clone(),
        to: nodes[at.1].name.clone(),
        pods: pair.cidr(),
        way: found.way(*at, pair),
    };
    pairs.iter().map(road).collect()
}

fn judge(seen: &RoutingSeen, expect: &Expectations, ask_kernel: bool) -> Judgement {
    if seen.nodes.len() < 2 {
        return unobserved(format!("routes were seen on {} nodes; a peer takes two", seen.nodes.len()));
    }
    let nodes = node::survey(&seen.nodes, &seen.pod_cidrs);
    let pairs = pairs_to_pods(&nodes);
    let (roads, agreed) = weigh(&nodes, &pairs, ask_kernel.then_some(&seen.lookups), expect);
    roads.weighing.conclude(|| proof(&nodes, &pairs, &seen.pod_cidrs.source, agreed))
}

/// What was found, and how many decisions of the kernels' own agree, where they were asked.
fn weigh(
    nodes: &[Node<'_>],
    pairs: &Pairs<'_, '_>,
    lookups: Option<&BTreeMap<NodeName, Vec<Lookup>>>,
    expect: &Expectations,
) -> (Roads, Option<usize>) {
    let mut roads = Roads::default();
    node::require(nodes, expect, &mut roads.weighing);
    roads.weigh_tables(pairs);
    let agreed = lookups.map(|lookups| kernel::weigh(nodes, pairs, lookups, &mut roads));
    (roads, agreed)
}

/// Every node and every peer whose pod CIDR and address are known.
pub(super) fn pairs_to_pods<'s, 'a>(nodes: &'s [Node<'a>]) -> Vec<((usize, usize), Pair<'s, 'a>)> {
    pairs(nodes, Pair::to_pods)
}

fn proof(nodes: &[Node<'_>], pairs: &Pairs<'_, '_>, pod_cidrs_from: &str, agreed: Option<usize>) -> Proof {
    let mut by_node: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for ((from, _to), pair) in pairs {
        by_node.entry(*from).or_default().push(format!("{} via {}", pair.cidr(), pair.peer));
    }
    let total: usize = by_node.values().map(Vec::len).sum();
    let lines: Vec<String> = by_node
        .iter()
        .map(|(&from, routes)| format!("{}: {}", nodes[from].name, words::few(routes, ROUTES_NAMED, ", ")))
        .collect();
    // Two nodes at least: each has a peer.
    let first = lines.first().map(String::as_str).unwrap_or_default();
    let summary = format!("{total} of {total} direct; {first}; …");
    let mut details = lines;
    details.push(format!("pod CIDRs were read from {pod_cidrs_from}"));
    details.extend(agreed.map(|lookups| format!("{lookups} of {lookups} lookups of the kernel's own agree")));
    details.extend(passed_over(nodes));
    Proof::new(summary).with_details(details)
}

/// The rules that no packet to a peer matches, those of many nodes once.
fn passed_over(nodes: &[Node<'_>]) -> impl Iterator<Item = String> {
    let mut passed: BTreeMap<String, usize> = BTreeMap::new();
    for node in nodes {
        let destinations: Vec<_> = nodes
            .iter()
            .filter(|peer| peer.name != node.name)
            .filter_map(|peer| peer.cidr)
            .flat_map(|cidr| node.fib.samples(cidr))
            .collect();
        let flows = destinations.iter().flat_map(|&to| node.origins.iter().map(move |origin| origin.flow(to)));
        for rule in node.fib.passed_over(&flows) {
            *passed.entry(words::rule(rule)).or_default() += 1;
        }
    }
    let total = nodes.len();
    passed
        .into_iter()
        .map(move |(rule, count)| format!("no such packet matches rule {rule} ({count} of {total} nodes)"))
}
