//! The pods that Cilium must manage.
//!
//! What there should be is told by the Deployments of what a cluster comes with, not by the pods that happen to run:
//! pods that never start must not make the rest look whole. A pod with an address must be managed, whoever made it. One
//! without an address has nothing to manage: a stranger's may wait for room, for a volume or for ever, and that is not
//! Cilium's doing. The lab's own have nothing to wait for, once they are on a node, but the network plugin. Whether the
//! workload has all of its replicas is the claim of another case.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::weighing::Weighing;
use lab_model::Reason;
use lab_model::expect::Expectations;
use lab_model::observe::{KubePod, Place};
use lab_model::seen::ComponentsSeen;

/// Deployments that each cluster of kind v0.17.0 has, by namespace and name: kubeadm's DNS (Kubernetes 1.20 to 1.25:
/// `cmd/kubeadm/app/phases/addons/dns`), and kind's storage (`pkg/build/nodeimage/const_storage.go`).
const OF_EVERY_CLUSTER: [(&str, &str); 2] =
    [("kube-system", "coredns"), ("local-path-storage", "local-path-provisioner")];
/// Where the workload is, once there is one: its manifest names no namespace.
const WORKLOAD_NAMESPACE: &str = "default";

/// How many pods are managed.
pub(super) fn weigh(seen: &ComponentsSeen, expect: &Expectations, weighing: &mut Weighing) -> usize {
    let with_network: Vec<&KubePod> = seen.pods.iter().filter(|pod| has_network(pod)).collect();
    let started: Vec<&KubePod> = with_network.iter().copied().filter(|pod| has_started(pod)).collect();
    if started.is_empty() {
        weighing.miss("no pod with an address of its own was seen");
    }
    for pod in &started {
        if let Some(observed) = unmanaged(pod, seen) {
            refute(pod, &observed, weighing);
        }
    }
    let of = |namespace: &str, deployment: &str| -> Vec<&KubePod> {
        with_network.iter().copied().filter(|pod| pod.namespace == namespace && is_of(pod, deployment)).collect()
    };
    for (namespace, name) in OF_EVERY_CLUSTER {
        let own = of(namespace, name);
        without_address(&own, weighing);
        let Some(deployment) = seen.deployments.iter().find(|one| one.namespace == namespace && one.name == name)
        else {
            weighing.miss(format!("no Deployment {namespace}/{name} was seen, which every cluster of kind has"));
            continue;
        };
        let on_nodes: BTreeSet<&str> =
            own.iter().filter(|pod| pod.node.is_some()).map(|pod| pod.name.as_str()).collect();
        let (on_nodes, wanted) = (on_nodes.len(), deployment.desired);
        if wanted == 0 || u32::try_from(on_nodes).is_ok_and(|on_nodes| on_nodes < wanted) {
            weighing.miss(format!("{on_nodes} of {wanted} pods of Deployment {namespace}/{name} are on a node"));
        }
    }
    without_address(&of(WORKLOAD_NAMESPACE, &expect.service), weighing);
    started.iter().map(|pod| pod.full_name()).collect::<BTreeSet<_>>().len()
}

/// Whether the pod has, or is about to get, a network of its own. Pods on their node's network have none, and those that
/// have ended or are being deleted no longer need one.
fn has_network(pod: &KubePod) -> bool {
    !pod.host_network && !pod.terminating && !matches!(pod.phase.as_str(), "Succeeded" | "Failed")
}

/// A Deployment's pods are called after it, with the hash of their template and five letters of their own (`apps/v1`:
/// `generateName` of the Deployment's `ReplicaSet`, and of its pods).
fn is_of(pod: &KubePod, deployment: &str) -> bool {
    pod.name.rsplitn(3, '-').nth(2) == Some(deployment)
}

/// Whether the pod got a network: it has an address, or it runs, which it could not do without one.
fn has_started(pod: &KubePod) -> bool {
    pod.address.is_some() || pod.phase == "Running"
}

/// Pods of the lab's own that are on a node, where the network plugin gave them no address.
fn without_address(own: &[&KubePod], weighing: &mut Weighing) {
    for pod in own.iter().filter(|pod| !has_started(pod)) {
        if let Some(node) = &pod.node {
            refute(pod, &format!("{} on {node}, without an address", pod.phase), weighing);
        }
    }
}

/// What speaks against a pod with an address being managed, if anything does.
fn unmanaged(pod: &KubePod, seen: &ComponentsSeen) -> Option<String> {
    let own = seen.endpoints.iter().find(|one| one.namespace == pod.namespace && one.name == pod.name);
    match own {
        None => Some("no CiliumEndpoint".to_owned()),
        Some(one) if one.state != "ready" => Some(format!("its CiliumEndpoint is {:?}", one.state)),
        Some(one) if one.address.map(IpAddr::V4) != pod.address => {
            let text = |address: Option<String>| address.unwrap_or_else(|| "none".to_owned());
            let (of_endpoint, of_pod) =
                (one.address.map(|one| one.to_string()), pod.address.map(|one| one.to_string()));
            Some(format!("its CiliumEndpoint has address {}, the pod {}", text(of_endpoint), text(of_pod)))
        }
        Some(_) => None,
    }
}

fn refute(pod: &KubePod, observed: &str, weighing: &mut Weighing) {
    weighing.refute(
        Reason::PodNotManaged,
        Place::Bridge,
        format!("{}: managed by Cilium", pod.full_name()),
        format!("{}: {observed}", pod.full_name()),
        Some(format!("kubectl get ciliumendpoints --namespace {} {}", pod.namespace, pod.name)),
    );
}
