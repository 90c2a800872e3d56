//! Packets that go to another node than the peer's.

use super::*;

#[test]
fn a_way_by_another_node_must_lead_on() {
    let third = generated::node(3).addresses[0];
    let by_third = || to_second(move |route| gateway(route, third));
    let proof = ways(NETWORK, by_third()).expect("held");
    assert_eq!(
        proof.summary,
        "11 of 12 ways to peers' pods on 4 nodes lead to the peer itself, 1 to another node that leads to the peer"
    );
    assert_eq!(proof.details[1], "node-0001: 2 peers direct, 1 by other nodes");
    let circle = |seen: &mut ForeignRoutingSeen| {
        by_third()(seen);
        let (pods, back) = (generated::node(2).pod_networks[0], generated::node(1).addresses[0]);
        reroute(seen, 3, |routes| {
            routes.iter_mut().filter(|route| route.destination == pods).for_each(|route| gateway(route, back));
        });
    };
    let (reasons, observed) = refuted(ways(NETWORK, circle));
    // Node 3 sends to node 1, and that one back.
    assert_eq!(reasons, [Reason::WrongNextHop; 2]);
    assert!(observed[0].contains("goes to node-0001, which sends it back"), "{observed:?}");
    let mut seen = generated::cluster(4);
    circle(&mut seen);
    let roads = pairs_astray(&seen, &expecting(NETWORK)).roads;
    let pairs: Vec<String> = roads.iter().map(|road| format!("{} {} {}", road.from, road.to, road.pods)).collect();
    assert_eq!(pairs, ["node-0003 node-0002 10.128.2.0/24", "node-0001 node-0002 10.128.2.0/24"]);
    let no_hop = |seen: &mut ForeignRoutingSeen| {
        by_third()(seen);
        let pods = generated::node(2).pod_networks[0];
        reroute(seen, 3, |routes| {
            let to_peer = routes.iter_mut().filter(|route| route.destination == pods);
            to_peer.for_each(|route| route.hops.clear());
        });
    };
    let why = missing(ways(NETWORK, no_hop));
    assert!(why.contains("node-0003: 10.128.2.1 takes 10.128.2.0/24, which has no next hop"), "{why}");
    assert!(why.contains("node-0003, which leads packets on: 10.128.2.0/24 has no next hop"), "{why}");
    // Where it parts, one half to the peer and one to a third node, nobody has seen where that half ends.
    let parts = |seen: &mut ForeignRoutingSeen| {
        by_third()(seen);
        let (pods, aside) = (generated::node(2).pod_networks[0], generated::node(0).addresses[0]);
        reroute(seen, 3, |routes| {
            let to_peer = routes.iter_mut().filter(|route| route.destination == pods);
            to_peer.for_each(|route| {
                route.hops.push(route.hops[0].clone());
                gateway(route, aside);
            });
        });
    };
    let why = missing(ways(NETWORK, parts));
    assert!(why.contains("goes to node-0003 and on to node-0000, which is not node-0002"), "{why}");
    let ends = |seen: &mut ForeignRoutingSeen| {
        by_third()(seen);
        let pods = generated::node(2).pod_networks[0];
        reroute(seen, 3, |routes| {
            let to_peer = routes.iter_mut().filter(|route| route.destination == pods);
            to_peer.for_each(|route| route.kind = RouteKind::Local);
        });
    };
    let (reasons, observed) = refuted(ways(NETWORK, ends));
    // Node 3's own packets end there, and those of node 1 that it should lead on.
    assert_eq!(reasons, [Reason::WrongDevice, Reason::WrongNextHop]);
    assert!(observed[1].contains("goes to node-0003, where it ends: local 10.128.2.0/24"), "{observed:?}");
    let nowhere = |seen: &mut ForeignRoutingSeen| {
        by_third()(seen);
        reroute(seen, 3, |routes| routes.retain(|route| route.destination.prefix_len() != 0));
        without_route(seen, 3, 2);
    };
    assert!(!refuted(ways(NETWORK, nowhere)).0.is_empty());
}
