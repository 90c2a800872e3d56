//! `routing::no_tunnel_device`.

use super::tables;
use crate::cases::prelude::*;
use lab_judge::routing as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "routing::no_tunnel_device",
    article: "tunnel=disabled",
    claim: "No node has a tunnel device.",
    against: &[],
    needs: Stage::RoutingInstalled,
    on: both!(tables, judge::no_tunnel_device),
    shown: Shown::Nowhere,
    turned: &[(Effect::NodeSilent, BLIND)],
    explanation: Explanation {
        step: "The article sets `tunnel=disabled`; vxlan would be Cilium's default. Its introduction names the two overlays, vxlan and \
               geneve, that are not wanted.",
        native: "An overlay needs a device that wraps packets. Without one no route can lead into a tunnel, whatever is configured.",
        read: &[read(
            "All links of each node with their kinds, over netlink (RTM_GETLINK, IFLA_INFO_KIND): vxlan, geneve, ipip, gre, sit, \
                  wireguard, xfrm, ovpn and their relatives, ppp and tun among them. The kernel's own fallback devices (tunl0, gre0, sit0 and \
                  such), down and used by no route, are listed and do not count.",
        )],
        by_hand: &[
            on_netns(
                "lab shell kind-worker -- ip -d link show type vxlan",
                "prints nothing; nor with geneve, ipip, gre or wireguard",
            ),
            on_kind(
                "docker exec kind-worker ip -d link show type vxlan",
                "prints nothing; in an overlay, cilium_vxlan",
            ),
        ],
        breaks: &[breaks(
            Reason::TunnelDevice,
            "`tunnel` was left at its default, or set back by an upgrade without the article's values: \
                  cilium_vxlan is there. A device of an earlier configuration stays until the agent that no longer wants it has restarted.",
        )],
        unobserved: "The links of a node could not be listed, or one is of a kind that this version does not know, or has none: \
                     nobody can say then that it is no tunnel.",
    },
};
