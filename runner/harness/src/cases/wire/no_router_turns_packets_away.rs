//! `wire::no_router_turns_packets_away`.

use super::traffic;
use crate::cases::prelude::*;
use lab_judge::wire as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "wire::no_router_turns_packets_away",
    article: "a BGP daemon is needed",
    claim: "While pods talk, every router that their packets come to passes them on, once, by a link of the fabric.",
    against: &[],
    needs: Stage::TrafficObserved,
    on: both!(traffic, judge::no_router_turns_packets_away),
    shown: Shown::Nowhere,
    turned: &[
        (Effect::NodeSilent, BLIND),
        (Effect::NoPodRuns, NO_POD),
        (Effect::ThirdUnaddressed, TWO_ADDRESSED),
        (Effect::NoPodsAcross, NOTHING_SENT),
    ],
    explanation: Explanation {
        step: "In the article's second case nodes hand all packets for their peers' pods to a router. It is the second case's form of \
               `wire::nothing_leaks_to_the_uplink`: with the default route alone a node does not know what has no way.",
        native: "A router without a way for a packet drops it, and one with a wrong way sends it out of the fabric or in a circle. Each takes one off the \
                 TTL (RFC 1812, 5.3.1): on the links of a router that passes packets on once they have two TTLs, where none is passed on one, \
                 and in a circle more. ICMP errors are no proof: kernels send few of them in a second.",
        read: &[read(
            "Packets from pod to pod on all links of ToRs and router (AF_PACKET), and their TTL. All of these links must have been captured, \
             without losses.",
        )],
        by_hand: &[
            on_netns(
                "lab shell tor0 -- tcpdump -nn -v -i any -c 4 src 10.0.1.10 and dst 10.0.2.11",
                "ask in another terminal: ttl 63 on kind, ttl 62 on up0",
            ),
            on_netns("lab shell hello-app-1 -- ping -c 1 10.0.2.11", "1 received; nothing From 172.18.0.1"),
            on_kind(
                "lab shell tor0 -- tcpdump -nn -v -i any -c 4 net 10.0.0.0/8",
                "packets from pod to pod twice, on kind with one TTL and on up0 with one less",
            ),
        ],
        breaks: &[breaks(
            Reason::TurnedAway,
            "The router has not learnt the receiver's pod CIDR and answers `Destination Net Unreachable`, or a wrong route sends packets in a circle.",
        )],
        unobserved: "No router passed the packets on, not all links of all routers were captured, a capture lost frames, or fewer replicas than there \
                     should be sent each other anything.",
    },
};
