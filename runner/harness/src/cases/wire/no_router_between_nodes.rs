//! `wire::no_router_between_nodes`.

use super::traffic;
use crate::cases::prelude::*;
use lab_judge::wire as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "wire::no_router_between_nodes",
    article: "the nodes are on the same L2 network",
    claim: "A pod's packet arrives at the other pod's node with the TTL with which it left its own: nobody routes in between.",
    against: &[],
    needs: Stage::TrafficObserved,
    on: both!(traffic, judge::no_router_between_nodes),
    shown: Shown::Nowhere,
    turned: &[
        (Effect::NodeSilent, BLIND),
        (Effect::NoPodRuns, NO_POD),
        (Effect::ThirdUnaddressed, TWO_ADDRESSED),
        (Effect::NoPodsAcross, NOTHING_SENT),
        (Effect::NothingFromFirst, Unobserved("no packet hello-app-1 → hello-app-2 was seen")),
        (Effect::NothingFromSecond, Unobserved("no packet hello-app-2 → hello-app-1 was seen leaving")),
        (Effect::Detour, Refuted(&[(Reason::RoutedInBetween, WORKER2)])),
    ],
    explanation: Explanation {
        step: "The article wants nodes on one L2 network for autoDirectNodeRoutes, and shows that Docker has put them on one bridge. It shows no packet \
               on its way; this case does.",
        native: "A direct route's next hop is the peer itself. Each router takes one off a packet's TTL, so the two nodes' own routing is all that it may \
                 cost: 64 in the sending pod, 63 between the nodes, 62 in the receiving pod.",
        read: &[
            read(
                "Packets from pod to pod on eth0 of the sending node, as they leave it, and on eth0 of the receiving node, as they arrive (AF_PACKET): \
                  the TTL in their IPv4 headers.",
            ),
            read_on_kind("Cilium's BPF programs take one off the TTL as the kernel's routing does."),
        ],
        by_hand: &[
            on_netns(
                "lab shell kind-worker -- tcpdump -nn -v -i eth0 -c 2 src 10.0.1.10 and dst 10.0.2.11",
                "ask in another terminal: ttl 63",
            ),
            on_netns(
                "lab shell kind-worker2 -- tcpdump -nn -v -i eth0 -c 2 src 10.0.1.10 and dst 10.0.2.11",
                "the same ttl",
            ),
            on_kind(
                "sudo nsenter --net --target PID_OF_NODE tcpdump -nn -v -i eth0 -c 4 host POD_ADDRESS",
                "ttl 63, on each of the two nodes",
            ),
        ],
        breaks: &[breaks(
            Reason::RoutedInBetween,
            "A route leads by way of a third node, which forwards the packet: it gets there nevertheless, one hop later. Or the nodes are on two \
                  networks, with a router between them that knows the pods.",
        )],
        unobserved: "Fewer replicas than there should be sent each other anything, no packet from pod to pod was seen on one of the two links, none that is not in a tunnel, or a capture lost frames.",
    },
};
