//! `l2::peers_are_adjacent`.

use super::adjacent;
use crate::cases::prelude::*;
use lab_judge::adjacency as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "l2::peers_are_adjacent",
    article: "the nodes are on the same L2 network",
    claim: "Each node resolves each peer by ARP to the peer's own eth0, and sends to it there: no router is between them.",
    against: &[],
    needs: Stage::ClusterCreated,
    on: both!(adjacent, judge::peers_are_adjacent),
    shown: Shown::Nowhere,
    turned: &[(Effect::NodeSilent, BLIND)],
    explanation: Explanation {
        step: "The article states that the nodes are on the same L2 network. `docker network ls` only says that they should be; this case asks \
               each node who answers for its peers.",
        native: "The next hop of a direct route is resolved by ARP. If the peer's own eth0 answers, the frame goes straight to it. If a router \
                 answers in its place (proxy ARP), the packet takes a way that nobody configured. A route to the peer's own address via a \
                 router leaves the direct routes alone, since the kernel looks for a next hop among the link's own routes; but what \
                 the nodes say to each other then goes through that router, and an agent that looks for the peer the next time finds it \
                 behind a gateway and makes no direct route.",
        read: &[
            read(
                "The neighbour tables of each node after it was made to resolve each peer's address on eth0 (RTM_NEWNEIGH with \
                  NTF_USE, as if a packet were to be sent; RTM_GETNEIGH): link-layer addresses, compared with those that the peers have on their own eth0.",
            ),
            read(
                "Rules and routes of all tables of each node over netlink, followed for each peer's own address, for a packet of the node's \
                  own and for one that it forwards for a pod: by eth0, without a router as next hop.",
            ),
            read(
                "The kernel's own decision for the same packets (RTM_GETROUTE with an address, as `ip route get`). Both must agree.",
            ),
        ],
        by_hand: &[
            on_netns(
                "lab shell kind-worker -- curl -s -m 1 http://172.18.0.4:1",
                "refused, and the peer has been resolved",
            ),
            on_netns("lab shell kind-worker -- ip neigh show 172.18.0.4", "lladdr …, the same as in the next command"),
            on_netns("lab shell kind-worker2 -- ip link show dev eth0", "link/ether …"),
            on_netns("lab shell kind-worker -- ip route get 172.18.0.4", "dev eth0, and no via"),
            on_kind("docker exec kind-worker ip neigh show dev eth0", "the peers' addresses with their lladdr"),
            on_kind("docker exec kind-worker2 ip link show dev eth0", "link/ether …, the same"),
            on_kind("docker exec kind-worker ip route get PEER_ADDRESS", "dev eth0, and no via"),
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
            breaks(
                Reason::PeerBehindRouter,
                "A route to the peer's address, or a rule that leads to one, has a router as next hop, often the bridge's gateway: \
                   made by hand, by a VPN or by a routing daemon. The same where the link route is missing, so that only the default route is left.",
            ),
            breaks(
                Reason::WrongDevice,
                "A second network of the node has a prefix that holds the peer's address, or a route by another link does. `observed` \
                   names the route that is taken.",
            ),
            breaks(
                Reason::ThroughTunnel,
                "The nodes are members of a VPN or an overlay that routes their own addresses through its device.",
            ),
            breaks(
                Reason::RouteMissing,
                "A rule or a route refuses the packet, there is no way at all, or the kernel refuses to forward it for a pod \
                   (`net.ipv4.ip_forward` is 0).",
            ),
            breaks(
                Reason::KernelDisagrees,
                "The kernel decides otherwise than the listed rules and routes say: they changed in between, or something decides that \
                   neither lists.",
            ),
        ],
        unobserved: "A pair was not asked about, a peer's own eth0 is not known, two nodes have one link-layer address, or a node's rules \
                     and routes were not seen.",
    },
};
