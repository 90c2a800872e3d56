//! Controls of `routing::…`.

use ipnet::Ipv4Net;
use lab_model::Reason::{
    BaseRouteMissing, OwnCidrLeadsAway, RouteBeforeRouting, RouteMissing, Shadowed, ThroughTunnel, TunnelDevice,
    WrongDevice, WrongNextHop,
};
use lab_netns::plan::ROUTER_DEVICE;
use lab_netns::tamper::Act;
use lab_sabotage::Expect::Refuted;
use lab_sabotage::acts::{address, astray, by_device, direct, in_another_table, route, rule, vxlan, without_route};
use lab_sabotage::members::{CONTROL_PLANE, WORKER, WORKER2, node, node_plan};

use crate::control::{Control, Fault, accepts, turns};

const BASE: &str = "routing::only_base_routes_before";
const DIRECT: &str = "routing::direct_route_to_every_peer";
const NO_TUNNEL: &str = "routing::no_tunnel_device";
const OWN: &str = "routing::own_pods_are_local";

pub(crate) const CONTROLS: &[Control] = &[
    accepts(BASE, "accepts_only_base_routes_before"),
    turns(
        BASE,
        "refutes_only_base_routes_before_when_a_pod_route_is_there",
        Fault::Made(|plan| vec![(node(WORKER), direct(plan, WORKER2))]),
        &[(BASE, Refuted(&[(RouteBeforeRouting, WORKER)]))],
    ),
    turns(
        BASE,
        "refutes_only_base_routes_before_when_one_is_in_another_table",
        Fault::Made(|plan| vec![(node(WORKER), in_another_table(direct(plan, WORKER2)))]),
        &[(BASE, Refuted(&[(RouteBeforeRouting, WORKER)]))],
    ),
    turns(
        BASE,
        "refutes_only_base_routes_before_when_there_is_no_default_route",
        Fault::Made(|_plan| vec![(node(WORKER2), Act::DeleteRoute(Ipv4Net::default()))]),
        &[(BASE, Refuted(&[(BaseRouteMissing, WORKER2)]))],
    ),
    accepts(DIRECT, "accepts_direct_route_to_every_peer"),
    turns(
        DIRECT,
        "accepts_direct_route_to_every_peer_beside_a_rule_for_other_packets",
        Fault::Made(|plan| {
            let elsewhere = Ipv4Net::new_assert([192, 0, 2, 0].into(), 24);
            vec![(node(WORKER), rule(None, elsewhere)), (node(WORKER), in_another_table(astray(plan)))]
        }),
        &[],
    ),
    turns(
        DIRECT,
        "refutes_direct_route_to_every_peer_when_one_is_missing",
        Fault::Made(without_route),
        &[(DIRECT, Refuted(&[(RouteMissing, WORKER)]))],
    ),
    turns(
        DIRECT,
        "refutes_direct_route_to_every_peer_when_one_has_a_wrong_next_hop",
        Fault::Made(|plan| vec![(node(WORKER), astray(plan))]),
        &[(DIRECT, Refuted(&[(WrongNextHop, WORKER)]))],
    ),
    turns(
        DIRECT,
        "refutes_direct_route_to_every_peer_when_one_leads_through_a_tunnel",
        Fault::Made(|plan| vec![(node(WORKER), vxlan()), (node(WORKER), by_device(plan, "vxlan0"))]),
        &[(DIRECT, Refuted(&[(ThroughTunnel, WORKER)])), (NO_TUNNEL, Refuted(&[(TunnelDevice, WORKER)]))],
    ),
    turns(
        DIRECT,
        "refutes_direct_route_to_every_peer_when_one_leads_by_another_link",
        Fault::Made(|plan| vec![(node(WORKER), by_device(plan, ROUTER_DEVICE))]),
        &[(DIRECT, Refuted(&[(WrongDevice, WORKER)]))],
    ),
    turns(
        DIRECT,
        "refutes_direct_route_to_every_peer_when_a_rule_shadows_it",
        Fault::Made(|plan| {
            let peers = node_plan(plan, WORKER2).pod_cidr;
            vec![(node(WORKER), rule(None, peers)), (node(WORKER), in_another_table(astray(plan)))]
        }),
        &[(DIRECT, Refuted(&[(Shadowed, WORKER)]))],
    ),
    turns(
        DIRECT,
        "refutes_direct_route_to_every_peer_when_a_rule_shadows_it_for_pods_alone",
        Fault::Made(|plan| {
            let (own, peers) = (node_plan(plan, WORKER).pod_cidr, node_plan(plan, WORKER2).pod_cidr);
            vec![(node(WORKER), rule(Some(own), peers)), (node(WORKER), in_another_table(astray(plan)))]
        }),
        &[(DIRECT, Refuted(&[(Shadowed, WORKER)]))],
    ),
    turns(
        DIRECT,
        "refutes_direct_route_to_every_peer_when_a_longer_prefix_shadows_it",
        Fault::Made(|plan| {
            let peers = node_plan(plan, WORKER2).pod_cidr;
            let upper = Ipv4Net::new_assert(peers.broadcast(), peers.prefix_len() + 1).trunc();
            vec![(node(WORKER), route(upper, "eth0", Some(address(plan, CONTROL_PLANE))))]
        }),
        &[(DIRECT, Refuted(&[(Shadowed, WORKER)]))],
    ),
    accepts(NO_TUNNEL, "accepts_no_tunnel_device"),
    turns(
        NO_TUNNEL,
        "refutes_no_tunnel_device_when_there_is_one",
        Fault::Made(|_plan| vec![(node(CONTROL_PLANE), vxlan())]),
        &[(NO_TUNNEL, Refuted(&[(TunnelDevice, CONTROL_PLANE)]))],
    ),
    turns(
        NO_TUNNEL,
        "refutes_no_tunnel_device_when_there_is_one_that_is_down",
        Fault::Made(|_plan| {
            vec![(node(WORKER2), vxlan()), (node(WORKER2), Act::SetDown { device: "vxlan0".to_owned() })]
        }),
        &[(NO_TUNNEL, Refuted(&[(TunnelDevice, WORKER2)]))],
    ),
    accepts(OWN, "accepts_own_pods_are_local"),
    turns(
        OWN,
        "refutes_own_pods_are_local_when_they_lead_to_a_peer",
        Fault::Made(|plan| {
            let own = node_plan(plan, WORKER).pod_cidr;
            vec![(node(WORKER), route(own, "eth0", Some(address(plan, WORKER2))))]
        }),
        &[(OWN, Refuted(&[(OwnCidrLeadsAway, WORKER)]))],
    ),
    turns(
        OWN,
        "refutes_own_pods_are_local_when_they_lead_to_the_gateway",
        Fault::Made(|plan| vec![(node(WORKER2), Act::DeleteRoute(node_plan(plan, WORKER2).pod_cidr))]),
        &[(OWN, Refuted(&[(OwnCidrLeadsAway, WORKER2)]))],
    ),
];
