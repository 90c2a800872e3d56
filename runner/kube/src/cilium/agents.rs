//! Runs commands in the agents' containers, through `crictl` in their nodes. So the state of the datapath can be read
//! without kubelet and the API server.

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

use super::{parse_config, parse_services, parse_status, parse_table};
use lab_model::CiliumVersion;
use lab_model::observe::{AgentConfig, AgentStatus, ContainerState, KubePod, NodeName, ServiceTable};
use lab_model::seen::AgentSeen;

/// The deadline of a command. An agent answers in milliseconds, or later if it waits for an API server that it cannot
/// reach.
const DEADLINE: Duration = Duration::from_secs(15);
/// The label of agents' pods (chart cilium 1.12.4: `templates/cilium-agent/daemonset.yaml`).
pub const AGENT_LABEL: (&str, &str) = ("k8s-app", "cilium");
/// Whether a pod is an agent's.
pub fn is_agent(pod: &KubePod) -> bool {
    pod.labels.get(AGENT_LABEL.0).is_some_and(|value| value == AGENT_LABEL.1)
}

/// The name of the agent's container.
pub const CILIUM_AGENT: &str = "cilium-agent";

/// The result of a command in a node's container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its exit code.
    pub code: i64,
    /// All of its standard output.
    pub stdout: Vec<u8>,
    /// All of its standard error.
    pub stderr: Vec<u8>,
}

/// Runs commands in the containers of nodes.
pub trait NodeCommands {
    /// Runs a command in a node's container, to its end or the deadline. The error is a text that says why it could not.
    fn run_in_node(
        &self,
        node: &NodeName,
        argv: Vec<String>,
        deadline: Duration,
    ) -> impl Future<Output = Result<Output, String>>;
}

/// A command that was run in an agent's container, and all its output. It is kept as evidence beside what was read from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentOutput {
    /// The node of the agent.
    pub node: NodeName,
    /// The command, as it can be repeated by hand in the agent's container.
    pub command: String,
    /// Its exit code; none if it could not be run.
    pub code: Option<i64>,
    /// All of its standard output.
    pub stdout: String,
    /// All of its standard error, or why it could not be run.
    pub stderr: String,
}

/// A value that was read from the output of commands in an agent, with that output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentReading<T> {
    /// The value, or why it could not be read.
    pub value: Result<T, String>,
    /// The outputs, in the order of the commands.
    pub outputs: Vec<AgentOutput>,
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
    /// The agents among these pods. If a node has several, because one is being replaced, the running one is used.
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

    /// The status of the agent on a node (`cilium status -o json`).
    pub async fn status(&self, node: &NodeName) -> AgentReading<AgentStatus> {
        let mut reading = self.run_and_read(node, &["status", "-o", "json"], parse_status).await;
        // The name of the agent's image need not contain its version, so the version in the status is checked too.
        let version = reading.value.as_ref().ok().and_then(AgentStatus::version);
        if let Some(why) = version.and_then(unknown_version) {
            reading.value = Err(format!("`cilium status -o json` in {node}'s agent: {why}"));
        }
        reading
    }

    /// The running configuration of the agent on a node (`cilium config --all -o json`).
    pub async fn config(&self, node: &NodeName) -> AgentReading<AgentConfig> {
        self.run_and_read(node, &["config", "--all", "-o", "json"], parse_config).await
    }

    /// The load balancer's table on a node (`cilium bpf lb list -o json`), with the agent's states of its backends
    /// (`cilium service list -o json`).
    pub async fn table(&self, node: &NodeName) -> AgentReading<ServiceTable> {
        let states = self.run_and_read(node, &["service", "list", "-o", "json"], parse_services).await;
        let mut outputs = states.outputs;
        let states = match states.value {
            Ok(states) => states,
            Err(why) => return AgentReading { value: Err(why), outputs },
        };
        let read = |text: &str| parse_table(text, &states);
        let table = self.run_and_read(node, &["bpf", "lb", "list", "-o", "json"], read).await;
        outputs.extend(table.outputs);
        AgentReading { value: table.value, outputs }
    }

    /// Status and configuration of the agents on these nodes, all read at the same time, and all outputs.
    pub async fn observe(&self, nodes: &[NodeName]) -> (BTreeMap<NodeName, AgentSeen>, Vec<AgentOutput>) {
        let ask = async |node: &NodeName| {
            let (config, status) = (self.config(node).await, self.status(node).await);
            let outputs: Vec<AgentOutput> = config.outputs.into_iter().chain(status.outputs).collect();
            let image = self.containers.get(node).and_then(|known| Some(known.as_ref().ok()?.image.clone()));
            (node.clone(), AgentSeen { config: config.value, status: status.value, image }, outputs)
        };
        let mut seen = BTreeMap::new();
        let mut all = Vec::new();
        for (node, agent, outputs) in join_all(nodes.iter().map(ask)).await {
            seen.insert(node, agent);
            all.extend(outputs);
        }
        (seen, all)
    }

    /// The load balancers' tables on these nodes, all read at the same time, and all outputs.
    pub async fn tables(
        &self,
        nodes: &[NodeName],
    ) -> (BTreeMap<NodeName, Result<ServiceTable, String>>, Vec<AgentOutput>) {
        let asked = join_all(nodes.iter().map(async |node| (node.clone(), self.table(node).await)));
        let mut tables = BTreeMap::new();
        let mut all = Vec::new();
        for (node, reading) in asked.await {
            tables.insert(node, reading.value);
            all.extend(reading.outputs);
        }
        (tables, all)
    }

    /// Runs `cilium` with these arguments in a node's agent, and parses its standard output with `read`.
    pub(super) async fn run_and_read<T>(
        &self,
        node: &NodeName,
        args: &[&str],
        read: impl Fn(&str) -> Result<T, String>,
    ) -> AgentReading<T> {
        let output = self.run(node, args).await;
        let version = self.containers.get(node).and_then(|known| known.as_ref().ok()?.version());
        let value = match (version.and_then(unknown_version), output.code) {
            (Some(why), _) => Err(format!("`{}` in {node}'s agent: {why}", output.command)),
            (None, Some(0)) => read(&output.stdout),
            (None, Some(code)) => {
                Err(format!("`{}` in {node}'s agent: exit code {code}: {}", output.command, output.stderr.trim()))
            }
            (None, None) => Err(format!("`{}` in {node}'s agent: {}", output.command, output.stderr)),
        };
        AgentReading { value, outputs: vec![output] }
    }

    /// Runs `cilium`, under the name that it has in the agent's version, with these arguments in a node's agent.
    pub async fn run(&self, node: &NodeName, args: &[&str]) -> AgentOutput {
        let container = self.containers.get(node);
        let program = container.and_then(|known| known.as_ref().ok()).map_or("cilium", Container::program);
        let ended = |code, stdout: &[u8], stderr: &[u8]| AgentOutput {
            node: node.clone(),
            command: format!("{program} {}", args.join(" ")),
            code,
            stdout: String::from_utf8_lossy(stdout).into_owned(),
            stderr: String::from_utf8_lossy(stderr).into_owned(),
        };
        let id = match container {
            Some(Ok(container)) => container.id.as_str(),
            Some(Err(why)) => return ended(None, b"", why.as_bytes()),
            None => return ended(None, b"", b"no agent's pod is on this node"),
        };
        let argv = ["crictl", "exec", id, program].into_iter().chain(args.iter().copied());
        let output = self.commands.run_in_node(node, argv.map(str::to_owned).collect(), DEADLINE).await;
        match output {
            Ok(output) => ended(Some(output.code), &output.stdout, &output.stderr),
            Err(why) => ended(None, b"", why.as_bytes()),
        }
    }
}

/// A text that says why the output of an agent of this version is not read. `None` if lab knows the version.
fn unknown_version(version: CiliumVersion) -> Option<String> {
    let known = CiliumVersion::known();
    (!version.is_known()).then(|| format!("the agent is Cilium {version}, and lab can read only the output of {known}"))
}

/// An agent's container; if it does not run, a text that says why.
fn running(pod: &KubePod) -> Result<Container, String> {
    let container =
        pod.container(CILIUM_AGENT).ok_or_else(|| format!("pod {} has no container {CILIUM_AGENT} yet", pod.name))?;
    match &container.state {
        Some(ContainerState::Running { .. }) if !container.container_id.is_empty() => {
            Ok(Container { id: container.container_id.clone(), image: container.image.clone() })
        }
        Some(ContainerState::Waiting { reason, .. }) => {
            Err(format!("{CILIUM_AGENT} of pod {} does not run: {reason}", pod.name))
        }
        Some(ContainerState::Terminated { exit_code, message, .. }) => {
            // The message is the end of its log, if the chart sets `terminationMessagePolicy` so.
            let message = message.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
            Err(format!(
                "{CILIUM_AGENT} of pod {} does not run: it ended with exit code {exit_code} {message}",
                pod.name
            ))
        }
        Some(ContainerState::Running { .. }) | None => Err(format!("{CILIUM_AGENT} of pod {} has no id yet", pod.name)),
    }
}
