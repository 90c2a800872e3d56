//! `l2::nodes_share_one_bridge`.

use super::segments;
use crate::cases::prelude::*;
use lab_judge::adjacency as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "l2::nodes_share_one_bridge",
    article: "docker network ls",
    claim: "All nodes hang on the one bridge, in one subnet.",
    against: &[],
    needs: Stage::ClusterCreated,
    on: both!(segments, judge::nodes_share_one_bridge),
    shown: Shown::OnHost(&["docker network ls"]),
    turned: &[
        (Effect::NodeSilent, Refuted(&[(Reason::NotOnBridge, WORKER2)])),
        (Effect::SecondBridge, Refuted(&[(Reason::NotOnBridge, WORKER2)])),
    ],
    explanation: Explanation {
        step: "The article runs `docker network ls`, sees the bridge network `kind`, and concludes that all three nodes hang on it: the \
               first of the two situations in which native routing works, that of one L2 network.",
        native: "Direct routes have a neighbour as next hop. Only nodes on one link are neighbours; with routers in between something like \
                 BGP would have to tell those where pods are.",
        read: &[
            read_on_netns(
                "The ports of the bridge `kind` in the lab's namespace and the peers of the nodes' eth0, over netlink (IFLA_MASTER; \
                   IFLA_LINK, by which the two ends of a veth know each other).",
            ),
            read_on_kind(
                "The Docker network `kind` (Engine API, networks): its containers, and the bridge of the host that it is.",
            ),
            read("The address of each node's eth0 and the bridge's own: one subnet."),
        ],
        by_hand: &[
            on_netns("lab shell bridge -- ip link show master kind", "a port for each node"),
            on_netns("lab shell kind-worker -- ip address show dev eth0", "an address in 172.18.0.0/16"),
            on_kind("docker network ls --filter name=kind", "one network, driver bridge"),
            on_kind("docker network inspect kind", "all nodes under Containers, in one subnet"),
        ],
        breaks: &[
            breaks(
                Reason::NotOnBridge,
                "A node was connected to another Docker network and taken off `kind`, or was never on it: \
                   KIND_EXPERIMENTAL_DOCKER_NETWORK was set for one cluster and not for the other.",
            ),
            breaks(
                Reason::NoAddress,
                "The node is on the bridge and its eth0 has no IPv4 address, or there is no eth0: the agent of 1.12.4 \
                   can delete it when it starts again.",
            ),
            breaks(
                Reason::OtherSubnet,
                "An address was changed by hand, or the network was made anew with another subnet while a node kept \
                   its old address. Peers then go through the gateway.",
            ),
        ],
        unobserved: "The lab names no nodes, no bridge was seen, or the bridge has no address to tell its subnet by.",
    },
};
