//! What all judges do alike, and routes and rules as their fixtures read them, written back.

use std::time::Duration;

use lab_model::expect::Expectations;
use lab_model::words::{few, route, rule, span};
use lab_model::{Judgement, NotHeld};

use crate::fixture::{self, kind};
use crate::{cilium, cluster, engine};

/// One in the place of another: as many as there should be, and one of them is not there.
#[test]
fn what_is_listed_twice_is_not_counted_twice() {
    fn twice<Seen>(
        mut seen: Seen,
        list_it: fn(&mut Seen),
        judge: fn(&Seen, &Expectations) -> Judgement,
    ) -> (Judgement, Judgement) {
        let sound = judge(&seen, &kind::expectations());
        list_it(&mut seen);
        (sound, judge(&seen, &kind::expectations()))
    }
    let node = "node kind-control-plane is listed twice";
    let agent = "pod kube-system/";
    for ((sound, judgement), why) in [
        (
            twice(kind::components(), |seen| seen.nodes.insert(0, seen.nodes[0].clone()), cilium::components_are_ok),
            node,
        ),
        (
            twice(
                kind::components(),
                |seen| seen.daemon_sets.insert(0, seen.daemon_sets[0].clone()),
                cilium::components_are_ok,
            ),
            "DaemonSet kube-system/cilium is listed twice",
        ),
        (
            twice(
                kind::components(),
                |seen| seen.deployments.insert(0, seen.deployments[0].clone()),
                cilium::components_are_ok,
            ),
            "Deployment kube-system/cilium-operator is listed twice",
        ),
        (
            twice(
                kind::components(),
                |seen| seen.endpoints.insert(0, seen.endpoints[0].clone()),
                cilium::components_are_ok,
            ),
            "CiliumEndpoint ",
        ),
        (
            twice(
                kind::images(),
                |seen| seen.sources.insert(0, seen.sources[0].clone()),
                cilium::images_are_the_pinned_ones,
            ),
            "image cilium is listed twice",
        ),
        (
            twice(kind::images(), |seen| seen.pods.insert(0, seen.pods[0].clone()), cilium::images_are_the_pinned_ones),
            agent,
        ),
        (twice(kind::native(), |seen| seen.nodes.insert(0, seen.nodes[0].clone()), cilium::routes_natively), node),
        (twice(kind::ready(), |seen| seen.nodes.insert(0, seen.nodes[0].clone()), cluster::nodes_become_ready), node),
        (
            twice(kind::ready(), |seen| seen.agents.insert(0, seen.agents[0].clone()), cluster::nodes_become_ready),
            agent,
        ),
        (twice(kind::no_proxy(), |seen| seen.nodes.insert(0, seen.nodes[0].clone()), cluster::no_kube_proxy), node),
    ] {
        sound.expect("held");
        assert!(matches!(&judgement, Err(NotHeld::Unobserved(what)) if what.starts_with(why)), "{why}: {judgement:?}");
    }
    // One more than there should be would refute: here one stands in the place of another.
    let shown = twice(
        kind::shown(),
        |seen| {
            seen.nodes[2] = seen.nodes[1].clone();
            seen.containers[2] = seen.containers[1].clone();
        },
        cluster::nodes_are_what_the_article_shows,
    );
    let seen = lab_model::seen::ContainersSeen {
        containers: kind::containers(),
        image: Some(kind::node_image()),
        node_image: None,
    };
    let containers =
        twice(seen, |seen| seen.containers[2] = seen.containers[1].clone(), engine::three_node_containers_run);
    let before = twice(
        kind::before_cni(),
        |seen| seen.nodes[2] = seen.nodes[1].clone(),
        cluster::nodes_not_ready_for_want_of_a_cni,
    );
    for ((sound, judgement), why) in [
        (shown, "node kind-worker is listed twice; container kind-worker is listed twice"),
        (containers, "container kind-worker is listed twice"),
        (before, "node kind-worker is listed twice"),
    ] {
        sound.expect("held");
        assert!(matches!(&judgement, Err(NotHeld::Unobserved(what)) if what == why), "{why}: {judgement:?}");
    }
}

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
