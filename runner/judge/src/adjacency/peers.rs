//! Who answers ARP for whom.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::UPLINK;
use crate::weighing::{Weighing, unobserved};
use lab_model::expect::Expectations;
use lab_model::observe::{MacAddr, NodeName, Place, Resolution, Resolved};
use lab_model::seen::AdjacencySeen;
use lab_model::{Judgement, Proof, Reason};

/// Each node resolves each peer's eth0 address to the peer's own link-layer address: no router is in between.
///
/// # Errors
/// For each ordered pair of nodes [`Reason::NoArpAnswer`] or [`Reason::AnotherAnswersForPeer`]. Unobserved when a pair was
/// not asked about, or when the peer's own addresses are not known.
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
    let total = lines.len();
    weighing.conclude(|| {
        Proof::new(format!("{total} of {total} ARP answers come from the peer itself")).with_details(lines)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::fixture::{expectations, mac};
    use lab_model::{Finding, NotHeld};

    fn seen() -> AdjacencySeen {
        let nodes = fixture::views(3, fixture::base_view);
        let resolutions = nodes.keys().map(|asker| {
            let others = nodes.iter().filter(|(name, _view)| *name != asker).map(|(_name, view)| Resolution {
                address: view.address_of("eth0").expect("an address").addr(),
                device: "eth0".to_owned(),
                outcome: Resolved::Answered(view.link("eth0").and_then(|link| link.mac).expect("a link-layer address")),
            });
            (asker.clone(), others.collect())
        });
        AdjacencySeen { resolutions: resolutions.collect(), nodes: nodes.clone() }
    }

    /// kind-worker's question for kind-worker2.
    fn question(seen: &mut AdjacencySeen) -> &mut Resolution {
        &mut seen.resolutions.get_mut(&NodeName::from(fixture::WORKER)).expect("resolutions")[1]
    }

    fn judged(change: impl FnOnce(&mut AdjacencySeen)) -> Judgement {
        let mut seen = seen();
        change(&mut seen);
        peers_are_adjacent(&seen, &expectations())
    }

    fn refuted(outcome: Resolved) -> Finding {
        match judged(|seen| question(seen).outcome = outcome) {
            Err(NotHeld::Refuted(mut findings)) if findings.len() == 1 => findings.remove(0),
            other => panic!("not refuted once: {other:?}"),
        }
    }

    fn unobserved_text(judgement: Judgement) -> String {
        match judgement {
            Err(NotHeld::Unobserved(what)) => what,
            other => panic!("not unobserved: {other:?}"),
        }
    }

    #[test]
    fn accepts_peers_that_answer_for_themselves() {
        let proof = judged(|_seen| {}).expect("held");
        assert_eq!(proof.summary, "6 of 6 ARP answers come from the peer itself");
        assert_eq!(proof.details[3], "kind-worker: 172.18.0.4 is at 02:42:ac:12:00:04, kind-worker2's own");
    }

    #[test]
    fn refutes_silence() {
        let finding = refuted(Resolved::Silent);
        assert_eq!(finding.reason, Reason::NoArpAnswer);
        assert_eq!(finding.by_hand.as_deref(), Some("arping -c 1 -I eth0 172.18.0.4"));
    }

    #[test]
    fn refutes_another_that_answers_and_says_who() {
        let router = refuted(Resolved::Answered(mac("02:00:00:00:00:01")));
        assert_eq!(router.reason, Reason::AnotherAnswersForPeer);
        assert_eq!(router.observed, "kind-worker: 02:00:00:00:00:01 answers, which is no node's");
        let node = refuted(Resolved::Answered(mac("02:42:ac:12:00:02")));
        assert_eq!(node.reason, Reason::AnotherAnswersForPeer);
        assert_eq!(node.observed, "kind-worker: 02:42:ac:12:00:02 answers, which is kind-control-plane's");
    }

    #[test]
    fn refutes_one_bad_answer_among_good_ones() {
        let judgement = judged(|seen| {
            let mut second = question(seen).clone();
            second.outcome = Resolved::Answered(mac("02:00:00:00:00:01"));
            seen.resolutions.get_mut(&NodeName::from(fixture::WORKER)).expect("resolutions").push(second);
        });
        assert_eq!(judgement.expect_err("refuted").reasons(), [Reason::AnotherAnswersForPeer]);
    }

    #[test]
    fn pairs_that_were_not_asked_are_unobserved() {
        let missing = "kind-worker did not ask for kind-worker2 (172.18.0.4) on eth0";
        assert_eq!(
            unobserved_text(judged(|seen| {
                seen.resolutions.get_mut(&NodeName::from(fixture::WORKER)).expect("resolutions").pop();
            })),
            missing
        );
        assert_eq!(unobserved_text(judged(|seen| question(seen).device = "eth1".to_owned())), missing);
        assert_eq!(
            unobserved_text(judged(|seen| question(seen).outcome = Resolved::NotAsked("no such device".to_owned()))),
            "kind-worker could not ask for kind-worker2 (172.18.0.4): no such device"
        );
    }

    #[test]
    fn a_refutation_comes_before_what_was_not_asked() {
        let judgement = judged(|seen| {
            question(seen).outcome = Resolved::Silent;
            seen.resolutions.remove(&NodeName::from(fixture::CONTROL_PLANE));
        });
        assert_eq!(judgement.expect_err("refuted").reasons(), [Reason::NoArpAnswer]);
    }

    #[test]
    fn what_was_not_seen_of_nodes_is_unobserved() {
        assert_eq!(
            unobserved_text(judged(|seen| seen.nodes.retain(|name, _view| name.0 == fixture::WORKER))),
            "1 nodes were seen; a peer takes two"
        );
        assert_eq!(
            unobserved_text(judged(|seen| drop(seen.nodes.remove(&NodeName::from(fixture::WORKER2))))),
            "2 of 3 nodes were seen"
        );
        let worker2 = |seen: &mut AdjacencySeen| seen.nodes.remove(&NodeName::from(fixture::WORKER2)).expect("a node");
        assert_eq!(
            unobserved_text(judged(|seen| {
                let mut view = worker2(seen);
                view.links[1].mac = None;
                seen.nodes.insert(fixture::WORKER2.into(), view);
            })),
            "no link-layer address was seen on eth0 of kind-worker2"
        );
    }

    #[test]
    fn a_link_layer_address_of_two_nodes_tells_nothing() {
        let text = unobserved_text(judged(|seen| {
            for view in seen.nodes.values_mut() {
                view.links[1].mac = Some(mac("02:42:ac:12:00:02"));
            }
            for resolution in seen.resolutions.values_mut().flatten() {
                resolution.outcome = Resolved::Answered(mac("02:42:ac:12:00:02"));
            }
        }));
        assert!(text.ends_with("who answers cannot be told"), "{text}");
    }
}
