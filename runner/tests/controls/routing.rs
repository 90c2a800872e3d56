//! Controls of `routing::…`.

use ipnet::Ipv4Net;
use lab::backend::netns::plan::{Plan, ROUTER_DEVICE};
use lab::judge::Reason::{
    BaseRouteMissing, OwnCidrLeadsAway, RouteBeforeRouting, RouteMissing, Shadowed, ThroughTunnel, TunnelDevice,
    WrongDevice, WrongNextHop,
};
use lab::observe::{Place, TABLE_MAIN};
use lab::tamper::Act;
use std::net::Ipv4Addr;

use crate::control::{Control, Fault, accepts, turns};
use crate::expect::Expect::Refuted;
use crate::members::{CONTROL_PLANE, WORKER, WORKER2, node, node_plan};

const BASE: &str = "routing::only_base_routes_before";
const DIRECT: &str = "routing::direct_route_to_every_peer";
const NO_TUNNEL: &str = "routing::no_tunnel_device";
const OWN: &str = "routing::own_pods_are_local";

/// A table of its own for rules that lead there.
const ANOTHER_TABLE: u32 = 100;

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

pub(crate) fn address(plan: &Plan, name: &str) -> Ipv4Addr {
    node_plan(plan, name).address.addr()
}

fn route(destination: Ipv4Net, device: &str, gateway: Option<Ipv4Addr>) -> Act {
    Act::PutRoute { destination, device: device.to_owned(), gateway, table: TABLE_MAIN }
}

/// What `autoDirectNodeRoutes` would install.
fn direct(plan: &Plan, peer: &str) -> Act {
    route(node_plan(plan, peer).pod_cidr, "eth0", Some(address(plan, peer)))
}

/// To the second worker's pods, but via the control plane.
pub(crate) fn astray(plan: &Plan) -> Act {
    route(node_plan(plan, WORKER2).pod_cidr, "eth0", Some(address(plan, CONTROL_PLANE)))
}

/// To the second worker's pods by another link.
fn by_device(plan: &Plan, device: &str) -> Act {
    route(node_plan(plan, WORKER2).pod_cidr, device, None)
}

fn in_another_table(act: Act) -> Act {
    match act {
        Act::PutRoute { destination, device, gateway, table: _ } => {
            Act::PutRoute { destination, device, gateway, table: ANOTHER_TABLE }
        }
        other => other,
    }
}

fn rule(source: Option<Ipv4Net>, destination: Ipv4Net) -> Act {
    Act::AddRule { priority: 100, source, destination, table: ANOTHER_TABLE }
}

fn vxlan() -> Act {
    Act::AddVxlan { device: "vxlan0".to_owned() }
}

/// No route to the second worker's pods on the first one.
pub(crate) fn without_route(plan: &Plan) -> Vec<(Place, Act)> {
    vec![(node(WORKER), Act::DeleteRoute(node_plan(plan, WORKER2).pod_cidr))]
}
