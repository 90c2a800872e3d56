//! `cluster::three_nodes_run`.

use super::nodes;
use crate::cases::prelude::*;
use lab_judge::adjacency as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "cluster::three_nodes_run",
    article: "kind create cluster",
    claim: "One control plane and the workers answer, each in a network namespace of its own with its own eth0 and address.",
    against: &[],
    needs: Stage::ClusterCreated,
    on: both!(nodes, judge::three_nodes_run),
    shown: Shown::Nowhere,
    turned: &[(Effect::NodeSilent, Refuted(&[(Reason::NodeDoesNotAnswer, WORKER2)]))],
    explanation: Explanation {
        step: "`kind create cluster` makes one control plane and two workers. Here each is asked itself, from inside.",
        native: "A route is a property of a network namespace. Each node must have one of its own, with its own eth0, or there is nothing to route between.",
        read: &[read(
            "From inside each node, over netlink: its links and addresses; and the inode of its network namespace, which no two may share.",
        )],
        by_hand: &[
            on_netns("lab shell kind-worker -- ip address show", "eth0, UP, 172.18.0.3/16"),
            on_netns("lab shell kind-worker -- readlink /proc/self/ns/net", "another number in each node"),
            on_kind("docker exec kind-worker ip address show dev eth0", "UP, with an address of the bridge's subnet"),
        ],
        breaks: &[
            breaks(Reason::NodeDoesNotAnswer, "The node is stopped or paused, or its processes cannot be entered."),
            breaks(Reason::WrongNodeCount, "The lab has more or fewer nodes of a role than it was asked for."),
            breaks(
                Reason::SharedNamespace,
                "Two nodes were started with one network, for instance --network container:…",
            ),
            breaks(
                Reason::NoAddress,
                "eth0 is missing, down or without an IPv4 address: Cilium 1.12.4's agent can delete a kind node's eth0 when it \
                   starts again.",
            ),
            breaks(Reason::SharedAddress, "An address was given by hand that another node has."),
        ],
        unobserved: "The lab names no nodes at all.",
    },
};
