//! `wire::masqueraded_outside_the_native_cidr`.

use super::traffic;
use crate::cases::prelude::*;
use lab_judge::wire as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "wire::masqueraded_outside_the_native_cidr",
    article: "bpf.masquerade=true",
    claim: "A pod's request to an address outside the native routing CIDR leaves its node with the node's address.",
    against: &[Pinned::Value("ipv4NativeRoutingCIDR")],
    needs: Stage::TrafficObserved,
    on: both!(traffic, judge::masqueraded_outside_the_native_cidr, |seen, expect| Found::leaving(judge::leaving(
        seen, expect
    ))),
    shown: Shown::Nowhere,
    turned: &[(Effect::NodeSilent, BLIND), (Effect::NoPodRuns, NO_POD), (Effect::ThirdUnaddressed, TWO_ADDRESSED)],
    explanation: Explanation {
        step: "The article sets `bpf.masquerade=true`: what leaves the cluster takes the node's address, in BPF and not by iptables.",
        native: "Outside the native routing CIDR nobody has a route back to a pod. Without masquerading a pod's request to the Internet leaves with an \
                 address that no answer can find.",
        read: &[
            read(
                "The first packet of a pod's request to the bridge's gateway, which is outside 10.0.0.0/8 and no node, as it leaves its node's eth0: \
                  its source must be the node's address. Where the gateway lies within 10.0.0.0/8 the request is to 192.0.2.1, which nobody has, \
                  with a TTL that ends at the gateway.",
            ),
            read_on_netns(
                "The listener at 172.18.0.1:9999 says besides whose address it saw; nftables on the node translates.",
            ),
            read_on_kind(
                "The BPF program on the node's eth0 translates, with the map `cilium_snat_v4_external`. Towards nodes Cilium does not masquerade \
                  here.",
            ),
        ],
        by_hand: &[
            on_netns(
                "lab shell hello-app-1 -- curl -s -m 5 http://172.18.0.1:9999",
                "172.18.0.3: the node's address, not the pod's",
            ),
            on_netns("lab shell kind-worker -- tcpdump -nn -i eth0 -c 1 dst 172.18.0.1", "from 172.18.0.3"),
            on_kind("kubectl exec -n kube-system AGENT -- cilium status --verbose", "Masquerading: BPF"),
            on_kind("kubectl exec -n kube-system AGENT -- cilium bpf nat list", "entries for the request"),
        ],
        breaks: &[
            breaks(
                Reason::NotMasqueraded,
                "Masquerading is off, or the native routing CIDR covers the target too: on a host whose own network is in \
                   10.0.0.0/8, pods do not reach it.",
            ),
            breaks(
                Reason::MasqueradedAsAnother,
                "The packet leaves with a third address: the node has several, and the one of another link was taken.",
            ),
        ],
        unobserved: "Fewer replicas than there should be asked the outside, or fewer requests were seen leaving than were made.",
    },
};
