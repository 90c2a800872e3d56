//! `bgp::pod_cidrs_are_learnt`.

use super::routers;
use crate::cases::prelude::*;
use lab_judge::bgp as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "bgp::pod_cidrs_are_learnt",
    article: "a BGP daemon is needed",
    claim: "Every ToR and the router have each node's pod CIDR over BGP by exactly that node's way, and their kernels send packets so.",
    against: &[],
    needs: Stage::RoutingInstalled,
    on: both!(routers, judge::pod_cidrs_are_learnt),
    shown: Shown::Nowhere,
    turned: &[(Effect::NodeSilent, BLIND)],
    explanation: Explanation {
        step: "The article's second case needs routers that know where pods are. It does not show what they know.",
        native: "A pod's packet leaves its node by the default route. From there on it depends on the routers alone: each must have the \
                 destination's pod CIDR, by the way that leads to its node.",
        read: &[
            read("BIRD of each router, over its control socket: `show route`, the chosen ones that came over BGP."),
            read(
                "Rules and routes of each router's kernel over netlink, decided in the kernel's own order for the first, a middle and the last \
                 address of each pod CIDR. Both must agree.",
            ),
        ],
        by_hand: &[
            on_netns(
                "lab shell tor0 -- ip route",
                "10.0.1.0/24 via 172.18.0.3 dev kind proto bird, 10.0.2.0/24 via 172.31.255.0 dev up0",
            ),
            on_netns(
                "lab shell tor0 -- birdc -s \"${XDG_STATE_HOME:-$HOME/.local/state}/lab/lab/tor0.ctl\" show route",
                "10.0.2.0/24 unicast [router …] * (100) [AS64702i]",
            ),
            on_kind(
                "docker exec kind-tor0 birdc -s /lab-bird/bird.ctl show route",
                "a line for each node's pod CIDR, with its AS",
            ),
            on_kind("docker exec kind-tor0 ip route", "the same pod CIDRs, proto bird"),
            on_kind("kubectl get ciliumnodes -o jsonpath={.items[*].spec.ipam.podCIDRs}", "the pod CIDR of each node"),
        ],
        breaks: &[
            breaks(
                Reason::NotLearnt,
                "The node does not announce its pod CIDR (`exportPodCIDR: false`, or no policy selects the node), its session is down, or a router \
                 in between does not pass on what it has learnt.",
            ),
            breaks(
                Reason::LearntElsewhere,
                "Another node announces the same prefix, or the node is connected to another rack than its own.",
            ),
            breaks(
                Reason::DaemonDisagrees,
                "The daemon has learnt the route, and the kernel sends packets elsewhere: a static route or a rule hides it, or the daemon is not \
                 allowed to write into the kernel.",
            ),
        ],
        unobserved: "A daemon did not answer, a router could not be looked into, or a pod CIDR is not known.",
    },
};
