//! Faults that are made while a lab is built.

use ipnet::Ipv4Net;
use lab_model::observe::UPLINK;

use super::super::acts::{address, route};
use super::super::fault::{Apply, Fault, Undo};
use super::super::members::{CONTROL_PLANE, POD2, WORKER, WORKER2, node};
use lab_harness::expect::Expect::{Refuted, Unobserved};
use lab_harness::turned::Effect;
use lab_model::Reason::{
    Encapsulated, LeaksToGateway, NoAnswer, NotOnTwoWorkers, RouteBeforeRouting, RouteMissing, ThroughTunnel,
    TunnelDevice,
};
use lab_model::Routing;
use lab_model::stage::Stage;
use lab_netns::plan::Placement;

/// A route such as kindnet adds if `disableDefaultCNI` is forgotten; kind's own pod subnet is 10.244.0.0/16.
pub(super) const ROUTE_BEFORE_ROUTING: Fault = Fault {
    name: "route-before-routing",
    what: "On kind-worker there is a pod route before routing is installed: 10.244.2.0/24, as another network plugin would leave it.",
    apply: Apply::Before(Stage::BaseObserved, |plan| {
        let pods = Ipv4Net::new_assert([10, 244, 2, 0].into(), 24);
        vec![(node(WORKER), route(pods, UPLINK, Some(address(plan, WORKER2))))]
    }),
    kills: &["routing::only_base_routes_before"],
    breaks: &[],
    turns: &[("routing::only_base_routes_before", Refuted(&[(RouteBeforeRouting, WORKER)]))],
    undo: Undo::BuiltAgain,
};

/// The lab of `--routing vxlan`.
pub(super) const VXLAN: Fault = Fault {
    name: "vxlan",
    what: "The lab is built with an overlay: all pod routes lead through vxlan devices.",
    apply: Apply::Built(Stage::RoutingInstalled, |spec| spec.routing = Routing::Vxlan),
    kills: &["routing::no_tunnel_device", "wire::frames_are_not_encapsulated", "wire::full_mtu_fits"],
    breaks: &[Effect::NarrowPath],
    turns: &[
        (
            "routing::direct_route_to_every_peer",
            Refuted(&[(ThroughTunnel, CONTROL_PLANE), (ThroughTunnel, WORKER), (ThroughTunnel, WORKER2)]),
        ),
        (
            "routing::no_tunnel_device",
            Refuted(&[(TunnelDevice, CONTROL_PLANE), (TunnelDevice, WORKER), (TunnelDevice, WORKER2)]),
        ),
        ("wire::frames_are_not_encapsulated", Refuted(&[(Encapsulated, WORKER), (Encapsulated, WORKER2)])),
        ("wire::no_router_between_nodes", Unobserved("no packet hello-app-1 → hello-app-2 was seen leaving")),
    ],
    undo: Undo::BuiltAgain,
};

/// The lab of `--routing none`.
pub(super) const NO_ROUTES: Fault = Fault {
    name: "no-routes",
    what: "The lab is built without pod routes.",
    apply: Apply::Built(Stage::RoutingInstalled, |spec| spec.routing = Routing::None),
    kills: &["routing::direct_route_to_every_peer", "service::answers_from_the_control_plane"],
    breaks: &[Effect::PodsApart, Effect::NothingFromFirst],
    turns: &[
        (
            "routing::direct_route_to_every_peer",
            Refuted(&[(RouteMissing, CONTROL_PLANE), (RouteMissing, WORKER), (RouteMissing, WORKER2)]),
        ),
        ("service::answers_from_the_control_plane", Refuted(&[(NoAnswer, CONTROL_PLANE)])),
        ("wire::nothing_leaks_to_the_uplink", Refuted(&[(LeaksToGateway, WORKER), (LeaksToGateway, WORKER2)])),
    ],
    undo: Undo::BuiltAgain,
};

/// Both replicas are on one worker, as can happen if the workload has no anti-affinity.
pub(super) const BOTH_REPLICAS_ON_ONE_WORKER: Fault = Fault {
    name: "both-replicas-on-one-worker",
    what: "The lab is built with both pods on kind-worker.",
    apply: Apply::Built(Stage::WorkloadReady, |spec| spec.placement = Placement::Together),
    kills: &["service::two_replicas_on_two_workers"],
    breaks: &[Effect::NoPodsAcross],
    turns: &[("service::two_replicas_on_two_workers", Refuted(&[(NotOnTwoWorkers, POD2)]))],
    undo: Undo::BuiltAgain,
};
