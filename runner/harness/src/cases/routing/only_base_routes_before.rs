//! `routing::only_base_routes_before`.

use super::base;
use crate::cases::prelude::*;
use lab_judge::routing as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "routing::only_base_routes_before",
    article: "ip route in kind-control-plane, before Cilium",
    claim: "Before routing is installed a node has its default route via the bridge's gateway, its link route, and nothing else.",
    against: &[],
    needs: Stage::BaseObserved,
    on: both!(base, judge::only_base_routes_before),
    shown: Shown::BeforeCilium("ip"),
    turned: &[],
    explanation: Explanation {
        step: "Before Cilium is installed the article runs `ip route` in kind-control-plane and sees two lines: the default \
               route via 172.18.0.1, the bridge's own address, and the link route of 172.18.0.0/16.",
        native: "It is the zero point. Every route to pods that is there later was made by the network plugin, and none was \
                 left over from something else.",
        read: &[
            read(
                "The routes of all IPv4 tables but `local` of each node, over netlink (RTM_GETROUTE), when the lab had no pod \
                  routes yet. They are stored in the lab's `base.json`; the report says how old they are.",
            ),
            read_on_netns("The gateway is the address of the bridge `kind` in the lab's own namespace."),
            read_on_kind("The gateway is that of the Docker network `kind`, as the Engine tells it."),
            read_on_kind(
                "In racks it is the node's ToR, and the link route of `mgmt0`, by which the node is on the network `kind`, is a third base route.",
            ),
        ],
        by_hand: &[
            on_netns("lab up --routing none", "builds a lab that has no more than its base routes"),
            on_netns(
                "lab shell kind-control-plane -- ip -4 route show table all",
                "two routes outside table local, and `pod_host`'s own",
            ),
            on_kind(
                "docker exec kind-control-plane ip -4 route show table all",
                "with Cilium there are more by now; the state folder's `base.json` has what was there before",
            ),
        ],
        breaks: &[
            breaks(
                Reason::RouteBeforeRouting,
                "Another network plugin ran: `disableDefaultCNI` was not set, so kindnet routes \
                   10.244.0.0/16, or a node has kept routes of a lab before it. The route is named with its table.",
            ),
            breaks(
                Reason::BaseRouteMissing,
                "A node was cut off from the bridge: no default route, or one that does not lead to \
                   the bridge's gateway by eth0; then nothing outside the link is reached, Docker's registry included.",
            ),
        ],
        unobserved: "Nothing was stored at that moment, for instance because the lab was built by an older version. What is there now \
                     proves nothing about before.",
    },
};
