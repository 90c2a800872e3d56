//! Finds the workload's pods: the node of each, and a process on it that is in the pod's network namespace. hello-app's
//! image has no shell, so its namespace is entered from its node.

use async_recursion::async_recursion as boxed;
use futures_util::future::join_all;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::lab::KindLab;
use super::observed::WORKLOAD_NAMESPACE;
use lab_backend::LabError;
use lab_base::failure::chain;
use lab_engine::PodPlace;
use lab_model::observe::{KubePod, NodeName, PodName, PodSeen};

/// The deadline for listing containerd's tasks.
const TASKS_DEADLINE: Duration = Duration::from_secs(20);

/// The place of each pod, or why it cannot be found.
pub(super) type PodPlaces = BTreeMap<PodName, Result<PodPlace, String>>;

impl KindLab {
    /// The places of the workload's pods at the moment; a pod that was replaced has another process.
    ///
    /// # Errors
    /// When the API server does not answer or refuses.
    pub(super) async fn pod_places(&self) -> Result<PodPlaces, LabError> {
        let labels = &self.spec.manifests.hello_app.deployment.spec.selector.match_labels;
        let pods = self.api()?.pods_with(WORKLOAD_NAMESPACE, labels).await?;
        let mut tasks: BTreeMap<NodeName, Result<BTreeMap<String, u32>, String>> = BTreeMap::new();
        let nodes: BTreeSet<NodeName> = pods.iter().filter_map(|pod| pod.node.clone()).collect();
        for (node, listed) in
            join_all(nodes.into_iter().map(async |node| (node.clone(), self.tasks(&node).await))).await
        {
            tasks.insert(node, listed);
        }
        Ok(pods.iter().map(|pod| (PodName(pod.name.clone()), place(pod, &tasks))).collect())
    }

    /// Those of these pods of the workload whose namespace cannot be entered now, each with the reason.
    ///
    /// # Errors
    /// When the API server does not answer or refuses.
    #[boxed(?Send)]
    pub async fn pods_not_entered(&self, pods: &[PodSeen]) -> Result<BTreeMap<PodName, String>, LabError> {
        Ok(not_entered(pods, &self.pod_places().await?))
    }

    /// The place of one pod.
    ///
    /// # Errors
    /// [`LabError::NoPlace`], when the workload has no such pod.
    #[boxed(?Send)]
    pub async fn enter_pod(&self, pod: &PodName) -> Result<PodPlace, LabError> {
        let mut places = self.pod_places().await?;
        match places.remove(pod) {
            Some(Ok(place)) => Ok(place),
            Some(Err(why)) => Err(LabError::Probe(why)),
            None => {
                let nodes = self.nodes().iter().map(|(name, _)| name.to_string());
                let there: Vec<String> = nodes.chain(places.keys().map(ToString::to_string)).collect();
                Err(LabError::NoPlace { place: pod.to_string(), name: self.name.clone(), there: there.join(", ") })
            }
        }
    }

    /// The process id of a node's first process, as the Engine's host knows it.
    ///
    /// # Errors
    /// When the Engine does not answer or refuses, or the node does not run.
    #[boxed(?Send)]
    pub async fn process_of(&self, node: &NodeName) -> Result<u32, LabError> {
        let container = self.engine.container(&node.0).await?;
        let pid = container.and_then(|container| container.state).and_then(|state| state.pid);
        let running = pid.and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid != 0);
        running.ok_or_else(|| LabError::Probe(format!("{node} does not run")))
    }

    /// The process ids of a node's running containers, by container.
    async fn tasks(&self, node: &NodeName) -> Result<BTreeMap<String, u32>, String> {
        let argv = ["ctr", "--namespace", "k8s.io", "task", "ls"];
        let ran = self.engine.exec(&node.0, argv, Vec::new(), TASKS_DEADLINE).await.map_err(|error| chain(&error))?;
        if !ran.success() {
            return Err(format!(
                "`{}` on {node} ended with {}: {}",
                argv.join(" "),
                ran.code,
                ran.stderr_text().trim()
            ));
        }
        Ok(running_tasks(&ran.stdout_text()))
    }
}

/// Parses the running tasks in lines `TASK PID STATUS` (containerd 1.6: `ctr task ls`).
fn running_tasks(listing: &str) -> BTreeMap<String, u32> {
    listing
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (task, pid, status) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
            (status == "RUNNING").then(|| (task.to_owned(), pid))
        })
        .collect()
}

fn not_entered(pods: &[PodSeen], places: &PodPlaces) -> BTreeMap<PodName, String> {
    let why = |pod: &PodSeen| match places.get(&pod.name) {
        Some(Ok(_place)) => None,
        Some(Err(why)) => Some(why.clone()),
        None => Some(format!("the pod {} is there no more", pod.name)),
    };
    pods.iter().filter_map(|pod| Some((pod.name.clone(), why(pod)?))).collect()
}

fn place(pod: &KubePod, tasks: &BTreeMap<NodeName, Result<BTreeMap<String, u32>, String>>) -> Result<PodPlace, String> {
    let node = pod.node.clone().ok_or_else(|| format!("the pod {} is on no node yet", pod.name))?;
    let tasks = match tasks.get(&node) {
        Some(Ok(tasks)) => tasks,
        Some(Err(why)) => return Err(why.clone()),
        None => return Err(format!("{node} was not asked for its tasks")),
    };
    let ids = pod.containers.iter().map(|container| container.container_id.as_str());
    let pid = ids.map(|id| id.rsplit_once("://").map_or(id, |(_runtime, id)| id)).find_map(|id| tasks.get(id));
    let pid = *pid.ok_or_else(|| format!("no container of the pod {} runs on {node}", pod.name))?;
    Ok(PodPlace { node, pid })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Output of a kind node.
    const LISTING: &str = "TASK                                                                PID     STATUS    \n\
        3d9c2cf9b24bbf73adc0ce43f4bf6ee1bf0e9dd8a38b4a5a6f0f4d9c2f1a8f55    1892    RUNNING\n\
        0f1e                                                                0       STOPPED\n";

    fn pod(id: &str) -> KubePod {
        let container = serde_json::json!({ "name": "hello-app", "image": "", "image_id": "", "container_id": id,
            "ready": true, "restarts": 0, "state": null, "last_state": null });
        serde_json::from_value(serde_json::json!({ "namespace": "default", "name": "hello-app-1", "labels": {},
            "node": "kind-worker", "host_network": false, "phase": "Running", "address": null, "ready": true,
            "terminating": false, "containers": [container] }))
        .unwrap()
    }

    #[test]
    fn a_pod_is_entered_by_a_task_of_its_own_that_runs() {
        let listed = || BTreeMap::from([(NodeName::from("kind-worker"), Ok(running_tasks(LISTING)))]);
        let id = "containerd://3d9c2cf9b24bbf73adc0ce43f4bf6ee1bf0e9dd8a38b4a5a6f0f4d9c2f1a8f55";
        assert_eq!(place(&pod(id), &listed()).unwrap(), PodPlace { node: "kind-worker".into(), pid: 1892 });
        let stopped = place(&pod("containerd://0f1e"), &listed()).unwrap_err();
        assert_eq!(stopped, "no container of the pod hello-app-1 runs on kind-worker");
        let silent = BTreeMap::from([(NodeName::from("kind-worker"), Err("ctr is not there".to_owned()))]);
        assert_eq!(place(&pod(id), &silent).unwrap_err(), "ctr is not there");
    }

    #[test]
    fn of_a_pod_that_cannot_be_entered_the_reason_is_kept() {
        let seen = |name: &str| PodSeen { name: name.into(), node: None, address: None, ready: false };
        let place = PodPlace { node: "kind-worker".into(), pid: 1892 };
        let pending = "the pod hello-app-3 is on no node yet";
        let places =
            PodPlaces::from([("hello-app-1".into(), Ok(place)), ("hello-app-3".into(), Err(pending.to_owned()))]);
        let why = not_entered(&["hello-app-1", "hello-app-2", "hello-app-3"].map(seen), &places);
        let expected = [("hello-app-2", "the pod hello-app-2 is there no more"), ("hello-app-3", pending)];
        assert_eq!(why, expected.map(|(pod, why)| (pod.into(), why.to_owned())).into());
    }
}
