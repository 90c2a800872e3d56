//! The kernel's own lookups, held against the rules and routes it reported.

use ipnet::Ipv4Net;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::Ipv4Addr;

use super::direct::pairs_to_pods;
use super::node::{self, Node, Origin};
use super::roads::{Pairs, Roads};
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
    questions(&pairs_to_pods(&node::survey(nodes, pod_cidrs)))
}

/// The questions that decide where packets between these pairs go, those to each kernel.
pub(super) fn questions(pairs: &Pairs<'_, '_>) -> BTreeMap<NodeName, Vec<LookupQuery>> {
    let mut questions: BTreeMap<NodeName, Vec<LookupQuery>> = BTreeMap::new();
    for (_at, pair) in pairs {
        questions.entry(pair.from.name.clone()).or_default().extend(of_pair(pair));
    }
    questions
}

/// The questions that decide where packets of one pair go. By a link that is not there yet, nobody can be asked.
fn of_pair(pair: &Pair<'_, '_>) -> impl Iterator<Item = LookupQuery> {
    let askable = |iif: &str| pair.from.view.link(iif).is_some();
    let origins = pair.from.origins.iter().filter(move |origin| origin.iif.as_deref().is_none_or(askable));
    pair.destinations().into_iter().flat_map(move |destination| {
        let query = move |origin: &Origin| LookupQuery { destination, source: origin.source, iif: origin.iif.clone() };
        origins.clone().map(query)
    })
}

/// Holds every lookup against the tables, and returns how many there were. Every question about a pair must have been
/// asked.
pub(super) fn weigh(
    nodes: &[Node<'_>],
    pairs: &Pairs<'_, '_>,
    lookups: &BTreeMap<NodeName, Vec<Lookup>>,
    roads: &mut Roads,
) -> usize {
    let owners = Owners::new(pairs);
    let by_nodes: HashMap<(usize, usize), &Pair<'_, '_>> = pairs.iter().map(|(at, pair)| (*at, pair)).collect();
    let mut count = 0;
    for (from, node) in nodes.iter().enumerate() {
        for lookup in lookups.get(node.name).into_iter().flatten() {
            count += 1;
            let to = owners.of(lookup.query.destination);
            let pair = to.and_then(|to| by_nodes.get(&(from, to))).copied();
            weigh_one(node, (from, to), pair, lookup, roads);
        }
    }
    require(pairs, lookups, roads);
    count
}

fn weigh_one(
    node: &Node<'_>,
    (from, to): (usize, Option<usize>),
    pair: Option<&Pair<'_, '_>>,
    lookup: &Lookup,
    roads: &mut Roads,
) {
    let flow = Flow::from(&lookup.query);
    let decision = node.fib.decide(&flow);
    let agrees = agrees(&decision, &lookup.outcome);
    if agrees == Some(false) {
        roads.refute((from, to), Reason::KernelDisagrees, || disagreement(node, &flow, &decision, &lookup.outcome));
    }
    let (Some(to), Some(pair)) = (to, pair) else { return };
    let verdict = match agrees {
        // The kernel agrees with its tables, which also tell why: a rule, another table, a default route.
        Some(true) => pair.weigh(&flow, &decision),
        Some(false) | None => pair.weigh_kernel(flow.destination, &lookup.outcome),
    };
    roads.take((from, to), pair, &flow, verdict);
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

/// Every question about every pair was asked.
fn require(pairs: &Pairs<'_, '_>, lookups: &BTreeMap<NodeName, Vec<Lookup>>, roads: &mut Roads) {
    let asked: HashMap<&NodeName, HashSet<&LookupQuery>> =
        lookups.iter().map(|(node, lookups)| (node, lookups.iter().map(|lookup| &lookup.query).collect())).collect();
    let mut total = 0;
    let mut silent = Vec::new();
    for (at, pair) in pairs {
        for question in of_pair(pair) {
            total += 1;
            if asked.get(pair.from.name).is_some_and(|asked| asked.contains(&question)) {
                continue;
            }
            let by_hand = verdict::by_hand(pair.from, &Flow::from(&question));
            roads.open(*at, "the kernel's own decision was not asked for");
            silent.push(format!("on {}: {by_hand}", pair.from.name));
        }
    }
    if let Some(first) = silent.first() {
        roads.weighing.miss(format!(
            "the kernel's own decision was not asked for in {} of {total} cases, the first {first}",
            silent.len()
        ));
    }
}

/// Whom an address is of: which peer's pods', or which peer's own.
struct Owners {
    lengths: BTreeSet<u8>,
    by_cidr: HashMap<Ipv4Net, usize>,
}

impl Owners {
    fn new(pairs: &Pairs<'_, '_>) -> Self {
        let by_cidr: HashMap<Ipv4Net, usize> =
            pairs.iter().map(|((_from, to), pair)| (pair.cidr().trunc(), *to)).collect();
        Self { lengths: by_cidr.keys().map(Ipv4Net::prefix_len).collect(), by_cidr }
    }

    fn of(&self, address: Ipv4Addr) -> Option<usize> {
        self.lengths.iter().rev().find_map(|&length| {
            let cidr = Ipv4Net::new(address, length).ok()?.trunc();
            self.by_cidr.get(&cidr).copied()
        })
    }
}
