//! The cases that exist on foreign clusters: what each claims there, what is read for it, and how it is judged. What a
//! configuration expects of them stands in the judges' table.

use crate::case::{Body, find_stored, judge_stored, store};
use lab_cluster::{ForeignCluster, Needs, Sends};
use lab_judge::{foreign as judge, routing};

/// A case on foreign clusters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OnCluster {
    /// Its name, as everywhere.
    pub(crate) name: &'static str,
    /// What it claims there.
    pub(crate) claim: &'static str,
    /// What the API server is asked for it; in the probe tier, what is sent.
    pub(crate) asks: &'static str,
    /// What is read in the agents for it.
    pub(crate) reads: Needs,
    /// How it is decided.
    pub(crate) body: Body,
}

impl OnCluster {
    /// Whether something is sent for it: it is a case of the probe tier.
    pub(crate) fn sends(&self) -> bool {
        self.reads.sends.any()
    }
}

const BETWEEN_PODS: Needs = sending(Sends { between_pods: true, ..Sends::NOTHING });

/// Nothing is read, and this is sent.
const fn sending(sends: Sends) -> Needs {
    Needs { sends, ..Needs::NOTHING }
}

/// What cases of `wire::` look at.
const WIRE: &str = "HTTP requests between pods of the probe's, and captures of their headers on the links of the nodes";

/// A body from what a cluster has to tell and a judge of that.
macro_rules! read {
    ($look:expr, $judge:expr) => {
        Body {
            look: |lab| Box::pin(async move { store(&$look(lab.foreign()?)?) }),
            at_once: None,
            judge: |stored, expect| judge_stored(stored, expect, $judge),
            found: None,
        }
    };
}

/// All of them, in the article's order.
pub(crate) const ALL: &[OnCluster] = &[
    OnCluster {
        name: "cluster::three_nodes_run",
        claim: "Each node is Ready, and its agent answers.",
        asks: "node objects: their condition Ready",
        reads: Needs::NOTHING,
        body: Body {
            found: Some(|stored, expect| find_stored(stored, expect, judge::nodes_that_do_not_answer)),
            ..read!(ForeignCluster::nodes_seen, judge::nodes_answer)
        },
    },
    OnCluster {
        name: "cluster::no_kube_proxy",
        claim: "There is no kube-proxy DaemonSet, and no KUBE-SVC chain in any node.",
        asks: "all DaemonSets",
        reads: Needs::FILTERS,
        body: read!(ForeignCluster::proxy_seen, judge::no_kube_proxy),
    },
    OnCluster {
        name: "l2::peers_are_adjacent",
        claim: "Nodes in one subnet are at their own link-layer addresses for each other, with no router between.",
        asks: "the neighbours of nodes: a pod of the probe's on each node's own network resolves them",
        reads: sending(Sends { to_neighbours: true, ..Sends::NOTHING }),
        body: read!(ForeignCluster::adjacency_seen, judge::peers_are_adjacent),
    },
    OnCluster {
        name: "cilium::components_are_ok",
        claim: "Agents and operators are ready, and no agent reports an error.",
        asks: "the DaemonSet of the agents and the Deployment of the operators",
        reads: Needs::STATUSES,
        body: read!(ForeignCluster::components_seen, judge::components_are_ok),
    },
    OnCluster {
        name: "cilium::routes_natively",
        claim: "Each agent runs with native routing, and with what the ConfigMap cilium-config says.",
        asks: "the ConfigMap cilium-config, and CiliumNodeConfigs",
        reads: Needs::CONFIGS,
        body: read!(ForeignCluster::native_seen, judge::agents_run_as_configured),
    },
    OnCluster {
        name: "routing::direct_route_to_every_peer",
        claim: "On every node, packets to every peer's pods go where the cluster's configuration leads them.",
        asks: "CiliumNodes: addresses and pod CIDRs of nodes; and where agents make the routes the logs of those that lack one",
        reads: Needs::TABLES,
        body: Body {
            found: Some(|stored, expect| find_stored(stored, expect, routing::foreign::pairs_astray)),
            ..read!(ForeignCluster::routing_seen, routing::foreign::ways_to_every_peer)
        },
    },
    OnCluster {
        name: "routing::no_tunnel_device",
        claim: "No node has a tunnel device that carries pods' packets.",
        asks: "CiliumNodes: pod CIDRs of nodes",
        reads: Needs::TABLES,
        body: read!(ForeignCluster::routing_seen, routing::foreign::no_tunnel_device),
    },
    OnCluster {
        name: "routing::own_pods_are_local",
        claim: "What belongs to a node's own pods stays on the node.",
        asks: "CiliumNodes: pod CIDRs of nodes; and the addresses of pods; in the inside tier, links and routes within these pods",
        reads: Needs::WITHIN,
        body: read!(ForeignCluster::routing_seen, routing::foreign::own_pods_are_local),
    },
    OnCluster {
        name: "service::cluster_ip_has_both_backends",
        claim: "Each ClusterIP lies outside of the pod CIDRs, and the ready endpoints that are pods are ready pods.",
        asks: "Services and their EndpointSlices before and after, pods, and CiliumNodes: pod CIDRs",
        reads: Needs::SERVICES,
        body: read!(ForeignCluster::endpoints_seen, judge::services_have_their_endpoints),
    },
    OnCluster {
        name: "service::load_balancer_table_matches",
        claim: "On every node the datapath's own table has each ClusterIP with exactly its ready endpoints, all active.",
        asks: "Services and their EndpointSlices, before and after",
        reads: Needs::SERVICES,
        body: read!(ForeignCluster::tables_seen, judge::load_balancer_tables_match),
    },
    OnCluster {
        name: "service::answers_from_the_control_plane",
        claim: "From each node itself, control planes included, a Service of the probe's answers at its ClusterIP.",
        asks: "HTTP requests to a Service of the probe's, from a pod on each node's own network",
        reads: sending(Sends { from_nodes: true, ..Sends::NOTHING }),
        body: read!(ForeignCluster::answers_to_nodes, judge::answers_from_nodes),
    },
    OnCluster {
        name: "service::answers_from_each_pod",
        claim: "From a pod of the probe's on each node a Service of the probe's answers at its ClusterIP.",
        asks: "HTTP requests to a Service of the probe's, from a pod of its own on each node",
        reads: sending(Sends { from_pods: true, ..Sends::NOTHING }),
        body: read!(ForeignCluster::answers_to_pods, judge::answers_from_pods),
    },
    OnCluster {
        name: "wire::pods_reach_each_other_directly",
        claim: "Pods of the probe's on different nodes answer each other at their own addresses.",
        asks: WIRE,
        reads: BETWEEN_PODS,
        body: read!(ForeignCluster::wire_seen, judge::pods_reach_each_other_directly),
    },
    OnCluster {
        name: "wire::frames_are_not_encapsulated",
        claim: "Packets between pods are bare on the links of nodes.",
        asks: WIRE,
        reads: BETWEEN_PODS,
        body: read!(ForeignCluster::wire_seen, judge::frames_are_not_encapsulated),
    },
    OnCluster {
        name: "wire::no_router_between_nodes",
        claim: "Packets between pods on nodes in one subnet arrive with the TTL with which they left.",
        asks: WIRE,
        reads: BETWEEN_PODS,
        body: read!(ForeignCluster::wire_seen, judge::no_router_between_nodes),
    },
    OnCluster {
        name: "wire::source_address_is_kept",
        claim: "The receiver sees the sending pod's own address.",
        asks: WIRE,
        reads: BETWEEN_PODS,
        body: read!(ForeignCluster::wire_seen, judge::source_address_is_kept),
    },
    OnCluster {
        name: "wire::full_mtu_fits",
        claim: "A packet as large as the links of two nodes in one subnet take passes between their pods.",
        asks: WIRE,
        reads: BETWEEN_PODS,
        body: read!(ForeignCluster::wire_seen, judge::full_mtu_fits),
    },
];

/// The case of this name there.
pub(crate) fn find(name: &str) -> Option<&'static OnCluster> {
    ALL.iter().find(|case| case.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_those_of_the_table_and_of_the_list() {
        let names: Vec<&str> = ALL.iter().map(|case| case.name).collect();
        assert_eq!(names, judge::table::CASES);
        let sending: Vec<&str> = ALL.iter().filter(|case| case.sends()).map(|case| case.name).collect();
        assert_eq!(sending, judge::table::PROBED);
        for name in names {
            assert!(crate::cases::find(name).is_some(), "{name}");
        }
    }
}
