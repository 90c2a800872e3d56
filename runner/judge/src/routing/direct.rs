//! Direct routes to every peer.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};

use super::kernel;
use super::node::{self, Node};
use super::verdict::{Pair, Verdict};
use crate::fib::Flow;
use crate::weighing::{Weighing, unobserved};
use lab_model::expect::Expectations;
use lab_model::seen::RoutingSeen;
use lab_model::{Finding, Judgement, Proof, Reason, words};

/// How many nodes, and how many routes of each, a proof names.
const NODES_NAMED: usize = 1;
const ROUTES_NAMED: usize = 4;

/// On every node, for every peer: an unmarked packet to the peer's pod CIDR, from the node itself and forwarded from a
/// pod, goes via the peer's own address on eth0. The rules and routes say so, evaluated in the kernel's order for
/// addresses that stand for the whole CIDR, and the kernel's own lookups agree. Rules that no such packet matches are
/// listed in the proof.
///
/// # Errors
/// One finding for each node, peer and reason: [`Reason::RouteMissing`], [`Reason::WrongNextHop`],
/// [`Reason::ThroughTunnel`], [`Reason::WrongDevice`], [`Reason::Shadowed`], [`Reason::KernelDisagrees`]. Unobserved when
/// a node, its pod CIDR, its address, its rules or the kernel's own decision for a peer was not seen, or a rule depends on
/// what was not.
pub fn direct_route_to_every_peer(seen: &RoutingSeen, expect: &Expectations) -> Judgement {
    judge(seen, expect, true)
}

/// The same by rules and routes alone, for observations that hold no lookups of the kernel's.
///
/// # Errors
/// As [`direct_route_to_every_peer`], without [`Reason::KernelDisagrees`].
pub fn tables_lead_directly(seen: &RoutingSeen, expect: &Expectations) -> Judgement {
    judge(seen, expect, false)
}

fn judge(seen: &RoutingSeen, expect: &Expectations, ask_kernel: bool) -> Judgement {
    if seen.nodes.len() < 2 {
        return unobserved(format!("routes were seen on {} nodes; a peer takes two", seen.nodes.len()));
    }
    let nodes = node::survey(&seen.nodes, &seen.pod_cidrs);
    let mut roads = Roads::default();
    node::require(&nodes, expect, &mut roads.weighing);
    tables(&nodes, &mut roads);
    let agreed = if ask_kernel { Some(kernel::weigh(&nodes, &seen.lookups, &mut roads)) } else { None };
    roads.weighing.conclude(|| proof(&nodes, &seen.pod_cidrs.source, agreed))
}

/// Findings about pairs of nodes, one for each pair and reason.
#[derive(Default)]
pub(super) struct Roads {
    pub(super) weighing: Weighing,
    known: HashSet<(usize, Option<usize>, Reason)>,
    open: HashSet<(usize, String)>,
}

impl Roads {
    /// A finding about the node at `from` and the peer at `to`, unless there is one for this reason already.
    pub(super) fn refute(&mut self, from: usize, to: Option<usize>, reason: Reason, finding: impl FnOnce() -> Finding) {
        if self.known.insert((from, to, reason)) {
            self.weighing.push(finding());
        }
    }

    /// What is undecided on a node, once.
    pub(super) fn leave_open(&mut self, from: usize, node: &Node<'_>, why: String) {
        let gap = format!("{}: {why}", node.name);
        if self.open.insert((from, why)) {
            self.weighing.miss(gap);
        }
    }

    /// Takes a verdict in.
    pub(super) fn take(&mut self, (from, to): (usize, usize), pair: &Pair<'_, '_>, flow: &Flow<'_>, verdict: Verdict) {
        match verdict {
            Verdict::Direct => {}
            Verdict::Astray(reason, observed) => {
                self.refute(from, Some(to), reason, || pair.finding(reason, flow, &observed));
            }
            Verdict::Open(why) => self.leave_open(from, pair.from, why),
        }
    }
}

/// Every ordered pair of nodes whose second one's pod CIDR and address are known, with their positions.
pub(super) fn pairs<'s, 'a>(nodes: &'s [Node<'a>]) -> impl Iterator<Item = ((usize, usize), Pair<'s, 'a>)> {
    nodes.iter().enumerate().flat_map(move |(from, node)| {
        nodes
            .iter()
            .enumerate()
            .filter(move |&(to, _peer)| to != from)
            .filter_map(move |(to, peer)| Some(((from, to), Pair::new(node, peer)?)))
    })
}

fn tables(nodes: &[Node<'_>], roads: &mut Roads) {
    for (at, pair) in pairs(nodes) {
        for destination in pair.from.fib.samples(pair.cidr) {
            for origin in &pair.from.origins {
                let flow = origin.flow(destination);
                let verdict = pair.weigh(&flow, &pair.from.fib.decide(&flow));
                roads.take(at, &pair, &flow, verdict);
            }
        }
    }
}

fn proof(nodes: &[Node<'_>], pod_cidrs_from: &str, agreed: Option<usize>) -> Proof {
    let mut by_node: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for ((from, _to), pair) in pairs(nodes) {
        by_node.entry(from).or_default().push(format!("{} via {}", pair.cidr, pair.peer));
    }
    let total: usize = by_node.values().map(Vec::len).sum();
    let lines: Vec<String> = by_node
        .iter()
        .map(|(&from, routes)| format!("{}: {}", nodes[from].name, words::few(routes, ROUTES_NAMED, ", ")))
        .collect();
    let rest = if lines.len() > NODES_NAMED { "; …" } else { "" };
    let summary = format!("{total} of {total} direct; {}{rest}", lines[..NODES_NAMED.min(lines.len())].join("; "));
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
