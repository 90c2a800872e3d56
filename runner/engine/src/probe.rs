//! The probe in a lab's nodes. It is run once in each node that is asked something, in all nodes at the same time.

use async_recursion::async_recursion as boxed;
use futures_util::future::join_all;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OnceCell};

use super::connect::Engine;
use super::error::EngineError;
use super::install::{Whose, install};
use super::pcaps::{Fetched, Pcaps};
use super::program::{Program, ProgramError};
use super::run::Ran;
use lab_backend::LabError;
use lab_backend::captures::Captures;
use lab_base::exec::Invocation;
use lab_base::failure::chain;
use lab_model::observe::{NodeName, Place, PodName};
use lab_model::request::{Answered, Ask, Request};

/// The deadline for one run of the probe; it is longer than the deadlines of the requests in it.
const PROBE_DEADLINE: Duration = Duration::from_secs(90);
/// Where a pod is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodPlace {
    /// The node it runs on.
    pub node: NodeName,
    /// The process id, in that node's own process namespace, of a process in the pod's network namespace.
    pub pid: u32,
}

/// Finds the place of a pod, or returns a text that says why it cannot be found.
pub type Pods<'a> = &'a dyn Fn(&PodName) -> Result<PodPlace, String>;

/// The id of a node's container, set once the probe was copied into it.
type Installed = Arc<OnceCell<String>>;

/// The probe in the nodes of a cluster.
#[derive(Debug)]
pub struct NodeProbe {
    engine: Engine,
    whose: Whose,
    program: Program,
    installed: Mutex<BTreeMap<NodeName, Installed>>,
}

/// The requests to one node, with the position of each among the requests to all nodes.
type Asked = Vec<(usize, Ask)>;

impl NodeProbe {
    /// Finds the probe program for the nodes of a cluster. Nothing is copied yet.
    ///
    /// # Errors
    /// [`ProgramError`], when there is no probe that can run in nodes.
    pub fn new(engine: &Engine, cluster: &str) -> Result<Self, ProgramError> {
        let program = Program::find()?;
        let installed = Mutex::new(BTreeMap::new());
        let whose = Whose { cluster: cluster.to_owned(), mark: None };
        Ok(Self { engine: engine.clone(), whose, program, installed })
    }

    /// The same, which looks into the cluster's routers too, whose containers carry this mark.
    pub fn with_routers(mut self, mark: &str) -> Self {
        self.whose.mark = Some(mark.to_owned());
        self
    }

    /// The program that is copied into the nodes.
    pub const fn program(&self) -> &Program {
        &self.program
    }

    /// Copies the probe into these nodes at the same time, where it is missing. [`NodeProbe::ask`] does so too; doing it
    /// early saves time then.
    ///
    /// # Errors
    /// For the first node that it cannot be copied into.
    #[boxed(?Send)]
    pub async fn install(&self, nodes: &[NodeName]) -> Result<(), LabError> {
        let all = join_all(nodes.iter().map(|node| self.container(node))).await;
        let of = |(node, put): (&NodeName, Result<String, String>)| put.map_err(|why| format!("{node}: {why}"));
        nodes.iter().zip(all).map(of).collect::<Result<Vec<_>, _>>().map(drop).map_err(LabError::Unasked)
    }

    /// Makes requests in the namespaces of nodes and pods. Returns one answer for each, in order. For a request that
    /// could not be made, the answer is the reason.
    pub async fn ask(&self, asks: Vec<(Place, Request)>, pods: Pods<'_>) -> Vec<Answered> {
        let mut answers: Vec<Option<Answered>> = asks.iter().map(|_ask| None).collect();
        let places: Vec<Place> = asks.iter().map(|(place, _)| place.clone()).collect();
        let (groups, missing) = self.locate(asks, pods);
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

    /// Starts captures, with one run of the probe on each node; they run until they are stopped. The path of the capture
    /// file in a request is on this program's host.
    ///
    /// # Errors
    /// When not all captures could be started.
    pub async fn capture(&self, wanted: Vec<(Place, Request)>, pods: Pods<'_>) -> Result<Captures, LabError> {
        let (groups, missing) = self.locate(wanted, pods);
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
            probes.push((self.exec_command(&container), asked));
        }
        let pcaps = Pcaps { engine: self.engine.clone(), files: pcaps };
        let started = Captures::start_all(probes, Some(Box::new(pcaps))).await;
        if started.is_err() {
            // A node may have been recreated without the probe. Forgetting what was installed makes the next call check.
            self.installed.lock().await.clear();
        }
        started
    }

    /// Groups requests by node, a router being its container. Also returns the positions of those that cannot be made, with the reason.
    fn locate(&self, asks: Vec<(Place, Request)>, pods: Pods<'_>) -> (BTreeMap<NodeName, Asked>, Vec<(usize, String)>) {
        let mut groups: BTreeMap<NodeName, Asked> = BTreeMap::new();
        let mut missing = Vec::new();
        for (position, (place, request)) in asks.into_iter().enumerate() {
            let located: Result<(NodeName, Option<PathBuf>), String> = match &place {
                Place::Node(node) => Ok((node.clone(), None)),
                Place::Pod(pod) => {
                    pods(pod).map(|PodPlace { node, pid }| (node, Some(format!("/proc/{pid}/ns/net").into())))
                }
                Place::Router(router) if self.whose.mark.is_some() => {
                    Ok((router_container(&self.whose.cluster, router), None))
                }
                Place::Router(router) => Err(format!("this cluster on kind has no router {router}")),
                Place::Bridge => {
                    Err("the probe runs in the nodes and cannot look into the Docker host's own namespace".to_owned())
                }
            };
            match located {
                Ok((node, netns)) => groups.entry(node).or_default().push((position, Ask { place, netns, request })),
                Err(why) => missing.push((position, why)),
            }
        }
        (groups, missing)
    }

    /// The answers of one node, or the reason why it gave none.
    async fn ask_node(&self, node: &NodeName, asked: &Asked) -> Result<Vec<Answered>, String> {
        let asks: Vec<&Ask> = asked.iter().map(|(_, ask)| ask).collect();
        let input = serde_json::to_vec(&asks).map_err(|error| format!("{node}: {error}"))?;
        let ran = match self.ask_once(node, &input).await? {
            // The node was recreated, or the probe removed: copy the probe again and retry once.
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

    /// The id of a node's container, after the probe was copied into it.
    async fn container(&self, node: &NodeName) -> Result<String, String> {
        let cell = Arc::clone(self.installed.lock().await.entry(node.clone()).or_default());
        // Boxed, because the description of a container would make every future that asks large.
        let put = Box::pin(install(&self.engine, &self.whose, &node.0, &self.program));
        cell.get_or_try_init(|| put).await.cloned()
    }

    /// The command that runs the probe in a container by `docker exec`. It ends when its standard input is closed, which
    /// also happens when this program dies.
    fn exec_command(&self, container: &str) -> Invocation {
        let mut docker = Invocation::new("docker");
        for (name, value) in self.engine.environment() {
            docker = docker.env(name, value);
        }
        docker.args(["exec", "--interactive", container]).args([self.program.file()])
    }
}

/// One answer for each request to a node; if the node gave none, the same error for each.
fn spread(answered: Result<Vec<Answered>, String>, asks: usize) -> Vec<Result<lab_model::request::Answer, String>> {
    match answered {
        Ok(answered) => answered.into_iter().map(|answered| answered.answer).collect(),
        Err(why) => vec![Err(why); asks],
    }
}

/// The container of a router of this cluster, by the router's name: `kind-tor0`.
pub fn router_container(cluster: &str, router: &str) -> NodeName {
    NodeName(format!("{cluster}-{router}"))
}
