//! Labs whose routing holds, and labs with one thing wrong each.

use super::*;
use crate::fixture;
use crate::fixture::{addr, expectations, net};
use lab_model::observe::{Lookup, LookupOutcome, NetnsView, NextHop, NodeName, RouteKind, TABLE_MAIN};
use lab_model::road::Way;
use lab_model::{Finding, NotHeld, Reason};

/// What is judged of a lab in which kind-worker's view is changed so, and whose kernels decide as their tables say.
fn judged(change: impl FnOnce(&mut NetnsView)) -> Judgement {
    let mut seen = fixture::native(3);
    change(worker(&mut seen));
    fixture::ask_kernel(&mut seen);
    let whole = direct_route_to_every_peer(&seen, &expectations());
    // Kernels that agree with their tables change no verdict.
    let by_tables = tables_lead_directly(&seen, &expectations());
    match (&whole, &by_tables) {
        (Ok(_), Ok(_)) => {}
        (Err(whole), Err(by_tables)) => assert_eq!(whole, by_tables),
        _ => panic!("tables alone say {by_tables:?}, with the kernel {whole:?}"),
    }
    whole
}

fn worker(seen: &mut RoutingSeen) -> &mut NetnsView {
    seen.nodes.get_mut(&NodeName::from(fixture::WORKER)).expect("a worker")
}

fn findings(judgement: Judgement) -> Vec<Finding> {
    match judgement {
        Err(NotHeld::Refuted(findings)) => findings,
        other => panic!("not refuted: {other:?}"),
    }
}

/// The reasons against a lab in which kind-worker's view is changed so.
fn refuted(change: impl FnOnce(&mut NetnsView)) -> Vec<Reason> {
    findings(judged(change)).iter().map(|finding| finding.reason).collect()
}

/// Replaces kind-worker's route to kind-worker2's pod CIDR.
fn instead(view: &mut NetnsView, routes: &[&str]) {
    view.routes.retain(|route| route.destination != net("10.0.2.0/24"));
    view.routes.extend(routes.iter().map(|text| fixture::route(text)));
}

#[test]
fn accepts_ciliums_direct_routes_and_lists_the_rules_it_passes_over() {
    let proof = judged(|_view| {}).expect("held");
    assert_eq!(
        proof.summary,
        "6 of 6 direct; kind-control-plane: 10.0.1.0/24 via 172.18.0.3, 10.0.2.0/24 via 172.18.0.4; …"
    );
    assert_eq!(
        proof.details[1..],
        [
            "kind-worker: 10.0.0.0/24 via 172.18.0.2, 10.0.2.0/24 via 172.18.0.4",
            "kind-worker2: 10.0.0.0/24 via 172.18.0.2, 10.0.1.0/24 via 172.18.0.3",
            "pod CIDRs were read from CiliumNode.spec.ipam.podCIDRs",
            "36 of 36 lookups of the kernel's own agree",
            "no such packet matches rule 10: from all fwmark 0xa00/0xf00 lookup 2005 (3 of 3 nodes)",
            "no such packet matches rule 9: from all fwmark 0x200/0xf00 lookup 2004 (3 of 3 nodes)",
        ]
    );
}

#[test]
fn a_rule_that_a_packet_to_a_peer_matches_is_not_passed_over() {
    // It leads to no table that has a route, and so the next one decides.
    let proof =
        judged(|view| view.rules.insert(2, fixture::rule("50: from all to 10.0.2.0/24 lookup 77"))).expect("held");
    assert!(!proof.details.iter().any(|line| line.contains("lookup 77")), "{proof:?}");
    let proof =
        judged(|view| view.rules.insert(2, fixture::rule("50: from all to 10.9.0.0/16 lookup 77"))).expect("held");
    assert!(proof.details.iter().any(|line| line.contains("lookup 77 (1 of 3 nodes)")), "{proof:?}");
}

#[test]
fn accepts_thirty_nodes_and_names_a_few() {
    let seen = fixture::native(30);
    let expect = lab_model::expect::Expectations { workers: 29, ..expectations() };
    let proof = direct_route_to_every_peer(&seen, &expect).expect("held");
    assert!(proof.summary.starts_with("870 of 870 direct; kind-control-plane: "), "{}", proof.summary);
    assert!(proof.summary.ends_with(" and 25 more; …"), "{}", proof.summary);
}

#[test]
fn accepts_detours_that_end_at_the_peer() {
    judged(|view| instead(view, &["10.0.2.0/24 via 172.18.0.4 dev eth0", "10.0.2.0/25 via 172.18.0.4 dev eth0"]))
        .expect("a more specific route to the same peer holds");
    judged(|view| {
        view.rules.push(fixture::rule("50: from all lookup 100"));
        view.routes.push(fixture::route("10.0.2.0/24 via 172.18.0.4 dev eth0 table 100"));
    })
    .expect("a route of another table to the same peer holds");
}

#[test]
fn refutes_a_missing_route_and_says_where_the_packet_would_leave() {
    let findings = findings(judged(|view| instead(view, &[])));
    let [finding] = findings.as_slice() else { panic!("{findings:?}") };
    assert_eq!(finding.reason, Reason::RouteMissing);
    assert_eq!(finding.expected, "kind-worker: 10.0.2.0/24 via 172.18.0.4 dev eth0");
    assert_eq!(finding.observed, "kind-worker: no route; 10.0.2.1 would leave through default via 172.18.0.1");
    assert_eq!(finding.by_hand.as_deref(), Some("ip route get 10.0.2.1"));
}

#[test]
fn refutes_as_missing_what_leads_nowhere() {
    for kind in ["blackhole", "unreachable"] {
        assert_eq!(refuted(|view| instead(view, &[&format!("{kind} 10.0.2.0/24")])), [Reason::RouteMissing]);
    }
    let without_default = |view: &mut NetnsView| {
        instead(view, &[]);
        view.routes.retain(|route| route.destination.prefix_len() > 0);
    };
    assert_eq!(refuted(without_default), [Reason::RouteMissing]);
}

#[test]
fn refutes_a_wrong_next_hop() {
    for wrong in ["10.0.2.0/24 via 172.18.0.2 dev eth0", "10.0.2.0/24 dev eth0"] {
        assert_eq!(refuted(|view| instead(view, &[wrong])), [Reason::WrongNextHop], "{wrong}");
    }
    // The right one has the worse metric.
    let both = ["10.0.2.0/24 via 172.18.0.4 dev eth0 metric 5", "10.0.2.0/24 via 172.18.0.2 dev eth0"];
    assert_eq!(refuted(|view| instead(view, &both)), [Reason::WrongNextHop]);
}

#[test]
fn refutes_one_of_several_hops() {
    let multipath = |view: &mut NetnsView| {
        let direct = view.routes.iter_mut().find(|route| route.destination == net("10.0.2.0/24")).expect("a route");
        direct.hops.push(fixture::route("default via 172.18.0.2 dev eth0").hops.remove(0));
    };
    assert_eq!(refuted(multipath), [Reason::WrongNextHop]);
}

#[test]
fn refutes_tunnel_devices_and_routes_that_encapsulate() {
    for kind in ["vxlan", "geneve", "ipip", "gre", "wireguard"] {
        let tunnel = |view: &mut NetnsView| {
            view.links.push(fixture::link(20, "tunnel", Some(kind)));
            instead(view, &["10.0.2.0/24 via 172.18.0.4 dev tunnel"]);
        };
        assert_eq!(refuted(tunnel), [Reason::ThroughTunnel], "{kind}");
    }
    assert_eq!(refuted(|view| instead(view, &["10.0.2.0/24 encap via 172.18.0.4 dev eth0"])), [Reason::ThroughTunnel]);
}

#[test]
fn refutes_ciliums_vxlan_mode_by_the_tunnel_behind_its_own_address() {
    let route = "10.0.2.0/24 via 10.0.1.104 dev cilium_host mtu 1450";
    let vxlan = |view: &mut NetnsView| {
        view.links.push(fixture::link(20, "cilium_vxlan", Some("vxlan")));
        instead(view, &[route]);
    };
    let found = findings(judged(vxlan));
    assert_eq!(found.iter().map(|finding| finding.reason).collect::<Vec<_>>(), [Reason::ThroughTunnel]);
    assert!(found[0].observed.ends_with("which has the vxlan device cilium_vxlan"), "{}", found[0].observed);
    // Without a tunnel to take it, it is but another device.
    assert_eq!(refuted(|view| instead(view, &[route])), [Reason::WrongDevice]);
}

#[test]
fn refutes_another_device() {
    assert_eq!(refuted(|view| instead(view, &["10.0.2.0/24 via 172.18.0.4 dev eth1"])), [Reason::WrongDevice]);
    assert_eq!(refuted(|view| view.routes.push(fixture::route("local 10.0.2.0/24 dev lo"))), [Reason::Shadowed]);
    let local_only = |view: &mut NetnsView| instead(view, &["local 10.0.2.0/24 dev lo"]);
    assert_eq!(refuted(local_only), [Reason::WrongDevice]);
}

#[test]
fn refutes_what_shadows_a_direct_route() {
    // Name of the case, rules and routes added.
    for (case, rules, routes) in [
        ("another table", vec!["50: from all lookup 100"], vec!["default via 172.18.0.1 dev eth0 table 100"]),
        ("a rule that drops", vec!["50: from all to 10.0.2.0/24 blackhole"], vec![]),
        ("a part of the CIDR", vec![], vec!["10.0.2.128/25 via 172.18.0.2 dev eth0"]),
        ("one address", vec![], vec!["blackhole 10.0.2.77"]),
        ("pods only", vec!["50: from 10.0.1.0/24 lookup 100"], vec!["10.0.2.0/24 via 172.18.0.2 dev eth0 table 100"]),
        (
            "one pod only",
            vec!["50: from 10.0.1.9/32 lookup 100"],
            vec!["10.0.2.0/24 via 172.18.0.2 dev eth0 table 100"],
        ),
        ("one link only", vec!["50: from all iif lxc7 lookup 100"], vec!["10.0.2.0/24 dev lxc7 table 100"]),
        ("the node only", vec!["50: from all iif lo lookup 100"], vec!["10.0.2.0/24 dev lxc7 table 100"]),
        (
            "the node's address",
            vec!["50: from 172.18.0.3/32 to 10.0.2.0/24 lookup 100"],
            vec!["default dev lxc7 table 100"],
        ),
    ] {
        let shadow = |view: &mut NetnsView| {
            view.rules.extend(rules.iter().map(|text| fixture::rule(text)));
            view.routes.extend(routes.iter().map(|text| fixture::route(text)));
        };
        let reasons = refuted(shadow);
        assert!(!reasons.is_empty() && reasons.iter().all(|reason| *reason == Reason::Shadowed), "{case}: {reasons:?}");
    }
}

#[test]
fn a_shadow_is_one_finding_for_each_peer_and_names_what_is_taken() {
    let found = findings(judged(|view| view.routes.push(fixture::route("10.0.2.128/25 via 172.18.0.2 dev eth0"))));
    let [finding] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        finding.observed,
        "kind-worker: 10.0.2.128 takes 10.0.2.128/25 via 172.18.0.2 dev eth0 (rule 32766) before 10.0.2.0/24 via 172.18.0.4 dev eth0"
    );
    assert_eq!(finding.by_hand.as_deref(), Some("ip route get 10.0.2.128"));
}

#[test]
fn every_node_and_peer_has_its_own_finding() {
    let mut seen = fixture::native(3);
    for view in seen.nodes.values_mut() {
        view.routes
            .retain(|route| !route.hops.iter().any(|hop| hop.gateway.is_some_and(|via| via > addr("172.18.0.1"))));
    }
    fixture::ask_kernel(&mut seen);
    let reasons = findings(direct_route_to_every_peer(&seen, &expectations())).len();
    assert_eq!(reasons, 6);
}

fn unobserved_text(judgement: Judgement) -> String {
    match judgement {
        Err(NotHeld::Unobserved(what)) => what,
        other => panic!("not unobserved: {other:?}"),
    }
}

#[test]
fn what_was_not_seen_is_unobserved() {
    let judge = |change: fn(&mut RoutingSeen)| {
        let mut seen = fixture::native(3);
        change(&mut seen);
        unobserved_text(tables_lead_directly(&seen, &expectations()))
    };
    assert_eq!(judge(|seen| seen.nodes.clear()), "routes were seen on 0 nodes; a peer takes two");
    assert_eq!(
        judge(|seen| drop(seen.nodes.remove(&NodeName::from(fixture::WORKER2)))),
        "routes were seen on 2 of 3 nodes"
    );
    assert_eq!(
        judge(|seen| seen.pod_cidrs.by_node.retain(|node, _cidr| node.0 != fixture::WORKER)),
        "the pod CIDR of kind-worker is not known"
    );
    assert_eq!(
        judge(|seen| worker(seen).rules.push(fixture::rule("50: from all uidrange unreachable"))),
        "kind-worker: whether rule 50: from all uidrange unreachable matches depends on uidrange"
    );
    assert_eq!(
        judge(|seen| worker(seen).addresses.retain(|address| address.device != "eth0")),
        "no IPv4 address was seen on eth0 of kind-worker"
    );
    assert_eq!(
        judge(|seen| worker(seen).links.retain(|link| !link.name.starts_with("cilium_"))),
        "kind-worker: an address or a route is by cilium_host, which is not among the links"
    );
}

#[test]
fn a_kernel_that_was_not_asked_is_unobserved_unless_the_tables_refute() {
    let mut seen = fixture::native(3);
    let lookups = seen.lookups.get_mut(&NodeName::from(fixture::WORKER)).expect("lookups");
    lookups.retain(|lookup| lookup.query.iif.is_none() || !net("10.0.2.0/24").contains(&lookup.query.destination));
    assert_eq!(
        unobserved_text(direct_route_to_every_peer(&seen, &expectations())),
        "the kernel's own decision was not asked for in 2 of 36 cases, the first on kind-worker: ip route get 10.0.2.1 from 10.0.1.1 iif lxc7"
    );
    seen.lookups.clear();
    assert!(unobserved_text(direct_route_to_every_peer(&seen, &expectations())).contains("in 36 of 36 cases"));
    instead(worker(&mut seen), &[]);
    let found = findings(direct_route_to_every_peer(&seen, &expectations()));
    assert_eq!(found.iter().map(|finding| finding.reason).collect::<Vec<_>>(), [Reason::RouteMissing]);
}

#[test]
fn every_single_question_must_have_been_asked() {
    let whole = fixture::native(3);
    let nodes: Vec<NodeName> = whole.lookups.keys().cloned().collect();
    for (node, at) in nodes.iter().flat_map(|node| (0..whole.lookups[node].len()).map(move |at| (node, at))) {
        let mut seen = whole.clone();
        seen.lookups.get_mut(node).expect("lookups").remove(at);
        let missing = unobserved_text(direct_route_to_every_peer(&seen, &expectations()));
        assert!(missing.contains("in 1 of 36 cases"), "{node} {at}: {missing}");
    }
}

/// What was found about the ways from kind-worker to the pods of kind-control-plane and kind-worker2.
fn ways_of_worker(seen: &RoutingSeen) -> [Way; 2] {
    let roads = roads(seen, &expectations());
    assert_eq!(roads.len(), 6, "{roads:?}");
    let of_worker = roads.into_iter().filter(|road| road.from.0 == fixture::WORKER).map(|road| road.way);
    of_worker.collect::<Vec<_>>().try_into().expect("two peers")
}

fn direct(cidr: &str, via: &str) -> Way {
    Way::Direct { route: format!("{cidr} via {via} dev eth0") }
}

#[test]
fn what_was_found_about_each_pair_is_handed_over() {
    let [to_control_plane, to_worker2] = ways_of_worker(&fixture::native(3));
    assert_eq!(to_control_plane, direct("10.0.0.0/24", "172.18.0.2"));
    assert_eq!(to_worker2, direct("10.0.2.0/24", "172.18.0.4"));
    for (routes, reason, observed) in [
        (vec![], Reason::RouteMissing, "no route; 10.0.2.1 would leave through default via 172.18.0.1"),
        (
            vec!["10.0.2.0/24 via 172.18.0.2 dev eth0"],
            Reason::WrongNextHop,
            "10.0.2.1 takes 10.0.2.0/24 via 172.18.0.2 dev eth0",
        ),
        (
            vec!["10.0.2.0/24 via 172.18.0.4 dev lxc7"],
            Reason::WrongDevice,
            "10.0.2.1 takes 10.0.2.0/24 via 172.18.0.4 dev lxc7",
        ),
        (
            vec!["10.0.2.0/24 encap via 172.18.0.4 dev eth0"],
            Reason::ThroughTunnel,
            "10.0.2.1 takes 10.0.2.0/24 encap via 172.18.0.4 dev eth0: the route encapsulates",
        ),
        (
            vec!["10.0.2.0/24 via 172.18.0.4 dev eth0", "10.0.2.128/25 via 172.18.0.2 dev eth0"],
            Reason::Shadowed,
            "10.0.2.128 takes 10.0.2.128/25 via 172.18.0.2 dev eth0 (rule 32766) before 10.0.2.0/24 via 172.18.0.4 dev eth0",
        ),
    ] {
        let mut seen = fixture::native(3);
        instead(worker(&mut seen), &routes);
        fixture::ask_kernel(&mut seen);
        let [to_control_plane, to_worker2] = ways_of_worker(&seen);
        assert_eq!(to_control_plane, direct("10.0.0.0/24", "172.18.0.2"), "{routes:?}");
        assert_eq!(to_worker2, Way::Astray { reason, observed: observed.to_owned() }, "{routes:?}");
    }
}

#[test]
fn what_the_kernel_was_not_asked_about_a_pair_leaves_its_way_open() {
    let mut seen = fixture::native(3);
    let lookups = seen.lookups.get_mut(&NodeName::from(fixture::WORKER)).expect("lookups");
    lookups.retain(|lookup| !net("10.0.2.0/24").contains(&lookup.query.destination));
    let [to_control_plane, to_worker2] = ways_of_worker(&seen);
    assert_eq!(to_control_plane, direct("10.0.0.0/24", "172.18.0.2"));
    let missing = "the kernel's own decision was not asked for".to_owned();
    assert_eq!(to_worker2, Way::Undecided { missing });
    worker(&mut seen).rules.push(fixture::rule("50: from all uidrange unreachable"));
    let [to_control_plane, _to_worker2] = ways_of_worker(&seen);
    assert!(matches!(to_control_plane, Way::Undecided { missing } if missing.ends_with("depends on uidrange")));
    // What was found counts before what was not seen.
    instead(worker(&mut seen), &[]);
    worker(&mut seen).rules.pop();
    let [_to_control_plane, to_worker2] = ways_of_worker(&seen);
    assert!(matches!(to_worker2, Way::Astray { reason: Reason::RouteMissing, .. }), "{to_worker2:?}");
}

#[test]
fn a_node_without_pods_is_not_asked_about_forwarding() {
    let mut seen = fixture::native(3);
    worker(&mut seen).links.retain(|link| link.name != "lxc7");
    fixture::ask_kernel(&mut seen);
    assert!(seen.lookups[&NodeName::from(fixture::WORKER)].iter().all(|lookup| lookup.query.iif.is_none()));
    direct_route_to_every_peer(&seen, &expectations()).expect("held");
}

/// A router of IPv6 is not the peer's address, whoever has it (RFC 8950).
#[test]
fn refutes_a_router_of_ipv6_and_leaves_one_to_elsewhere_alone() {
    let elsewhere = ["192.0.2.0/24 via inet6 fe80::1 dev eth0", "10.8.0.0/16 via inet6 fe80::1 dev eth0"];
    judged(|view| view.routes.extend(elsewhere.map(fixture::route))).expect("held");
    let all = findings(judged(|view| instead(view, &["10.0.2.0/24 via inet6 fe80::1 dev eth0"])));
    assert_eq!(all.iter().map(|finding| finding.reason).collect::<Vec<_>>(), [Reason::WrongNextHop]);
    assert_eq!(all[0].observed, "kind-worker: 10.0.2.1 takes 10.0.2.0/24 via inet6 fe80::1 dev eth0");
    assert_eq!(
        refuted(|view| view.routes.push(fixture::route("10.0.2.128/25 via inet6 fe80::1 dev eth0"))),
        [Reason::Shadowed]
    );
    let by_default = |view: &mut NetnsView| {
        instead(view, &[]);
        view.routes.retain(|route| route.destination.prefix_len() > 0);
        view.routes.push(fixture::route("default via inet6 fe80::1 dev eth0"));
    };
    let all = findings(judged(by_default));
    assert_eq!(all[0].observed, "kind-worker: no route; 10.0.2.1 would leave through default via inet6 fe80::1");
    assert_eq!(all.iter().map(|finding| finding.reason).collect::<Vec<_>>(), [Reason::RouteMissing]);
}

/// What is judged when kind-worker's kernel answers so to the node's own packet to 10.0.2.1.
fn kernel_says(outcome: LookupOutcome) -> Vec<Reason> {
    let mut seen = fixture::native(3);
    let lookups = seen.lookups.get_mut(&NodeName::from(fixture::WORKER)).expect("lookups");
    let asked = |lookup: &&mut Lookup| lookup.query.destination == addr("10.0.2.1") && lookup.query.source.is_none();
    lookups.iter_mut().find(asked).expect("the question").outcome = outcome;
    findings(direct_route_to_every_peer(&seen, &expectations())).iter().map(|finding| finding.reason).collect()
}

fn route_by(gateway: &str, device: &str, encapsulates: bool, table: u32) -> LookupOutcome {
    let hop = NextHop { gateway: gateway.parse().ok(), device: Some(device.to_owned()), encapsulates };
    LookupOutcome::Route { kind: RouteKind::Unicast, hop, table }
}

#[test]
fn refutes_a_kernel_that_decides_otherwise_and_says_what_is_wrong_with_that() {
    let disagrees = Reason::KernelDisagrees;
    assert_eq!(kernel_says(route_by("172.18.0.2", "eth0", false, TABLE_MAIN)), [disagrees, Reason::WrongNextHop]);
    assert_eq!(kernel_says(route_by("172.18.0.1", "eth0", false, TABLE_MAIN)), [disagrees, Reason::RouteMissing]);
    assert_eq!(kernel_says(route_by("172.18.0.4", "eth1", false, TABLE_MAIN)), [disagrees, Reason::WrongDevice]);
    assert_eq!(kernel_says(route_by("172.18.0.4", "eth0", true, TABLE_MAIN)), [disagrees, Reason::ThroughTunnel]);
    assert_eq!(kernel_says(route_by("fe80::4", "eth0", false, TABLE_MAIN)), [disagrees, Reason::WrongNextHop]);
    assert_eq!(
        kernel_says(LookupOutcome::NoRoute("Invalid cross-device link".to_owned())),
        [disagrees, Reason::RouteMissing]
    );
    // It leads to the peer, but from a table that was not seen to hold such a route.
    assert_eq!(kernel_says(route_by("172.18.0.4", "eth0", false, 100)), [disagrees]);
}

#[test]
fn a_lookup_about_any_other_address_must_agree_too() {
    let mut seen = fixture::native(3);
    let lookups = seen.lookups.get_mut(&NodeName::from(fixture::WORKER)).expect("lookups");
    let mut other = lookups[0].clone();
    other.query.destination = addr("192.0.2.1");
    lookups.push(other);
    let found = findings(direct_route_to_every_peer(&seen, &expectations()));
    assert_eq!(found.iter().map(|finding| finding.reason).collect::<Vec<_>>(), [Reason::KernelDisagrees]);
}

#[test]
fn a_packet_that_a_rule_tells_from_others_is_described_and_asked_about_by_hand() {
    let first = |rule: &str, pod_is_there: bool| {
        let findings = findings(judged(|view| {
            view.rules.insert(2, fixture::rule(rule));
            view.links.retain(|link| pod_is_there || link.name != "lxc7");
        }));
        let Finding { reason, observed, by_hand, .. } = findings[0].clone();
        assert_eq!(reason, Reason::Shadowed, "{observed}");
        (observed, by_hand.unwrap())
    };
    let (observed, by_hand) = first("50: from all iif lxc7 unreachable", true);
    assert!(observed.contains(" (forwarded from 10.0.1.1)"), "{observed}");
    assert_eq!(by_hand, "ip route get 10.0.0.1 from 10.0.1.1 iif lxc7");
    let (observed, by_hand) = first("50: from 172.18.0.3/32 unreachable", true);
    assert!(observed.contains(" (from 172.18.0.3)"), "{observed}");
    assert_eq!(by_hand, "ip route get 10.0.0.1 from 172.18.0.3");
    // By a link that is not there yet nobody can ask.
    let (observed, by_hand) = first("50: from 10.0.1.0/24 unreachable", false);
    assert!(observed.contains(" (forwarded from 10.0.1."), "{observed}");
    assert_eq!(by_hand, "ip rule show");
}

#[test]
fn of_several_pods_that_no_rule_tells_apart_one_stands_for_all() {
    let proof = judged(|view| {
        let mut pod = fixture::link(9, "lxc9", Some("veth"));
        (pod.peer_index, pod.peer_netns) = (Some(8), Some(3));
        view.links.push(pod);
    })
    .expect("held");
    assert!(proof.details.contains(&"36 of 36 lookups of the kernel's own agree".to_owned()), "{proof:?}");
}
