//! The way to the pods of every peer.

use super::*;

#[test]
fn direct_routes_of_a_sound_cluster_hold_whoever_made_them() {
    for settings in [AGENTS, NETWORK, BOTH, &[("enable-wireguard", "true")], &[("enable-ipsec", "true")]] {
        let proof = ways(settings, |_seen| {}).expect("held");
        assert_eq!(proof.summary, "12 of 12 ways to peers' pods on 4 nodes lead to the peer itself", "{settings:?}");
        assert_eq!(proof.details[1], "node-0001: 3 peers direct");
    }
}

#[test]
fn a_missing_direct_route_is_refuted_where_agents_make_them() {
    let (reasons, observed) = refuted(ways(AGENTS, |seen| without_route(seen, 1, 2)));
    assert_eq!(reasons, [Reason::RouteMissing]);
    assert_eq!(
        observed[0],
        "node-0001: node-0002's 10.128.2.0/24: no route; 10.128.2.1 would leave through default via 192.168.255.254"
    );
    // Several peers on one node are one finding.
    let (reasons, observed) = refuted(ways(AGENTS, |seen| {
        for to in [0, 2, 3] {
            without_route(seen, 1, to);
        }
    }));
    assert_eq!(reasons, [Reason::RouteMissing]);
    assert!(observed[0].ends_with("; likewise 2 more peers: node-0002, node-0003"), "{observed:?}");
}

#[test]
fn pairs_that_lead_astray_are_told_one_by_one() {
    let mut seen = generated::cluster(4);
    assert!(pairs_astray(&seen, &expecting(AGENTS)).is_empty());
    for (from, to) in [(1, 0), (1, 2), (3, 2)] {
        without_route(&mut seen, from, to);
    }
    let found = pairs_astray(&seen, &expecting(AGENTS)).roads;
    let pairs: Vec<String> = found.iter().map(|road| format!("{} {} {}", road.from, road.to, road.pods)).collect();
    assert_eq!(
        pairs,
        ["node-0001 node-0000 10.128.0.0/24", "node-0001 node-0002 10.128.2.0/24", "node-0003 node-0002 10.128.2.0/24"]
    );
    for road in found {
        assert!(matches!(road.way, Way::Astray { reason: Reason::RouteMissing, .. }), "{road:?}");
    }
}

#[test]
fn nodes_in_two_subnets_are_told() {
    let apart = |seen: &mut ForeignRoutingSeen| {
        without_route(seen, 1, 2);
        // Node 2 moves to a subnet of its own; all routes to it go with it.
        let (before, moved) = (generated::node(2).addresses[0], Ipv4Addr::new(172, 20, 0, 2));
        seen.nodes[2].addresses = vec![moved];
        for node in [0, 3] {
            reroute(seen, node, |routes| {
                routes
                    .iter_mut()
                    .filter(|route| route.hops[0].gateway == Some(before.into()))
                    .for_each(|route| gateway(route, moved));
            });
        }
    };
    let (_, observed) = refuted(ways(AGENTS, apart));
    assert_eq!(
        observed[0],
        "node-0001: node-0002's 10.128.2.0/24: no route; 10.128.2.1 would leave through default via 192.168.255.254; the nodes are in \
         two subnets: node-0002's 172.20.0.2 is in no subnet of this node's (192.168.0.11/16), and agents make routes within one alone: \
         of such a peer they log `must be directly reachable`"
    );
    // An address of a link alone puts it into no subnet with anybody.
    let (_, with_another) = refuted(ways(AGENTS, |seen| {
        apart(seen);
        let tables = seen.tables.get_mut(&name(1)).unwrap().as_mut().unwrap();
        let own = tables.addresses.last().unwrap().clone();
        tables.addresses.push(Address { address: Ipv4Net::from(Ipv4Addr::new(172, 20, 0, 2)), ..own });
    }));
    assert_eq!(with_another, observed);
    // Where its log was read, the agent's own words are there, and only what it has said.
    let logged = |to: Ipv4Addr| {
        refuted(ways(AGENTS, |seen| {
            apart(seen);
            let refused = vec![RefusedRoute { to, gateway: GATEWAY }];
            seen.logs.insert(name(1), Ok(AgentLog { refused, line: None }));
        }))
    };
    let own = "; its agent has logged `route to destination 172.20.0.2 contains gateway 192.168.255.254, must be directly reachable`";
    let (_, observed) = logged(Ipv4Addr::new(172, 20, 0, 2));
    assert!(observed[0].ends_with(own), "{observed:?}");
    let (_, observed) = logged(Ipv4Addr::new(172, 20, 0, 9));
    assert!(!observed[0].contains("has logged"), "{observed:?}");
    // Where Cilium announces its pods to routers as well, they may know the way: nobody has looked.
    let why = missing(ways(BOTH, apart));
    assert!(why.contains("the pods of node-0002 have no route of their own, as those of 2 other peers have"), "{why}");
}

#[test]
fn other_ways_are_refuted_where_agents_make_the_routes() {
    let third = generated::node(3).addresses[0];
    for (change, reason, words) in [
        (
            &(|route: &mut Route| gateway(route, third)) as &dyn Fn(&mut Route),
            Reason::WrongNextHop,
            "which is node-0003",
        ),
        (&|route| gateway(route, GATEWAY), Reason::WrongNextHop, "via 192.168.255.254"),
        (&|route| route.hops[0].device = Some("cilium_host".to_owned()), Reason::WrongDevice, "is reached by ens3"),
        (&|route| route.hops[0].encapsulates = true, Reason::ThroughTunnel, "encapsulates"),
        (&|route| route.kind = RouteKind::Blackhole, Reason::RouteMissing, "refused by blackhole"),
        (&|route| route.kind = RouteKind::Local, Reason::WrongDevice, "it ends on this node"),
    ] {
        let (reasons, observed) = refuted(ways(AGENTS, to_second(change)));
        assert_eq!(reasons, [reason], "{observed:?}");
        assert!(observed[0].contains(words), "{observed:?}");
    }
}

#[test]
fn routes_that_lead_to_this_nodes_own_pods_or_to_itself_are_refuted_whoever_makes_them() {
    let own = Ipv4Addr::new(10, 128, 1, 1);
    for (change, reason, words) in [
        (
            &(|route: &mut Route| {
                gateway(route, own);
                route.hops[0].device = Some("cilium_host".to_owned());
            }) as &dyn Fn(&mut Route),
            Reason::WrongDevice,
            "it leads to this node's own pods",
        ),
        (
            &|route| {
                route.hops[0].gateway = None;
                route.hops[0].device = Some("lxc00000002".to_owned());
            },
            Reason::WrongDevice,
            "it leads to this node's own pods",
        ),
        (&|route| gateway(route, generated::node(1).addresses[0]), Reason::WrongNextHop, "which is this node itself"),
    ] {
        let (reasons, observed) = refuted(ways(NETWORK, to_second(change)));
        assert_eq!(reasons, [reason], "{observed:?}");
        assert!(observed[0].ends_with(words), "{observed:?}");
    }
}

#[test]
fn of_several_hops_and_several_addresses_the_worst_counts() {
    let third = generated::node(3).addresses[0];
    for last in [false, true] {
        let judgement = ways(
            AGENTS,
            to_second(|route| {
                let (mut hop, at) = (route.hops[0].clone(), usize::from(last));
                hop.gateway = Some(third.into());
                route.hops.insert(at, hop);
            }),
        );
        let (reasons, observed) = refuted(judgement);
        assert_eq!(reasons, [Reason::WrongNextHop], "{observed:?}");
    }
    // The command to look by hand asks for an address that goes there.
    for (half, address) in [("10.128.2.0/25", "10.128.2.0"), ("10.128.2.128/25", "10.128.2.128")] {
        let judgement = ways(AGENTS, |seen| {
            reroute(seen, 1, |routes| {
                routes.push(Route {
                    kind: RouteKind::Blackhole,
                    hops: Vec::new(),
                    ..route(TABLE_MAIN, half, None, "lo")
                });
            });
        });
        assert_eq!(by_hand(judgement), [format!("ip route get {address}")], "{half}");
    }
}

#[test]
fn two_nodes_are_enough_and_of_many_pairs_the_first_are_told() {
    let two = generated::cluster(2);
    let proof = ways_to_every_peer(&two, &expecting_two(AGENTS)).expect("held");
    assert_eq!(proof.summary, "2 of 2 ways to peers' pods on 2 nodes lead to the peer itself");
    let nodes = 102;
    let mut many = generated::cluster(nodes);
    for node in 0..nodes {
        reroute(&mut many, node, |routes| routes.retain(|route| route.table != TABLE_MAIN));
    }
    assert_eq!(pairs_astray(&many, &expecting(AGENTS)).roads.len(), 10_000);
}

#[test]
fn a_peer_may_be_reached_by_any_of_its_addresses() {
    let second = Ipv4Addr::new(172, 20, 0, 2);
    let two_links = |device: &'static str| {
        move |seen: &mut ForeignRoutingSeen| {
            seen.nodes[2].addresses.push(second);
            let tables = seen.tables.get_mut(&name(1)).unwrap().as_mut().unwrap();
            tables.links.push(Link { index: 9, name: "ens4".to_owned(), ..tables.links[1].clone() });
            reroute(seen, 1, |routes| routes.push(route(TABLE_MAIN, "172.20.0.0/16", None, "ens4")));
            to_second(|route| {
                gateway(route, second);
                route.hops[0].device = Some(device.to_owned());
            })(seen);
        }
    };
    assert!(ways(AGENTS, two_links("ens4")).is_ok());
    let (reasons, observed) = refuted(ways(AGENTS, two_links("ens3")));
    assert_eq!(reasons, [Reason::WrongDevice]);
    assert!(observed[0].ends_with("the peer itself is reached by ens4"), "{observed:?}");
}

#[test]
fn the_peers_own_address_may_be_this_nodes_too() {
    // As a virtual address on both may be: by which link the peer itself is reached is not told by that.
    let peer = Ipv4Net::from(generated::node(2).addresses[0]);
    let judgement = ways(AGENTS, |seen| {
        reroute(seen, 1, |routes| {
            let local = route(TABLE_LOCAL, &peer.to_string(), None, "lo");
            routes.push(Route { kind: RouteKind::Local, ..local });
        });
    });
    assert!(judgement.is_ok(), "{judgement:?}");
}

#[test]
fn ways_by_the_network_hold_and_say_what_was_not_looked_at() {
    let by_default = |seen: &mut ForeignRoutingSeen| {
        for node in 0..4 {
            (0..4).filter(|to| *to != node).for_each(|to| without_route(seen, node, to));
        }
    };
    let proof = ways(NETWORK, by_default).expect("held");
    assert_eq!(
        proof.summary,
        "0 of 12 ways to peers' pods on 4 nodes lead to the peer itself, 12 to routers of the network, whose own routes were \
         not looked at"
    );
    assert_eq!(proof.details[0], "node-0000: 0 peers direct, 3 by default via 192.168.255.254");
    let learnt = ways(NETWORK, to_second(|route| gateway(route, GATEWAY))).expect("held");
    assert_eq!(learnt.details[1], "node-0001: 2 peers direct, 1 by routers");
    // One peer alone without a route is suspect.
    let why = missing(ways(NETWORK, |seen| without_route(seen, 1, 2)));
    assert!(why.contains("node-0001: the pods of node-0002 have no route of their own"), "{why}");
    // So are those with a route where they are the fewer, whichever way the others go by; of as many as those it is no sign.
    let third = generated::node(3).addresses[0];
    for (by, without, others) in [
        (GATEWAY, &[0][..], Some("2 other peers")),
        (third, &[0], Some("2 other peers")),
        (GATEWAY, &[0, 4], None),
        (third, &[0, 4], None),
        (GATEWAY, &[0, 3, 4], None),
    ] {
        let mut seen = generated::cluster(3 + without.len().min(2));
        to_second(|route| gateway(route, by))(&mut seen);
        for to in without {
            without_route(&mut seen, 1, *to);
        }
        let judgement = ways_to_every_peer(&seen, &expecting(NETWORK));
        match others {
            Some(others) => {
                let why = missing(judgement);
                assert!(why.contains(&format!("as those of {others} have, and would leave by default via ")), "{why}");
            }
            None => assert!(judgement.is_ok(), "{by} {without:?}: {judgement:?}"),
        }
    }
    for change in [
        &(|route: &mut Route| route.kind = RouteKind::Blackhole) as &dyn Fn(&mut Route),
        &|route| route.kind = RouteKind::Unreachable,
        &|route| gateway(route, generated::node(1).addresses[0]),
    ] {
        assert!(!refuted(ways(NETWORK, to_second(change))).0.is_empty());
    }
}

#[test]
fn what_was_not_seen_proves_nothing() {
    for (change, words) in [
        (
            &(|seen: &mut ForeignRoutingSeen| drop(seen.tables.insert(name(3), Err("no answer".to_owned()))))
                as &dyn Fn(&mut ForeignRoutingSeen),
            "node-0003: no answer",
        ),
        (&|seen: &mut ForeignRoutingSeen| drop(seen.tables.remove(&name(3))), "node-0003: its routes were not read"),
        (&|seen: &mut ForeignRoutingSeen| seen.nodes[2].pod_networks.clear(), "the pod CIDR of node-0002 is not known"),
        (&|seen: &mut ForeignRoutingSeen| seen.nodes[2].addresses.clear(), "no IPv4 address of node-0002 is known"),
        (
            &|seen: &mut ForeignRoutingSeen| seen.tables.get_mut(&name(0)).unwrap().as_mut().unwrap().rules.clear(),
            "no routing rules were seen",
        ),
        (
            &|seen: &mut ForeignRoutingSeen| seen.tables.get_mut(&name(0)).unwrap().as_mut().unwrap().links.clear(),
            "node-0000",
        ),
        (&|seen: &mut ForeignRoutingSeen| seen.nodes.truncate(3), "3 of 4 nodes were looked at"),
        (&|seen: &mut ForeignRoutingSeen| seen.nodes.truncate(1), "a peer takes two"),
    ] {
        let why = missing(ways(AGENTS, change));
        assert!(why.contains(words), "{words:?} is not in {why:?}");
    }
}

#[test]
fn a_device_that_is_not_among_the_links_may_be_anything() {
    let judgement = ways(AGENTS, |seen| {
        reroute(seen, 1, |routes| {
            let to_peer = routes.iter_mut().filter(|route| route.destination == generated::node(2).pod_networks[0]);
            to_peer.for_each(|route| route.hops[0].device = Some("ens7".to_owned()));
        });
    });
    let why = missing(judgement);
    assert!(why.contains("node-0001: ") && why.contains("ens7 is not among the node's links"), "{why}");
}
