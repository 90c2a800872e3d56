//! `service::cluster_ip_has_both_backends`.

use super::endpoints;
use crate::cases::prelude::*;
use lab_judge::service as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "service::cluster_ip_has_both_backends",
    article: "kubectl expose deployment hello-app --port=8080 --target-port=8080",
    claim: "The Service has a ClusterIP outside the pod CIDRs, and its endpoints are exactly the ready pods.",
    against: &[Pinned::ServiceCidr],
    needs: Stage::WorkloadReady,
    on: both!(endpoints, judge::cluster_ip_has_both_backends),
    shown: Shown::OnHost(&["kubectl get service"]),
    turned: &[(Effect::NodeSilent, BLIND), (Effect::OneReplicaReady, ONE_READY), (Effect::NoReplicaReady, NONE_READY)],
    explanation: Explanation {
        step: "The article exposes the Deployment on port 8080 and reads with `kubectl get service` that it got the ClusterIP 10.96.37.61.",
        native: "A ClusterIP is nobody's address: no route leads to it. It has to be translated into a pod's address before routing sees the \
                 packet, and must therefore lie outside the range that is routed natively between nodes.",
        read: &[
            read_on_netns(
                "The nftables table `ip lab` of the control plane: the address and port that are translated, and the map of those that they \
                   are translated into. There is no API server.",
            ),
            read_on_kind(
                "The Service hello-app (core/v1) and its endpoints (discovery/v1 EndpointSlice, else core/v1 Endpoints).",
            ),
            read("The ready pods and the pod CIDRs, as for `service::two_replicas_on_two_workers`."),
        ],
        by_hand: &[
            on_netns(
                "lab shell kind-control-plane -- nft list table ip lab",
                "ip daddr 10.96.37.61 tcp dport 8080 dnat to … map: two addresses",
            ),
            on_kind("kubectl get service hello-app", "a ClusterIP of 10.96.0.0/16, 8080/TCP"),
            on_kind("kubectl get endpoints hello-app", "two addresses with port 8080: those of the two pods"),
        ],
        breaks: &[
            breaks(
                Reason::NoService,
                "`kubectl expose` was not run, or gave another name or port; or the Service is headless and has no ClusterIP.",
            ),
            breaks(
                Reason::ClusterIpWithinPodCidr,
                "The Service range overlaps a pod CIDR, for instance with a pod pool that begins at \
                   10.96.0.0: the same address may then be a pod's and a Service's.",
            ),
            breaks(
                Reason::ClusterIpOutsideServiceCidr,
                "The API server was started with another network of Services than the lab gave to kind: the cluster is not \
                   this lab's, or was configured by hand.",
            ),
            breaks(
                Reason::EndpointMissing,
                "The selector does not match a pod's labels, or the endpoint controller has not seen yet that the \
                   pod is ready.",
            ),
            breaks(
                Reason::EndpointStale,
                "An endpoint of a pod that is gone or no longer ready, because the controller does not run, or an \
                   endpoint that was entered by hand.",
            ),
        ],
        unobserved: "Fewer pods are ready than there should be, or some node's pod CIDR is not known: the ClusterIP might lie in it.",
    },
};
