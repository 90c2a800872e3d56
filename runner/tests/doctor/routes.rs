//! The routes of a host, in a network namespace of the test's own.

use lab_doctor::{Outcome, Row};
use lab_manifest::Manifests;
use lab_manifest::overrides::{Given, Overrides};

use super::engine::FakeEngine;
use super::inside::inside;
use super::machine::{Machine, row, says};

/// An uplink with 1500 octets, and a tunnel with 1400.
const LINKS: &str = "
    ip link set lo up
    ip link add eth0 type veth peer name ethx; ip link set ethx up; ip addr add 192.0.2.10/24 dev eth0; ip link set eth0 up
    ip route add default via 192.0.2.1 metric 100
    ip link add tun0 type veth peer name tunx; ip link set tunx up; ip addr add 198.51.100.7/32 dev tun0
    ip link set tun0 mtu 1400 up
";

#[track_caller]
fn with(name: &str, routes: &str, options: &Given, judge: impl FnOnce(&[Row])) {
    inside(&format!("routes::{name}"), &["--net"], &format!("{LINKS}{routes}"), || {
        let pinned = Manifests::embedded().unwrap();
        let manifests = Overrides::read(options, &pinned).unwrap().apply(&pinned).unwrap();
        judge(&FakeEngine::new().rows(&Machine::of(&manifests)));
    });
}

#[test]
fn a_vpn_that_takes_both_halves_is_the_uplink() {
    let routes = "ip route add 0.0.0.0/1 dev tun0; ip route add 128.0.0.0/1 dev tun0";
    with("a_vpn_that_takes_both_halves_is_the_uplink", routes, &Given::default(), |rows| {
        says(rows, "net.mtu", Outcome::Warning, "nodes will have 1500, and the uplink tun0 1400");
    });
}

#[test]
fn a_vpn_that_takes_all_by_a_rule_is_the_uplink() {
    let routes = "ip route add default dev tun0 table 51820; ip rule add not fwmark 51820 table 51820";
    with("a_vpn_that_takes_all_by_a_rule_is_the_uplink", routes, &Given::default(), |rows| {
        says(rows, "net.mtu", Outcome::Warning, "nodes will have 1500, and the uplink tun0 1400");
    });
}

#[test]
fn an_uplink_that_takes_as_much_is_no_hindrance() {
    with("an_uplink_that_takes_as_much_is_no_hindrance", "", &Given::default(), |rows| {
        says(rows, "net.mtu", Outcome::Ok, "the uplink eth0 1500");
    });
}

#[test]
fn the_pool_is_that_of_the_values_that_will_be_installed() {
    let options = Given { values: vec!["ipam.mode=kubernetes".parse().unwrap()], ..Given::default() };
    let routes = "ip route add 10.244.1.0/24 dev tun0";
    with("the_pool_is_that_of_the_values_that_will_be_installed", routes, &options, |rows| {
        let found = "10.244.0.0/22, which the nodes will use, overlaps the host route 10.244.1.0/24 dev tun0";
        says(rows, "net.pod_cidrs", Outcome::Refusal, found);
    });
}

#[test]
fn services_that_a_vpn_has_are_given_other_addresses() {
    let name = "services_that_a_vpn_has_are_given_other_addresses";
    let routes = "ip route add 10.0.0.0/8 dev tun0";
    let pool = Some("172.28.0.0/16".parse().unwrap());
    let options = Given { pod_pool: pool, ..Given::default() };
    with(name, routes, &options, |rows| {
        says(rows, "net.service_cidr", Outcome::Refusal, "10.96.0.0/16 overlaps the host route 10.0.0.0/8 dev tun0");
        let remedy = &row(rows, "net.service_cidr").remedy;
        let (given, _others) = remedy.split_once('\n').unwrap();
        let cidr = given.strip_prefix("give the lab's Services other addresses: lab up --service-cidr ").unwrap();
        // What is offered is what helps.
        let pinned = Manifests::embedded().unwrap();
        let options = Given { service_cidr: Some(cidr.parse().unwrap()), ..options.clone() };
        let manifests = Overrides::read(&options, &pinned).unwrap().apply(&pinned).unwrap();
        let rows = FakeEngine::new().rows(&Machine::of(&manifests));
        says(&rows, "net.service_cidr", Outcome::Ok, cidr);
    });
}
