//! Recognises pods that will not become ready by waiting, and describes what the other pods wait for.

use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, ContainerStatus, Pod};

use super::shorten::{cut, last_lines};

/// How many characters of a container's message are repeated.
const MESSAGE: usize = 300;

/// A container that its kubelet retries ever more slowly, or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stuck {
    pub(super) namespace: String,
    pub(super) pod: String,
    pub(super) node: String,
    pub(super) container: String,
    /// The kubelet's reason: `CrashLoopBackOff`.
    pub(super) reason: String,
    /// The kubelet's message, or how the container ended last.
    pub(super) message: String,
    /// Whether the container ran before, so that it has a log.
    pub(super) has_run: bool,
}

impl Stuck {
    /// A text that names the container and the reason, without its log.
    pub(super) fn summary(&self) -> String {
        let Self { namespace, pod, node, container, reason, message, .. } = self;
        let message = if message.is_empty() { String::new() } else { format!(": {message}") };
        format!("{container} of pod {namespace}/{pod} on {node} is in {reason}{message}")
    }
}

/// The first stuck container of a pod. None for a pod that is being deleted, since it will not come back.
pub(super) fn of_pod(pod: &Pod) -> Option<Stuck> {
    if pod.metadata.deletion_timestamp.is_some() {
        return None;
    }
    containers(pod).find_map(|container| {
        let waiting = container.state.as_ref()?.waiting.as_ref()?;
        let reason = waiting.reason.as_deref().filter(|reason| is_final(reason))?;
        let ended = container.last_state.as_ref().and_then(|state| state.terminated.as_ref());
        let message = match (reason, ended) {
            ("CrashLoopBackOff", Some(ended)) => {
                let (code, restarts) = (ended.exit_code, container.restart_count);
                format!("exit code {code}, {restarts} restarts{}", end_message(", ", ended))
            }
            _ => waiting.message.clone().unwrap_or_default(),
        };
        Some(Stuck {
            namespace: pod.metadata.namespace.clone().unwrap_or_default(),
            pod: name(pod).to_owned(),
            node: node(pod).to_owned(),
            container: container.name.clone(),
            reason: reason.to_owned(),
            message: cut(&message, MESSAGE),
            has_run: container.restart_count > 0 || ended.is_some(),
        })
    })
}

/// Whether it is a reason after which kubelet waits longer each time, or for ever (kubernetes: `pkg/kubelet/images/types.go`,
/// `pkg/kubelet/container/sync_result.go`, `pkg/kubelet/kuberuntime/kuberuntime_container.go`). `ErrImagePull` is not one
/// of them: it comes first and turns into `ImagePullBackOff`.
fn is_final(reason: &str) -> bool {
    matches!(
        reason,
        "CrashLoopBackOff"
            | "ImagePullBackOff"
            | "InvalidImageName"
            | "ErrImageNeverPull"
            | "CreateContainerConfigError"
            | "RunContainerError"
    )
}

/// Namespace, pod and name of a pod's first container that runs and is not ready.
pub(super) fn running_unready(pod: &Pod) -> Option<(String, String, String)> {
    let runs = |container: &&ContainerStatus| {
        !container.ready && container.state.as_ref().is_some_and(|state| state.running.is_some())
    };
    let container = containers(pod).find(runs)?;
    Some((pod.metadata.namespace.clone().unwrap_or_default(), name(pod).to_owned(), container.name.clone()))
}

/// Whether the pod has the condition `Ready` and is not being deleted.
pub(super) fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    pod.metadata.deletion_timestamp.is_none()
        && conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// A text that says what a pod that is not ready waits for: `cilium-9f6rr on kind-worker: cilium-agent ContainerCreating`.
pub(super) fn waits_for(pod: &Pod) -> String {
    let pod_text = match node(pod) {
        NO_NODE => name(pod).to_owned(),
        node => format!("{} on {node}", name(pod)),
    };
    if pod.metadata.deletion_timestamp.is_some() {
        return format!("{pod_text}: being deleted");
    }
    let unready = containers(pod).find(|container| !container.ready && !has_done(container));
    let what = match unready {
        Some(container) => format!("{} {}", container.name, state(container)),
        None => condition(pod),
    };
    format!("{pod_text}: {what}")
}

/// The text in place of the node of a pod that has not been scheduled.
const NO_NODE: &str = "no node";

fn node(pod: &Pod) -> &str {
    pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).unwrap_or(NO_NODE)
}

fn name(pod: &Pod) -> &str {
    pod.metadata.name.as_deref().unwrap_or("a pod without a name")
}

/// The containers of a pod in order, init containers first.
fn containers(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    pod.status.iter().flat_map(|status| {
        status.init_container_statuses.iter().flatten().chain(status.container_statuses.iter().flatten())
    })
}

/// Whether an init container has ended with exit code 0.
fn has_done(container: &ContainerStatus) -> bool {
    let ended = container.state.as_ref().and_then(|state| state.terminated.as_ref());
    ended.is_some_and(|ended| ended.exit_code == 0)
}

fn state(container: &ContainerStatus) -> String {
    match &container.state {
        Some(ContainerState { waiting: Some(waiting), .. }) => {
            let reason = waiting.reason.as_deref().unwrap_or("waiting");
            match waiting.message.as_deref() {
                Some(message) => format!("{reason} ({})", cut(message, MESSAGE)),
                None => reason.to_owned(),
            }
        }
        Some(ContainerState { terminated: Some(ended), .. }) => {
            format!("ended with exit code {}{}", ended.exit_code, end_message(", ", ended))
        }
        Some(ContainerState { running: Some(_), .. }) => "runs and is not ready".to_owned(),
        Some(_) | None => "has no state".to_owned(),
    }
}

/// The last line of the message of a container that has ended, which for many is the end of its log; without a message,
/// the reason. `before` is put before a text that is not empty.
fn end_message(before: &str, ended: &ContainerStateTerminated) -> String {
    let message = last_lines(ended.message.as_deref().unwrap_or_default(), 1, MESSAGE);
    let text = if message.is_empty() { ended.reason.clone().unwrap_or_default() } else { message };
    if text.is_empty() { text } else { format!("{before}{text}") }
}

/// Why a pod has no containers yet.
fn condition(pod: &Pod) -> String {
    let Some(status) = &pod.status else { return "has no status".to_owned() };
    let unmet = status.conditions.iter().flatten().find(|condition| condition.status != "True");
    match unmet.and_then(|condition| condition.message.as_deref().or(condition.reason.as_deref())) {
        Some(message) => cut(message, MESSAGE),
        None => status.phase.clone().unwrap_or_else(|| "has no phase".to_owned()),
    }
}
