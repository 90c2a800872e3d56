//! `l2::…`

use super::model::{Explanation, both, breaks, kind, netns, on_kind, on_netns};
use lab_model::Reason;

pub(super) const EXPLANATIONS: &[Explanation] = &[
    Explanation {
        case: "l2::nodes_share_one_bridge",
        step: "The article runs `docker network ls`, sees the bridge network `kind`, and concludes that all three nodes hang on it: the \
               first of the two situations in which native routing works, that of one L2 network.",
        native: "Direct routes have a neighbour as next hop. Only nodes on one link are neighbours; with routers in between something like \
                 BGP would have to tell those where pods are.",
        read: &[
            netns(
                "The ports of the bridge `kind` in the lab's namespace and the peers of the nodes' eth0, over netlink (IFLA_MASTER; \
                   IFLA_LINK, by which the two ends of a veth know each other).",
            ),
            kind(
                "The Docker network `kind` (Engine API, networks): its containers, and the bridge of the host that it is.",
            ),
            both("The address of each node's eth0 and the bridge's own: one subnet."),
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
    Explanation {
        case: "l2::peers_are_adjacent",
        step: "The article states that the nodes are on the same L2 network. `docker network ls` only says that they should be; this case asks \
               each node who answers for its peers.",
        native: "The next hop of a direct route is resolved by ARP. If the peer's own eth0 answers, the frame goes straight to it. If a router \
                 answers in its place (proxy ARP), the packet takes a way that nobody configured.",
        read: &[both(
            "The neighbour tables of each node after it was made to resolve each peer's address on eth0 (RTM_NEWNEIGH with \
                  NTF_USE, as if a packet were to be sent; RTM_GETNEIGH): link-layer addresses, compared with those that the peers have on their own eth0.",
        )],
        by_hand: &[
            on_netns(
                "lab shell kind-worker -- curl -s -m 1 http://172.18.0.4:1",
                "refused, and the peer has been resolved",
            ),
            on_netns("lab shell kind-worker -- ip neigh show 172.18.0.4", "lladdr …, the same as in the next command"),
            on_netns("lab shell kind-worker2 -- ip link show dev eth0", "link/ether …"),
            on_kind("docker exec kind-worker ip neigh show dev eth0", "the peers' addresses with their lladdr"),
            on_kind("docker exec kind-worker2 ip link show dev eth0", "link/ether …, the same"),
        ],
        breaks: &[
            breaks(
                Reason::NoArpAnswer,
                "The peer is paused, stopped, or on another bridge; or a firewall of the host drops bridged frames \
                   (bridge-nf-call-iptables with a DROP policy). The kernel gives up after three requests.",
            ),
            breaks(
                Reason::AnotherAnswersForPeer,
                "A router with proxy_arp stands between two bridges, or two machines have one address. \
                   `observed` says whose address it is, if it is a node's.",
            ),
        ],
        unobserved: "A pair was not asked about, a peer's own eth0 is not known, or two nodes have one link-layer address.",
    },
];
