//! `wire::source_address_is_kept`.

use super::traffic;
use crate::cases::prelude::*;
use lab_judge::wire as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "wire::source_address_is_kept",
    article: "ipv4NativeRoutingCIDR=10.0.0.0/8",
    claim: "The receiver sees the sending pod's own address.",
    against: &[],
    needs: Stage::TrafficObserved,
    on: both!(traffic, judge::source_address_is_kept),
    shown: Shown::Nowhere,
    turned: &[
        (Effect::NodeSilent, BLIND),
        (Effect::NoPodRuns, NO_POD),
        (Effect::ThirdUnaddressed, TWO_ADDRESSED),
        (Effect::NoPodsAcross, NOTHING_SENT),
        (
            Effect::PodsApart,
            Unobserved("no request from 10.0.1.10 to 10.0.2.11:8080 was seen arriving on hello-app-2's eth0"),
        ),
    ],
    explanation: Explanation {
        step: "The article sets `ipv4NativeRoutingCIDR=10.0.0.0/8`: what goes there is not masqueraded.",
        native: "Where pods are routed natively, the receiver can answer a pod's own address, and sees it: logs and policies get the truth. Translation \
                 between nodes would hide a missing route back.",
        read: &[read(
            "The first packet of each connection (SYN) as it arrives on the receiving pod's own link: its source address and port, compared \
                  with those that the sending pod's socket had. What its node's eth0 shows is no proof: the node may translate behind it.",
        )],
        by_hand: &[
            on_netns(
                "lab shell hello-app-2 -- tcpdump -nn -i eth0 -c 1 'tcp[13] == 2'",
                "ask in another terminal: 10.0.1.10.… > 10.0.2.11.8080",
            ),
            on_netns(
                "lab shell kind-worker -- nft list table ip lab",
                "ip daddr != 10.0.0.0/8 stands before masquerade",
            ),
            on_kind(
                "kubectl exec -n kube-system AGENT -- cilium status --verbose",
                "Masquerading: BPF, with the CIDR that is left out",
            ),
        ],
        breaks: &[breaks(
            Reason::SourceTranslated,
            "`ipv4NativeRoutingCIDR` is missing or too narrow for the pod pool, or iptables of the node masquerades \
                  besides (ip-masq-agent, a rule of Docker's): the receiver sees the sending node's address.",
        )],
        unobserved: "Fewer replicas than there should be have an address, a pod's own link was not captured, no request was seen arriving there, \
                     or which one was the pod's cannot be told.",
    },
};
