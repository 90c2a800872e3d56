//! `bgp::sessions_are_established`.

use super::routers;
use crate::cases::prelude::*;
use lab_judge::bgp as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "bgp::sessions_are_established",
    article: "a BGP daemon is needed",
    claim: "Every node has an established BGP session with its own ToR, and every ToR with the router, between the declared ASes.",
    against: &[],
    needs: Stage::RoutingInstalled,
    on: both!(routers, judge::sessions_are_established),
    shown: Shown::Nowhere,
    turned: &[(Effect::NodeSilent, BLIND)],
    explanation: Explanation {
        step: "The article names a second case of native routing, nodes that do not share one L2 network: the routers between them must know \
               where pods are, and a BGP daemon tells them. It shows nothing of it.",
        native: "Without a session a ToR does not learn where the node's pods are, and drops packets for them. A session that is configured and \
                 not established looks the same in the node's own configuration.",
        read: &[
            read(
                "BIRD of each ToR and of the router, over its control socket, as birdc asks it: `show protocols all`. The neighbours' addresses \
                 are those of the nodes' eth0.",
            ),
            read_on_kind("Of Cilium's end nothing is read: 1.12 has no command that tells its sessions."),
        ],
        by_hand: &[
            on_netns(
                "lab shell tor0 -- birdc -s \"${XDG_STATE_HOME:-$HOME/.local/state}/lab/lab/tor0.ctl\" show protocols all",
                "BGP state: Established, Neighbor AS: 64701, Hold timer: …/90",
            ),
            on_kind(
                "docker exec kind-tor0 birdc -s /lab-bird/bird.ctl show protocols all",
                "BGP state: Established, Neighbor AS: 64701, Hold timer: …/90",
            ),
            on_kind(
                "kubectl get ciliumbgppeeringpolicies -o yaml",
                "for each rack its AS, exportPodCIDR and the ToR as neighbor",
            ),
        ],
        breaks: &[
            breaks(
                Reason::SessionDown,
                "The node's speaker has ended, the wrong AS is configured at one end (`Bad peer AS`), or packets to port 179 do not get through. \
                 BIRD's last error says which.",
            ),
            breaks(
                Reason::WrongSession,
                "The ToR expects another AS, has no session for the node, or agreed on another hold time: with 90 s a router that is silent but up \
                 is believed for that long.",
            ),
        ],
        unobserved: "A daemon did not answer, or a node's address is not known.",
    },
};
