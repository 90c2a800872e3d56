//! `wire::path_by_declared_routers`.

use super::traffic;
use crate::cases::prelude::*;
use lab_judge::wire as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "wire::path_by_declared_routers",
    article: "a BGP daemon is needed",
    claim: "Pods' packets go bare from node to ToR to router to ToR to node, and lose one of their TTL at each declared router.",
    against: &[],
    needs: Stage::TrafficObserved,
    on: both!(traffic, judge::path_by_declared_routers),
    shown: Shown::Nowhere,
    turned: &[
        (Effect::NodeSilent, BLIND),
        (Effect::NoPodRuns, NO_POD),
        (Effect::ThirdUnaddressed, TWO_ADDRESSED),
        (Effect::NoPodsAcross, NOTHING_SENT),
        (Effect::NothingFromFirst, Unobserved("no packet hello-app-1 → hello-app-2 was seen on")),
    ],
    explanation: Explanation {
        step: "An answer between racks proves little: an overlay answers too. A published lab's success output shows ttl=63 across three routers, \
               which no native path can give. This case looks at the packets on every link on their way.",
        native: "Each router takes one off a packet's TTL (RFC 1812, 5.3.1). With a ToR, the router and another ToR in between, a packet that \
                 leaves its node with 63 arrives at the other node with 60. In one rack it goes by the ToR too, since nodes have no other route and \
                 ToRs send no redirects.",
        read: &[read(
            "Packets from pod to pod on eth0 of both nodes and on all links of ToRs and router (AF_PACKET): that they are bare, and their TTL.",
        )],
        by_hand: &[
            on_netns(
                "lab shell router -- tcpdump -nn -v -i tor1 -c 2 src 10.0.1.10",
                "ask in another terminal: ttl 61",
            ),
            on_netns(
                "lab shell hello-app-1 -- traceroute -n 10.0.2.11",
                "the ToR, the router, the other ToR, the node, the pod",
            ),
            on_kind(
                "lab shell router -- tcpdump -nn -v -i tor1 -c 2 net 10.0.0.0/8",
                "packets from pod to pod, bare, and their ttl: 61 where pods send with 64",
            ),
        ],
        breaks: &[
            breaks(
                Reason::WrongPath,
                "There is a router more or fewer on the way than declared, or packets take another way, or nodes of one rack talk past their ToR.",
            ),
            breaks(
                Reason::Encapsulated,
                "An overlay carries the packets from node to node, and the routers know nothing of pods. All requests are answered.",
            ),
        ],
        unobserved: "No packet was seen on one of the links, a capture lost frames, or fewer replicas than there should be sent each other anything.",
    },
};
