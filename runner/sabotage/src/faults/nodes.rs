//! Faults of nodes and of the network that they are on.

use super::super::acts::{behind_a_router, peer_behind_the_gateway, router_between};
use super::super::fault::{Apply, Fault, Undo};
use super::super::members::{CONTROL_PLANE, WORKER, WORKER2};
use lab_harness::expect::Expect::Refuted;
use lab_harness::turned::Effect;
use lab_model::Reason::{AnotherAnswersForPeer, LeaksToGateway, NoArpAnswer, PeerBehindRouter};

/// A node is stopped, as with `docker stop`.
pub(super) const NODE_STOPPED: Fault = Fault {
    name: "node-stopped",
    what: "The node kind-worker2 is stopped, with its pod.",
    apply: Apply::Stop(WORKER2),
    kills: &["cluster::three_nodes_run"],
    breaks: &[Effect::NodeSilent],
    turns: &[],
    undo: Undo::PutBack,
};

/// A worker is on a second bridge, and the namespace with both bridges routes between them.
pub(super) const WORKER_BEHIND_A_ROUTER: Fault = Fault {
    name: "worker-behind-a-router",
    what: "The node kind-worker2 is moved to a second bridge, and a router forwards between the two.",
    apply: Apply::Acts(behind_a_router),
    kills: &["l2::nodes_share_one_bridge"],
    breaks: &[Effect::SecondBridge, Effect::PodsApart, Effect::NothingFromFirst, Effect::SecondPodHidden],
    turns: &[(
        "l2::peers_are_adjacent",
        Refuted(&[(NoArpAnswer, CONTROL_PLANE), (NoArpAnswer, WORKER), (NoArpAnswer, WORKER2)]),
    )],
    undo: Undo::PutBack,
};

/// The same with proxy ARP, so that the nodes seem to be on one link.
pub(super) const PROXY_ARP_ROUTER: Fault = Fault {
    name: "proxy-arp-router",
    what: "The same, and the router answers ARP on each bridge for the nodes on the other.",
    apply: Apply::Acts(router_between),
    kills: &["l2::peers_are_adjacent"],
    breaks: &[Effect::SecondBridge, Effect::PodsApart, Effect::NothingFromFirst, Effect::SecondPodHidden],
    turns: &[
        (
            "l2::peers_are_adjacent",
            Refuted(&[
                (AnotherAnswersForPeer, CONTROL_PLANE),
                (AnotherAnswersForPeer, WORKER),
                (AnotherAnswersForPeer, WORKER2),
            ]),
        ),
        // The router is also the gateway, and has no routes to pods.
        ("wire::nothing_leaks_to_the_uplink", Refuted(&[(LeaksToGateway, WORKER), (LeaksToGateway, WORKER2)])),
    ],
    undo: Undo::PutBack,
};

/// The neighbours are neighbours still, and pods' packets go straight: the kernel looks for the next hop of a direct route
/// among the link's own routes. Only what is for the node itself goes through the router.
pub(super) const PEER_BEHIND_A_ROUTER: Fault = Fault {
    name: "peer-behind-a-router",
    what: "On kind-worker the route to kind-worker2's own address goes via the bridge's gateway.",
    apply: Apply::Acts(peer_behind_the_gateway),
    kills: &["l2::peers_are_adjacent"],
    breaks: &[],
    turns: &[("l2::peers_are_adjacent", Refuted(&[(PeerBehindRouter, WORKER)]))],
    undo: Undo::PutBack,
};
