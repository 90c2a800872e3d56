//! Routes and rules as the fixtures of these judges read them, written back.

use std::time::Duration;

use lab_model::words::{few, route, rule, span};

use crate::fixture;

#[test]
fn routes_and_rules_read_as_iproute2_writes_them() {
    for text in [
        "default via 172.18.0.1 dev eth0",
        "10.0.2.0/24 via 172.18.0.4 dev eth0 table 100 metric 5",
        "10.0.2.7 dev lxc7",
        "blackhole 10.0.2.0/24",
        "local 10.0.2.104 dev cilium_host table local",
        "10.0.1.0/24 via 10.0.2.104 dev cilium_host mtu 1450",
    ] {
        assert_eq!(route(&fixture::route(text)), text);
    }
    for text in [
        "9: from all fwmark 0x200/0xf00 lookup 2004",
        "50: not from 10.0.1.0/24 to 10.0.2.0/24 iif lo lookup local",
        "60: from all goto 32766",
    ] {
        assert_eq!(rule(&fixture::rule(text)), text);
    }
}

#[test]
fn several_hops_are_all_written() {
    let mut multipath = fixture::route("10.0.2.0/24 via 172.18.0.4 dev eth0");
    multipath.hops.extend(fixture::route("10.0.2.0/24 via 172.18.0.3 dev eth0").hops);
    assert_eq!(route(&multipath), "10.0.2.0/24 nexthop via 172.18.0.4 dev eth0 nexthop via 172.18.0.3 dev eth0");
}

#[test]
fn what_is_not_named_is_counted() {
    let items: Vec<String> = (0..97).map(|number| format!("item {number}")).collect();
    assert_eq!(few(&items, 3, ", "), "item 0, item 1, item 2 and 94 more");
    assert_eq!(few(&items[..2], 3, ", "), "item 0, item 1");
}

#[test]
fn time_is_as_coarse_as_it_is_long() {
    let texts = [4, 119_999, 120_000, 7_199_000, 25_200_000].map(|ms| span(Duration::from_millis(ms)));
    assert_eq!(texts, ["4 ms", "119 s", "2 min", "119 min", "7 h"]);
}
