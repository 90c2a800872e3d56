//! What Kubernetes tells of its nodes, and what runs in them.

mod before;
mod kube_proxy;
mod nested;
mod ready;
mod shown;

pub use before::nodes_not_ready_for_want_of_a_cni;
pub use kube_proxy::no_kube_proxy;
pub(crate) use kube_proxy::weigh as weigh_kube_proxy;
pub use nested::control_plane_runs_nested_containers;
pub(crate) use ready::AGENT;
pub use ready::nodes_become_ready;
pub use shown::nodes_are_what_the_article_shows;

use super::weighing::Weighing;
use lab_model::expect::ClusterExpectations;

/// The version that Kubernetes should have, with its `v`. None, and said so, where nothing tells it.
fn kubernetes_version(
    cluster: &ClusterExpectations,
    server: Option<&String>,
    weighing: &mut Weighing,
) -> Option<String> {
    let version = cluster.kubernetes.as_ref().map(|pinned| format!("v{pinned}")).or_else(|| server.cloned());
    if version.is_none() {
        weighing.miss("the node image is not the pinned one, and the API server did not tell its version");
    }
    version
}

/// The article's own look at nodes.
const GET_NODES: &str = "kubectl get nodes -o wide";
