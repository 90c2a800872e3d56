//! Faults of nodes and agents that a cluster notices only after some time.

use super::super::cluster::{Breakage, NodeCommand, remove_agents_command, restore_agents_command};
use super::super::fault::{Apply, Fault, Undo};
use super::super::members::{BRIDGE, CONTROL_PLANE, WORKER, WORKER2};
use lab_harness::expect::Expect::{Refuted, RefutedAndPerhaps, Unobserved};
use lab_harness::turned::Effect;
use lab_model::Reason::{
    AgentsNotReady, OperatorsNotReady, OwnCidrLeadsAway, PodNotManaged, RouteMissing, WrongReplicaCount,
};

/// A node is paused with `docker pause`.
pub(super) const NODE_PAUSED: Fault = Fault {
    name: "node-paused",
    what: "The node kind-worker2 is paused, with its pods.",
    apply: Apply::Cluster { how: Breakage::Paused(WORKER2), settles: &["cluster::nodes_become_ready"] },
    kills: &["cluster::three_node_containers_run", "cluster::three_nodes_run", "cluster::nodes_become_ready"],
    breaks: &[Effect::NodeSilent, Effect::AgentsAway, Effect::NodeNotReady],
    turns: &[],
    undo: Undo::PutBack,
};

/// A `DaemonSet` starts a killed agent again at once, so it is kept from doing that. The node then loses its network plugin
/// and is no longer Ready; the datapath that the agent has set up continues without it.
pub(super) const AGENT_KILLED: Fault = Fault {
    name: "agent-killed",
    what: "The agent of kind-worker2 is ended, and its DaemonSet kept from starting another: the node loses the label that it selects.",
    apply: Apply::Cluster {
        how: Breakage::Commands(|who| {
            let node = who.node(WORKER2);
            Ok(vec![NodeCommand {
                node: CONTROL_PLANE,
                make: remove_agents_command(&node),
                undo: restore_agents_command(&node),
            }])
        }),
        settles: &["cluster::nodes_become_ready", "cilium::components_are_ok"],
    },
    kills: &["cilium::components_are_ok", "cluster::nodes_become_ready"],
    breaks: &[Effect::AgentsAway, Effect::NodeNotReady],
    turns: &[("cilium::images_are_the_pinned_ones", Unobserved("2 of 3 containers cilium-agent were seen"))],
    undo: Undo::PutBack,
};

/// The mistake of copying the API server's address from the article. Agents without an API server end after about a minute
/// and are started again; existing pods keep working.
pub(super) const WRONG_SERVICE_HOST: Fault = Fault {
    name: "wrong-service-host",
    what: "All agents are replaced and get a k8sServiceHost that is not the address of any node.",
    apply: Apply::Cluster {
        how: Breakage::ServiceHost,
        settles: &["cilium::images_are_the_pinned_ones", "cluster::nodes_become_ready", "cilium::components_are_ok"],
    },
    kills: &["cilium::release_has_the_articles_values", "cilium::components_are_ok"],
    breaks: &[Effect::ServiceHostStale, Effect::AgentsAway],
    turns: &[],
    undo: Undo::PutBack,
};

/// What a restart of Docker can do to a cluster: nodes come back without routes and maps, agents do not find the API
/// server, and no pod can be set up.
pub(super) const NODES_RESTARTED: Fault = Fault {
    name: "nodes-restarted",
    what: "All nodes are stopped and started in another order, as a restart of Docker may do: the control plane has another address.",
    apply: Apply::Cluster {
        how: Breakage::Restarted,
        settles: &[
            "cilium::release_has_the_articles_values",
            "cilium::components_are_ok",
            "cluster::nodes_become_ready",
            "service::two_replicas_on_two_workers",
        ],
    },
    kills: &[
        "cilium::release_has_the_articles_values",
        "cilium::components_are_ok",
        "routing::direct_route_to_every_peer",
        "routing::own_pods_are_local",
    ],
    breaks: &[Effect::ServiceHostStale, Effect::AgentsAway, Effect::NoReplicaReady, Effect::NoPodRuns],
    turns: &[
        (
            "cilium::components_are_ok",
            RefutedAndPerhaps(&[(AgentsNotReady, BRIDGE), (PodNotManaged, BRIDGE)], &[(OperatorsNotReady, BRIDGE)]),
        ),
        (
            "routing::direct_route_to_every_peer",
            Refuted(&[(RouteMissing, CONTROL_PLANE), (RouteMissing, WORKER), (RouteMissing, WORKER2)]),
        ),
        (
            "routing::own_pods_are_local",
            Refuted(&[(OwnCidrLeadsAway, CONTROL_PLANE), (OwnCidrLeadsAway, WORKER), (OwnCidrLeadsAway, WORKER2)]),
        ),
        ("service::two_replicas_on_two_workers", Refuted(&[(WrongReplicaCount, BRIDGE)])),
    ],
    undo: Undo::PutBack,
};
