//! Makes the objects of the probe tier, and puts the probe into its pods.

use futures_util::stream::{self, StreamExt};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Probe;
use super::objects::{OurPod, Ours, PodRole};
use super::program::Program;
use super::running::{Running, started};
use crate::reading::AT_ONCE;
use crate::survey::Survey;
use lab_backend::Doing;
use lab_base::clock;
use lab_base::clock::{Poll, WaitError};
use lab_kube::api::{Api, ApiError, PodContainer};
use lab_kube::cilium::agents::{AGENT_LABEL, CILIUM_AGENT};
use lab_model::foreign::{PROBE, PROBE_PORT};
use lab_model::observe::{NodeName, PodName, PodSeen, ServiceSeen};

/// The pods behind the Service at most: each is asked for from every place.
pub const BACKENDS: usize = 8;

/// A namespace has no service account for a moment, and until then its pods are refused.
const ACCOUNT: Duration = Duration::from_secs(20);
/// Slices follow within a second.
const ENDPOINTS: Duration = Duration::from_secs(30);
/// Between two checks.
pub(super) const AGAIN: Duration = Duration::from_millis(500);

/// What is there once everything is made.
#[derive(Debug, Clone)]
pub(super) struct Made {
    /// The pod that shares each node's network.
    pub(super) on_nodes: BTreeMap<NodeName, PodContainer>,
    /// The pods with a network namespace of their own.
    pub(super) clients: BTreeMap<PodName, PodContainer>,
    /// The same, as judges have pods.
    pub(super) pods: Vec<PodSeen>,
    /// Those behind the Service.
    pub(super) backends: BTreeSet<PodName>,
    /// The nodes that take no part, and why.
    pub(super) silent: BTreeMap<NodeName, String>,
    /// The Service.
    pub(super) service: ServiceSeen,
}

/// Makes everything.
///
/// # Errors
/// When nothing can be looked at: the namespace or all pods are refused. A node alone whose pod does not run is in
/// [`Made::silent`].
pub(super) async fn make(api: &Api, survey: &Survey, probe: &Probe, doing: &Doing) -> Result<Made, String> {
    let ours = probe.ours();
    let program = Program::embedded()?;
    let mut silent = BTreeMap::new();
    let wanted = wanted(api, survey, program.platform(), &mut silent).await?;
    doing.now(format!("making the namespace {}", ours.namespace));
    // From here on there may be something to take away.
    probe.begin();
    if !ours.given
        && let Err(error) = api.create_namespace(&ours.namespace_object()).await
    {
        // One that was refused is not there, or is somebody else's.
        if !error.is_transient() {
            probe.never_begun();
        }
        return Err(refused("namespaces", &error));
    }
    create(api, ours, &wanted, doing, &mut silent).await?;
    let running = started(api, ours, &wanted, doing, &mut silent).await;
    let filled = fill(api, &running, &program, doing).await;
    for (pod, put) in running.iter().zip(filled) {
        if let Err(why) = put {
            silent.entry(pod.node.clone()).or_insert(why);
        }
    }
    let able: Vec<&Running> = running.iter().filter(|pod| !silent.contains_key(&pod.node)).collect();
    if able.is_empty() {
        let first = silent.iter().next().map(|(node, why)| format!("{node}: {why}"));
        return Err(format!("no node takes part; {}", first.unwrap_or_else(|| "there is none".to_owned())));
    }
    let service = serve(api, ours, &able, doing).await?;
    let at = |pod: &&Running| (pod.of.role != PodRole::Node).then(|| (PodName(pod.of.name.clone()), pod.at.clone()));
    Ok(Made {
        on_nodes: able
            .iter()
            .filter(|pod| pod.of.role == PodRole::Node)
            .map(|pod| (pod.node.clone(), pod.at.clone()))
            .collect(),
        clients: able.iter().filter_map(at).collect(),
        pods: able.iter().filter(|pod| pod.of.role != PodRole::Node).map(|pod| pod.seen()).collect(),
        backends: backends(&able).map(|pod| PodName(pod.of.name.clone())).collect(),
        silent,
        service,
    })
}

/// Two pods for each node on which an agent runs for which there is a probe.
async fn wanted(
    api: &Api,
    survey: &Survey,
    platform: &str,
    silent: &mut BTreeMap<NodeName, String>,
) -> Result<Vec<OurPod>, String> {
    let agents = format!("{}={}", AGENT_LABEL.0, AGENT_LABEL.1);
    let images = api.images_in_spec(&survey.namespace, &agents, CILIUM_AGENT).await.map_err(|error| error.briefly())?;
    let mut able = Vec::new();
    for (name, agent) in &survey.agents {
        let image = match agent {
            Err(why) => Err(why.clone()),
            Ok(agent) => match survey.platforms.get(name).map(String::as_str) {
                Some(other) if other != platform => Err(format!("it is {other}, and the probe is for {platform}")),
                _ => images.get(&agent.at.pod).ok_or_else(|| format!("the agent {} is there no more", agent.at.pod)),
            },
        };
        match image {
            Ok(image) => able.push((name, image)),
            Err(why) => drop(silent.insert(name.clone(), why)),
        }
    }
    // Of many nodes, those with a backend are as far apart in the list as it goes.
    let apart = able.len().div_ceil(BACKENDS).max(1);
    let pods = able.iter().enumerate().flat_map(|(number, (node, image))| {
        let role = if number % apart == 0 { PodRole::Backend } else { PodRole::Client };
        [PodRole::Node, role].map(|role| OurPod::new(role, node, number, image))
    });
    Ok(pods.collect())
}

async fn create(
    api: &Api,
    ours: &Ours,
    wanted: &[OurPod],
    doing: &Doing,
    silent: &mut BTreeMap<NodeName, String>,
) -> Result<(), String> {
    let (total, mut made, mut refusal) = (wanted.len(), 0_usize, None);
    let each = stream::iter(wanted).map(async |pod| (pod, create_one(api, ours, pod).await));
    let mut each = std::pin::pin!(each.buffer_unordered(AT_ONCE));
    while let Some((pod, created)) = each.next().await {
        match created {
            Ok(()) => made += 1,
            Err(error) => {
                silent.entry(pod.node.clone()).or_insert_with(|| format!("its pod could not be made: {error}"));
                refusal = Some(error);
            }
        }
        doing.now(format!("making pods: {made} of {total}"));
    }
    match refusal {
        Some(error) if made == 0 => Err(error),
        _ => Ok(()),
    }
}

async fn create_one(api: &Api, ours: &Ours, pod: &OurPod) -> Result<(), String> {
    let object = ours.pod(pod);
    let created = clock::until(ACCOUNT, AGAIN, "a service account", async || {
        match api.create_pod(&ours.namespace, &object).await {
            Ok(()) => Poll::Ready(()),
            Err(error @ ApiError::Refused { .. }) if error.to_string().contains("serviceaccount") => {
                Poll::NotYet(error.briefly())
            }
            Err(error) => Poll::Failed(refused("pods", &error)),
        }
    });
    created.await.map_err(|error| match error {
        WaitError::Failed { reason, .. } => reason,
        late @ WaitError::Deadline { .. } => late.to_string(),
    })
}

/// A refusal, and what to do about it.
fn refused(what: &str, error: &ApiError) -> String {
    let advice = match error {
        ApiError::Refused { code: 403, .. } => format!(
            "; `lab doctor --on cluster --tier probe` shows the rights that are missing, and `--rbac-for USER` prints what an \
             administrator may apply; where a policy forbids such {what}, `--tier read` does without them"
        ),
        _ => String::new(),
    };
    format!("{}{advice}", error.briefly())
}

/// Puts the probe into each pod.
async fn fill(api: &Api, running: &[Running], program: &Program, doing: &Doing) -> Vec<Result<(), String>> {
    let total = running.len();
    doing.now(format!("putting the probe into 0 of {total} pods"));
    let each = stream::iter(running).map(async |pod| {
        program.put(api, &pod.at).await.map_err(|why| format!("the probe cannot be put into {}: {why}", pod.at.pod))
    });
    let mut each = std::pin::pin!(each.buffered(AT_ONCE));
    let mut done = Vec::new();
    while let Some(put) = each.next().await {
        done.push(put);
        doing.now(format!("putting the probe into {} of {total} pods", done.len()));
    }
    done
}

fn backends<'a>(able: &'a [&Running]) -> impl Iterator<Item = &'a Running> {
    able.iter().copied().filter(|pod| pod.of.role == PodRole::Backend)
}

/// Makes the Service, and waits for its endpoints. If they do not come, judges are told which there were.
async fn serve(api: &Api, ours: &Ours, able: &[&Running], doing: &Doing) -> Result<ServiceSeen, String> {
    doing.now(format!("making the Service {PROBE}"));
    api.create_service(&ours.namespace, &ours.service_object()).await.map_err(|error| refused("services", &error))?;
    let wanted: BTreeSet<_> =
        backends(able).filter_map(|pod| Some(std::net::SocketAddrV4::new(pod.address?, PROBE_PORT))).collect();
    let mut last = None;
    let complete = clock::until(ENDPOINTS, AGAIN, "the Service's endpoints", async || {
        match api.service(&ours.namespace, PROBE).await {
            Err(error) => Poll::<(), String>::NotYet(error.briefly()),
            Ok(service) => {
                let complete = service.endpoints.iter().copied().collect::<BTreeSet<_>>() == wanted;
                let told = format!("{} of {} endpoints", service.endpoints.len(), wanted.len());
                last = Some(service);
                if complete { Poll::Ready(()) } else { Poll::NotYet(told) }
            }
        }
    });
    let late = complete.await.err();
    last.ok_or_else(|| late.map(|late| late.to_string()).unwrap_or_default())
}
