//! The kernel's own lookups, held against the rules and routes it reported.

use ipnet::Ipv4Net;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::Ipv4Addr;

use super::direct::{Roads, pairs};
use super::node::{self, Node};
use super::verdict::{self, Pair};
use crate::fib::{Decision, Flow};
use lab_model::observe::{Lookup, LookupOutcome, LookupQuery, NetnsView, NodeName, Place, PodCidrs, RouteKind};
use lab_model::{Finding, Reason, words};

/// What each node's kernel must be asked for [`super::direct_route_to_every_peer`] to be decided: for every peer, each
/// address that stands for its pod CIDR, as a packet of the node's own and, where a node has a pod's link, as one that is
/// forwarded from there.
pub fn kernel_questions(
    nodes: &BTreeMap<NodeName, NetnsView>,
    pod_cidrs: &PodCidrs,
) -> BTreeMap<NodeName, Vec<LookupQuery>> {
    let nodes = node::survey(nodes, pod_cidrs);
    let mut questions: BTreeMap<NodeName, Vec<LookupQuery>> = BTreeMap::new();
    for (_at, pair) in pairs(&nodes) {
        let askable = |iif: &str| pair.from.view.link(iif).is_some();
        let origins = pair.from.origins.iter().filter(|origin| origin.iif.as_deref().is_none_or(askable));
        let asked = questions.entry(pair.from.name.clone()).or_default();
        for destination in pair.from.fib.samples(pair.cidr) {
            asked.extend(origins.clone().map(|origin| LookupQuery {
                destination,
                source: origin.source,
                iif: origin.iif.clone(),
            }));
        }
    }
    questions
}

/// Holds every lookup against the tables, and returns how many there were.
pub(super) fn weigh(nodes: &[Node<'_>], lookups: &BTreeMap<NodeName, Vec<Lookup>>, roads: &mut Roads) -> usize {
    let owners = Owners::new(nodes);
    let mut asked = BTreeSet::new();
    let mut count = 0;
    for (from, node) in nodes.iter().enumerate() {
        for lookup in lookups.get(node.name).into_iter().flatten() {
            count += 1;
            let to = owners.of(lookup.query.destination);
            if let Some(to) = to {
                asked.insert((from, to, side(node, &lookup.query)));
            }
            weigh_one(nodes, (from, to), lookup, roads);
        }
    }
    require(nodes, &asked, roads);
    count
}

fn weigh_one(nodes: &[Node<'_>], (from, to): (usize, Option<usize>), lookup: &Lookup, roads: &mut Roads) {
    let node = &nodes[from];
    let flow = Flow::from(&lookup.query);
    let decision = node.fib.decide(&flow);
    let agrees = agrees(&decision, &lookup.outcome);
    if agrees == Some(false) {
        roads.refute(from, to, Reason::KernelDisagrees, || disagreement(node, &flow, &decision, &lookup.outcome));
    }
    let Some((to, pair)) = to.filter(|&to| to != from).and_then(|to| Some((to, Pair::new(node, &nodes[to])?))) else {
        return;
    };
    let verdict = match agrees {
        // What the tables say of it is then what the kernel does.
        Some(true) => pair.weigh(&flow, &decision),
        Some(false) | None => pair.weigh_kernel(flow.destination, &lookup.outcome),
    };
    roads.take((from, to), &pair, &flow, verdict);
}

/// Whether the kernel decides as its tables do; none where the tables leave it open.
fn agrees(decision: &Decision<'_>, outcome: &LookupOutcome) -> Option<bool> {
    let refuses = match outcome {
        LookupOutcome::NoRoute(_) => true,
        LookupOutcome::Route { kind, .. } => {
            matches!(kind, RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit)
        }
    };
    match (decision, outcome) {
        (Decision::Undecidable(_), _) => None,
        (Decision::NoRoute | Decision::Refused(_), _) => Some(refuses),
        (Decision::Route { route, table, .. }, LookupOutcome::Route { kind, hop, table: found }) => {
            // For an address of its own the kernel names lo, whatever link the local route names.
            let same_hop = route.kind != RouteKind::Unicast || route.hops.contains(hop);
            Some(route.kind == *kind && table == found && same_hop)
        }
        (Decision::Route { .. }, LookupOutcome::NoRoute(_)) => Some(false),
    }
}

fn disagreement(node: &Node<'_>, flow: &Flow<'_>, decision: &Decision<'_>, outcome: &LookupOutcome) -> Finding {
    let destination = flow.destination;
    let tables = match decision {
        Decision::Route { route, .. } => format!("{destination} takes {}", words::route(route)),
        Decision::Refused(_) => format!("{destination} is refused"),
        Decision::NoRoute => format!("{destination} has no route"),
        Decision::Undecidable(why) => why.clone(),
    };
    let kernel = match outcome {
        LookupOutcome::Route { kind, hop, table } => {
            format!("{} {}, table {}", words::kind(*kind), words::hop(hop), words::table(*table))
        }
        LookupOutcome::NoRoute(errno) => errno.clone(),
    };
    Finding {
        reason: Reason::KernelDisagrees,
        place: Place::Node(node.name.clone()),
        expected: format!("{}: by its rules and routes {tables}", node.name),
        observed: format!("{}: the kernel says of {destination}: {kernel}", node.name),
        by_hand: Some(verdict::by_hand(node, flow)),
    }
}

/// Where a packet that was asked about comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Own,
    Pod,
    Other,
}

fn side(node: &Node<'_>, query: &LookupQuery) -> Side {
    match &query.iif {
        None => Side::Own,
        Some(iif) if node::pod_links(node.view).any(|link| link.name == *iif) => Side::Pod,
        Some(_) => Side::Other,
    }
}

fn require(nodes: &[Node<'_>], asked: &BTreeSet<(usize, usize, Side)>, roads: &mut Roads) {
    let has_pods: Vec<bool> = nodes.iter().map(|node| node::pod_links(node.view).next().is_some()).collect();
    let mut total = 0;
    let mut silent = Vec::new();
    for ((from, to), pair) in pairs(nodes) {
        for (side, as_what) in [(Side::Own, "from the node itself"), (Side::Pod, "forwarded from a pod")] {
            if side == Side::Pod && !has_pods[from] {
                continue;
            }
            total += 1;
            if !asked.contains(&(from, to, side)) {
                silent.push(format!("from {} to {}, {as_what}", pair.from.name, pair.cidr));
            }
        }
    }
    if let Some(first) = silent.first() {
        roads.weighing.miss(format!(
            "the kernel's own decision was not asked for in {} of {total} cases, the first {first}",
            silent.len()
        ));
    }
}

/// Which node's pod CIDR an address is in.
struct Owners {
    lengths: BTreeSet<u8>,
    by_cidr: HashMap<Ipv4Net, usize>,
}

impl Owners {
    fn new(nodes: &[Node<'_>]) -> Self {
        let by_cidr: HashMap<Ipv4Net, usize> =
            nodes.iter().enumerate().filter_map(|(at, node)| Some((node.cidr?.trunc(), at))).collect();
        Self { lengths: by_cidr.keys().map(Ipv4Net::prefix_len).collect(), by_cidr }
    }

    fn of(&self, address: Ipv4Addr) -> Option<usize> {
        self.lengths.iter().rev().find_map(|&length| {
            let cidr = Ipv4Net::new(address, length).ok()?.trunc();
            self.by_cidr.get(&cidr).copied()
        })
    }
}
