//! The way to each peer's own address: no router is on it.

use std::collections::BTreeMap;

use super::roads::{Roads, pairs};
use super::verdict::Pair;
use super::{kernel, links, node};
use crate::weighing::Weighing;
use lab_model::observe::{Lookup, LookupQuery, NetnsView, NodeName, PodCidrs};

/// What each node's kernel must be asked for [`crate::adjacency::peers_are_adjacent`] to be decided: the way to every
/// peer's own address, for a packet of the node's own and, where a node has a pod's link, for one that is forwarded from
/// there.
pub fn peer_questions(nodes: &BTreeMap<NodeName, NetnsView>) -> BTreeMap<NodeName, Vec<LookupQuery>> {
    kernel::questions(&pairs(&node::survey(nodes, &own_pods(nodes)), Pair::to_itself))
}

/// Weighs the ways between all these nodes: by rules and routes, and by the kernels' own decisions where they were
/// asked. How many ways there are, and how many decisions.
pub(crate) fn weigh_ways(
    nodes: &BTreeMap<NodeName, NetnsView>,
    lookups: Option<&BTreeMap<NodeName, Vec<Lookup>>>,
    weighing: &mut Weighing,
) -> (usize, Option<usize>) {
    let nodes = node::survey(nodes, &own_pods(nodes));
    let mut roads = Roads::default();
    for node in &nodes {
        node::require_links(node, &mut roads.weighing);
    }
    let pairs = pairs(&nodes, Pair::to_itself);
    roads.weigh_tables(&pairs);
    let asked = lookups.map(|lookups| kernel::weigh(&nodes, &pairs, lookups, &mut roads));
    weighing.merge(roads.weighing);
    (pairs.len(), asked)
}

/// The pod CIDRs as the nodes' own routes have them: whose pods are where is decided elsewhere, and before there is a
/// network plugin there are none.
fn own_pods(nodes: &BTreeMap<NodeName, NetnsView>) -> PodCidrs {
    let by_node = nodes.iter().filter_map(|(name, view)| Some((name.clone(), links::own_pods(view)?)));
    PodCidrs { source: "the nodes' own routes".to_owned(), by_node: by_node.collect() }
}
