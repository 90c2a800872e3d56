//! `wire::nothing_leaks_to_the_uplink`.

use super::traffic;
use crate::cases::prelude::*;
use lab_judge::wire as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "wire::nothing_leaks_to_the_uplink",
    article: "default via 172.18.0.1 dev eth0",
    claim: "While pods talk, no frame for the native routing CIDR goes to the gateway.",
    against: &[Pinned::Value("ipv4NativeRoutingCIDR")],
    needs: Stage::TrafficObserved,
    on: both!(traffic, judge::nothing_leaks_to_the_uplink),
    shown: Shown::Nowhere,
    turned: &[
        (Effect::NodeSilent, BLIND),
        (Effect::NoPodRuns, NO_POD),
        (Effect::ThirdUnaddressed, TWO_ADDRESSED),
        (Effect::NoPodsAcross, NOTHING_SENT),
        (Effect::Leak, Refuted(&[(Reason::LeaksToGateway, WORKER)])),
    ],
    explanation: Explanation {
        step: "The article shows that the nodes' default route leads to the bridge, 172.18.0.1. What has no route of its own goes there.",
        native: "Pod packets must take direct routes. One that takes the default route instead leaves the lab for the host, and the host's own network, \
                 with a pod's address on it.",
        read: &[
            read(
                "All frames on eth0 of each node while pods talk, and the gateway's link-layer address, by ARP: none to it may be for 10.0.0.0/8, \
                  but for the nodes' own network where that lies within. The same capture must hold the node's own echo request to the gateway, and \
                  the requests of its pods to the outside, so that a leak would have been seen.",
            ),
            read_on_kind(
                "A lab made as root is sealed besides (nftables table `lab_seal_NAME` on the host): a leak does not get further than the bridge.",
            ),
        ],
        by_hand: &[
            on_netns("lab shell kind-worker -- ip neigh show 172.18.0.1", "the gateway's lladdr"),
            on_netns(
                "lab shell kind-worker -- tcpdump -nn -e -i eth0 -c 1 'ether dst GATEWAY_LLADDR and dst net 10.0.0.0/8'",
                "waits for ever",
            ),
            on_kind(
                "sudo nsenter --net --target PID_OF_NODE tcpdump -nn -e -i eth0 -c 1 'ether dst GATEWAY_LLADDR and dst net 10.0.0.0/8'",
                "waits for ever",
            ),
        ],
        breaks: &[breaks(
            Reason::LeaksToGateway,
            "A direct route is missing: the sending node hands the packet to the gateway. The first frame is shown with its \
                  addresses and ports.",
        )],
        unobserved: "Fewer replicas than there should be talked to each other, a node was not captured, frames were lost, the gateway's address is \
                     not known, or what must be in a node's capture was not there: its echo request, or its pods' requests to the outside.",
    },
};
