//! Waits until the probe's pods run, and tells of each that does not what keeps it from it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::make::AGAIN;
use super::objects::{CONTAINER, OurPod, Ours};
use lab_backend::Doing;
use lab_base::clock;
use lab_base::clock::Poll;
use lab_kube::api::{Api, PodContainer};
use lab_model::observe::{ContainerState, KubePod, NodeName, PodName, PodSeen};

/// The images are there already: pods start within seconds, where a kubelet answers.
const STARTED: Duration = Duration::from_secs(90);

/// A pod of ours that runs.
#[derive(Debug, Clone)]
pub(super) struct Running {
    pub(super) of: OurPod,
    pub(super) node: NodeName,
    pub(super) at: PodContainer,
    pub(super) address: Option<Ipv4Addr>,
}

impl Running {
    pub(super) fn seen(&self) -> PodSeen {
        PodSeen {
            name: PodName(self.of.name.clone()),
            node: Some(self.node.clone()),
            address: self.address,
            ready: true,
        }
    }
}

/// Waits until all pods run that can. What keeps one from it is told of its node.
pub(super) async fn started(
    api: &Api,
    ours: &Ours,
    wanted: &[OurPod],
    doing: &Doing,
    silent: &mut BTreeMap<NodeName, String>,
) -> Vec<Running> {
    let expected: Vec<&OurPod> = wanted.iter().filter(|pod| !silent.contains_key(&pod.node)).collect();
    let mut seen: BTreeMap<String, Result<Running, Waits>> = BTreeMap::new();
    let mut unseen = None;
    let all = clock::until(STARTED, AGAIN, "all pods run", async || {
        match api.pods_labelled(&ours.namespace, &ours.selector()).await {
            Err(error) => {
                let why = error.briefly();
                unseen = Some(why.clone());
                return if error.is_transient() { Poll::<(), String>::NotYet(why) } else { Poll::Failed(why) };
            }
            Ok(pods) => {
                unseen = None;
                let known: BTreeMap<&str, &KubePod> = pods.iter().map(|pod| (pod.name.as_str(), pod)).collect();
                for pod in &expected {
                    let state = known.get(pod.name.as_str()).map(|found| running(pod, found));
                    let gone = || Err(Waits::For("it is there no more".to_owned()));
                    seen.insert(pod.name.clone(), state.unwrap_or_else(gone));
                }
            }
        }
        let waiting = seen.values().filter(|state| matches!(state, Err(Waits::For(_)))).count();
        doing.now(format!("waiting for pods: {} of {} run", seen.len() - waiting, seen.len()));
        if waiting == 0 { Poll::Ready(()) } else { Poll::NotYet(format!("{waiting} do not run yet")) }
    });
    // Those that do not run by then are named; the others go on.
    let late = all.await.err().map(|late| late.to_string());
    let mut running = Vec::new();
    for pod in expected {
        match seen.remove(&pod.name) {
            Some(Ok(found)) => running.push(found),
            Some(Err(Waits::For(_before))) if unseen.is_some() => {
                let why = unseen.clone().unwrap_or_default();
                silent.entry(pod.node.clone()).or_insert_with(|| format!("whether the pod {} runs: {why}", pod.name));
            }
            Some(Err(Waits::For(why) | Waits::InVain(why))) => {
                silent.entry(pod.node.clone()).or_insert_with(|| format!("the pod {} does not run: {why}", pod.name));
            }
            None => {
                let why = late.clone().unwrap_or_default();
                silent.entry(pod.node.clone()).or_insert(why);
            }
        }
    }
    running
}

/// What a pod waits for.
enum Waits {
    For(String),
    InVain(String),
}

fn running(pod: &OurPod, found: &KubePod) -> Result<Running, Waits> {
    if matches!(found.phase.as_str(), "Failed" | "Succeeded") {
        return Err(Waits::InVain(format!("its phase is {}", found.phase)));
    }
    match found.container(CONTAINER).and_then(|container| container.state.as_ref()) {
        Some(ContainerState::Running { .. }) => {}
        Some(ContainerState::Waiting { reason, message }) if reason.contains("Image") => {
            return Err(Waits::InVain(format!("{reason}: {message}")));
        }
        Some(ContainerState::Waiting { reason, message }) => {
            return Err(Waits::For(format!("{reason}: {message}").trim_end_matches(": ").to_owned()));
        }
        Some(ContainerState::Terminated { exit_code, reason, .. }) => {
            return Err(Waits::InVain(format!("it ended with exit code {exit_code} ({reason})")));
        }
        None => return Err(Waits::For("its kubelet has not started it".to_owned())),
    }
    let address = match found.address {
        Some(IpAddr::V4(address)) => Some(address),
        Some(IpAddr::V6(_)) | None => None,
    };
    if address.is_none() {
        return Err(Waits::For("it has no IPv4 address".to_owned()));
    }
    Ok(Running {
        of: pod.clone(),
        node: pod.node.clone(),
        at: PodContainer {
            namespace: found.namespace.clone(),
            pod: found.name.clone(),
            container: CONTAINER.to_owned(),
        },
        address,
    })
}
