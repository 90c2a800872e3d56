//! `service::two_replicas_on_two_workers`.

use super::workload;
use crate::cases::prelude::*;
use lab_judge::service as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "service::two_replicas_on_two_workers",
    article: "kubectl scale --replicas=2 deployment/hello-app; kubectl get pods -o wide",
    claim: "The replicas are ready, each on a worker of its own, with addresses from their nodes' pod CIDRs.",
    against: &[],
    needs: Stage::WorkloadReady,
    on: both!(workload, judge::two_replicas_on_two_workers),
    shown: Shown::OnHost(&["kubectl get pods -o wide"]),
    turned: &[(Effect::NodeSilent, BLIND)],
    explanation: Explanation {
        step: "The article scales hello-app to two replicas and shows with `kubectl get pods -o wide` that one runs on kind-worker and one on \
               kind-worker2. Nothing in its commands makes that so; this lab asks for it, with an anti-affinity rule.",
        native: "Only pods on two nodes make traffic that needs a route. With both on one worker every request could be answered without \
                 native routing doing anything.",
        read: &[
            read_on_netns(
                "Each pod's own namespace, over netlink and sock_diag: its address, and a listener on port 8080. Its node is the one that \
                   has a route to that address.",
            ),
            read_on_kind(
                "Pods with the workload's labels (core/v1 Pod): spec.nodeName, status.podIP, the condition Ready.",
            ),
            read("Each node's pod CIDR, as for `routing::direct_route_to_every_peer`."),
        ],
        by_hand: &[
            on_netns(
                "lab shell hello-app-1 -- ip address show dev eth0",
                "10.0.1.10/32, from kind-worker's 10.0.1.0/24",
            ),
            on_netns("lab shell kind-worker -- ip route show 10.0.1.10", "dev lxc…: the pod hangs on this node"),
            on_kind("kubectl get pods -o wide", "two pods, Running and 1/1, on two workers"),
            on_kind(
                "kubectl get ciliumnodes -o jsonpath={.items[*].spec.ipam.podCIDRs}",
                "the CIDRs that their addresses come from",
            ),
        ],
        breaks: &[
            breaks(
                Reason::WrongReplicaCount,
                "An image that no node has: ErrImageNeverPull or ImagePullBackOff. Or a worker has no room, or is \
                   not Ready. Also when there is no pod at all.",
            ),
            breaks(
                Reason::NotOnTwoWorkers,
                "The scheduler put both on one worker, as the article's own commands allow; or one is on the control \
                   plane, whose taint was removed.",
            ),
            breaks(
                Reason::OutsidePodCidr,
                "A pod was started by another network plugin before Cilium was there, with an address of 10.244.0.0/16, \
                   or CIDRs were handed out anew under running pods.",
            ),
        ],
        unobserved: "The nodes' roles or a pod CIDR are not known.",
    },
};
