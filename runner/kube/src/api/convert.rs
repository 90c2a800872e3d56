//! Converts k8s-openapi's types to the plain data that is kept as evidence. Fields that the server left out are empty or
//! none.

use chrono::{DateTime, Utc};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::{self, Node, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use std::collections::BTreeMap;
use std::net::IpAddr;

use super::stuck::is_ready;
use lab_model::observe::{
    Condition, ContainerState, DaemonSetSeen, DeploymentSeen, KubeContainer, KubeNode, KubePod, NodeName,
};

/// The prefix of the labels that name a node's roles.
const ROLE: &str = "node-role.kubernetes.io/";

/// Converts a node (`core/v1`).
pub fn node(node: Node) -> KubeNode {
    let status = node.status.unwrap_or_default();
    let info = status.node_info.unwrap_or_default();
    let labels = node.metadata.labels.unwrap_or_default();
    let addresses = status.addresses.unwrap_or_default();
    let conditions = status.conditions.unwrap_or_default();
    KubeNode {
        name: NodeName(node.metadata.name.unwrap_or_default()),
        roles: labels.keys().filter_map(|label| label.strip_prefix(ROLE)).map(str::to_owned).collect(),
        kubelet_version: info.kubelet_version,
        internal_ips: addresses
            .iter()
            .filter(|address| address.type_ == "InternalIP")
            .filter_map(|address| address.address.parse().ok())
            .collect(),
        os_image: info.os_image,
        kernel: info.kernel_version,
        runtime: info.container_runtime_version,
        conditions: conditions
            .into_iter()
            .map(|condition| Condition {
                kind: condition.type_,
                status: condition.status,
                reason: condition.reason.unwrap_or_default(),
                message: condition.message.unwrap_or_default(),
                last_transition: time(condition.last_transition_time.as_ref()),
            })
            .collect(),
    }
}

/// Converts a pod (`core/v1`).
pub fn pod(pod: Pod) -> KubePod {
    let ready = is_ready(&pod);
    let spec = pod.spec.unwrap_or_default();
    let status = pod.status.unwrap_or_default();
    KubePod {
        namespace: pod.metadata.namespace.unwrap_or_default(),
        name: pod.metadata.name.unwrap_or_default(),
        labels: pod.metadata.labels.unwrap_or_default(),
        node: spec.node_name.filter(|name| !name.is_empty()).map(NodeName),
        host_network: spec.host_network.unwrap_or_default(),
        phase: status.phase.unwrap_or_default(),
        address: address_of(status.pod_ip.as_deref(), &status.pod_ips.unwrap_or_default()),
        ready,
        terminating: pod.metadata.deletion_timestamp.is_some(),
        containers: status.container_statuses.unwrap_or_default().into_iter().map(container).collect(),
    }
}

/// A pod's address; of one that has both families the IPv4 one, whichever is the first.
fn address_of(first: Option<&str>, all: &[v1::PodIP]) -> Option<IpAddr> {
    let first: Option<IpAddr> = first.and_then(|address| address.parse().ok());
    let v4 = || all.iter().filter_map(|one| one.ip.parse().ok()).find(IpAddr::is_ipv4);
    first.filter(IpAddr::is_ipv4).or_else(v4).or(first)
}

fn container(container: v1::ContainerStatus) -> KubeContainer {
    let id = container.container_id.unwrap_or_default();
    KubeContainer {
        name: container.name,
        image: container.image,
        image_id: container.image_id,
        container_id: id.split_once("://").map_or(id.as_str(), |(_runtime, id)| id).to_owned(),
        ready: container.ready,
        restarts: u32::try_from(container.restart_count).unwrap_or_default(),
        state: container.state.and_then(state),
        last_state: container.last_state.and_then(state),
    }
}

fn state(state: v1::ContainerState) -> Option<ContainerState> {
    let v1::ContainerState { running, terminated, waiting } = state;
    let running = running.map(|it| ContainerState::Running { started: time(it.started_at.as_ref()) });
    let terminated = terminated.map(|it| ContainerState::Terminated {
        exit_code: it.exit_code,
        reason: it.reason.unwrap_or_default(),
        message: it.message.unwrap_or_default(),
        started: time(it.started_at.as_ref()),
    });
    let waiting = waiting.map(|it| ContainerState::Waiting {
        reason: it.reason.unwrap_or_default(),
        message: it.message.unwrap_or_default(),
    });
    running.or(terminated).or(waiting)
}

/// Converts a `DaemonSet` (`apps/v1`). Counts that the server left out are 0.
pub fn daemon_set(set: DaemonSet) -> DaemonSetSeen {
    let (namespace, name) = names(set.metadata);
    let status = set.status.unwrap_or_default();
    DaemonSetSeen {
        namespace,
        name,
        desired: count(Some(status.desired_number_scheduled)),
        ready: count(Some(status.number_ready)),
        available: count(status.number_available),
        updated: count(status.updated_number_scheduled),
    }
}

/// Converts a Deployment (`apps/v1`). Counts that the server left out are 0.
pub fn deployment(deployment: Deployment) -> DeploymentSeen {
    let (namespace, name) = names(deployment.metadata);
    let status = deployment.status.unwrap_or_default();
    // 1 is the default (`apps/v1`, DeploymentSpec.replicas).
    let desired = deployment.spec.and_then(|spec| spec.replicas).unwrap_or(1);
    DeploymentSeen {
        namespace,
        name,
        desired: count(Some(desired)),
        ready: count(status.ready_replicas),
        available: count(status.available_replicas),
        updated: count(status.updated_replicas),
    }
}

fn names(meta: ObjectMeta) -> (String, String) {
    (meta.namespace.unwrap_or_default(), meta.name.unwrap_or_default())
}

/// A count; the server leaves out a count of zero.
fn count(number: Option<i32>) -> u32 {
    number.and_then(|number| u32::try_from(number).ok()).unwrap_or_default()
}

pub(super) fn time(time: Option<&Time>) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(time?.0.as_second(), 0)
}

/// The text of a `labelSelector` for these labels.
pub(super) fn selector(labels: &BTreeMap<String, String>) -> String {
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_of_both_families_is_known_by_its_ipv4_address() {
        let of = |first: Option<&str>, all: &[&str]| {
            let all: Vec<_> = all.iter().map(|ip| v1::PodIP { ip: (*ip).to_owned() }).collect();
            address_of(first, &all).map(|address| address.to_string())
        };
        assert_eq!(of(Some("fd00::7"), &["fd00::7", "10.42.0.7"]).as_deref(), Some("10.42.0.7"));
        assert_eq!(of(Some("10.42.0.7"), &["10.42.0.7", "fd00::7"]).as_deref(), Some("10.42.0.7"));
        assert_eq!(of(Some("fd00::7"), &["fd00::7"]).as_deref(), Some("fd00::7"));
        assert_eq!(of(Some("10.42.0.7"), &[]).as_deref(), Some("10.42.0.7"));
        assert_eq!(of(None, &[]), None);
    }
}
