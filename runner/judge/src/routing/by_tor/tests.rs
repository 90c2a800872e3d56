//! Nodes that have the default route alone, and one that knows more.

use super::*;
use crate::fixture::{self, CONTROL_PLANE, WORKER, racks, route, rule};
use lab_model::NotHeld;
use lab_model::observe::NetnsView;

fn judged(change: impl FnOnce(&mut RoutingSeen)) -> Judgement {
    let mut seen = racks::nodes();
    change(&mut seen);
    peers_by_the_tor_alone(&seen, &racks::expectations())
}

fn worker(seen: &mut RoutingSeen) -> &mut NetnsView {
    seen.nodes.get_mut(&NodeName::from(WORKER)).expect("a worker")
}

/// What was observed on kind-worker in place of the default route to its ToR, once for each peer that it is about.
#[track_caller]
fn refuted(peers: usize, change: impl FnOnce(&mut NetnsView)) -> String {
    match judged(|seen| change(worker(seen))) {
        Err(NotHeld::Refuted(findings)) => {
            let found: Vec<_> = findings.iter().map(|finding| (finding.reason, finding.place.clone())).collect();
            assert_eq!(found, vec![(Reason::OwnRouteToPeer, Place::Node(WORKER.into())); peers], "{findings:#?}");
            findings[0].observed.clone()
        }
        other => panic!("should be refuted: {other:#?}"),
    }
}

#[track_caller]
fn unobserved(why: &str, change: impl FnOnce(&mut RoutingSeen)) {
    assert_eq!(judged(change), Err(NotHeld::Unobserved(why.to_owned())));
}

#[test]
fn the_default_route_to_the_own_tor_holds() {
    let proof = judged(|_| {}).expect("held");
    assert_eq!(
        proof.summary,
        "3 of 3 nodes have no route to a peer's pods but the default route to their ToR; \
         kind-control-plane: default via 172.18.0.1 dev eth0"
    );
    assert_eq!(proof.details[2], "kind-worker2: default via 172.18.1.1 dev eth0");
}

#[test]
fn a_route_to_a_peers_pods_refutes() {
    let direct = refuted(1, |view| view.routes.push(route("10.0.0.0/24 via 172.18.0.2 dev eth0")));
    assert_eq!(direct, "kind-worker: 10.0.0.0/24 via 172.18.0.2 dev eth0");
    // To a part of them; one that no packet takes; one to a ToR, which the default route leads to anyway.
    refuted(1, |view| view.routes.push(route("10.0.2.128/25 via 172.18.0.1 dev eth0")));
    refuted(1, |view| view.routes.push(route("10.0.2.0/24 via 172.18.0.1 dev eth0 table 77")));
    refuted(1, |view| view.routes.push(route("blackhole 10.0.2.0/24")));
    // Around all of them.
    refuted(2, |view| view.routes.push(route("10.0.0.0/8 via 172.18.0.1 dev eth0")));
}

#[test]
fn another_default_route_refutes() {
    let with = |text: &'static str| {
        refuted(2, |view| {
            view.routes.retain(|route| route.destination.prefix_len() > 0);
            view.routes.extend((!text.is_empty()).then(|| route(text)));
        })
    };
    assert_eq!(with(""), "kind-worker: 10.0.0.0 has no route");
    assert_eq!(with("default via 172.18.0.2 dev eth0"), "kind-worker: 10.0.0.0 takes default via 172.18.0.2 dev eth0");
    with("default via 172.18.0.1 dev eth1");
    with("default encap via 172.18.0.1 dev eth0");
    with("default dev eth0");
    assert_eq!(with("unreachable default"), "kind-worker: 10.0.0.0 is refused by a rule or a route");
}

/// The node's own packets go to the ToR, and those of its pods do not.
#[test]
fn a_rule_for_pods_packets_refutes() {
    for selector in ["from 10.0.1.0/24", "from all iif lxc7"] {
        let observed = refuted(2, |view| {
            view.rules.insert(1, rule(&format!("5: {selector} lookup 77")));
            view.routes.push(route("default via 172.18.0.2 dev eth0 table 77"));
        });
        let takes = "kind-worker: 10.0.0.0 from 10.0.1.12 takes default via 172.18.0.2 dev eth0 table 77";
        assert_eq!(observed, takes);
    }
}

#[test]
fn what_was_not_seen_proves_nothing() {
    unobserved("no node was looked into", |seen| seen.nodes.clear());
    unobserved("2 of 3 nodes were looked into", |seen| drop(seen.nodes.remove(&NodeName::from(CONTROL_PLANE))));
    unobserved("the pod CIDR of kind-worker is not known", |seen| {
        seen.pod_cidrs.by_node.remove(&WORKER.into());
    });
    unobserved("kind-stranger is in none of the racks", |seen| {
        seen.nodes.insert("kind-stranger".into(), racks::node_view(1));
        seen.pod_cidrs.by_node.insert("kind-stranger".into(), fixture::net("10.0.9.0/24"));
    });
    let without = peers_by_the_tor_alone(&racks::nodes(), &fixture::expectations());
    let missing = "what the lab was built from does not say how its racks should be";
    assert_eq!(without, Err(NotHeld::Unobserved(missing.to_owned())));
    let rules = judged(|seen| {
        worker(seen).rules.insert(0, rule("5: from all uidrange lookup 77"));
        worker(seen).routes.push(route("default via 172.18.0.2 dev eth0 table 77"));
    });
    assert!(matches!(&rules, Err(NotHeld::Unobserved(why)) if why.starts_with("kind-worker: ")), "{rules:?}");
}
