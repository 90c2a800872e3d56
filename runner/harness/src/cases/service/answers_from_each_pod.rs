//! `service::answers_from_each_pod`.

use super::from_pods;
use crate::cases::prelude::*;
use lab_judge::service as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "service::answers_from_each_pod",
    article: "curl the service in a hello-app pod",
    claim: "From inside each pod, the ClusterIP answers with hello-app's three lines, from each backend, itself included.",
    against: &[Pinned::Image(ImageName::HelloApp)],
    needs: Stage::WorkloadReady,
    on: both!(from_pods, judge::answers_from_each_pod),
    shown: Shown::Nowhere,
    turned: &[
        (Effect::NodeSilent, BLIND),
        (Effect::OneReplicaReady, ONE_READY),
        (Effect::NoReplicaReady, NONE_READY),
        (Effect::PodsApart, Refuted(&[(Reason::SomeUnanswered, POD1), (Reason::SomeUnanswered, POD2)])),
    ],
    explanation: Explanation {
        step: "The article says that the same curl works in a hello-app pod and leaves it to the reader. hello-app has neither a shell nor curl: \
               the pod's network namespace is entered from its node.",
        native: "From a pod one backend is itself and the other is on the other worker. Both must answer: the one shows that translation does not \
                 get in its own way, the other that a pod's packets are routed like a node's.",
        read: &[
            read(
                "Replies to new connections from inside each pod's namespace to the ClusterIP, until each ready pod has answered, itself included.",
            ),
            read_on_netns(
                "nftables in the pod's own namespace translates, in the output hook: a pod that picks itself works.",
            ),
            read_on_kind(
                "Cilium's BPF program at the socket translates; the packet that leaves the pod has the backend's address already.",
            ),
        ],
        by_hand: &[
            on_netns(
                "lab shell hello-app-1 -- curl -s -m 5 http://10.96.37.61:8080",
                "three lines, from both pods in turn",
            ),
            on_kind(
                "lab shell --name kind POD -- curl -s -m 5 http://CLUSTER_IP:8080",
                "the same: curl is the node's, the namespace the pod's",
            ),
        ],
        breaks: &[
            breaks(
                Reason::NoAnswer,
                "The pod's traffic is dropped, by a policy or because its node does not forward (ip_forward is 0).",
            ),
            breaks(
                Reason::SomeUnanswered,
                "Itself answers and the peer does not: the route between the workers is missing. The other way round: a pod \
                   that picks itself is not translated back.",
            ),
            breaks(Reason::EmptyReply, "As from the control plane."),
            breaks(Reason::WrongStatus, "As from the control plane."),
            breaks(Reason::AnotherServerAnswers, "As from the control plane."),
            breaks(Reason::BackendNeverAnswers, "As from the control plane; the pod that asks counts as a backend."),
        ],
        unobserved: "There is no ClusterIP, a pod's namespace could not be entered, or fewer pods are ready than there should be. What was answered \
                     elsewhere does not count.",
    },
};
