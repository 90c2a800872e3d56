//! What the API server tells of a cluster, in one go: nodes, agents, configuration, workloads.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use lab_base::failure::{Failure, code};
use lab_kube::access::Reached;
use lab_kube::api::{ApiError, CiliumNodeSeen, ListedNode, PodContainer};
use lab_kube::cilium::agents::{CILIUM_AGENT, is_agent};
use lab_model::CiliumVersion;
use lab_model::foreign::ForeignNode;
use lab_model::observe::{ContainerState, DaemonSetSeen, DeploymentSeen, KubeNode, KubePod, NodeName, Role};

/// What agents read when they start.
const CONFIG_MAP: &str = "cilium-config";
/// The roles of a control plane's node.
const CONTROL_PLANE: [&str; 2] = ["control-plane", "master"];

/// A node's agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Where commands are run.
    pub at: PodContainer,
    /// Its image.
    pub image: String,
}

impl Agent {
    /// The program that asks it.
    pub fn program(&self) -> &'static str {
        CiliumVersion::of_image(&self.image).unwrap_or(CiliumVersion::OLDEST).agent_program()
    }
}

/// What was told of a cluster.
#[derive(Debug, Clone)]
pub struct Survey {
    /// The context, or `in-cluster`.
    pub context: String,
    /// The API server's version, with its `v`.
    pub server_version: String,
    /// The namespace that Cilium is in.
    pub namespace: String,
    /// The settings that agents start with.
    pub config_map: BTreeMap<String, String>,
    /// Node objects, by name.
    pub objects: BTreeMap<NodeName, KubeNode>,
    /// The nodes, with their addresses and the networks of their pods.
    pub nodes: Vec<ForeignNode>,
    /// Each node's agent, or why there is none to be asked.
    pub agents: BTreeMap<NodeName, Result<Agent, String>>,
    /// System and architecture of each node: `linux/amd64`.
    pub platforms: BTreeMap<NodeName, String>,
    /// All `DaemonSets`.
    pub daemon_sets: Vec<DaemonSetSeen>,
    /// All Deployments.
    pub deployments: Vec<DeploymentSeen>,
    /// The addresses of the pods on each node that have one of their own.
    pub pods: BTreeMap<NodeName, Vec<Ipv4Addr>>,
    /// The addresses of all ready pods.
    pub ready: Vec<Ipv4Addr>,
    /// Names of the `CiliumNodeConfigs`.
    pub node_configs: Vec<String>,
}

/// The objects of a cluster, as they were told.
pub(super) struct Told<'a> {
    pub(super) context: String,
    pub(super) server_version: String,
    pub(super) namespace: String,
    pub(super) config_map: BTreeMap<String, String>,
    pub(super) nodes: Vec<ListedNode>,
    pub(super) cilium_nodes: Vec<CiliumNodeSeen>,
    pub(super) pods: &'a [KubePod],
    pub(super) daemon_sets: Vec<DaemonSetSeen>,
    pub(super) deployments: Vec<DeploymentSeen>,
    pub(super) node_configs: Vec<String>,
}

impl Survey {
    /// Asks the API server. `namespace` is where Cilium is; none where that is to be found.
    ///
    /// # Errors
    /// Exit code 5 where the server does not answer or refuses, and where there is no Cilium. Of a refusal the text says
    /// which right is missing.
    pub async fn take(reached: &Reached, namespace: Option<&str>) -> Result<Self, Failure> {
        let api = &reached.api;
        let context = &reached.context;
        let failed = |error: ApiError| Failure { code: code::STAGE, message: told(context, &error) };
        let server_version = api.version().await.map_err(failed)?;
        let pods = api.all_pods().await.map_err(failed)?;
        let namespace = namespace_of(&pods, namespace, context)?;
        let nodes = api.listed_nodes().await.map_err(failed)?;
        let cilium_nodes = api.cilium_nodes().await.map_err(failed)?;
        let config_map = api.config_map(&namespace, CONFIG_MAP).await.map_err(failed)?;
        let config_map = config_map.ok_or_else(|| Failure {
            code: code::STAGE,
            message: format!("{context}: there is no ConfigMap {namespace}/{CONFIG_MAP}"),
        })?;
        let (daemon_sets, deployments) =
            (api.daemon_sets().await.map_err(failed)?, api.deployments().await.map_err(failed)?);
        // Whoever may not list them learns that from `lab doctor`; nothing else depends on them.
        let node_configs = api.cilium_node_configs().await.unwrap_or_default();
        let context = context.clone();
        Ok(Self::of(Told {
            context,
            server_version,
            namespace,
            config_map,
            nodes,
            cilium_nodes,
            pods: &pods,
            daemon_sets,
            deployments,
            node_configs,
        }))
    }

    /// What these objects tell.
    pub(super) fn of(told: Told<'_>) -> Self {
        let Told { nodes, pods, .. } = told;
        let agents: Vec<&KubePod> =
            pods.iter().filter(|pod| is_agent(pod) && pod.namespace == told.namespace).collect();
        Self {
            context: told.context,
            server_version: told.server_version,
            namespace: told.namespace,
            config_map: told.config_map,
            nodes: nodes.iter().map(|node| foreign(&node.object, node.zone.as_ref(), &told.cilium_nodes)).collect(),
            objects: nodes.iter().map(|node| (node.object.name.clone(), node.object.clone())).collect(),
            agents: by_node(&nodes, &agents),
            platforms: nodes.iter().map(|node| (node.object.name.clone(), node.platform.clone())).collect(),
            daemon_sets: told.daemon_sets,
            deployments: told.deployments,
            ready: ready_addresses(pods),
            pods: running_addresses(pods),
            node_configs: told.node_configs,
        }
    }

    /// The images that agents run.
    pub fn images(&self) -> Vec<String> {
        self.agents.values().filter_map(|agent| agent.as_ref().ok()).map(|agent| agent.image.clone()).collect()
    }

    /// The nodes and their roles.
    pub fn roles(&self) -> Vec<(NodeName, Role)> {
        let is_control_plane = |node: &KubeNode| node.roles.iter().any(|role| CONTROL_PLANE.contains(&role.as_str()));
        let role = |node: &KubeNode| if is_control_plane(node) { Role::ControlPlane } else { Role::Worker };
        self.objects.iter().map(|(name, node)| (name.clone(), role(node))).collect()
    }
}

/// The addresses of ready pods.
pub(super) fn ready_addresses(pods: &[KubePod]) -> Vec<Ipv4Addr> {
    let address = |pod: &KubePod| match pod.address {
        Some(IpAddr::V4(address)) => Some(address),
        Some(IpAddr::V6(_)) | None => None,
    };
    pods.iter().filter(|pod| pod.ready).filter_map(address).collect()
}

/// The addresses of the pods that run on each node and have one of their own.
pub(super) fn running_addresses(pods: &[KubePod]) -> BTreeMap<NodeName, Vec<Ipv4Addr>> {
    let mut of_nodes: BTreeMap<NodeName, Vec<Ipv4Addr>> = BTreeMap::new();
    for pod in pods.iter().filter(|pod| !pod.host_network && pod.phase == "Running" && !pod.terminating) {
        if let (Some(node), Some(IpAddr::V4(address))) = (&pod.node, pod.address) {
            of_nodes.entry(node.clone()).or_default().push(address);
        }
    }
    of_nodes
}

/// An error of the API server about a foreign cluster.
fn told(context: &str, error: &ApiError) -> String {
    let advice = match error {
        ApiError::Refused { code: 403, .. } => {
            format!(
                "; `lab doctor --on cluster --context {context}` shows which rights are missing, and what gives them"
            )
        }
        _ => String::new(),
    };
    format!("{context}: {}{advice}", error.briefly())
}

/// The namespace that Cilium's agents are in.
pub(super) fn namespace_of(pods: &[KubePod], wanted: Option<&str>, context: &str) -> Result<String, Failure> {
    let is_wanted = |pod: &&KubePod| is_agent(pod) && wanted.is_none_or(|wanted| pod.namespace == wanted);
    let mut namespaces: Vec<&str> = pods.iter().filter(is_wanted).map(|pod| pod.namespace.as_str()).collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    let failure = |code: u8, message: String| Err(Failure { code, message });
    match namespaces[..] {
        [only] => Ok(only.to_owned()),
        [] => {
            let at = wanted.map(|namespace| format!(" in the namespace {namespace}")).unwrap_or_default();
            let text =
                format!("{context}: none of {} pods{at} is an agent of Cilium's (label k8s-app=cilium)", pods.len());
            failure(code::STAGE, text)
        }
        _ => failure(
            code::USAGE,
            format!(
                "{context}: there are agents of Cilium's in {}; say which with `--cilium-namespace NAME`",
                namespaces.join(", ")
            ),
        ),
    }
}

fn by_node(nodes: &[ListedNode], pods: &[&KubePod]) -> BTreeMap<NodeName, Result<Agent, String>> {
    let mut agents: BTreeMap<NodeName, Result<Agent, String>> = nodes
        .iter()
        .map(|node| (node.object.name.clone(), Err("no agent of Cilium's is on this node".to_owned())))
        .collect();
    for pod in pods {
        let Some(node) = &pod.node else { continue };
        let found = agent(pod);
        // Of several, while one is being replaced, the one that runs.
        if found.is_ok() || agents.get(node).is_none_or(std::result::Result::is_err) {
            agents.insert(node.clone(), found);
        }
    }
    agents
}

fn agent(pod: &KubePod) -> Result<Agent, String> {
    let name = &pod.name;
    let container = pod
        .container(CILIUM_AGENT)
        .ok_or_else(|| format!("the agent's pod {name} has no container {CILIUM_AGENT} yet"))?;
    match &container.state {
        Some(ContainerState::Running { .. }) => Ok(Agent {
            at: PodContainer {
                namespace: pod.namespace.clone(),
                pod: name.clone(),
                container: CILIUM_AGENT.to_owned(),
            },
            image: container.image.clone(),
        }),
        Some(ContainerState::Waiting { reason, .. }) => Err(format!("the agent's pod {name} does not run: {reason}")),
        Some(ContainerState::Terminated { exit_code, reason, .. }) => {
            Err(format!("the agent's pod {name} does not run: it ended with exit code {exit_code} ({reason})"))
        }
        None => Err(format!("the agent's pod {name} was not started yet")),
    }
}

fn foreign(node: &KubeNode, zone: Option<&String>, cilium: &[CiliumNodeSeen]) -> ForeignNode {
    let own = cilium.iter().find(|one| one.name == node.name.0);
    let by_kubernetes = || {
        let v4 = node.internal_ips.iter().filter_map(|address| match address {
            IpAddr::V4(address) => Some(*address),
            IpAddr::V6(_) => None,
        });
        v4.collect()
    };
    ForeignNode {
        name: node.name.clone(),
        addresses: own
            .map(|own| own.addresses.clone())
            .filter(|addresses| !addresses.is_empty())
            .unwrap_or_else(by_kubernetes),
        pod_networks: own.map(|own| own.networks.clone()).unwrap_or_default(),
        zone: zone.cloned(),
    }
}
