//! `wire::pods_reach_each_other_directly`.

use super::traffic;
use crate::cases::prelude::*;
use lab_judge::wire as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "wire::pods_reach_each_other_directly",
    article: "pods reach each other across nodes",
    claim: "A pod reaches a pod on another node by its own address, both ways.",
    against: &[],
    needs: Stage::TrafficObserved,
    on: both!(traffic, judge::pods_reach_each_other_directly),
    shown: Shown::Nowhere,
    turned: &[
        (Effect::NodeSilent, BLIND),
        (Effect::NoPodRuns, NO_POD),
        (Effect::ThirdUnaddressed, TWO_ADDRESSED),
        (Effect::NoPodsAcross, NOTHING_SENT),
        (Effect::PodsApart, Refuted(&[(Reason::PodUnreachable, POD1), (Reason::PodUnreachable, POD2)])),
    ],
    explanation: Explanation {
        step: "The article's aim is that packets of pods on different nodes are routed to their node. It shows it by the Service; this case leaves \
               the Service out and asks the pods by their own addresses.",
        native: "Without a ClusterIP in between, nothing but routes decides whether a pod is reached. Both directions are asked, since each \
                 depends on the other node's route for the way back.",
        read: &[read(
            "Replies to `GET /` on port 8080 of each pod, from inside the namespace of a pod on another node: status, lines, name.",
        )],
        by_hand: &[
            on_netns("lab shell hello-app-1 -- curl -s -m 5 http://10.0.2.11:8080/", "Hostname: hello-app-2"),
            on_kind("lab shell --name kind POD -- curl -s -m 5 http://PEER_POD_ADDRESS:8080/", "the other pod's name"),
        ],
        breaks: &[
            breaks(
                Reason::PodUnreachable,
                "A direct route is missing on either node, a node does not forward, rp_filter drops what comes from a \
                   network that it does not know (NixOS' firewall does by default), or a firewall of the host drops bridged frames. It times out; \
                   refused means that the packet did arrive.",
            ),
            breaks(
                Reason::AnotherServerAnswers,
                "Two pods have one address, or the pod's address is a host's in your own network, outside the lab.",
            ),
        ],
        unobserved: "Fewer replicas than there should be have an address, or one and a pod on another node did not ask each other.",
    },
};
