//! Who answers ARP for whom, and whether packets for a peer go to it at all.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::UPLINK;
use crate::routing;
use crate::weighing::{Weighing, unobserved};
use lab_model::expect::Expectations;
use lab_model::observe::{MacAddr, NodeName, Place, Resolution, Resolved};
use lab_model::seen::AdjacencySeen;
use lab_model::{Judgement, Proof, Reason};

/// No router is between the nodes: each resolves each peer's eth0 address to the peer's own link-layer address, and its
/// packets for that address, its own and those that it forwards for a pod, go there by eth0 without a router as next hop.
/// The rules and routes say so, and the kernel's own lookups agree. Observations without any lookups are older than those:
/// they are decided by rules and routes alone, and the proof says so.
///
/// # Errors
/// For each ordered pair of nodes [`Reason::NoArpAnswer`] or [`Reason::AnotherAnswersForPeer`], and
/// [`Reason::PeerBehindRouter`], [`Reason::WrongDevice`], [`Reason::ThroughTunnel`], [`Reason::RouteMissing`] or
/// [`Reason::KernelDisagrees`]. Unobserved when a pair was not asked about, when the peer's own addresses or a node's
/// rules and routes are not known, or when a kernel was asked about others and not about a peer.
pub fn peers_are_adjacent(seen: &AdjacencySeen, expect: &Expectations) -> Judgement {
    if seen.nodes.len() < 2 {
        return unobserved(format!("{} nodes were seen; a peer takes two", seen.nodes.len()));
    }
    let mut weighing = Weighing::default();
    if seen.nodes.len() < expect.nodes() {
        weighing.miss(format!("{} of {} nodes were seen", seen.nodes.len(), expect.nodes()));
    }
    let peers = peers(seen, &mut weighing);
    let mut owners: BTreeMap<MacAddr, Vec<&NodeName>> = BTreeMap::new();
    for peer in &peers {
        owners.entry(peer.mac).or_default().push(peer.name);
    }
    for (mac, names) in owners.iter().filter(|(_mac, names)| names.len() > 1) {
        let names: Vec<&str> = names.iter().map(|name| name.0.as_str()).collect();
        weighing
            .miss(format!("{mac} is the link-layer address of {}: who answers cannot be told", names.join(" and ")));
    }
    let mut lines = Vec::new();
    for asker in seen.nodes.keys() {
        let asked = by_address(seen.resolutions.get(asker).map_or(&[], Vec::as_slice));
        for peer in peers.iter().filter(|peer| peer.name != asker) {
            let resolutions = asked.get(&peer.address).map_or(&[][..], Vec::as_slice);
            if let Some(line) = weigh(asker, peer, resolutions, &owners, &mut weighing) {
                lines.push(line);
            }
        }
    }
    let (ways, agreed) = routing::weigh_ways(&seen.nodes, seen.lookups.as_ref(), &mut weighing);
    let total = lines.len();
    lines.push(match agreed {
        Some(lookups) => format!("{lookups} of {lookups} lookups of the kernel's own agree on the ways to the peers"),
        None => "the kernel was not asked for its own ways to the peers: rules and routes alone tell them".to_owned(),
    });
    weighing.conclude(|| {
        Proof::new(format!(
            "{total} of {total} ARP answers come from the peer itself; no router on {ways} of {ways} ways to it"
        ))
        .with_details(lines)
    })
}

/// A node's own eth0, as the node itself sees it.
struct Peer<'a> {
    name: &'a NodeName,
    address: Ipv4Addr,
    mac: MacAddr,
}

fn peers<'a>(seen: &'a AdjacencySeen, weighing: &mut Weighing) -> Vec<Peer<'a>> {
    let mut peers = Vec::new();
    for (name, view) in &seen.nodes {
        let mac = view.link(UPLINK).and_then(|link| link.mac);
        match (view.address_of(UPLINK), mac) {
            (Some(address), Some(mac)) => peers.push(Peer { name, address: address.addr(), mac }),
            (None, _) => weighing.miss(format!("no IPv4 address was seen on {UPLINK} of {name}")),
            (_, None) => weighing.miss(format!("no link-layer address was seen on {UPLINK} of {name}")),
        }
    }
    peers
}

/// What was asked on eth0, by the address asked for.
fn by_address(resolutions: &[Resolution]) -> BTreeMap<Ipv4Addr, Vec<&Resolved>> {
    let mut asked: BTreeMap<Ipv4Addr, Vec<&Resolved>> = BTreeMap::new();
    for resolution in resolutions.iter().filter(|resolution| resolution.device == UPLINK) {
        asked.entry(resolution.address).or_default().push(&resolution.outcome);
    }
    asked
}

/// The line of a proof, when the peer itself answered each time that it was asked for.
fn weigh(
    asker: &NodeName,
    peer: &Peer<'_>,
    resolutions: &[&Resolved],
    owners: &BTreeMap<MacAddr, Vec<&NodeName>>,
    weighing: &mut Weighing,
) -> Option<String> {
    let Peer { name, address, mac } = peer;
    if resolutions.is_empty() {
        weighing.miss(format!("{asker} did not ask for {name} ({address}) on {UPLINK}"));
        return None;
    }
    let mut all_asked = true;
    for outcome in resolutions {
        let (reason, observed) = match outcome {
            Resolved::Answered(answered) if answered == mac => continue,
            Resolved::Answered(other) => {
                let whose = owners.get(other).and_then(|names| names.first());
                let whose = whose.map_or_else(|| "no node's".to_owned(), |owner| format!("{owner}'s"));
                (Reason::AnotherAnswersForPeer, format!("{other} answers, which is {whose}"))
            }
            Resolved::Silent => (Reason::NoArpAnswer, "nobody answers".to_owned()),
            Resolved::NotAsked(why) => {
                weighing.miss(format!("{asker} could not ask for {name} ({address}): {why}"));
                all_asked = false;
                continue;
            }
        };
        weighing.refute(
            reason,
            Place::Node(asker.clone()),
            format!("{asker}: {mac} answers for {address}, as it is {name}'s own"),
            format!("{asker}: {observed}"),
            Some(format!("arping -c 1 -I {UPLINK} {address}")),
        );
        return None;
    }
    all_asked.then(|| format!("{asker}: {address} is at {mac}, {name}'s own"))
}
