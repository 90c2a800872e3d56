//! Ways on which a node's own pod CIDR stays, and others.

use super::*;
use crate::fixture;
use crate::fixture::{expectations, net};
use lab_model::NotHeld;
use lab_model::observe::{Address, NodeName};

fn judged(change: impl FnOnce(&mut NetnsView)) -> Judgement {
    let mut seen = fixture::native(3);
    change(seen.nodes.get_mut(&NodeName::from(fixture::WORKER)).expect("a worker"));
    own_pods_are_local(&seen, &expectations())
}

fn refuted(routes: &[&str]) -> Vec<Reason> {
    judged(|view| instead(view, routes)).expect_err("refuted").reasons()
}

/// Replaces kind-worker's route to its own pod CIDR.
fn instead(view: &mut NetnsView, routes: &[&str]) {
    view.routes.retain(|route| route.destination != net("10.0.1.0/24"));
    view.routes.extend(routes.iter().map(|text| fixture::route(text)));
}

#[test]
fn accepts_ciliums_route_via_its_own_address() {
    assert_eq!(
        judged(|_view| {}).expect("held").summary,
        "3 of 3 nodes keep their own pod CIDR; \
         kind-control-plane: 10.0.0.0/24 via 10.0.0.104 dev cilium_host; \
         kind-worker: 10.0.1.0/24 via 10.0.1.104 dev cilium_host; \
         kind-worker2: 10.0.2.0/24 via 10.0.2.104 dev cilium_host"
    );
}

#[test]
fn accepts_other_shapes_that_stay() {
    judged(|view| instead(view, &["10.0.1.0/24 dev cilium_host"])).expect("a link with an address of the node's");
    judged(|view| instead(view, &["local 10.0.1.0/24 dev lo"])).expect("a local route");
    judged(|view| view.routes.push(fixture::route("10.0.1.12 dev lxc7"))).expect("a host route to a pod");
    let bridge = |view: &mut NetnsView| {
        view.links.push(fixture::link(30, "cni0", Some("bridge")));
        view.links.iter_mut().filter(|link| link.name == "lxc7").for_each(|pod| pod.master = Some(30));
        view.addresses.push(Address { device: "cni0".to_owned(), address: net("10.0.1.1/24") });
        instead(view, &["10.0.1.0/24 dev cni0"]);
    };
    judged(bridge).expect("a bridge of pods with the node's address among them");
    let renumbered = |view: &mut NetnsView| {
        move_address(view, "cilium_host", "10.9.9.9/32");
        instead(view, &["10.0.1.0/24 via 10.9.9.9 dev cilium_host"]);
    };
    judged(renumbered).expect("cilium_host with an address of another pool");
}

/// Gives a link another address than it has.
fn move_address(view: &mut NetnsView, device: &str, to: &str) {
    view.addresses.retain(|own| own.device != device);
    view.addresses.push(Address { device: device.to_owned(), address: net(to) });
}

/// kind-worker has a link of a second network, whose other end is where eth0 has its own.
fn second_network(view: &mut NetnsView, address: &str) {
    let mut eth1 = fixture::link(95, "eth1", Some("veth"));
    (eth1.peer_index, eth1.peer_netns) = (Some(195), Some(0));
    view.links.push(eth1);
    move_address(view, "eth1", address);
}

#[test]
fn accepts_a_second_network_that_leaves_the_pod_cidr_alone() {
    judged(|view| {
        second_network(view, "172.19.0.3/16");
        view.routes.extend(["172.19.0.0/16 dev eth1", "local 172.19.0.3 dev eth1"].map(fixture::route));
    })
    .expect("held");
}

#[test]
fn refutes_a_second_network_that_takes_the_pod_cidr() {
    for (address, route) in [
        ("172.19.0.3/16", "10.0.1.0/24 dev eth1"),
        ("172.19.0.3/16", "10.0.1.0/24 via 172.19.0.3 dev eth1"),
        // An address of the pod CIDR does not make it the pods' side.
        ("10.0.1.200/24", "10.0.1.0/24 dev eth1"),
        ("10.0.1.200/24", "10.0.1.0/24 via 10.0.1.200 dev eth1"),
    ] {
        let reasons = judged(|view| {
            second_network(view, address);
            instead(view, &[route]);
        });
        assert_eq!(reasons.expect_err("refuted").reasons(), [Reason::OwnCidrLeadsAway], "{address}, {route}");
    }
    // Nor is it a pod's own link, even by a route to one address.
    let one = judged(|view| {
        second_network(view, "172.19.0.3/16");
        view.routes.push(fixture::route("10.0.1.77 dev eth1"));
    });
    assert_eq!(one.expect_err("refuted").reasons(), [Reason::OwnCidrLeadsAway]);
    // Another container holds the other end of this one, and it is told apart by its address.
    let elsewhere = judged(|view| {
        second_network(view, "172.19.0.3/16");
        view.links.iter_mut().filter(|link| link.name == "eth1").for_each(|eth1| eth1.peer_netns = Some(9));
        view.routes.push(fixture::route("10.0.1.77 dev eth1"));
    });
    assert_eq!(elsewhere.expect_err("refuted").reasons(), [Reason::OwnCidrLeadsAway]);
}

#[test]
fn refutes_local_links_that_are_not_the_pods_side() {
    for (kind, address, route) in [
        // A pair that is here, with an address that is not among the pods.
        ("veth", "192.0.2.1/24", "10.0.1.0/24 dev other"),
        ("veth", "192.0.2.1/24", "10.0.1.0/24 via 192.0.2.1 dev other"),
        // An address of the pod CIDR, on a link that does not hold it, and on ones that lead nowhere or out.
        ("veth", "10.0.1.5/32", "10.0.1.0/24 via 10.0.1.104 dev other"),
        ("dummy", "10.0.1.5/32", "10.0.1.0/24 dev other"),
        ("macvlan", "10.0.1.5/32", "10.0.1.0/24 via 10.0.1.5 dev other"),
    ] {
        let reasons = judged(|view| {
            let mut other = fixture::link(40, "other", Some(kind));
            let mut end = fixture::link(41, "end", Some(kind));
            (other.peer_index, end.peer_index) = (Some(41), Some(40));
            view.links.extend([other, end]);
            move_address(view, "other", address);
            instead(view, &[route]);
        });
        assert_eq!(reasons.expect_err("refuted").reasons(), [Reason::OwnCidrLeadsAway], "{kind}, {route}");
    }
    let bridged_to_a_second_network = judged(|view| {
        second_network(view, "172.19.0.3/16");
        view.links.push(fixture::link(30, "cni0", Some("bridge")));
        view.links.iter_mut().filter(|link| link.name == "eth1").for_each(|port| port.master = Some(30));
        move_address(view, "cni0", "10.0.1.1/24");
        instead(view, &["10.0.1.0/24 dev cni0"]);
    });
    assert_eq!(bridged_to_a_second_network.expect_err("refuted").reasons(), [Reason::OwnCidrLeadsAway]);
}

#[test]
fn refutes_what_leads_away() {
    for routes in [
        vec!["10.0.1.0/24 via 172.18.0.4 dev eth0"],
        vec!["10.0.1.0/24 dev eth0"],
        vec!["10.0.1.0/24 via 172.18.0.3 dev eth0"],
        vec!["blackhole 10.0.1.0/24"],
        vec!["10.0.1.0/24 dev lxc7"],
        vec!["10.0.1.0/24 via 10.0.1.9 dev cilium_host"],
        vec!["10.0.1.0/24 via inet6 fe80::1 dev cilium_host"],
        vec!["10.0.1.0/24 encap via 10.0.1.104 dev cilium_host"],
        vec!["10.0.1.0/24 via 10.0.1.104 dev cilium_host", "10.0.1.12 via 10.0.1.9 dev lxc7"],
        vec!["10.0.1.0/24 via 10.0.1.104 dev cilium_host", "10.0.1.12 encap dev lxc7"],
        vec!["10.0.1.0/24 via 10.0.1.104 dev cilium_host", "10.0.1.12 via inet6 fe80::1 dev lxc7"],
        vec![],
        vec!["10.0.1.0/24 via 10.0.1.104 dev cilium_host", "10.0.1.128/25 via 172.18.0.4 dev eth0"],
    ] {
        assert_eq!(refuted(&routes), [Reason::OwnCidrLeadsAway], "{routes:?}");
    }
}

/// What goes out of the node's uplink leaves, whatever address that has and wherever its other end is.
#[test]
fn refutes_the_uplink_whatever_it_is() {
    let uplink = judged(|view| {
        view.links.push(fixture::link(41, "end", Some("veth")));
        view.links.iter_mut().filter(|link| link.name == UPLINK).for_each(|eth0| {
            (eth0.peer_index, eth0.peer_netns) = (Some(41), None);
        });
        view.addresses.push(Address { device: UPLINK.to_owned(), address: net("10.0.1.5/24") });
        instead(view, &["10.0.1.0/24 dev eth0"]);
    });
    assert_eq!(uplink.expect_err("refuted").reasons(), [Reason::OwnCidrLeadsAway]);
}

#[test]
fn refutes_a_tunnel_that_holds_an_address_of_the_node() {
    let tunnel = |view: &mut NetnsView| {
        view.links.push(fixture::link(20, "vxlan0", Some("vxlan")));
        view.addresses.push(Address { device: "vxlan0".to_owned(), address: net("10.0.1.1/32") });
        instead(view, &["10.0.1.0/24 dev vxlan0"]);
    };
    assert_eq!(judged(tunnel).expect_err("refuted").reasons(), [Reason::OwnCidrLeadsAway]);
}

#[test]
fn refutes_a_rule_that_sends_a_peers_packets_back() {
    let rule = |view: &mut NetnsView| {
        view.rules.push(fixture::rule("50: from 10.0.2.64/26 iif eth0 lookup 100"));
        view.routes.push(fixture::route("default via 172.18.0.1 dev eth0 table 100"));
    };
    let Err(NotHeld::Refuted(findings)) = judged(rule) else { panic!("not refuted") };
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].by_hand.as_deref(), Some("ip route get 10.0.1.1 from 10.0.2.64 iif eth0"));
}

#[test]
fn what_was_not_seen_is_unobserved() {
    let mut seen = fixture::native(3);
    seen.pod_cidrs.by_node.clear();
    assert!(matches!(own_pods_are_local(&seen, &expectations()), Err(NotHeld::Unobserved(_))));
    seen.nodes.clear();
    assert_eq!(own_pods_are_local(&seen, &expectations()), unobserved("no node's routes were seen"));
    let open = judged(|view| view.rules.push(fixture::rule("50: from all uidrange unreachable")));
    assert!(matches!(open, Err(NotHeld::Unobserved(_))));
}

#[test]
fn a_pod_cidr_without_a_route_is_told_from_one_whose_route_leads_away() {
    let observed = |routes: &[&str]| match judged(|view| instead(view, routes)) {
        Err(NotHeld::Refuted(findings)) => findings[0].observed.clone(),
        other => panic!("not refuted: {other:?}"),
    };
    assert_eq!(observed(&[]), "kind-worker: no route; 10.0.1.1 would leave through default via 172.18.0.1 dev eth0");
    let astray = "10.0.1.0/24 via 172.18.0.4 dev eth0";
    assert_eq!(observed(&[astray]), format!("kind-worker: 10.0.1.1 takes {astray}"));
}
