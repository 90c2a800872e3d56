//! `routing::own_pods_are_local`.

use super::tables;
use crate::cases::prelude::*;
use lab_judge::routing as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "routing::own_pods_are_local",
    article: "autoDirectNodeRoutes=true",
    claim: "A node's own pod CIDR leads to this node's address among its pods or to a pod, not to a peer or another network.",
    against: &[],
    needs: Stage::RoutingInstalled,
    on: both!(tables, judge::own_pods_are_local),
    shown: Shown::Nowhere,
    turned: &[(Effect::NodeSilent, BLIND)],
    explanation: Explanation {
        step: "Beside the routes to peers, the agent keeps its own node's pod CIDR at home: in the article's lab by a route via the address \
               of `cilium_host`.",
        native: "A packet that arrives bare must find the way to its pod here. If the node's own CIDR leads on to a peer, the packet circles \
                 between nodes until its TTL has run out.",
        read: &[
            read(
                "Rules and routes of each node over netlink, followed for the node's own pod CIDR: for a packet of its own, and for one that \
                  comes in by eth0 from a peer's pod. It must end at the node's address among its pods, on a link that goes no further than \
                  the node (a pair with both its ends here, or a bridge of pods), or at a pod's own link.",
            ),
            read_on_netns("The route is `10.0.N.0/24 via 10.0.N.1 dev pod_host`; each pod has a /32 besides."),
            read_on_kind("The route is `10.0.N.0/24 via ROUTER dev cilium_host`."),
        ],
        by_hand: &[
            on_netns("lab shell kind-worker -- ip route get 10.0.1.1", "local, dev lo: an address of this node"),
            on_netns("lab shell kind-worker -- ip route show 10.0.1.0/24", "via 10.0.1.1 dev pod_host"),
            on_kind("docker exec kind-worker ip route show dev cilium_host", "the node's own pod CIDR"),
        ],
        breaks: &[
            breaks(
                Reason::OwnCidrLeadsAway,
                "Two nodes believe in one pod CIDR, or a node has kept the direct route of the time when the \
                  CIDR was a peer's: CiliumNode objects were deleted and CIDRs handed out anew. Its pods are reached from nowhere. Or the node is \
                  on a second network whose prefix holds the pod CIDR (`docker network connect`): its link takes the pods' packets.",
            ),
            breaks(
                Reason::PodLeadsElsewhere,
                "In a foreign cluster whose pods were looked into: a pod was set up by another network plugin, or before its node was given \
                 another address among its pods, or something in it has changed its routes. Its answers do not come back.",
            ),
        ],
        unobserved: "A node, its pod CIDR or its rules were not seen.",
    },
};
