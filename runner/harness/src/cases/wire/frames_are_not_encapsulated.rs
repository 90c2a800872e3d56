//! `wire::frames_are_not_encapsulated`.

use super::traffic;
use crate::cases::prelude::*;
use lab_judge::wire as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "wire::frames_are_not_encapsulated",
    article: "native routing: no encapsulation",
    claim: "The receiving node's eth0 sees IP packets from pod to pod between the two nodes' link-layer addresses, in no tunnel.",
    against: &[],
    needs: Stage::TrafficObserved,
    on: both!(traffic, judge::frames_are_not_encapsulated),
    shown: Shown::Nowhere,
    turned: &[
        (Effect::NodeSilent, BLIND),
        (Effect::NoPodRuns, NO_POD),
        (Effect::ThirdUnaddressed, TWO_ADDRESSED),
        (Effect::NoPodsAcross, NOTHING_SENT),
        (Effect::NothingFromFirst, Unobserved("no frame from pod to pod (10.0.1.10 → 10.0.2.11)")),
        (Effect::NothingFromSecond, Unobserved("no frame from pod to pod (10.0.2.11 → 10.0.1.10)")),
        (Effect::Detour, Refuted(&[(Reason::WrongFrameAddresses, WORKER), (Reason::WrongFrameAddresses, WORKER2)])),
        (Effect::Leak, Refuted(&[(Reason::WrongFrameAddresses, WORKER)])),
    ],
    explanation: Explanation {
        step: "The article explains it in words: with native routing, packets between pods on different nodes get there without encapsulation. It \
               shows no frame; this case does.",
        native: "This is the difference that one can see. In an overlay the receiving node's eth0 gets UDP between the nodes' addresses, with the pods' \
                 packet inside. With native routing it gets the pods' own packet, between the two nodes' link-layer addresses.",
        read: &[
            read(
                "Frames captured on eth0 of the receiving node (AF_PACKET) while the pods talk, each decoded: link-layer addresses, IPv4, TCP, \
                  and what tunnels carry (vxlan on UDP 8472 and 4789, geneve on 6081, IPIP, GRE). The pcap is among the evidence.",
            ),
            read("The link-layer addresses of the nodes' own eth0."),
        ],
        by_hand: &[
            on_netns(
                "lab shell kind-worker2 -- tcpdump -nn -e -i eth0 -c 4 host 10.0.1.10",
                "ask in another terminal: IPv4 10.0.1.10 > 10.0.2.11, between two nodes' lladdr",
            ),
            on_netns(
                "lab shell kind-worker2 -- tcpdump -nn -i eth0 -c 1 udp port 8472",
                "waits for ever; with --routing vxlan it does not",
            ),
            on_kind(
                "sudo nsenter --net --target PID_OF_NODE tcpdump -nn -e -i eth0 -c 4 host POD_ADDRESS",
                "the same, with the Docker host's tcpdump",
            ),
        ],
        breaks: &[
            breaks(
                Reason::Encapsulated,
                "`tunnel` is vxlan or geneve, or one agent still runs with the old configuration: the ConfigMap is read only \
                   when it starts.",
            ),
            breaks(
                Reason::WrongFrameAddresses,
                "The packet is bare and came by way of somebody else: a router with proxy ARP, the gateway, or a third \
                   node to which a wrong route led.",
            ),
        ],
        unobserved: "Fewer replicas than there should be sent each other anything, no frame from pod to pod was seen in one of the directions, or the \
                     capture lost frames. Silence is no proof: this is what remains \
                     when no packet gets through at all.",
    },
};
