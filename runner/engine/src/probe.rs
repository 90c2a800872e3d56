//! The probe in a lab's nodes: one run of it in each node that is asked something, all at once.

use futures_util::future::join_all;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OnceCell};

use super::connect::Engine;
use super::error::EngineError;
use super::install::install;
use super::pcaps::{Fetched, Pcaps};
use super::program::{Program, ProgramError};
use super::run::Ran;
use lab_backend::LabError;
use lab_backend::captures::Captures;
use lab_base::exec::Invocation;
use lab_base::failure::chain;
use lab_model::observe::{NodeName, Place, PodName};
use lab_model::request::{Answered, Ask, Request};

/// For one run of the probe: longer than the deadlines of all asks.
const PROBE_DEADLINE: Duration = Duration::from_secs(90);
/// Where a pod is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodPlace {
    /// The node it runs on.
    pub node: NodeName,
    /// The process id, in that node's own process namespace, of a process in the pod's network namespace.
    pub pid: u32,
}

/// Finds a pod, or says in words why it cannot be found.
pub type Pods<'a> = &'a dyn Fn(&PodName) -> Result<PodPlace, String>;

/// Which container a node is, once the probe is in it.
type Installed = Arc<OnceCell<String>>;

/// The probe in the nodes of a cluster.
#[derive(Debug)]
pub struct NodeProbe {
    engine: Engine,
    cluster: String,
    program: Program,
    installed: Mutex<BTreeMap<NodeName, Installed>>,
}

/// What one node is asked, with the position of each ask in the whole.
type Asked = Vec<(usize, Ask)>;

impl NodeProbe {
    /// Takes the probe for the nodes of a cluster. Nothing is copied yet.
    ///
    /// # Errors
    /// [`ProgramError`], when there is none that runs in nodes.
    pub fn new(engine: &Engine, cluster: &str) -> Result<Self, ProgramError> {
        let program = Program::find()?;
        let installed = Mutex::new(BTreeMap::new());
        Ok(Self { engine: engine.clone(), cluster: cluster.to_owned(), program, installed })
    }

    /// What is put into the nodes.
    pub const fn program(&self) -> &Program {
        &self.program
    }

    /// Puts the probe into these nodes, all at once, where it is not: asking does so too, later.
    ///
    /// # Errors
    /// The first node that it cannot be put into.
    pub async fn install(&self, nodes: &[NodeName]) -> Result<(), LabError> {
        let all = join_all(nodes.iter().map(|node| self.container(node))).await;
        let of = |(node, put): (&NodeName, Result<String, String>)| put.map_err(|why| format!("{node}: {why}"));
        nodes.iter().zip(all).map(of).collect::<Result<Vec<_>, _>>().map(drop).map_err(LabError::Unasked)
    }

    /// Looks into namespaces of nodes and of pods. One answer for each ask, in order; what cannot be asked, and why,
    /// is in its answer.
    pub async fn ask(&self, asks: Vec<(Place, Request)>, pods: Pods<'_>) -> Vec<Answered> {
        let mut answers: Vec<Option<Answered>> = asks.iter().map(|_ask| None).collect();
        let places: Vec<Place> = asks.iter().map(|(place, _)| place.clone()).collect();
        let (groups, missing) = locate(asks, pods);
        for (position, why) in missing {
            answers[position] = Some(Answered { place: places[position].clone(), answer: Err(why) });
        }
        let all = join_all(groups.iter().map(|(node, asked)| self.ask_node(node, asked))).await;
        for (asked, answered) in groups.values().zip(all) {
            for ((position, ask), answer) in asked.iter().zip(spread(answered, asked.len())) {
                answers[*position] = Some(Answered { place: ask.place.clone(), answer });
            }
        }
        let silent = |(answer, place): (Option<Answered>, Place)| {
            answer.unwrap_or_else(|| Answered { place, answer: Err("it was not asked".to_owned()) })
        };
        answers.into_iter().zip(places).map(silent).collect()
    }

    /// Starts captures, with one run of the probe on each node; they run until they are stopped. The file that a
    /// request names is one of this program's host.
    ///
    /// # Errors
    /// When they do not all run.
    pub async fn capture(&self, wanted: Vec<(Place, Request)>, pods: Pods<'_>) -> Result<Captures, LabError> {
        let (groups, missing) = locate(wanted, pods);
        if let Some((_, why)) = missing.into_iter().next() {
            return Err(LabError::Unasked(why));
        }
        let containers = join_all(groups.keys().map(|node| self.container(node))).await;
        let mut pcaps = Vec::new();
        let mut probes = Vec::new();
        for ((node, mut asked), container) in groups.into_iter().zip(containers) {
            let container = container.map_err(|why| LabError::Unasked(format!("{node}: {why}")))?;
            for (position, ask) in &mut asked {
                if let Request::Capture { pcap: Some(pcap), .. } = &mut ask.request {
                    let there = self.program.capture_file(&format!("{:016x}.pcap", fastrand::u64(..)));
                    let wanted = std::mem::replace(pcap, there.clone());
                    let (node, container) = (node.clone(), container.clone());
                    pcaps.push(Fetched { position: *position, node, container, there, wanted });
                }
            }
            probes.push((self.held(&container), asked));
        }
        let pcaps = Pcaps { engine: self.engine.clone(), files: pcaps };
        let started = Captures::start_all(probes, Some(Box::new(pcaps))).await;
        if started.is_err() {
            // A node may have been made anew: the next one to ask finds out.
            self.installed.lock().await.clear();
        }
        started
    }

    /// The answers of one node, or why it has none.
    async fn ask_node(&self, node: &NodeName, asked: &Asked) -> Result<Vec<Answered>, String> {
        let asks: Vec<&Ask> = asked.iter().map(|(_, ask)| ask).collect();
        let input = serde_json::to_vec(&asks).map_err(|error| format!("{node}: {error}"))?;
        let ran = match self.ask_once(node, &input).await? {
            // The node was made anew, or the probe removed: what is known of it is of no use.
            Err(error) if error.is_missing() || matches!(error, EngineError::NotRunnable { .. }) => {
                self.installed.lock().await.remove(node);
                self.ask_once(node, &input).await?
            }
            other => other,
        };
        let cannot = |why: String| format!("{node} cannot be asked: {why}");
        let ran = ran.map_err(|error| cannot(chain(&error.about(&node.0))))?;
        if !ran.success() {
            return Err(cannot(format!("the probe ended with exit code {}: {}", ran.code, ran.stderr_text().trim())));
        }
        let answered: Vec<Answered> =
            serde_json::from_slice(&ran.stdout).map_err(|error| cannot(format!("the probe's answer: {error}")))?;
        if answered.len() != asked.len() {
            return Err(format!("{node} was asked {} questions and gave {} answers", asked.len(), answered.len()));
        }
        Ok(answered)
    }

    async fn ask_once(&self, node: &NodeName, input: &[u8]) -> Result<Result<Ran, EngineError>, String> {
        let container = self.container(node).await.map_err(|why| format!("{node} cannot be asked: {why}"))?;
        Ok(self.engine.exec(&container, [self.program.file()], input.to_vec(), PROBE_DEADLINE).await)
    }

    /// The container of a node, the probe being in it.
    async fn container(&self, node: &NodeName) -> Result<String, String> {
        let cell = Arc::clone(self.installed.lock().await.entry(node.clone()).or_default());
        // Boxed: the description of a container is large, and this is in every future that asks.
        let put = Box::pin(install(&self.engine, &self.cluster, &node.0, &self.program));
        cell.get_or_try_init(|| put).await.cloned()
    }

    /// The probe in a container, held by the docker program: it ends with this program, and its input with it.
    fn held(&self, container: &str) -> Invocation {
        let mut docker = Invocation::new("docker");
        for (name, value) in self.engine.environment() {
            docker = docker.env(name, value);
        }
        docker.args(["exec", "--interactive", container]).args([self.program.file()])
    }
}

/// One answer for each ask of a node that gave them, and the same error for each of one that did not.
fn spread(answered: Result<Vec<Answered>, String>, asks: usize) -> Vec<Result<lab_model::request::Answer, String>> {
    match answered {
        Ok(answered) => answered.into_iter().map(|answered| answered.answer).collect(),
        Err(why) => vec![Err(why); asks],
    }
}

/// The asks by node, and those that cannot be made with the reason.
fn locate(asks: Vec<(Place, Request)>, pods: Pods<'_>) -> (BTreeMap<NodeName, Asked>, Vec<(usize, String)>) {
    let mut groups: BTreeMap<NodeName, Asked> = BTreeMap::new();
    let mut missing = Vec::new();
    for (position, (place, request)) in asks.into_iter().enumerate() {
        let located: Result<(NodeName, Option<PathBuf>), String> = match &place {
            Place::Node(node) => Ok((node.clone(), None)),
            Place::Pod(pod) => {
                pods(pod).map(|PodPlace { node, pid }| (node, Some(format!("/proc/{pid}/ns/net").into())))
            }
            Place::Bridge => {
                Err("the Docker host's own namespace is not looked into by a probe in the nodes".to_owned())
            }
        };
        match located {
            Ok((node, netns)) => groups.entry(node).or_default().push((position, Ask { place, netns, request })),
            Err(why) => missing.push((position, why)),
        }
    }
    (groups, missing)
}
