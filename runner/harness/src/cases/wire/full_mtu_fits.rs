//! `wire::full_mtu_fits`.

use super::traffic;
use crate::cases::prelude::*;
use lab_judge::wire as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "wire::full_mtu_fits",
    article: "native routing: no encapsulation",
    claim: "A packet of the link's whole MTU passes between pods with DF set.",
    against: &[],
    needs: Stage::TrafficObserved,
    on: both!(traffic, judge::full_mtu_fits),
    shown: Shown::Nowhere,
    turned: &[
        (Effect::NodeSilent, BLIND),
        (Effect::NoPodRuns, NO_POD),
        (Effect::ThirdUnaddressed, TWO_ADDRESSED),
        (Effect::NoPodsAcross, NOTHING_SENT),
        (Effect::PodsApart, Refuted(&[(Reason::MtuDoesNotFit, POD1), (Reason::MtuDoesNotFit, POD2)])),
        (Effect::NarrowPath, Refuted(&[(Reason::MtuDoesNotFit, POD1), (Reason::MtuDoesNotFit, POD2)])),
    ],
    explanation: Explanation {
        step: "The article does not speak of it; it follows from its introduction. An overlay's header takes room, 50 bytes with vxlan, and native \
               routing's routes take none.",
        native: "Pods can use the link's whole MTU. In an overlay their routes carry a smaller one, or large packets vanish while small ones pass.",
        read: &[read(
            "Echo replies to an IPv4 packet as long as the network between the nodes takes, with DF set, from pod to pod across nodes; and to \
                  one of 84 octets, which tells a size that is too large from no way at all. What the network takes is read from the bridge and \
                  its ports, on kind from Docker's network: the nodes' own links may have been narrowed all alike.",
        )],
        by_hand: &[
            on_netns("lab shell hello-app-1 -- ping -c 1 -M do -s 1472 10.0.2.11", "1480 bytes from 10.0.2.11"),
            on_netns("lab shell hello-app-1 -- ip link show dev eth0", "mtu 1500"),
            on_kind("lab shell --name kind POD -- ip link show dev eth0", "mtu 1500, or what Docker's bridge has"),
            on_kind("docker exec kind-worker ip route", "no mtu at the peers' routes"),
        ],
        breaks: &[breaks(
            Reason::MtuDoesNotFit,
            "An overlay: `observed` says which size fits, mtu 1450. A link in between with a smaller MTU, or the nodes' own \
                  links: too big, or no answer where ICMP is filtered. No answer to the small one either: there is no way at all.",
        )],
        unobserved: "Fewer replicas than there should be have an address, pods on two nodes did not send each other such packets, or what the \
                     network takes is not known.",
    },
};
