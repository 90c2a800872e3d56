//! `cluster::…`: what the lab is made of.

use super::look::{broke, node_answers};
use super::{both, kind, kind_only};
use crate::case::Case;
use crate::lab::Lab;
use lab_judge::{adjacency, cluster as judge, engine};
use lab_model::deviation::Pinned;
use lab_model::seen::NodesSeen;
use lab_model::stage::Stage;

/// Docker.
pub(super) const DOCKER_ENGINE_ANSWERS: Case = Case {
    name: "cluster::docker_engine_answers",
    article: "install docker",
    claim: "The Docker Engine answers, and its API version, storage, cgroup version and privileged containers are as the lab needs.",
    against: &[],
    needs: Stage::Doctor,
    on: kind_only!(kind::engine, engine::docker_engine_answers),
};

/// docker ps.
pub(super) const THREE_NODE_CONTAINERS_RUN: Case = Case {
    name: "cluster::three_node_containers_run",
    article: "docker ps",
    claim: "One control plane and two workers run as containers of the pinned image; the API server is published on 127.0.0.1 only.",
    against: &[Pinned::NodeImage],
    needs: Stage::ClusterCreated,
    on: kind_only!(kind::containers, engine::three_node_containers_run),
};

/// The nodes themselves.
pub(super) const THREE_NODES_RUN: Case = Case {
    name: "cluster::three_nodes_run",
    article: "kind create cluster",
    claim: "One control plane and the workers answer, each in a network namespace of its own with its own eth0 and address.",
    against: &[],
    needs: Stage::ClusterCreated,
    on: both!(nodes, adjacency::three_nodes_run),
};

/// kubeProxyMode none.
pub(super) const NO_KUBE_PROXY: Case = Case {
    name: "cluster::no_kube_proxy",
    article: "kubeProxyMode: none",
    claim: "There is no kube-proxy DaemonSet, and no KUBE-SVC chain in any node.",
    against: &[],
    needs: Stage::ClusterCreated,
    on: kind_only!(kind::kube_proxy, judge::no_kube_proxy),
};

/// disableDefaultCNI.
pub(super) const NODES_NOT_READY_FOR_WANT_OF_A_CNI: Case = Case {
    name: "cluster::nodes_not_ready_for_want_of_a_cni",
    article: "kubectl get nodes: NotReady, before Cilium",
    claim: "Before the CNI each node is NotReady because the network plugin is not ready.",
    against: &[],
    needs: Stage::BaseObserved,
    on: kind_only!(kind::before_cni, judge::nodes_not_ready_for_want_of_a_cni),
};

/// kubectl get nodes.
pub(super) const NODES_ARE_WHAT_THE_ARTICLE_SHOWS: Case = Case {
    name: "cluster::nodes_are_what_the_article_shows",
    article: "kubectl get nodes -o wide",
    claim: "Version, roles, addresses, OS image, kernel and runtime of the nodes are the pinned ones.",
    against: &[Pinned::Kubernetes],
    needs: Stage::ClusterCreated,
    on: kind_only!(kind::shown, judge::nodes_are_what_the_article_shows),
};

/// ctr -n k8s.io c ls.
pub(super) const CONTROL_PLANE_RUNS_NESTED_CONTAINERS: Case = Case {
    name: "cluster::control_plane_runs_nested_containers",
    article: "ctr -n k8s.io c ls in kind-control-plane",
    claim: "The control plane's containerd runs etcd, kube-apiserver, kube-controller-manager and kube-scheduler at the pinned version.",
    against: &[Pinned::Kubernetes],
    needs: Stage::ClusterCreated,
    on: kind_only!(kind::nested, judge::control_plane_runs_nested_containers),
};

/// Ready after Cilium.
pub(super) const NODES_BECOME_READY: Case = Case {
    name: "cluster::nodes_become_ready",
    article: "kubectl get nodes: Ready, after Cilium",
    claim: "All nodes are Ready, and none became so before its agent started.",
    against: &[],
    needs: Stage::NodesReady,
    on: kind_only!(kind::ready, judge::nodes_become_ready),
};

async fn nodes(lab: &Lab) -> Result<NodesSeen, String> {
    Ok(NodesSeen { nodes: node_answers(lab).await.map_err(|error| broke(&error))? })
}
