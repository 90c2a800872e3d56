//! Commands in the agents' containers, run through their nodes' own `crictl`, so that neither kubelet nor the API
//! server is asked for what a datapath does.

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

use super::{parse_config, parse_services, parse_status, parse_table};
use lab_model::CiliumVersion;
use lab_model::observe::{AgentConfig, AgentStatus, ContainerState, KubePod, NodeName, ServiceTable};
use lab_model::seen::AgentSeen;

/// An agent answers in milliseconds; one that waits for an API server that it cannot reach, within this.
const DEADLINE: Duration = Duration::from_secs(15);
/// The label of agents' pods (chart cilium 1.12.4: `templates/cilium-agent/daemonset.yaml`).
pub const AGENT_LABEL: (&str, &str) = ("k8s-app", "cilium");
/// Whether a pod is an agent's.
pub fn is_agent(pod: &KubePod) -> bool {
    pod.labels.get(AGENT_LABEL.0).is_some_and(|value| value == AGENT_LABEL.1)
}

/// The container that the agent is.
const CONTAINER: &str = "cilium-agent";

/// What a command in a node's container came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its exit code.
    pub code: i64,
    /// All of its standard output.
    pub stdout: Vec<u8>,
    /// All of its standard error.
    pub stderr: Vec<u8>,
}

/// Whoever can run commands in node containers.
pub trait NodeCommands {
    /// Runs a command in a node's container, to its end or the deadline. An error says in words why it could not.
    fn run_in_node(
        &self,
        node: &NodeName,
        argv: Vec<String>,
        deadline: Duration,
    ) -> impl Future<Output = Result<Output, String>>;
}

/// A command that was run in an agent's container, and all that it wrote: kept as evidence beside what was read in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// In which node's agent.
    pub node: NodeName,
    /// The command, to be repeated by hand in the agent's container.
    pub command: String,
    /// Its exit code; none where it could not be run.
    pub code: Option<i64>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error, or why it could not be run.
    pub stderr: String,
}

/// Something read in what agents said, and their own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told<T> {
    /// What was read, or why nothing was.
    pub value: Result<T, String>,
    /// The words, in the order in which they were asked for.
    pub said: Vec<Said>,
}

/// The agents of a lab, by their nodes.
#[derive(Debug, Clone)]
pub struct Agents<N> {
    commands: N,
    containers: BTreeMap<NodeName, Result<Container, String>>,
}

/// An agent's container.
#[derive(Debug, Clone)]
struct Container {
    /// 64 hex digits.
    id: String,
    /// The image's reference.
    image: String,
}

impl Container {
    /// The agent's version, as far as its image is called after one.
    fn version(&self) -> Option<CiliumVersion> {
        CiliumVersion::of_image(&self.image)
    }

    /// The program that asks the agent. `cilium` where nothing tells its version: a newer one has that name as well
    /// (cilium 1.15: `cilium-dbg/Makefile`, `TARGET_OLD`).
    fn program(&self) -> &'static str {
        self.version().unwrap_or(CiliumVersion::OLDEST).agent_program()
    }
}

impl<N: NodeCommands> Agents<N> {
    /// The agents among these pods. Where a node has several, because one is being replaced, it is the one that runs.
    pub fn of(commands: N, pods: &[KubePod]) -> Self {
        let mut containers: BTreeMap<NodeName, Result<Container, String>> = BTreeMap::new();
        for pod in pods.iter().filter(|pod| is_agent(pod)) {
            let Some(node) = &pod.node else { continue };
            let container = running(pod);
            if container.is_ok() || !containers.contains_key(node) {
                containers.insert(node.clone(), container);
            }
        }
        Self { commands, containers }
    }

    /// How the agent on a node does (`cilium status -o json`).
    pub async fn status(&self, node: &NodeName) -> Told<AgentStatus> {
        let mut told = self.told(node, &["status", "-o", "json"], parse_status).await;
        // It says itself what its image need not be called after.
        let version = told.value.as_ref().ok().and_then(AgentStatus::version);
        if let Some(why) = version.and_then(unknown) {
            told.value = Err(format!("`cilium status -o json` in {node}'s agent: {why}"));
        }
        told
    }

    /// What the agent on a node runs with (`cilium config --all -o json`).
    pub async fn config(&self, node: &NodeName) -> Told<AgentConfig> {
        self.told(node, &["config", "--all", "-o", "json"], parse_config).await
    }

    /// The load balancer's table on a node (`cilium bpf lb list -o json`), with the agent's states of its backends
    /// (`cilium service list -o json`).
    pub async fn table(&self, node: &NodeName) -> Told<ServiceTable> {
        let states = self.told(node, &["service", "list", "-o", "json"], parse_services).await;
        let mut said = states.said;
        let states = match states.value {
            Ok(states) => states,
            Err(why) => return Told { value: Err(why), said },
        };
        let table = self.told(node, &["bpf", "lb", "list", "-o", "json"], |text| parse_table(text, &states)).await;
        said.extend(table.said);
        Told { value: table.value, said }
    }

    /// Status and configuration of the agents on these nodes, all asked at once; and all that they said.
    pub async fn seen(&self, nodes: &[NodeName]) -> (BTreeMap<NodeName, AgentSeen>, Vec<Said>) {
        let ask = async |node: &NodeName| {
            let (config, status) = (self.config(node).await, self.status(node).await);
            let said: Vec<Said> = config.said.into_iter().chain(status.said).collect();
            let image = self.containers.get(node).and_then(|known| Some(known.as_ref().ok()?.image.clone()));
            (node.clone(), AgentSeen { config: config.value, status: status.value, image }, said)
        };
        let mut seen = BTreeMap::new();
        let mut all = Vec::new();
        for (node, agent, said) in join_all(nodes.iter().map(ask)).await {
            seen.insert(node, agent);
            all.extend(said);
        }
        (seen, all)
    }

    /// The tables on these nodes, all asked at once; and all that the agents said.
    pub async fn tables(&self, nodes: &[NodeName]) -> (BTreeMap<NodeName, Result<ServiceTable, String>>, Vec<Said>) {
        let asked = join_all(nodes.iter().map(async |node| (node.clone(), self.table(node).await)));
        let mut tables = BTreeMap::new();
        let mut all = Vec::new();
        for (node, told) in asked.await {
            tables.insert(node, told.value);
            all.extend(told.said);
        }
        (tables, all)
    }

    pub(super) async fn told<T>(
        &self,
        node: &NodeName,
        args: &[&str],
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Told<T> {
        let said = self.run(node, args).await;
        let version = self.containers.get(node).and_then(|known| known.as_ref().ok()?.version());
        let value = match (version.and_then(unknown), said.code) {
            (Some(why), _) => Err(format!("`{}` in {node}'s agent: {why}", said.command)),
            (None, Some(0)) => read(&said.stdout),
            (None, Some(code)) => {
                Err(format!("`{}` in {node}'s agent: exit code {code}: {}", said.command, said.stderr.trim()))
            }
            (None, None) => Err(format!("`{}` in {node}'s agent: {}", said.command, said.stderr)),
        };
        Told { value, said: vec![said] }
    }

    /// Runs `cilium`, as the agent's version calls it, with these arguments in a node's agent.
    pub async fn run(&self, node: &NodeName, args: &[&str]) -> Said {
        let container = self.containers.get(node);
        let program = container.and_then(|known| known.as_ref().ok()).map_or("cilium", Container::program);
        let said = |code, stdout: &[u8], stderr: &[u8]| Said {
            node: node.clone(),
            command: format!("{program} {}", args.join(" ")),
            code,
            stdout: String::from_utf8_lossy(stdout).into_owned(),
            stderr: String::from_utf8_lossy(stderr).into_owned(),
        };
        let id = match container {
            Some(Ok(container)) => container.id.as_str(),
            Some(Err(why)) => return said(None, b"", why.as_bytes()),
            None => return said(None, b"", b"no agent's pod is on this node"),
        };
        let argv = ["crictl", "exec", id, program].into_iter().chain(args.iter().copied());
        let output = self.commands.run_in_node(node, argv.map(str::to_owned).collect(), DEADLINE).await;
        match output {
            Ok(output) => said(Some(output.code), &output.stdout, &output.stderr),
            Err(why) => said(None, b"", why.as_bytes()),
        }
    }
}

/// Why nothing is read in what an agent of this version says; none where its words are known.
fn unknown(version: CiliumVersion) -> Option<String> {
    let known = CiliumVersion::known();
    (!version.is_known()).then(|| format!("it is of Cilium {version}, and the words of {known} alone are known"))
}

/// An agent's container, if it runs.
fn running(pod: &KubePod) -> Result<Container, String> {
    let container =
        pod.container(CONTAINER).ok_or_else(|| format!("pod {} has no container {CONTAINER} yet", pod.name))?;
    match &container.state {
        Some(ContainerState::Running { .. }) if !container.container_id.is_empty() => {
            Ok(Container { id: container.container_id.clone(), image: container.image.clone() })
        }
        Some(ContainerState::Waiting { reason, .. }) => {
            Err(format!("{CONTAINER} of pod {} does not run: {reason}", pod.name))
        }
        Some(ContainerState::Terminated { exit_code, message, .. }) => {
            // The end of its log, where the chart asks for that.
            let message = message.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
            Err(format!("{CONTAINER} of pod {} does not run: it ended with exit code {exit_code} {message}", pod.name))
        }
        Some(ContainerState::Running { .. }) | None => Err(format!("{CONTAINER} of pod {} has no id yet", pod.name)),
    }
}
