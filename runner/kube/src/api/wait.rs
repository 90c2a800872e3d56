//! Waits for states of the cluster at the API server. Each wait reports what it sees meanwhile, fails at its deadline with
//! what it saw last, and fails early if a container is stuck.

use futures_util::FutureExt;
use futures_util::future::{select, try_join};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::runtime::watcher;
use std::pin::pin;

use super::call::Api;
use super::convert;
use super::error::ApiError;
use super::shorten::{cut, some_of};
use super::stuck::{self, is_ready};
use super::watch::{Patience, Watched};
use lab_base::clock::{Poll, WaitError};
use lab_model::observe::{KubeNode, NodeName};

/// How many characters of a condition's message are repeated.
const MESSAGE: usize = 160;

impl Api {
    /// Waits until the server is ready (`GET /readyz`). Returns its version.
    ///
    /// # Errors
    /// [`WaitError`], at once if the server of another cluster answers.
    pub async fn until_it_answers(&self, patience: Patience<'_>) -> Result<String, WaitError> {
        let what = format!("an answer of the API server {}", self.server());
        patience.poll(&what, async || self.answers().await).await
    }

    async fn answers(&self) -> Poll<String, String> {
        let answer = async {
            match self.text("/readyz").await? {
                Some(_ok) => self.version().await.map(Some),
                None => Ok(None),
            }
        };
        match answer.await {
            Ok(Some(version)) => Poll::Ready(version),
            Ok(None) => Poll::NotYet("it has no /readyz".to_owned()),
            Err(error @ (ApiError::Untrusted { .. } | ApiError::Kubeconfig { .. })) => Poll::Failed(error.to_string()),
            Err(ApiError::Refused { code, reason, .. }) => {
                Poll::NotYet(format!("the API server is not ready yet ({code} {})", failed_checks(&reason)))
            }
            Err(error) => Poll::NotYet(error.briefly()),
        }
    }

    /// Waits until all of these nodes have registered, Ready or not.
    ///
    /// # Errors
    /// [`WaitError`].
    pub async fn until_nodes_registered(&self, names: &[NodeName], patience: Patience<'_>) -> Result<(), WaitError> {
        let what = format!("the registration of {} nodes", names.len());
        self.until_nodes(&what, names, patience, |_registered| None).await
    }

    /// Waits until all of these nodes are Ready.
    ///
    /// # Errors
    /// [`WaitError`].
    pub async fn until_nodes_ready(&self, names: &[NodeName], patience: Patience<'_>) -> Result<(), WaitError> {
        self.until_nodes(&format!("{} nodes Ready", names.len()), names, patience, unready).await
    }

    async fn until_nodes(
        &self,
        what: &str,
        names: &[NodeName],
        patience: Patience<'_>,
        lacks: impl Fn(&KubeNode) -> Option<String>,
    ) -> Result<(), WaitError> {
        let mut nodes = self.watch::<Node>(None, watcher::Config::default());
        let wait = patience.wait(what, async |seen| {
            loop {
                nodes.changed().await;
                let poll = match nodes.objects() {
                    Err(why) => Poll::NotYet(why),
                    Ok(found) => {
                        let found: Vec<KubeNode> = found.into_iter().cloned().map(convert::node).collect();
                        let lack = |name: &NodeName| match found.iter().find(|node| node.name == *name) {
                            None => Some(format!("{name} has not registered")),
                            Some(node) => lacks(node),
                        };
                        let lacking: Vec<String> = names.iter().filter_map(lack).collect();
                        if lacking.is_empty() { Poll::Ready(()) } else { Poll::NotYet(some_of(&lacking)) }
                    }
                };
                if let Some(result) = seen.weigh(poll) {
                    return result;
                }
            }
        });
        wait.await
    }

    /// Waits until the newest pods of a `DaemonSet` are ready on this number of nodes.
    ///
    /// # Errors
    /// [`WaitError`], early if a container of its pods is stuck; it names the container, the reason and the end of its log.
    pub async fn until_daemon_set_ready(
        &self,
        namespace: &str,
        name: &str,
        nodes: usize,
        patience: Patience<'_>,
    ) -> Result<(), WaitError> {
        let what = format!("the DaemonSet {namespace}/{name}, ready on {nodes} nodes");
        let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
        let sets = self.watch::<DaemonSet>(Some(namespace), config);
        let judge = |set: &DaemonSet| {
            let wanted = u32::try_from(nodes).unwrap_or(u32::MAX);
            let status = set.status.clone().unwrap_or_default();
            let current = status.observed_generation >= set.metadata.generation;
            let selector = set.spec.as_ref().and_then(|spec| spec.selector.match_labels.clone());
            let it = convert::daemon_set(set.clone());
            let done = current && it.desired == wanted && it.updated == wanted && it.ready == wanted;
            Rollout {
                selector,
                done,
                text: rollout_text(current, format!("{} of {wanted} ready, {} scheduled", it.ready, it.desired)),
            }
        };
        self.until_rolled_out((&what, name), namespace, sets, judge, patience).await
    }

    /// Waits until all replicas of a Deployment are of its newest version and ready.
    ///
    /// # Errors
    /// [`WaitError`], early if a container of its pods is stuck; it names the container, the reason and the end of its log.
    pub async fn until_deployment_ready(
        &self,
        namespace: &str,
        name: &str,
        patience: Patience<'_>,
    ) -> Result<(), WaitError> {
        let what = format!("the Deployment {namespace}/{name}, ready");
        let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
        let deployments = self.watch::<Deployment>(Some(namespace), config);
        let judge = |deployment: &Deployment| {
            let status = deployment.status.clone().unwrap_or_default();
            let current = status.observed_generation >= deployment.metadata.generation;
            let selector = deployment.spec.as_ref().and_then(|spec| spec.selector.match_labels.clone());
            let it = convert::deployment(deployment.clone());
            let all = u32::try_from(status.replicas.unwrap_or_default()).unwrap_or_default();
            let done = current && it.updated == it.desired && it.available == it.desired && all == it.desired;
            Rollout { selector, done, text: rollout_text(current, format!("{} of {} ready", it.ready, it.desired)) }
        };
        self.until_rolled_out((&what, name), namespace, deployments, judge, patience).await
    }

    /// Waits until Cilium's agents and operators are ready: the `DaemonSet` `cilium` on this number of nodes, and the
    /// Deployment `cilium-operator` (the chart's names).
    ///
    /// # Errors
    /// [`WaitError`], early if one of their containers is stuck; it names the container, the reason and the end of its log.
    pub async fn until_cilium_ready(
        &self,
        namespace: &str,
        nodes: usize,
        patience: Patience<'_>,
    ) -> Result<(), WaitError> {
        let agents = self.until_daemon_set_ready(namespace, "cilium", nodes, patience);
        let operators = self.until_deployment_ready(namespace, "cilium-operator", patience);
        // Boxed, because two watches each make a large future.
        try_join(Box::pin(agents), Box::pin(operators)).await.map(drop)
    }

    async fn until_rolled_out<K>(
        &self,
        (what, object_name): (&str, &str),
        namespace: &str,
        mut objects: Watched<K>,
        judge: impl Fn(&K) -> Rollout,
        patience: Patience<'_>,
    ) -> Result<(), WaitError>
    where
        K: kube::Resource<DynamicType = ()> + serde::de::DeserializeOwned,
    {
        let mut pods = self.watch::<Pod>(Some(namespace), watcher::Config::default());
        let waited = patience.wait(what, async |seen| {
            loop {
                either(objects.changed(), pods.changed()).await;
                let rollout = objects.objects().and_then(|found| {
                    let object = found.first().ok_or_else(|| format!("{object_name} does not exist"))?;
                    Ok(judge(object))
                });
                let poll = match rollout {
                    Err(why) => Poll::NotYet(why),
                    Ok(rollout) if rollout.done => Poll::Ready(()),
                    Ok(rollout) => self.unfinished(object_name, &rollout, &pods).await,
                };
                if let Some(result) = seen.weigh(poll) {
                    return result;
                }
            }
        });
        match waited.await {
            // Only its log says why a running container does not get ready.
            Err(WaitError::Deadline { what, deadline, last }) => {
                let own = objects.objects().ok().and_then(|found| Some(judge(found.first()?)));
                let log = match (own, pods.objects()) {
                    (Some(own), Ok(pods)) => self.log_of_unready(pods.into_iter().filter(|pod| own.owns(pod))).await,
                    _ => None,
                };
                let last = last.map(|last| log.map_or(last.clone(), |log| format!("{last}; {log}")));
                Err(WaitError::Deadline { what, deadline, last })
            }
            other => other,
        }
    }

    /// The end of the log of the first container that runs and is not ready.
    async fn log_of_unready(&self, mut pods: impl Iterator<Item = &Pod>) -> Option<String> {
        let (namespace, pod, container) = pods.find_map(stuck::running_unready)?;
        Some(self.end_of_log(&namespace, &pod, &container).await)
    }

    /// Why a rollout is not complete, from the state of its pods.
    async fn unfinished(&self, object_name: &str, rollout: &Rollout, pods: &Watched<Pod>) -> Poll<(), String> {
        let pods = match pods.objects() {
            Ok(pods) => pods,
            Err(why) => return Poll::NotYet(format!("{object_name}: {}; {why}", rollout.text)),
        };
        let own: Vec<&Pod> = pods.into_iter().filter(|pod| rollout.owns(pod)).collect();
        if let Some(stuck) = own.iter().find_map(|pod| stuck::of_pod(pod)) {
            return Poll::Failed(self.stuck_with_log(&stuck).await);
        }
        let unready: Vec<String> = own.iter().filter(|pod| !is_ready(pod)).map(|pod| stuck::waits_for(pod)).collect();
        let waiting = if unready.is_empty() { String::new() } else { format!("; {}", some_of(&unready)) };
        Poll::NotYet(format!("{object_name}: {}{waiting}", rollout.text))
    }
}

/// The progress of a `DaemonSet` or a Deployment.
struct Rollout {
    /// The labels of its pods; none if it does not select them by labels.
    selector: Option<std::collections::BTreeMap<String, String>>,
    done: bool,
    text: String,
}

impl Rollout {
    fn owns(&self, pod: &Pod) -> bool {
        let Some(selector) = &self.selector else { return false };
        let labels = pod.metadata.labels.as_ref();
        selector.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
    }
}

/// Waits for whichever of two futures is ready first; the other is dropped.
pub(super) async fn either(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    select(pin!(one), pin!(other)).map(drop).await;
}

/// The failed checks in the listing of `/readyz`: `informer-sync, rbac/bootstrap-roles`.
fn failed_checks(listing: &str) -> String {
    let failed: Vec<&str> = listing
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("[-]").map(|check| check.trim_start_matches("poststarthook/")))
        .collect();
    if failed.is_empty() { cut(listing, MESSAGE) } else { cut(&failed.join(", "), MESSAGE) }
}

/// Why a node is not Ready: `kind-worker NotReady (cni plugin not initialized)`.
fn unready(node: &KubeNode) -> Option<String> {
    let Some(ready) = node.ready() else { return Some(format!("{} has no condition Ready", node.name)) };
    let word = match ready.status.as_str() {
        "True" => return None,
        "False" => "NotReady",
        // The node's kubelet has not reported to the control plane lately.
        _ => "Unknown",
    };
    // The runtime's own message is the last part; kubelet puts its own text before it.
    let message = ready.message.rsplit("message:").next().unwrap_or_default();
    let message = message.rsplit("plugin returns error: ").next().unwrap_or_default();
    let why = if message.is_empty() { &ready.reason } else { message };
    Some(format!("{} {word} ({})", node.name, cut(why, MESSAGE)))
}

/// The counts of a rollout, with a remark if they are not yet those of the newest generation.
fn rollout_text(current: bool, counts: String) -> String {
    if current { counts } else { format!("{counts}, not yet counted for the newest generation") }
}
