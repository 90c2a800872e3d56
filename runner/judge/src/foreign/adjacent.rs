//! Neighbours: in one subnet no router is between nodes.

use ipnet::Ipv4Net;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::of_foreign;
use super::sent::{beyond_pairs, of_sample, unknown};
use crate::weighing::Weighing;
use lab_model::expect::Expectations;
use lab_model::foreign::ForeignAdjacencySeen;
use lab_model::observe::{LookupOutcome, MacAddr, NeighbourState, NodeName, Place, RouteKind};
use lab_model::{Judgement, Proof, Reason};

/// Each node has for each peer in the same subnet that was looked at the peer's own link-layer address, and its kernel sends
/// packets for it there, without a router.
///
/// # Errors
/// [`Reason::NoArpAnswer`], [`Reason::AnotherAnswersForPeer`], [`Reason::PeerBehindRouter`], [`Reason::WrongDevice`] or
/// [`Reason::RouteMissing`] for a pair. Unobserved where no two nodes are in one subnet, and where a pair was not looked at.
pub fn peers_are_adjacent(seen: &ForeignAdjacencySeen, expect: &Expectations) -> Judgement {
    of_foreign(expect)?;
    let mut weighing = Weighing::default();
    if seen.sample.pairs.is_empty() {
        weighing.miss("no two nodes that take part are in one subnet: no peer should be adjacent");
    }
    let mut owners: BTreeMap<MacAddr, Vec<&NodeName>> = BTreeMap::new();
    for name in seen.nodes.keys() {
        if let Some((_, mac)) = identity(seen, name) {
            owners.entry(mac).or_default().push(name);
        }
    }
    let mut lines = Vec::new();
    for (from, to) in &seen.sample.pairs {
        let Some((address, mac)) = identity(seen, to) else {
            weighing.miss(format!("{to}'s own addresses are not known"));
            continue;
        };
        let pair = Pair { seen, from, to, address, mac };
        pair.weigh_neighbour(&owners, &mut weighing);
        pair.weigh_way(&mut weighing);
        lines.push(format!("{from}: {address} is at {mac}, {to}'s own"));
    }
    if let Some(unknown) = unknown(&seen.sample, seen.nodes.len(), expect) {
        weighing.miss(unknown);
    }
    let (with_peers, alone): (Vec<&NodeName>, Vec<&NodeName>) = seen
        .nodes
        .keys()
        .partition(|node| seen.nodes.keys().any(|other| other != *node && subnet(seen, node) == subnet(seen, other)));
    let looked = lines.len();
    let judged = weighing.conclude(|| {
        let alone = match alone.len() {
            0 => String::new(),
            some => format!("; {some} have no peer in their subnet"),
        };
        Proof::new(format!(
            "{looked} of {looked} peers in the same subnet are at their own link-layer address, no router on the way; each of {} \
             nodes was looked at with one peer or more of its subnet{alone}",
            with_peers.len()
        ))
        .with_details(lines)
    });
    of_sample(judged, &seen.sample, beyond_pairs(&seen.sample, with_peers.iter().copied()), None)
}

/// The network that a node's own address is in.
fn subnet(seen: &ForeignAdjacencySeen, node: &NodeName) -> Option<Ipv4Net> {
    Some(seen.nodes.get(node)?.address_of(seen.uplinks.get(node)?)?.trunc())
}

/// A node's own address on the link to its peers.
fn identity(seen: &ForeignAdjacencySeen, node: &NodeName) -> Option<(Ipv4Addr, MacAddr)> {
    let (view, uplink) = (seen.nodes.get(node)?, seen.uplinks.get(node)?);
    Some((view.address_of(uplink)?.addr(), view.link(uplink)?.mac?))
}

/// A node, and a peer in its subnet.
struct Pair<'a> {
    seen: &'a ForeignAdjacencySeen,
    from: &'a NodeName,
    to: &'a NodeName,
    address: Ipv4Addr,
    mac: MacAddr,
}

impl Pair<'_> {
    fn refute(&self, reason: Reason, expected: &str, observed: &str, by_hand: String, weighing: &mut Weighing) {
        let Self { from, to, .. } = self;
        weighing.refute(
            reason,
            Place::Node((*from).clone()),
            format!("{from}: {expected}, as it is {to}'s own"),
            format!("{from}: {observed}"),
            Some(by_hand),
        );
    }

    /// The kernel's entry must have the peer's own link-layer address.
    fn weigh_neighbour(&self, owners: &BTreeMap<MacAddr, Vec<&NodeName>>, weighing: &mut Weighing) {
        let Self { seen, from, to, address, mac } = self;
        let uplink = seen.uplinks.get(*from).map_or("", String::as_str);
        let entries = seen.neighbours.get(*from).map(Vec::as_slice).unwrap_or_default();
        let entry = entries.iter().find(|entry| entry.address == *address && entry.device == uplink);
        let expected = format!("{address} at {mac} on {uplink}");
        let by_hand = format!("ip neighbour show {address}");
        match entry.map(|entry| (entry.state, entry.mac)) {
            Some((NeighbourState::Failed | NeighbourState::Incomplete, _)) => {
                let observed = format!("nobody answers for {address} on {uplink}");
                self.refute(Reason::NoArpAnswer, &expected, &observed, by_hand, weighing);
            }
            Some((NeighbourState::Permanent | NeighbourState::Noarp, _)) => {
                weighing
                    .miss(format!("{from}: its entry for {to} ({address}) was set by hand: who answers is not known"));
            }
            Some((_, Some(other))) if other != *mac => {
                let whose = owners.get(&other).and_then(|names| names.first());
                let whose = whose.map_or_else(|| "no node's".to_owned(), |owner| format!("{owner}'s"));
                let observed = format!("{address} at {other} on {uplink}, which is {whose}");
                self.refute(Reason::AnotherAnswersForPeer, &expected, &observed, by_hand, weighing);
            }
            Some((_, Some(_))) => {}
            Some((_, None)) | None => weighing.miss(format!("{from} has no entry for {to} ({address}) on {uplink}")),
        }
    }

    /// The kernel must send packets for the peer to it by the link of that subnet.
    fn weigh_way(&self, weighing: &mut Weighing) {
        let Self { seen, from, to, address, .. } = self;
        let uplink = seen.uplinks.get(*from).map_or("", String::as_str);
        let lookups = seen.lookups.get(*from).map(Vec::as_slice).unwrap_or_default();
        let Some(lookup) = lookups.iter().find(|lookup| lookup.query.destination == *address) else {
            return weighing.miss(format!("{from}'s kernel was not asked for its way to {to} ({address})"));
        };
        let expected = format!("packets for {address} by {uplink}, without a router");
        let by_hand = format!("ip route get {address}");
        let (reason, observed) = match &lookup.outcome {
            LookupOutcome::NoRoute(why) => (Reason::RouteMissing, format!("no route: {why}")),
            LookupOutcome::Route { kind, .. } if *kind != RouteKind::Unicast => {
                (Reason::RouteMissing, format!("a route that is {kind:?}"))
            }
            LookupOutcome::Route { hop, .. } => match (hop.gateway, hop.device.as_deref()) {
                (Some(gateway), _) if gateway != IpAddr::V4(*address) => {
                    (Reason::PeerBehindRouter, format!("packets for {address} by the router {gateway}"))
                }
                (_, Some(device)) if device != uplink => {
                    (Reason::WrongDevice, format!("packets for {address} by {device}"))
                }
                _ => return,
            },
        };
        self.refute(reason, &expected, &observed, by_hand, weighing);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foreign::fixture::{adjacent, expecting_two};
    use lab_model::NotHeld;

    fn judged(change: impl FnOnce(&mut ForeignAdjacencySeen)) -> Judgement {
        let mut seen = adjacent();
        change(&mut seen);
        peers_are_adjacent(&seen, &expecting_two(&[]))
    }

    fn reasons(change: impl FnOnce(&mut ForeignAdjacencySeen)) -> Vec<Reason> {
        judged(change).expect_err("refuted").reasons()
    }

    fn unobserved(change: impl FnOnce(&mut ForeignAdjacencySeen)) -> String {
        match judged(change) {
            Err(NotHeld::Unobserved(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn accepts_peers_that_are_at_their_own_address() {
        let proof = judged(|_| {}).expect("held");
        let all = "2 of 2 peers in the same subnet are at their own link-layer address, no router on the way; each of 2 \
                   nodes was looked at with one peer or more of its subnet";
        assert_eq!(proof.summary, all);
        // A node alone in its subnet has no peer that should be adjacent.
        let proof = judged(|seen| {
            let mut view = seen.nodes[&"worker-2".into()].clone();
            view.addresses[0].address = "192.168.9.13/24".parse().expect("an address");
            seen.nodes.insert("worker-3".into(), view);
            seen.uplinks.insert("worker-3".into(), seen.uplinks[&"worker-2".into()].clone());
        });
        assert_eq!(proof.expect("held").summary, format!("{all}; 1 have no peer in their subnet"));
    }

    #[test]
    fn refutes_a_router_in_between() {
        let own = |seen: &mut ForeignAdjacencySeen, change: fn(&mut lab_model::observe::Neighbour)| {
            change(&mut seen.neighbours.get_mut(&"worker-1".into()).expect("a node")[0]);
        };
        let other = |entry: &mut lab_model::observe::Neighbour| entry.mac = Some(MacAddr([2, 0, 0, 0, 0, 99]));
        assert_eq!(reasons(|seen| own(seen, other)), [Reason::AnotherAnswersForPeer]);
        let failed = |entry: &mut lab_model::observe::Neighbour| {
            (entry.state, entry.mac) = (NeighbourState::Failed, None);
        };
        assert_eq!(reasons(|seen| own(seen, failed)), [Reason::NoArpAnswer]);
        let way = |seen: &mut ForeignAdjacencySeen, change: fn(&mut lab_model::observe::NextHop)| {
            let lookup = &mut seen.lookups.get_mut(&"worker-1".into()).expect("a node")[0];
            let LookupOutcome::Route { hop, .. } = &mut lookup.outcome else { panic!("no route") };
            change(hop);
        };
        let routed = |hop: &mut lab_model::observe::NextHop| hop.gateway = Some(Ipv4Addr::new(192, 168, 7, 1).into());
        assert_eq!(reasons(|seen| way(seen, routed)), [Reason::PeerBehindRouter]);
        let elsewhere = |hop: &mut lab_model::observe::NextHop| hop.device = Some("ens4".to_owned());
        assert_eq!(reasons(|seen| way(seen, elsewhere)), [Reason::WrongDevice]);
    }

    #[test]
    fn what_was_not_looked_at_is_unobserved() {
        assert!(unobserved(|seen| seen.sample.pairs.clear()).contains("no two nodes that take part are in one subnet"));
        let one_way = unobserved(|seen| seen.sample.pairs.truncate(1));
        assert!(
            one_way.starts_with(
                "of the pairs that stand for others none is of worker-1, worker-2 both ways; of the others: 1 of 1"
            ),
            "{one_way}"
        );
        let unknown = unobserved(|seen| drop(seen.nodes.remove(&"worker-2".into())));
        assert!(unknown.contains("of 1 of 2 nodes nothing is known"), "{unknown}");
        assert!(unobserved(|seen| seen.neighbours.clear()).contains("has no entry for"));
        let elsewhere = |seen: &mut ForeignAdjacencySeen| {
            seen.neighbours.get_mut(&"worker-1".into()).expect("a node")[0].device = "ens4".to_owned();
        };
        assert!(unobserved(elsewhere).contains("worker-1 has no entry for worker-2 (192.168.7.12) on ens3"));
        assert!(unobserved(|seen| seen.lookups.clear()).contains("was not asked for its way"));
        let by_hand = unobserved(|seen| {
            seen.neighbours.get_mut(&"worker-1".into()).expect("a node")[0].state = NeighbourState::Permanent;
        });
        assert!(by_hand.contains("was set by hand"), "{by_hand}");
        let silent = unobserved(|seen| drop(seen.sample.silent.insert("worker-9".into(), "no kubelet".to_owned())));
        assert!(silent.starts_with("worker-9: no kubelet; of the other nodes: 2 of 2"), "{silent}");
    }
}
