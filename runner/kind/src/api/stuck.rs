//! Pods that will not become ready by waiting, and what the others wait for.

use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, ContainerStatus, Pod};

use super::words::{cut, last_lines};

/// What of a container's message is repeated, in characters.
const MESSAGE: usize = 300;

/// A container that its kubelet has given up on for the time being, or for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stuck {
    pub(super) namespace: String,
    pub(super) pod: String,
    pub(super) node: String,
    pub(super) container: String,
    /// The kubelet's word: `CrashLoopBackOff`.
    pub(super) reason: String,
    /// Its message, or how the container ended last.
    pub(super) message: String,
    /// It ran before, so that there is a log of that.
    pub(super) has_run: bool,
}

impl Stuck {
    /// In words, without its log.
    pub(super) fn words(&self) -> String {
        let Self { namespace, pod, node, container, reason, message, .. } = self;
        let message = if message.is_empty() { String::new() } else { format!(": {message}") };
        format!("{container} of pod {namespace}/{pod} on {node} is in {reason}{message}")
    }
}

/// The first container of a pod that is stuck. A pod that is being deleted is not looked at: it will not come back.
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
                format!("exit code {code}, {restarts} restarts{}", last_words(", ", ended))
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

/// Reasons in which kubelet waits longer each time, or for ever (kubernetes: `pkg/kubelet/images/types.go`,
/// `pkg/kubelet/container/sync_result.go`, `pkg/kubelet/kuberuntime/kuberuntime_container.go`). `ErrImagePull` is
/// none of them: it comes first and turns into `ImagePullBackOff`.
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

/// Of a pod, the first container that runs and is not ready: namespace, pod and container.
pub(super) fn running_unready(pod: &Pod) -> Option<(String, String, String)> {
    let runs = |container: &&ContainerStatus| {
        !container.ready && container.state.as_ref().is_some_and(|state| state.running.is_some())
    };
    let container = containers(pod).find(runs)?;
    Some((pod.metadata.namespace.clone().unwrap_or_default(), name(pod).to_owned(), container.name.clone()))
}

/// The pod is ready and stays (condition `Ready`, no deletion under way).
pub(super) fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    pod.metadata.deletion_timestamp.is_none()
        && conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// What a pod that is not ready waits for: `cilium-9f6rr on kind-worker: cilium-agent ContainerCreating`.
pub(super) fn waits_for(pod: &Pod) -> String {
    let who = match node(pod) {
        NO_NODE => name(pod).to_owned(),
        node => format!("{} on {node}", name(pod)),
    };
    if pod.metadata.deletion_timestamp.is_some() {
        return format!("{who}: being deleted");
    }
    let unready = containers(pod).find(|container| !container.ready && !has_done(container));
    let what = match unready {
        Some(container) => format!("{} {}", container.name, state(container)),
        None => condition(pod),
    };
    format!("{who}: {what}")
}

/// No node has been found for it yet.
const NO_NODE: &str = "no node";

fn node(pod: &Pod) -> &str {
    pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).unwrap_or(NO_NODE)
}

fn name(pod: &Pod) -> &str {
    pod.metadata.name.as_deref().unwrap_or("a pod without a name")
}

/// Init containers first, in their order.
fn containers(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    pod.status.iter().flat_map(|status| {
        status.init_container_statuses.iter().flatten().chain(status.container_statuses.iter().flatten())
    })
}

/// An init container that has ended well.
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
            format!("ended with exit code {}{}", ended.exit_code, last_words(", ", ended))
        }
        Some(ContainerState { running: Some(_), .. }) => "runs and is not ready".to_owned(),
        Some(_) | None => "has no state".to_owned(),
    }
}

/// The last line of what a container left as its message, which for many is the end of its log; else the reason.
fn last_words(before: &str, ended: &ContainerStateTerminated) -> String {
    let message = last_lines(ended.message.as_deref().unwrap_or_default(), 1, MESSAGE);
    let words = if message.is_empty() { ended.reason.clone().unwrap_or_default() } else { message };
    if words.is_empty() { words } else { format!("{before}{words}") }
}

/// For a pod without containers yet: why it has none.
fn condition(pod: &Pod) -> String {
    let Some(status) = &pod.status else { return "has no status".to_owned() };
    let unmet = status.conditions.iter().flatten().find(|condition| condition.status != "True");
    match unmet.and_then(|condition| condition.message.as_deref().or(condition.reason.as_deref())) {
        Some(words) => cut(words, MESSAGE),
        None => status.phase.clone().unwrap_or_else(|| "has no phase".to_owned()),
    }
}
