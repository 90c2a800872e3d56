//! `service::load_balancer_table_matches`.

use super::tables;
use crate::cases::prelude::*;
use lab_judge::service as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "service::load_balancer_table_matches",
    article: "cilium service list",
    claim: "On every node the datapath's own table has the ClusterIP with exactly the endpoints, all active.",
    against: &[],
    needs: Stage::WorkloadReady,
    on: both!(tables, judge::load_balancer_table_matches),
    shown: Shown::InAgents("service list"),
    turned: &[
        (Effect::NodeSilent, BLIND),
        (Effect::OneReplicaReady, ONE_READY),
        (Effect::AgentsAway, Unobserved("could not be read: `cilium service list -o json`")),
    ],
    explanation: Explanation {
        step: "The article runs `cilium service list` in one agent and sees 10.96.37.61:8080 with both pods behind it, each (active).",
        native: "Without kube-proxy the datapath's own table is what translates. Each node has one of its own; a node whose table is behind sends \
                 packets to pods that are not there, by routes that are right.",
        read: &[
            read_on_netns("The nftables table `ip lab` of each node: its map of backends."),
            read_on_kind(
                "The BPF maps of each node's agent (`cilium_lb4_services_v2` and its backends; `cilium bpf lb list -o json`), and the states that \
                  the agent gives them (`cilium service list -o json`).",
            ),
            read("The ready pods: not what the builder or the API server says that there should be."),
        ],
        by_hand: &[
            on_netns("lab shell kind-worker -- nft list table ip lab", "the same two addresses on each node"),
            on_kind(
                "kubectl exec -n kube-system AGENT -- cilium service list",
                "the ClusterIP, 1 => and 2 =>, both (active)",
            ),
            on_kind("kubectl exec -n kube-system AGENT -- cilium bpf lb list", "what is in the map itself"),
        ],
        breaks: &[
            breaks(
                Reason::FrontendMissing,
                "The agent does not reach the API server (a wrong k8sServiceHost), so it never learned of the Service.",
            ),
            breaks(
                Reason::BackendMissing,
                "A pod became ready after the agent lost the API server: new pods are missing, old ones are there.",
            ),
            breaks(
                Reason::BackendStale,
                "A pod was deleted meanwhile: connections to it time out now and then, one in so many as there are backends.",
            ),
            breaks(
                Reason::BackendInactive,
                "The agent holds the backend as terminating or quarantined; a map that has a backend which the agent does \
                   not know counts as this too.",
            ),
        ],
        unobserved: "There is no ClusterIP, a node's table could not be read, or fewer pods are ready than there should be.",
    },
};
