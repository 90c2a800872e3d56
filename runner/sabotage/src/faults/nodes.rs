//! Faults of nodes and of the network that they are on.

use super::super::acts::{behind_a_router, router_between};
use super::super::expect::Expect::{self, Refuted, Unobserved};
use super::super::fault::{Apply, Fault, Undo};
use super::super::members::{CONTROL_PLANE, POD1, POD2, WORKER, WORKER2};
use lab_model::Reason::{
    AnotherAnswersForPeer, LeaksToGateway, MtuDoesNotFit, NoArpAnswer, NodeDoesNotAnswer, NotOnBridge, PodUnreachable,
    SomeUnanswered,
};

pub(super) const BLIND: Expect = Unobserved("kind-worker2 could not be looked into");
const NO_REQUEST_ARRIVES: Expect =
    Unobserved("no request from 10.0.1.10 to 10.0.2.11:8080 was seen arriving on hello-app-2's eth0");

/// `docker stop`.
pub(super) const NODE_STOPPED: Fault = Fault {
    name: "node-stopped",
    what: "The node kind-worker2 is stopped, with its pod.",
    apply: Apply::Stop(WORKER2),
    kills: &["cluster::three_nodes_run"],
    turns: &[
        ("cluster::three_nodes_run", Refuted(&[(NodeDoesNotAnswer, WORKER2)])),
        ("l2::nodes_share_one_bridge", Refuted(&[(NotOnBridge, WORKER2)])),
        ("l2::peers_are_adjacent", BLIND),
        ("routing::direct_route_to_every_peer", BLIND),
        ("routing::no_tunnel_device", BLIND),
        ("routing::own_pods_are_local", BLIND),
        ("service::two_replicas_on_two_workers", BLIND),
        ("service::cluster_ip_has_both_backends", BLIND),
        ("service::load_balancer_table_matches", BLIND),
        ("service::answers_from_the_control_plane", BLIND),
        ("service::answers_from_each_pod", BLIND),
        ("wire::pods_reach_each_other_directly", BLIND),
        ("wire::frames_are_not_encapsulated", BLIND),
        ("wire::source_address_is_kept", BLIND),
        ("wire::full_mtu_fits", BLIND),
        ("wire::masqueraded_outside_the_native_cidr", BLIND),
        ("wire::nothing_leaks_to_the_uplink", BLIND),
    ],
    undo: Undo::PutBack,
};

/// Another network, that is routed to.
pub(super) const WORKER_BEHIND_A_ROUTER: Fault = Fault {
    name: "worker-behind-a-router",
    what: "The node kind-worker2 is moved to a second bridge, and a router forwards between the two.",
    apply: Apply::Acts(behind_a_router),
    kills: &["l2::nodes_share_one_bridge"],
    turns: &[
        ("l2::nodes_share_one_bridge", Refuted(&[(NotOnBridge, WORKER2)])),
        (
            "l2::peers_are_adjacent",
            Refuted(&[(NoArpAnswer, CONTROL_PLANE), (NoArpAnswer, WORKER), (NoArpAnswer, WORKER2)]),
        ),
        ("service::answers_from_the_control_plane", Refuted(&[(SomeUnanswered, CONTROL_PLANE)])),
        ("service::answers_from_each_pod", Refuted(&[(SomeUnanswered, POD1), (SomeUnanswered, POD2)])),
        ("wire::pods_reach_each_other_directly", Refuted(&[(PodUnreachable, POD1), (PodUnreachable, POD2)])),
        ("wire::frames_are_not_encapsulated", Unobserved("no frame from pod to pod (10.0.1.10 → 10.0.2.11)")),
        ("wire::source_address_is_kept", NO_REQUEST_ARRIVES),
        ("wire::full_mtu_fits", Refuted(&[(MtuDoesNotFit, POD1), (MtuDoesNotFit, POD2)])),
    ],
    undo: Undo::PutBack,
};

/// For each node, its peers seem to be on its own link.
pub(super) const PROXY_ARP_ROUTER: Fault = Fault {
    name: "proxy-arp-router",
    what: "The same, and the router answers ARP on each bridge for the nodes on the other.",
    apply: Apply::Acts(router_between),
    kills: &["l2::peers_are_adjacent"],
    turns: &[
        ("l2::nodes_share_one_bridge", Refuted(&[(NotOnBridge, WORKER2)])),
        (
            "l2::peers_are_adjacent",
            Refuted(&[
                (AnotherAnswersForPeer, CONTROL_PLANE),
                (AnotherAnswersForPeer, WORKER),
                (AnotherAnswersForPeer, WORKER2),
            ]),
        ),
        ("service::answers_from_the_control_plane", Refuted(&[(SomeUnanswered, CONTROL_PLANE)])),
        ("service::answers_from_each_pod", Refuted(&[(SomeUnanswered, POD1), (SomeUnanswered, POD2)])),
        ("wire::pods_reach_each_other_directly", Refuted(&[(PodUnreachable, POD1), (PodUnreachable, POD2)])),
        ("wire::frames_are_not_encapsulated", Unobserved("no frame from pod to pod (10.0.1.10 → 10.0.2.11)")),
        ("wire::source_address_is_kept", NO_REQUEST_ARRIVES),
        ("wire::full_mtu_fits", Refuted(&[(MtuDoesNotFit, POD1), (MtuDoesNotFit, POD2)])),
        // The router is the gateway too, and knows no pods.
        ("wire::nothing_leaks_to_the_uplink", Refuted(&[(LeaksToGateway, WORKER), (LeaksToGateway, WORKER2)])),
    ],
    undo: Undo::PutBack,
};
