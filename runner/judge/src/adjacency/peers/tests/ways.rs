//! The way to a peer's own address.

use super::*;
use lab_model::observe::{Address, Lookup, LookupOutcome, NetnsView, NextHop, RouteKind, TABLE_MAIN};

/// Nodes with pods, as they are when Cilium routes, and kernels that decide as their tables say.
fn with_pods() -> AdjacencySeen {
    let mut seen = seen();
    seen.nodes = fixture::views(3, |number| fixture::native_view(number, 3));
    ask_kernel(&mut seen);
    seen
}

fn worker(seen: &mut AdjacencySeen) -> &mut NetnsView {
    seen.nodes.get_mut(&NodeName::from(fixture::WORKER)).expect("a worker")
}

fn judge(seen: &AdjacencySeen) -> Judgement {
    peers_are_adjacent(seen, &expectations())
}

/// What is judged of nodes with pods of which kind-worker's view is changed so. Kernels decide as their tables say, and
/// when they were not asked, no verdict is another.
fn changed(change: impl FnOnce(&mut NetnsView)) -> Judgement {
    let mut seen = with_pods();
    change(worker(&mut seen));
    ask_kernel(&mut seen);
    let asked = judge(&seen);
    seen.lookups = None;
    match (&asked, judge(&seen)) {
        (Ok(_), Ok(_)) => {}
        (Err(asked), Err(by_tables)) => assert_eq!(*asked, by_tables),
        (asked, by_tables) => panic!("tables alone say {by_tables:?}, with the kernel {asked:?}"),
    }
    asked
}

fn findings(judgement: Judgement) -> Vec<Finding> {
    match judgement {
        Err(NotHeld::Refuted(findings)) => findings,
        other => panic!("not refuted: {other:?}"),
    }
}

/// The reasons against a lab whose kind-worker has these further rules and routes.
fn refuted(rules: &[&str], routes: &[&str]) -> Vec<Reason> {
    let judgement = changed(|view| {
        view.rules.extend(rules.iter().map(|text| fixture::rule(text)));
        view.routes.extend(routes.iter().map(|text| fixture::route(text)));
    });
    findings(judgement).iter().map(|finding| finding.reason).collect()
}

#[test]
fn accepts_link_routes_and_says_whether_the_kernel_was_asked() {
    let mut seen = with_pods();
    let asked = judge(&seen).expect("held");
    assert_eq!(asked.summary, "6 of 6 ARP answers come from the peer itself; no router on 6 of 6 ways to it");
    // From the node itself, from its own address, and forwarded for a pod.
    assert_eq!(asked.details[6], "18 of 18 lookups of the kernel's own agree on the ways to the peers");
    seen.lookups = None;
    let by_tables = judge(&seen).expect("held");
    assert_eq!(by_tables.summary, asked.summary);
    let not_asked = "the kernel was not asked for its own ways to the peers: rules and routes alone tell them";
    assert_eq!(by_tables.details[6], not_asked);
}

#[test]
fn refutes_a_router_on_the_way_to_a_peer() {
    let found = findings(changed(|view| view.routes.push(fixture::route("172.18.0.4 via 172.18.0.1 dev eth0"))));
    let [finding] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(finding.reason, Reason::PeerBehindRouter);
    assert_eq!(finding.place, Place::Node(fixture::WORKER.into()));
    assert_eq!(finding.expected, "kind-worker: 172.18.0.4 dev eth0, with no router between");
    assert_eq!(
        finding.observed,
        "kind-worker: 172.18.0.4 takes 172.18.0.4 via 172.18.0.1 dev eth0 (rule 32766) before 172.18.0.0/16 dev eth0"
    );
    assert_eq!(finding.by_hand.as_deref(), Some("ip route get 172.18.0.4"));
}

#[test]
fn refutes_every_other_way_that_is_not_the_links_own() {
    for (reason, rules, routes) in [
        (Reason::PeerBehindRouter, vec![], vec!["172.18.0.4/30 via 172.18.0.2 dev eth0"]),
        (Reason::PeerBehindRouter, vec![], vec!["172.18.0.4 via inet6 fe80::1 dev eth0"]),
        (Reason::WrongDevice, vec![], vec!["172.18.0.4 dev lxc7"]),
        (Reason::WrongDevice, vec![], vec!["172.18.0.4 via 10.0.1.104 dev cilium_host"]),
        (Reason::ThroughTunnel, vec![], vec!["172.18.0.4 encap via 172.18.0.4 dev eth0"]),
        (Reason::RouteMissing, vec![], vec!["blackhole 172.18.0.4"]),
        (Reason::RouteMissing, vec!["50: from all to 172.18.0.4/32 unreachable"], vec![]),
        (
            Reason::PeerBehindRouter,
            vec!["50: from all to 172.18.0.4/32 lookup 100"],
            vec!["default via 172.18.0.1 dev eth0 table 100"],
        ),
        // For what the node forwards for its pods, for its own packets, for those of its own address alone.
        (
            Reason::PeerBehindRouter,
            vec!["50: from 10.0.1.0/24 to 172.18.0.4/32 lookup 100"],
            vec!["default via 172.18.0.1 dev eth0 table 100"],
        ),
        (
            Reason::PeerBehindRouter,
            vec!["50: from 10.0.1.64/26 to 172.18.0.4/32 lookup 100"],
            vec!["172.18.0.4 via 172.18.0.1 dev eth0 table 100"],
        ),
        (
            Reason::PeerBehindRouter,
            vec!["50: from all to 172.18.0.4/32 iif lxc7 lookup 100"],
            vec!["172.18.0.4 via 172.18.0.1 dev eth0 table 100"],
        ),
        (
            Reason::PeerBehindRouter,
            vec!["50: from all to 172.18.0.4/32 iif lo lookup 100"],
            vec!["172.18.0.4 via 172.18.0.1 dev eth0 table 100"],
        ),
        (
            Reason::PeerBehindRouter,
            vec!["50: from 172.18.0.3/32 to 172.18.0.4/32 lookup 100"],
            vec!["172.18.0.4 via 172.18.0.1 dev eth0 table 100"],
        ),
    ] {
        assert_eq!(refuted(&rules, &routes), [reason], "{rules:?} {routes:?}");
    }
    let without_link_route =
        changed(|view| view.routes.retain(|route| route.destination != fixture::net("172.18.0.0/16")));
    // Both peers would be reached by the default route then.
    let reasons: Vec<_> = findings(without_link_route).iter().map(|finding| finding.reason).collect();
    assert_eq!(reasons, [Reason::PeerBehindRouter; 2]);
}

#[test]
fn a_tunnel_on_the_way_is_named() {
    let found = findings(changed(|view| {
        view.links.push(fixture::link(20, "wg0", Some("wireguard")));
        view.routes.push(fixture::route("172.18.0.4 dev wg0"));
    }));
    let [finding] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(finding.reason, Reason::ThroughTunnel);
    assert!(
        finding.observed.ends_with("before 172.18.0.0/16 dev eth0: wg0 is a wireguard device"),
        "{}",
        finding.observed
    );
}

#[test]
fn accepts_what_no_packet_to_a_peer_meets() {
    let more = |view: &mut NetnsView| {
        // Routes to elsewhere, other tables, rules for marks and for other destinations, a second network.
        let routes = [
            "192.0.2.0/24 via 172.18.0.1 dev eth0",
            "172.18.0.99 via 172.18.0.1 dev eth0",
            "172.18.0.4 via 172.18.0.1 dev eth0 table 100",
            "172.18.0.4 via 172.18.0.1 dev eth0 metric 5 tos 16",
            "172.19.0.0/16 dev eth1",
            "default via 172.19.0.1 dev eth1 table 101",
        ];
        view.routes.extend(routes.map(fixture::route));
        let rules = [
            "50: from all fwmark 0x200/0xf00 lookup 100",
            "51: from all to 192.0.2.0/24 lookup 100",
            "52: from 172.19.0.3/32 lookup 101",
        ];
        view.rules.extend(rules.map(fixture::rule));
        view.links.push(fixture::link(95, "eth1", Some("veth")));
        for (device, address) in [("eth1", "172.19.0.3/16"), ("eth0", "172.18.0.77/16")] {
            view.addresses.push(Address { device: device.to_owned(), address: fixture::net(address) });
        }
    };
    changed(more).expect("held");
    // Another way to say the same.
    changed(|view| view.routes.push(fixture::route("172.18.0.4 via 172.18.0.4 dev eth0"))).expect("the peer itself");
    changed(|view| view.routes.push(fixture::route("172.18.0.4 dev eth0"))).expect("a route of its own by the link");
    changed(|view| {
        view.rules.push(fixture::rule("50: from all lookup 100"));
        view.routes.push(fixture::route("172.18.0.0/16 dev eth0 table 100"));
    })
    .expect("another table says the same");
    // The link route wins by its metric.
    changed(|view| view.routes.push(fixture::route("172.18.0.0/16 via 172.18.0.1 dev eth0 metric 9"))).expect("metric");
}

#[test]
fn before_there_are_pods_nobody_is_asked_about_forwarding() {
    let seen = seen();
    let lookups = seen.lookups.as_ref().expect("lookups");
    assert!(lookups.values().flatten().all(|lookup| lookup.query.iif.is_none()));
    assert_eq!(lookups.values().flatten().count(), 12);
    judge(&seen).expect("held");
}

#[test]
fn every_single_question_must_have_been_asked_if_any_was() {
    let whole = with_pods();
    let asked = whole.lookups.clone().expect("lookups");
    for (node, at) in asked.iter().flat_map(|(node, all)| (0..all.len()).map(move |at| (node, at))) {
        let mut seen = whole.clone();
        seen.lookups.as_mut().and_then(|lookups| lookups.get_mut(node)).expect("lookups").remove(at);
        let missing = unobserved_text(judge(&seen));
        assert!(missing.contains("in 1 of 18 cases"), "{node} {at}: {missing}");
    }
    let mut seen = whole;
    seen.lookups = Some(BTreeMap::new());
    assert!(unobserved_text(judge(&seen)).contains("in 18 of 18 cases"));
}

#[test]
fn without_rules_or_routes_nothing_is_said() {
    let mut seen = with_pods();
    seen.lookups = None;
    worker(&mut seen).routes.clear();
    // What an empty table seems to say, that there is no way, was not seen either.
    assert_eq!(unobserved_text(judge(&seen)), "kind-worker: no routes were seen");
    worker(&mut seen).rules.clear();
    assert_eq!(unobserved_text(judge(&seen)), "kind-worker: no routing rules were seen");
}

/// The reasons when kind-worker's kernel answers so about its own packet to kind-worker2.
fn kernel_says(outcome: LookupOutcome) -> Vec<Reason> {
    let mut seen = with_pods();
    let of_worker = seen.lookups.as_mut().and_then(|lookups| lookups.get_mut(&NodeName::from(fixture::WORKER)));
    let to_worker2 =
        |lookup: &&mut Lookup| lookup.query.destination == fixture::addr("172.18.0.4") && lookup.query.source.is_none();
    of_worker.expect("lookups").iter_mut().find(to_worker2).expect("the question").outcome = outcome;
    findings(judge(&seen)).iter().map(|finding| finding.reason).collect()
}

#[test]
fn refutes_a_kernel_that_decides_otherwise_than_its_tables() {
    let by = |gateway: Option<&str>, device: &str| LookupOutcome::Route {
        kind: RouteKind::Unicast,
        hop: NextHop {
            gateway: gateway.map(|router| fixture::addr(router).into()),
            device: Some(device.to_owned()),
            encapsulates: false,
        },
        table: TABLE_MAIN,
    };
    let disagrees = Reason::KernelDisagrees;
    assert_eq!(kernel_says(by(Some("172.18.0.2"), "eth0")), [disagrees, Reason::PeerBehindRouter]);
    // As the default route goes.
    assert_eq!(kernel_says(by(Some("172.18.0.1"), "eth0")), [disagrees, Reason::PeerBehindRouter]);
    assert_eq!(kernel_says(by(None, "lxc7")), [disagrees, Reason::WrongDevice]);
    assert_eq!(kernel_says(LookupOutcome::NoRoute("no such device".to_owned())), [disagrees, Reason::RouteMissing]);
}
