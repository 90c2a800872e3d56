//! Faults of a cluster that it notices in its own time: of nodes and of agents.

use super::super::cluster::{Breakage, NodeCommand, again, without};
use super::super::expect::Expect::{self, Refuted, RefutedAndPerhaps, Unobserved};
use super::super::fault::{Apply, Fault, Undo};
use super::super::members::{BRIDGE, CONTROL_PLANE, WORKER, WORKER2};
use super::nodes::BLIND;
use lab_model::Reason::{
    AgentsNotReady, NodeDoesNotAnswer, NodeNotReady, NodeNotRunning, NotOnBridge, OperatorsNotReady, OwnCidrLeadsAway,
    PodNotManaged, RouteMissing, StaleServiceHost, WrongReplicaCount,
};

/// Whether an operator is ready is a matter of the moment, or of where it runs.
const AGENTS_NOT_READY: Expect = RefutedAndPerhaps(&[(AgentsNotReady, BRIDGE)], &[(OperatorsNotReady, BRIDGE)]);
const NO_CONFIGURATION: Expect = Unobserved("the agent did not tell its running configuration");
const NONE_READY: Expect = Unobserved("0 of 2 replicas are ready");
const NO_POD: Expect = Unobserved("the probe cannot look: no container of the pod hello-app-");
const NO_TABLE: Expect = Unobserved("could not be read: `cilium service list -o json`");

/// `docker pause`.
pub(super) const NODE_PAUSED: Fault = Fault {
    name: "node-paused",
    what: "The node kind-worker2 is paused, with its pods.",
    apply: Apply::Cluster { how: Breakage::Paused(WORKER2), settles: &["cluster::nodes_become_ready"] },
    kills: &["cluster::three_node_containers_run", "cluster::three_nodes_run", "cluster::nodes_become_ready"],
    turns: &[
        ("cluster::three_node_containers_run", Refuted(&[(NodeNotRunning, BRIDGE)])),
        ("cluster::three_nodes_run", Refuted(&[(NodeDoesNotAnswer, WORKER2)])),
        ("cluster::no_kube_proxy", Unobserved("kind-worker2: no listing has the kubelet's own chain")),
        ("l2::nodes_share_one_bridge", Refuted(&[(NotOnBridge, WORKER2)])),
        ("l2::peers_are_adjacent", BLIND),
        ("cilium::images_are_the_pinned_ones", Unobserved("the node's images could not be listed: kind-worker2")),
        ("cilium::components_are_ok", AGENTS_NOT_READY),
        ("cilium::routes_natively", NO_CONFIGURATION),
        ("cluster::nodes_become_ready", Refuted(&[(NodeNotReady, BRIDGE)])),
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

/// A `DaemonSet` starts a killed agent again at once. Kept from that, the node loses its network plugin and is not Ready
/// any more; what the agent has set up goes on without it.
pub(super) const AGENT_KILLED: Fault = Fault {
    name: "agent-killed",
    what: "The agent of kind-worker2 is ended, and its DaemonSet kept from starting another: the node loses the label that it selects.",
    apply: Apply::Cluster {
        how: Breakage::Commands(|who| {
            let node = who.node(WORKER2);
            Ok(vec![NodeCommand { node: CONTROL_PLANE, make: without(&node), undo: again(&node) }])
        }),
        settles: &["cluster::nodes_become_ready"],
    },
    kills: &["cilium::components_are_ok", "cluster::nodes_become_ready"],
    turns: &[
        ("cilium::images_are_the_pinned_ones", Unobserved("2 of 3 containers cilium-agent were seen")),
        ("cilium::components_are_ok", AGENTS_NOT_READY),
        ("cilium::routes_natively", NO_CONFIGURATION),
        ("cluster::nodes_become_ready", Refuted(&[(NodeNotReady, BRIDGE)])),
        ("service::load_balancer_table_matches", NO_TABLE),
    ],
    undo: Undo::PutBack,
};

/// The mistake that readers make who copy the address from the article. Agents without an API server end after a minute
/// or so, and are started again; pods that are there go on.
pub(super) const WRONG_SERVICE_HOST: Fault = Fault {
    name: "wrong-service-host",
    what: "All agents begin anew with a k8sServiceHost that is no node's.",
    apply: Apply::Cluster {
        how: Breakage::ServiceHost,
        settles: &["cilium::images_are_the_pinned_ones", "cluster::nodes_become_ready"],
    },
    kills: &["cilium::release_has_the_articles_values", "cilium::components_are_ok"],
    turns: &[
        ("cilium::release_has_the_articles_values", Refuted(&[(StaleServiceHost, BRIDGE)])),
        ("cilium::components_are_ok", AGENTS_NOT_READY),
        ("cilium::routes_natively", NO_CONFIGURATION),
        ("service::load_balancer_table_matches", NO_TABLE),
    ],
    undo: Undo::PutBack,
};

/// What a restart of Docker may do to a cluster. Nodes come back without routes and maps, agents find no API server, and no
/// pod can be set up.
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
    turns: &[
        ("cilium::release_has_the_articles_values", Refuted(&[(StaleServiceHost, BRIDGE)])),
        (
            "cilium::components_are_ok",
            RefutedAndPerhaps(&[(AgentsNotReady, BRIDGE), (PodNotManaged, BRIDGE)], &[(OperatorsNotReady, BRIDGE)]),
        ),
        ("cilium::routes_natively", NO_CONFIGURATION),
        // Kubernetes remembers two starts of a container, and there have been more.
        ("cluster::nodes_become_ready", Unobserved("its agent was started again, and nothing tells when it first was")),
        (
            "routing::direct_route_to_every_peer",
            Refuted(&[(RouteMissing, CONTROL_PLANE), (RouteMissing, WORKER), (RouteMissing, WORKER2)]),
        ),
        (
            "routing::own_pods_are_local",
            Refuted(&[(OwnCidrLeadsAway, CONTROL_PLANE), (OwnCidrLeadsAway, WORKER), (OwnCidrLeadsAway, WORKER2)]),
        ),
        ("service::two_replicas_on_two_workers", Refuted(&[(WrongReplicaCount, BRIDGE)])),
        ("service::cluster_ip_has_both_backends", NONE_READY),
        ("service::load_balancer_table_matches", NO_TABLE),
        ("service::answers_from_the_control_plane", NONE_READY),
        ("service::answers_from_each_pod", NONE_READY),
        ("wire::pods_reach_each_other_directly", NO_POD),
        ("wire::frames_are_not_encapsulated", NO_POD),
        ("wire::source_address_is_kept", NO_POD),
        ("wire::full_mtu_fits", NO_POD),
        ("wire::masqueraded_outside_the_native_cidr", NO_POD),
        ("wire::nothing_leaks_to_the_uplink", NO_POD),
    ],
    undo: Undo::PutBack,
};
