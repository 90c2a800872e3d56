//! Decisions that Linux is known to make.

use super::*;
use crate::fixture;
use crate::fixture::{addr, net};

const PEER: &str = "10.0.2.7";

/// A worker with Cilium's native routing, and these rules and routes besides.
fn view(rules: &[&str], routes: &[&str]) -> NetnsView {
    let mut view = fixture::native_view(1, 3);
    view.rules.extend(rules.iter().map(|text| fixture::rule(text)));
    view.routes.extend(routes.iter().map(|text| fixture::route(text)));
    view
}

fn own(destination: &str) -> Flow<'static> {
    Flow { destination: addr(destination), source: None, iif: None }
}

fn forwarded(destination: &str) -> Flow<'static> {
    Flow { destination: addr(destination), source: Some(addr("10.0.1.12")), iif: Some("lxc7") }
}

/// The decision in the words of `ip route`, after the rule that made it.
fn decided(view: &NetnsView, flow: &Flow<'_>) -> String {
    match Fib::new(view).decide(flow) {
        Decision::Route { rule_priority, route, .. } => format!("{rule_priority}: {}", words::route(route)),
        Decision::Refused(Refusal::Rule(rule)) => format!("refused by {}", words::rule(rule)),
        Decision::Refused(Refusal::Route(rule, route)) => {
            format!("{}: refused by {}", rule.priority, words::route(route))
        }
        Decision::NoRoute => "no route".to_owned(),
        Decision::Undecidable(why) => format!("undecidable: {why}"),
    }
}

const DIRECT: &str = "32766: 10.0.2.0/24 via 172.18.0.4 dev eth0";

#[test]
fn ciliums_marked_rules_are_passed_over_and_local_comes_at_100() {
    let view = view(&[], &[]);
    assert_eq!(decided(&view, &own(PEER)), DIRECT);
    assert_eq!(decided(&view, &forwarded(PEER)), DIRECT);
    assert_eq!(decided(&view, &own("10.0.1.104")), "100: local 10.0.1.104 dev cilium_host table local");
    let passed: Vec<u32> = Fib::new(&view)
        .passed_over(&[own(PEER), forwarded(PEER)].into_iter())
        .iter()
        .map(|rule| rule.priority)
        .collect();
    assert_eq!(passed, [9, 10]);
}

#[test]
fn a_mask_that_leaves_nothing_of_the_value_matches_packets_without_a_mark() {
    let view = view(&["50: from all fwmark 0x0/0xf00 lookup 100"], &["default dev eth1 table 100"]);
    assert_eq!(decided(&view, &own(PEER)), "50: default dev eth1 table 100");
}

#[test]
fn an_earlier_rule_shadows_and_a_later_one_does_not() {
    let routes = ["10.0.2.0/24 via 172.18.0.9 dev eth0 table 100"];
    let earlier = view(&["50: from all lookup 100"], &routes);
    assert_eq!(decided(&earlier, &own(PEER)), "50: 10.0.2.0/24 via 172.18.0.9 dev eth0 table 100");
    let later = view(&["32768: from all lookup 100"], &routes);
    assert_eq!(decided(&later, &own(PEER)), DIRECT);
}

#[test]
fn an_empty_table_leads_to_the_next_rule() {
    assert_eq!(decided(&view(&["50: from all lookup 100"], &[]), &own(PEER)), DIRECT);
}

#[test]
fn the_longest_prefix_wins() {
    let view = view(&[], &["10.0.2.0/25 via 172.18.0.9 dev eth0", "10.0.0.0/8 via 172.18.0.9 dev eth0 metric 1"]);
    assert_eq!(decided(&view, &own(PEER)), "32766: 10.0.2.0/25 via 172.18.0.9 dev eth0");
    assert_eq!(decided(&view, &own("10.0.2.128")), DIRECT);
    assert_eq!(decided(&view, &own("10.9.2.1")), "32766: 10.0.0.0/8 via 172.18.0.9 dev eth0 metric 1");
}

#[test]
fn the_lowest_metric_wins_and_among_equals_the_first() {
    let worse = view(&[], &["10.0.2.0/24 via 172.18.0.9 dev eth0 metric 5"]);
    assert_eq!(decided(&worse, &own(PEER)), DIRECT);
    let mut better = worse.clone();
    for route in better.routes.iter_mut().filter(|route| route.destination == net("10.0.2.0/24")) {
        route.metric = 10 - route.metric;
    }
    assert_eq!(decided(&better, &own(PEER)), "32766: 10.0.2.0/24 via 172.18.0.9 dev eth0 metric 5");
    assert_eq!(decided(&view(&[], &["10.0.2.0/24 via 172.18.0.9 dev eth0"]), &own(PEER)), DIRECT);
}

#[test]
fn a_route_for_another_type_of_service_is_not_taken() {
    assert_eq!(decided(&view(&[], &["10.0.2.0/25 via 172.18.0.9 dev eth0 tos 8"]), &own(PEER)), DIRECT);
}

#[test]
fn throw_leads_out_of_the_table_to_the_next_rule() {
    let view = view(
        &["50: from all lookup 100"],
        &["throw 10.0.2.0/25 table 100", "10.0.2.0/24 via 172.18.0.9 dev eth0 table 100"],
    );
    assert_eq!(decided(&view, &own(PEER)), DIRECT);
    assert_eq!(decided(&view, &own("10.0.2.200")), "50: 10.0.2.0/24 via 172.18.0.9 dev eth0 table 100");
}

#[test]
fn goto_goes_forward_to_its_exact_target() {
    let routes = ["10.0.2.0/24 via 172.18.0.9 dev eth0 table 100"];
    let over = view(&["40: from all goto 100", "50: from all lookup 100"], &routes);
    assert_eq!(decided(&over, &own(PEER)), DIRECT);
    let nowhere = view(&["40: from all goto 60", "50: from all lookup 100"], &routes);
    assert_eq!(decided(&nowhere, &own(PEER)), "50: 10.0.2.0/24 via 172.18.0.9 dev eth0 table 100");
    let back = view(&["40: from all nop", "45: from all goto 40"], &[]);
    assert_eq!(decided(&back, &own(PEER)), DIRECT);
    let itself = view(&["45: from all goto 45"], &[]);
    assert_eq!(decided(&itself, &own(PEER)), DIRECT);
}

#[test]
fn an_inverted_rule_matches_what_its_selectors_do_not() {
    let view = view(&["50: not from all iif lxc7 lookup 100"], &["default via 172.18.0.9 dev eth0 table 100"]);
    assert_eq!(decided(&view, &own(PEER)), "50: default via 172.18.0.9 dev eth0 table 100");
    assert_eq!(decided(&view, &forwarded(PEER)), DIRECT);
}

#[test]
fn lo_stands_for_the_hosts_own_packets() {
    let view = view(&["50: from all iif lo blackhole"], &[]);
    assert_eq!(decided(&view, &own(PEER)), "refused by 50: from all iif lo blackhole");
    assert_eq!(decided(&view, &forwarded(PEER)), DIRECT);
}

#[test]
fn sources_and_destinations_are_prefixes_and_no_socket_is_bound() {
    let view = view(&["50: from 10.0.1.0/24 to 10.0.2.0/25 prohibit", "51: from all oif eth0 unreachable"], &[]);
    assert_eq!(decided(&view, &own(PEER)), DIRECT);
    assert_eq!(decided(&view, &forwarded("10.0.2.200")), DIRECT);
    assert_eq!(decided(&view, &forwarded(PEER)), "refused by 50: from 10.0.1.0/24 to 10.0.2.0/25 prohibit");
}

#[test]
fn a_refusing_route_ends_the_walk() {
    let view = view(&[], &["unreachable 10.0.2.0/25", "10.0.2.0/25 via 172.18.0.4 dev eth0 table default"]);
    assert_eq!(decided(&view, &own(PEER)), "32766: refused by unreachable 10.0.2.0/25");
}

#[test]
fn several_hops_stay_together() {
    let mut view = view(&[], &[]);
    let direct = view.routes.iter_mut().find(|route| route.destination == net("10.0.2.0/24")).expect("a route");
    direct.hops.extend(fixture::route("default via 172.18.0.9 dev eth0").hops);
    let Decision::Route { route, .. } = Fib::new(&view).decide(&own(PEER)) else { panic!("no route") };
    assert_eq!(route.hops.len(), 2);
}

#[test]
fn what_was_not_observed_cannot_be_decided() {
    let routes = ["default via 172.18.0.9 dev eth0 table 100"];
    let open = view(&["50: from all uidrange lookup 100"], &routes);
    assert_eq!(
        decided(&open, &own(PEER)),
        "undecidable: whether rule 50: from all uidrange lookup 100 matches depends on uidrange"
    );
    let strange = view(&["50: from all action 9"], &[]);
    assert_eq!(decided(&strange, &own(PEER)), "undecidable: what rule 50: from all action 9 does is not known");
    // Another selector already fails, or the rule changes nothing if it matches.
    assert_eq!(decided(&view(&["50: from 10.9.0.0/16 uidrange lookup 100"], &routes), &forwarded(PEER)), DIRECT);
    assert_eq!(decided(&view(&["50: from all uidrange lookup 100"], &[]), &own(PEER)), DIRECT);
    assert_eq!(decided(&view(&["50: from all uidrange nop"], &[]), &own(PEER)), DIRECT);
    // Inverted, the failing selector makes it match, unless the unknown one is a suppressor.
    assert!(
        decided(&view(&["50: not from 10.9.0.0/16 uidrange lookup 100"], &routes), &own(PEER))
            .starts_with("undecidable")
    );
}

#[test]
fn without_rules_or_routes_there_is_no_route() {
    let mut view = view(&[], &[]);
    view.rules.retain(|rule| rule.action != RuleAction::Lookup(lab_model::observe::TABLE_MAIN));
    assert_eq!(decided(&view, &own(PEER)), "no route");
}

#[test]
fn samples_stand_between_all_edges() {
    let view = view(
        &["50: from all to 10.0.2.64/26 lookup 100"],
        &[
            "10.0.2.0/25 via 172.18.0.9 dev eth0",
            "10.0.2.0 dev eth0",
            "10.0.2.255 dev eth0 table 100",
            "10.0.2.77 dev eth0 table 99", // no rule leads there
            "10.0.3.0/25 dev eth0",
        ],
    );
    let fib = Fib::new(&view);
    let texts = |prefix: &str| fib.samples(net(prefix)).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(texts("10.0.2.0/24"), ["10.0.2.0", "10.0.2.1", "10.0.2.64", "10.0.2.128", "10.0.2.254", "10.0.2.255"]);
    assert_eq!(texts("10.0.0.0/24"), ["10.0.0.1", "10.0.0.254"]);
    assert_eq!(texts("10.0.9.7/32"), ["10.0.9.7"]);
    assert_eq!(texts("10.0.9.6/31"), ["10.0.9.6", "10.0.9.7"]);
}

#[test]
fn every_address_decides_as_one_of_the_samples() {
    let view = view(
        &["50: from all to 10.0.2.32/27 lookup 100"],
        &[
            "10.0.2.40/30 via 172.18.0.9 dev eth0 table 100",
            "10.0.2.128/25 via 172.18.0.8 dev eth0",
            "10.0.2.200 dev eth0",
            "10.0.2.0 dev eth0",
            "blackhole 10.0.2.252/30",
        ],
    );
    let fib = Fib::new(&view);
    let sampled: Vec<String> =
        fib.samples(net("10.0.2.0/24")).iter().map(|address| decided(&view, &own(&address.to_string()))).collect();
    for last in 0..=255 {
        let decision = decided(&view, &own(&format!("10.0.2.{last}")));
        assert!(sampled.contains(&decision), "10.0.2.{last}: {decision}");
    }
}

#[test]
fn source_samples_follow_the_rules_sources() {
    let view = view(&["50: from 10.0.1.64/26 lookup 100", "51: from 172.18.0.0/16 lookup 100"], &[]);
    assert_eq!(
        Fib::new(&view).source_samples(net("10.0.1.0/24")),
        ["10.0.1.1", "10.0.1.64", "10.0.1.128", "10.0.1.254"].map(addr)
    );
}
