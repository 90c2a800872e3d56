//! Which pairs of nodes stand for all: a thousand nodes have 999,000.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;
use lab_model::foreign::ForeignNode;
use lab_model::observe::NodeName;

/// A sender and a receiver.
pub type Pair = (NodeName, NodeName);

/// Pairs of nodes, and what they stand for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Each once.
    pub pairs: Vec<Pair>,
    /// All ordered pairs that there are.
    pub of: usize,
    /// Ordered pairs of zones, a zone with itself included where it has two nodes: each is among the pairs.
    pub zones: usize,
    /// The same of subnets.
    pub subnets: usize,
}

/// The pairs: each node sends and receives, and each zone and each subnet sends to each, itself included. `subnets` is the
/// network that each node's own address is in, as far as that is known.
pub fn pairs(nodes: &[ForeignNode], subnets: &BTreeMap<NodeName, Ipv4Net>) -> Plan {
    let zone = |node: &ForeignNode| node.zone.clone().unwrap_or_default();
    let subnet = |node: &ForeignNode| subnets.get(&node.name).map(Ipv4Net::trunc);
    let order = interleaved(nodes, zone);
    let mut chosen = Chosen::default();
    // A ring: each node sends once and receives once.
    for (at, from) in order.iter().enumerate() {
        chosen.add(from, order[(at + 1) % order.len()]);
    }
    let zones = cover(nodes, zone, &mut chosen);
    let subnets = cover(nodes, subnet, &mut chosen);
    Plan { of: nodes.len() * nodes.len().saturating_sub(1), pairs: chosen.pairs, zones, subnets }
}

/// The nodes, those of different zones after another as far as it goes.
fn interleaved<K: Ord>(nodes: &[ForeignNode], group: impl Fn(&ForeignNode) -> K) -> Vec<&ForeignNode> {
    let mut groups: BTreeMap<K, Vec<&ForeignNode>> = BTreeMap::new();
    for node in nodes {
        groups.entry(group(node)).or_default().push(node);
    }
    let longest = groups.values().map(Vec::len).max().unwrap_or_default();
    (0..longest)
        .flat_map(|row| groups.values().filter_map(move |group| group.get(row).copied()).collect::<Vec<_>>())
        .collect()
}

/// Adds a pair for each ordered pair of groups that has none. How many ordered pairs of groups there are.
fn cover<K: Ord + Clone>(nodes: &[ForeignNode], group: impl Fn(&ForeignNode) -> K, chosen: &mut Chosen) -> usize {
    let of: BTreeMap<&NodeName, K> = nodes.iter().map(|node| (&node.name, group(node))).collect();
    let mut members: BTreeMap<K, Vec<&ForeignNode>> = BTreeMap::new();
    for node in nodes {
        members.entry(group(node)).or_default().push(node);
    }
    let known = chosen.pairs.iter().filter_map(|(from, to)| Some((of.get(from)?.clone(), of.get(to)?.clone())));
    let covered: BTreeSet<(K, K)> = known.collect();
    let mut count = 0;
    for (row, (from, senders)) in members.iter().enumerate() {
        for (column, (to, receivers)) in members.iter().enumerate() {
            // Others each time, so that no node has all of it to do.
            let sender = senders[column % senders.len()];
            let offset = usize::from(row == column);
            let receiver = receivers[(row + offset) % receivers.len()];
            if sender.name == receiver.name {
                continue;
            }
            count += 1;
            if !covered.contains(&(from.clone(), to.clone())) {
                chosen.add(sender, receiver);
            }
        }
    }
    count
}

#[derive(Default)]
struct Chosen {
    pairs: Vec<Pair>,
    known: BTreeSet<Pair>,
}

impl Chosen {
    fn add(&mut self, from: &ForeignNode, to: &ForeignNode) {
        let pair = (from.name.clone(), to.name.clone());
        if from.name != to.name && self.known.insert(pair.clone()) {
            self.pairs.push(pair);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(number: usize, zones: usize) -> ForeignNode {
        ForeignNode {
            name: NodeName(format!("node-{number}")),
            addresses: Vec::new(),
            pod_networks: Vec::new(),
            zone: (zones > 0).then(|| format!("zone-{}", number % zones)),
        }
    }

    fn subnets(nodes: &[ForeignNode], count: usize) -> BTreeMap<NodeName, Ipv4Net> {
        let net = |at: usize| format!("10.{}.0.9/24", at % count).parse().unwrap();
        nodes.iter().enumerate().map(|(at, node)| (node.name.clone(), net(at))).collect()
    }

    #[test]
    fn each_node_sends_and_receives_and_each_zone_and_subnet_to_each() {
        for (count, zones, networks) in [(2, 0, 1), (3, 2, 1), (10, 3, 2), (100, 3, 7), (57, 5, 57)] {
            let nodes: Vec<ForeignNode> = (0..count).map(|number| node(number, zones)).collect();
            let subnets = subnets(&nodes, networks);
            let plan = pairs(&nodes, &subnets);
            let senders: BTreeSet<_> = plan.pairs.iter().map(|(from, _)| from).collect();
            let receivers: BTreeSet<_> = plan.pairs.iter().map(|(_, to)| to).collect();
            assert_eq!((senders.len(), receivers.len()), (count, count));
            assert_eq!(plan.pairs.iter().collect::<BTreeSet<_>>().len(), plan.pairs.len());
            assert!(plan.pairs.iter().all(|(from, to)| from != to));
            let zone = |name: &NodeName| nodes.iter().find(|node| node.name == *name).unwrap().zone.clone();
            let between: BTreeSet<_> = plan.pairs.iter().map(|(from, to)| (zone(from), zone(to))).collect();
            assert_eq!(between.len(), plan.zones, "{count} nodes, {zones} zones");
            let between: BTreeSet<_> = plan.pairs.iter().map(|(from, to)| (subnets[from], subnets[to])).collect();
            assert_eq!(between.len(), plan.subnets, "{count} nodes, {networks} subnets");
            assert_eq!(plan.of, count * (count - 1));
        }
    }

    #[test]
    fn few_nodes_have_few_pairs() {
        assert_eq!(pairs(&[], &BTreeMap::new()), Plan::default());
        assert!(pairs(&[node(0, 1)], &BTreeMap::new()).pairs.is_empty());
        let hundred: Vec<ForeignNode> = (0..100).map(|number| node(number, 3)).collect();
        let plan = pairs(&hundred, &subnets(&hundred, 3));
        assert!(plan.pairs.len() < 120, "{}", plan.pairs.len());
    }
}
