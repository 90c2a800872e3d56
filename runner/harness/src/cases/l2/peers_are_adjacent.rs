//! `l2::peers_are_adjacent`.

use super::adjacent;
use crate::cases::prelude::*;
use lab_judge::adjacency as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "l2::peers_are_adjacent",
    article: "the nodes are on the same L2 network",
    claim: "Each node resolves each peer by ARP to the peer's own eth0: no router is between them.",
    against: &[],
    needs: Stage::ClusterCreated,
    on: both!(adjacent, judge::peers_are_adjacent),
    shown: Shown::Nowhere,
    turned: &[(Effect::NodeSilent, BLIND)],
    explanation: Explanation {
        step: "The article states that the nodes are on the same L2 network. `docker network ls` only says that they should be; this case asks \
               each node who answers for its peers.",
        native: "The next hop of a direct route is resolved by ARP. If the peer's own eth0 answers, the frame goes straight to it. If a router \
                 answers in its place (proxy ARP), the packet takes a way that nobody configured.",
        read: &[read(
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
};
