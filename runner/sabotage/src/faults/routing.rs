//! Faults of routes and rules.

use ipnet::Ipv4Net;

use super::super::acts::{
    SECOND_LINK, address, astray, by_device, in_another_table, route, rule, second_network, vxlan, without_route,
};
use super::super::fault::{Apply, Fault, Undo};
use super::super::members::{WORKER, WORKER2, node, node_plan};
use lab_harness::expect::Expect::Refuted;
use lab_harness::turned::Effect;
use lab_model::Reason::{OwnCidrLeadsAway, RouteMissing, Shadowed, ThroughTunnel, TunnelDevice, WrongNextHop};
use lab_model::observe::UPLINK;

/// A direct route is missing, as if an agent could not install it.
pub(super) const DIRECT_ROUTE_DELETED: Fault = Fault {
    name: "direct-route-deleted",
    what: "On kind-worker the route to the pod CIDR of kind-worker2 is deleted.",
    apply: Apply::Acts(without_route),
    kills: &["routing::direct_route_to_every_peer", "wire::nothing_leaks_to_the_uplink"],
    breaks: &[Effect::Leak, Effect::PodsApart, Effect::NothingFromFirst],
    turns: &[("routing::direct_route_to_every_peer", Refuted(&[(RouteMissing, WORKER)]))],
    undo: Undo::PutBack,
};

/// A direct route via the wrong node. That node forwards the packets, so requests are answered nevertheless.
pub(super) const WRONG_NEXT_HOP: Fault = Fault {
    name: "wrong-next-hop",
    what: "On kind-worker the route to the pod CIDR of kind-worker2 goes via the control plane.",
    apply: Apply::Acts(|plan| vec![(node(WORKER), astray(plan))]),
    kills: &[
        "routing::direct_route_to_every_peer",
        "wire::frames_are_not_encapsulated",
        "wire::no_router_between_nodes",
    ],
    breaks: &[Effect::Detour],
    turns: &[("routing::direct_route_to_every_peer", Refuted(&[(WrongNextHop, WORKER)]))],
    undo: Undo::PutBack,
};

/// A route through an overlay on one node only, which has no peer.
pub(super) const ROUTE_THROUGH_A_TUNNEL: Fault = Fault {
    name: "route-through-a-tunnel",
    what: "On kind-worker the route to the pod CIDR of kind-worker2 leads through a vxlan device.",
    apply: Apply::Acts(|plan| vec![(node(WORKER), vxlan()), (node(WORKER), by_device(plan, "vxlan0"))]),
    kills: &["routing::direct_route_to_every_peer", "routing::no_tunnel_device"],
    breaks: &[Effect::PodsApart, Effect::NothingFromFirst],
    turns: &[
        ("routing::direct_route_to_every_peer", Refuted(&[(ThroughTunnel, WORKER)])),
        ("routing::no_tunnel_device", Refuted(&[(TunnelDevice, WORKER)])),
    ],
    undo: Undo::PutBack,
};

/// A rule hides the route; `ip route` does not show that.
pub(super) const SHADOWING_RULE: Fault = Fault {
    name: "shadowing-rule",
    what: "On kind-worker a rule leads to another table, whose route goes via the control plane.",
    apply: Apply::Acts(|plan| {
        let peers = node_plan(plan, WORKER2).pod_cidr;
        vec![(node(WORKER), in_another_table(astray(plan))), (node(WORKER), rule(None, peers))]
    }),
    kills: &["routing::direct_route_to_every_peer"],
    breaks: &[Effect::Detour],
    turns: &[("routing::direct_route_to_every_peer", Refuted(&[(Shadowed, WORKER)]))],
    undo: Undo::PutBack,
};

/// The route to a node's own pod CIDR leads away. Running pods are still reached, by their own /32 routes.
pub(super) const OWN_CIDR_VIA_A_PEER: Fault = Fault {
    name: "own-cidr-via-a-peer",
    what: "On kind-worker the route to its own pod CIDR goes via kind-worker2.",
    apply: Apply::Acts(|plan| {
        let own = node_plan(plan, WORKER).pod_cidr;
        vec![(node(WORKER), route(own, UPLINK, Some(address(plan, WORKER2))))]
    }),
    kills: &["routing::own_pods_are_local"],
    breaks: &[],
    turns: &[("routing::own_pods_are_local", Refuted(&[(OwnCidrLeadsAway, WORKER)]))],
    undo: Undo::PutBack,
};

/// `docker network connect`, of a network whose prefix is a pod CIDR, after which a route was put right by hand. The node
/// has an address of its own in the pod CIDR then, and it is not among the pods.
pub(super) const SECOND_NETWORK_TAKES_POD_CIDR: Fault = Fault {
    name: "second-network-takes-pod-cidr",
    what: "On kind-worker its own pod CIDR leads to a link of a second network, with an address of it.",
    apply: Apply::Acts(|plan| {
        let own = node_plan(plan, WORKER).pod_cidr;
        let [a, b, c, _] = own.network().octets();
        let of = |last| Ipv4Net::new_assert([a, b, c, last].into(), own.prefix_len());
        let mut acts = second_network(of(200), of(254));
        acts.push((node(WORKER), route(own, SECOND_LINK, None)));
        acts
    }),
    kills: &["routing::own_pods_are_local"],
    breaks: &[],
    turns: OWN_CIDR_VIA_A_PEER.turns,
    undo: Undo::PutBack,
};
