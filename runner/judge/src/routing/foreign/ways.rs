//! The way to the pods of every peer.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::detours::Detours;
use super::way::{Judge, Way, worse};
use super::{Here, each_node, owners};
use crate::foreign::of_foreign;
use crate::routing::node;
use crate::weighing::{Weighing, unobserved};
use lab_model::expect::Expectations;
use lab_model::foreign::{Configuration, ForeignNode, ForeignRoutingSeen, RoutesBy};
use lab_model::observe::{NodeName, Place};
use lab_model::report;
use lab_model::road::{self, Road};
use lab_model::{Judgement, Proof, Reason, words};

/// How many pairs of nodes are told one by one.
const PAIRS: usize = 10_000;
/// How many peers a finding names.
const PEERS_NAMED: usize = 3;

/// On every node packets for the pods of every peer go where the configuration leads them: to the peer itself where agents
/// make the routes, else as the network does. Rules and routes are evaluated in the kernel's order, for addresses that
/// stand for all that the peer's pods can have.
///
/// # Errors
/// One finding for each node and [reason](lab_model::Reason), which names the peers. Unobserved where a node's routes, its
/// addresses or the networks of its pods were not seen, and where a peer alone has no route of its own on a node on which
/// the others have.
pub fn ways_to_every_peer(seen: &ForeignRoutingSeen, expect: &Expectations) -> Judgement {
    let configuration = &of_foreign(expect)?.configuration;
    if seen.nodes.len() < 2 {
        return unobserved(format!("{} nodes were seen; a peer takes two", seen.nodes.len()));
    }
    let Looked { weighing, totals, lines, .. } = look(seen, expect, configuration);
    weighing.conclude(|| proof(&totals, seen.nodes.len(), lines).with_details(seen.beyond.clone()))
}

/// The pairs of nodes of which packets from one do not get to the pods of the other, for who tells them one by one: the
/// first 10,000.
pub fn pairs_astray(seen: &ForeignRoutingSeen, expect: &Expectations) -> report::Found {
    let looked = of_foreign(expect).map(|foreign| look(seen, expect, &foreign.configuration));
    report::Found::roads(looked.map(|looked| looked.astray).unwrap_or_default())
}

/// What was found on all nodes.
struct Looked {
    weighing: Weighing,
    totals: Totals,
    lines: Vec<String>,
    astray: Vec<Road>,
}

fn look(seen: &ForeignRoutingSeen, expect: &Expectations, configuration: &Configuration) -> Looked {
    let mut weighing = Weighing::default();
    for node in &seen.nodes {
        if node.pod_networks.is_empty() {
            weighing.miss(format!("the pod CIDR of {} is not known", node.name));
        }
        if node.addresses.is_empty() {
            weighing.miss(format!("no IPv4 address of {} is known", node.name));
        }
    }
    let owners = owners(&seen.nodes);
    let mut detours = Detours::default();
    let mut totals = Totals::default();
    let (mut lines, mut astray) = (Vec::new(), Vec::new());
    each_node(seen, expect, &mut weighing, |here, weighing| {
        let log = seen.logs.get(&here.node.name).and_then(|log| log.as_ref().ok());
        let judge = Judge { here, owners: &owners, configuration, log };
        let mut found = Found::default();
        for peer in seen.nodes.iter().filter(|peer| peer.name != here.node.name) {
            if let Some((destination, way)) = to_peer(&judge, peer) {
                found.take(peer, destination, way, &mut detours, here);
            }
        }
        astray.extend(found.roads(here));
        astray.truncate(PAIRS);
        lines.push(found.conclude(here, configuration.routes, &mut totals, weighing));
    });
    detours.judge(seen, &owners, &mut weighing, &mut astray);
    astray.truncate(PAIRS);
    Looked { weighing, totals, lines, astray }
}

/// The worst way of packets for a peer's pods, and where that one goes.
fn to_peer(judge: &Judge<'_>, peer: &ForeignNode) -> Option<(Ipv4Addr, Way)> {
    let here = judge.here;
    // Of a peer without an address it is not known where packets should go; that is noted elsewhere.
    peer.addresses.first()?;
    let own = here.node.pod_networks.first().copied();
    let origins = node::origins(here.view, &here.fib, own, here.node.addresses.first().copied());
    let mut worst: Option<(Ipv4Addr, Way)> = None;
    for destination in peer.pod_networks.iter().flat_map(|network| here.fib.samples(*network)) {
        for origin in &origins {
            let way = judge.way(peer, &origin.flow(destination));
            worst = Some(match worst.take() {
                None => (destination, way),
                Some((known, before)) => {
                    let kept = worse(before.clone(), way);
                    if kept == before { (known, kept) } else { (destination, kept) }
                }
            });
        }
    }
    worst
}

/// How many ways there are, of each sort.
#[derive(Debug, Default)]
struct Totals {
    direct: usize,
    by_network: usize,
    by_node: usize,
}

/// What was found on one node.
#[derive(Default)]
struct Found<'a> {
    direct: usize,
    /// To the network by a route of their own.
    routed: usize,
    by_node: usize,
    /// Peers that only the default route leads to, with it.
    defaults: Vec<(&'a ForeignNode, String)>,
    astray: BTreeMap<Reason, Vec<(&'a ForeignNode, Ipv4Addr, String)>>,
    open: Vec<String>,
}

impl<'a> Found<'a> {
    fn take(&mut self, peer: &'a ForeignNode, destination: Ipv4Addr, way: Way, detours: &mut Detours, here: &Here<'_>) {
        match way {
            Way::Direct => self.direct += 1,
            Way::ByNetwork { router, default: true } => {
                self.defaults.push((peer, router.map(words::via).unwrap_or_default()));
            }
            Way::ByNetwork { default: false, .. } => self.routed += 1,
            Way::ByNode(via) => {
                self.by_node += 1;
                detours.add(here.node.name.clone(), peer.name.clone(), via, destination);
            }
            Way::Astray(reason, observed) => self.astray.entry(reason).or_default().push((peer, destination, observed)),
            Way::Open(why) => self.open.push(why),
        }
    }

    /// The ways that lead astray, one for each peer.
    fn roads(&self, here: &Here<'_>) -> impl Iterator<Item = Road> {
        let from = &here.node.name;
        let all = self.astray.iter().flat_map(|(reason, peers)| peers.iter().map(move |peer| (*reason, peer)));
        all.filter_map(|(reason, (peer, destination, observed))| {
            let pods = *peer.pod_networks.iter().find(|network| network.contains(destination))?;
            let way = road::Way::Astray { reason, observed: observed.clone() };
            Some(Road { from: from.clone(), to: peer.name.clone(), pods, way })
        })
    }

    /// Weighs it, and tells it in a line.
    fn conclude(self, here: &Here<'_>, routes: RoutesBy, totals: &mut Totals, weighing: &mut Weighing) -> String {
        let name = &here.node.name;
        for (reason, peers) in &self.astray {
            refute(name, *reason, peers, routes, weighing);
        }
        for why in self.open {
            weighing.miss(format!("{name}: {why}"));
        }
        // Where most peers have routes of their own, those make the rest suspect: whether a router leads there is not seen.
        let own = self.direct + self.routed + self.by_node;
        if let Some((peer, by)) = self.defaults.first().filter(|_first| own > self.defaults.len()) {
            weighing.miss(format!(
                "{name}: the pods of {} have no route of their own, as those of {own} other peers have, and would leave by \
                 default {by}; whether it leads there is not known{}",
                peer.name,
                match self.defaults.len() - 1 {
                    0 => String::new(),
                    more => format!("; nor of {more} more peers"),
                }
            ));
        }
        totals.direct += self.direct;
        totals.by_network += self.routed + self.defaults.len();
        totals.by_node += self.by_node;
        let mut parts = vec![format!("{} peers direct", self.direct)];
        parts.extend((self.routed > 0).then(|| format!("{} by routers", self.routed)));
        parts.extend(self.defaults.first().map(|(_, by)| format!("{} by default {by}", self.defaults.len())));
        parts.extend((self.by_node > 0).then(|| format!("{} by other nodes", self.by_node)));
        format!("{name}: {}", parts.join(", "))
    }
}

fn refute(
    name: &NodeName,
    reason: Reason,
    peers: &[(&ForeignNode, Ipv4Addr, String)],
    routes: RoutesBy,
    weighing: &mut Weighing,
) {
    let Some((peer, destination, observed)) = peers.first() else { return };
    let network = peer.pod_networks.first().map(ToString::to_string).unwrap_or_default();
    let expected = match (routes, peer.addresses.first()) {
        (RoutesBy::Network, _) | (_, None) => format!("{name}: a way to {}'s {network}", peer.name),
        (_, Some(address)) => format!("{name}: {}'s {network} via {address}", peer.name),
    };
    let names: Vec<String> = peers.iter().skip(1).map(|(peer, ..)| peer.name.0.clone()).collect();
    let more = match names.len() {
        0 => String::new(),
        more => format!("; likewise {more} more peers: {}", words::few(&names, PEERS_NAMED, ", ")),
    };
    weighing.refute(
        reason,
        Place::Node(name.clone()),
        expected,
        format!("{name}: {}'s {network}: {observed}{more}", peer.name),
        Some(format!("ip route get {destination}")),
    );
}

fn proof(totals: &Totals, nodes: usize, lines: Vec<String>) -> Proof {
    let Totals { direct, by_network, by_node } = *totals;
    let all = direct + by_network + by_node;
    let mut parts = vec![format!("{direct} of {all} ways to peers' pods on {nodes} nodes lead to the peer itself")];
    if by_network > 0 {
        parts.push(format!("{by_network} to routers of the network, whose own routes were not looked at"));
    }
    if by_node > 0 {
        parts.push(format!("{by_node} to another node that leads to the peer"));
    }
    Proof::new(parts.join(", ")).with_details(lines)
}
