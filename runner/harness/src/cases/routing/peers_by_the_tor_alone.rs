//! `routing::peers_by_the_tor_alone`.

use super::tables;
use crate::cases::prelude::*;
use lab_judge::routing as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "routing::peers_by_the_tor_alone",
    article: "a BGP daemon is needed",
    claim: "No node has a route to a peer's pod CIDR but the default route, and that leads to its own ToR.",
    against: &[],
    needs: Stage::RoutingInstalled,
    on: both!(tables, judge::peers_by_the_tor_alone),
    shown: Shown::Nowhere,
    turned: &[(Effect::NodeSilent, BLIND)],
    explanation: Explanation {
        step: "With direct routes each node knows all peers. In the article's second case it knows none: Cilium's BGP control plane announces the \
               node's own pod CIDR, and puts nothing that it is told into the node's kernel.",
        native: "So a node depends on its default route, or on a static one, to its ToR. A direct route beside it would bypass the routers for \
                 some peers and hide that they know nothing.",
        read: &[read("Rules and routes of all tables of each node over netlink, decided in the kernel's own order.")],
        by_hand: &[
            on_netns(
                "lab shell kind-worker -- ip route",
                "default via 172.18.0.1 dev eth0, and nothing for 10.0.2.0/24",
            ),
            on_kind(
                "docker exec kind-worker ip route",
                "default via 198.19.0.1 dev eth0; the node's own pod CIDR via cilium_host, and no peer's",
            ),
        ],
        breaks: &[breaks(
            Reason::OwnRouteToPeer,
            "`autoDirectNodeRoutes` is still on, and nodes of one rack have direct routes; an overlay has put its own; or the default route does \
             not lead to the ToR, as on kind, where it leads to Docker's gateway.",
        )],
        unobserved: "A node did not answer, or its pod CIDR is not known.",
    },
};
