//! Who answers for whom: labs whose nodes are neighbours, and labs with one thing wrong each.

mod ways;

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
    let mut seen = AdjacencySeen { resolutions: resolutions.collect(), nodes: nodes.clone(), lookups: None };
    ask_kernel(&mut seen);
    seen
}

/// What kernels with these tables answer to all questions.
fn ask_kernel(seen: &mut AdjacencySeen) {
    seen.lookups = Some(fixture::answers(&seen.nodes, routing::peer_questions(&seen.nodes)));
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
    assert_eq!(proof.summary, "6 of 6 ARP answers come from the peer itself; no router on 6 of 6 ways to it");
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
