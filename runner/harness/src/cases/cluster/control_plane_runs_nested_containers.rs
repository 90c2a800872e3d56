//! `cluster::control_plane_runs_nested_containers`.

use crate::cases::kind;
use crate::cases::prelude::*;
use lab_judge::cluster as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "cluster::control_plane_runs_nested_containers",
    article: "ctr -n k8s.io c ls in kind-control-plane",
    claim: "The control plane's containerd runs etcd, kube-apiserver, kube-controller-manager and kube-scheduler at the pinned version.",
    against: &[Pinned::Kubernetes],
    needs: Stage::ClusterCreated,
    on: kind_only!(kind::nested, judge::control_plane_runs_nested_containers),
    shown: Shown::InControlPlanes("ctr -n k8s.io c ls"),
    turned: &[],
    explanation: Explanation {
        step: "The article enters kind-control-plane and lists with `ctr -n k8s.io c ls` etcd, kube-apiserver, kube-controller-manager and kube-scheduler: \
               containers in a container.",
        native: "The controller manager and the API server are where nodes learn of each other; without them no agent knows a peer to route to.",
        read: &[read_on_kind(
            "Containers and tasks of the namespace k8s.io in the control plane's containerd (`ctr`), with their images; and the API server's /version.",
        )],
        by_hand: &[
            on_kind(
                "docker exec kind-control-plane ctr -n k8s.io containers ls",
                "the four components at v1.25.3 and etcd, and a pause container for each pod",
            ),
            on_kind("docker exec kind-control-plane ctr -n k8s.io tasks ls", "RUNNING"),
        ],
        breaks: &[
            breaks(
                Reason::ContainerMissing,
                "kubelet could not start a static pod: its manifest is broken or its image is not there.",
            ),
            breaks(
                Reason::ContainerNotRunning,
                "It crashes again and again; etcd on a slow disk, or the API server on an address that the node no longer has.",
            ),
            breaks(Reason::WrongVersion, "Another node image, or a component that was upgraded by hand."),
        ],
        unobserved: "The control plane's containerd did not answer.",
    },
};
