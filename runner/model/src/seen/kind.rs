//! What the cases that exist on kind alone look at.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::observe::{
    AgentConfig, AgentStatus, CiliumEndpointSeen, DaemonSetSeen, DeploymentSeen, EngineFacts, EngineImage,
    FilterListing, HelmRelease, ImageSource, KubeNode, KubePod, NestedContainer, NodeContainer, NodeImage, NodeName,
    Privileged,
};

/// The Engine, for `cluster::docker_engine_answers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineSeen {
    /// What it tells of itself, or why it does not.
    pub engine: Result<EngineFacts, String>,
    /// Whether it runs privileged containers.
    pub privileged: Privileged,
}

/// The cluster's containers, for `cluster::three_node_containers_run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainersSeen {
    /// All containers with the cluster's label, running or not.
    pub containers: Vec<NodeContainer>,
    /// Where the lab's node image came from; none where that was not recorded.
    pub image: Option<ImageSource>,
    /// That image as the Engine has it, where nodes were made of one that was baked from it. None where they were not, and
    /// where the Engine does not have it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_image: Option<EngineImage>,
}

/// What kube-proxy would leave, for `cluster::no_kube_proxy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubeProxySeen {
    /// The lab's nodes.
    pub nodes: Vec<NodeName>,
    /// All `DaemonSets` of all namespaces, or why they could not be listed.
    pub daemon_sets: Result<Vec<DaemonSetSeen>, String>,
    /// Each node's packet filter, once for every program that can list one; or why none could be run.
    pub filters: BTreeMap<NodeName, Result<Vec<FilterListing>, String>>,
}

/// Nodes before there was a CNI, for `cluster::nodes_not_ready_for_want_of_a_cni`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeforeCniSeen {
    /// How long before the judgement they were observed.
    pub age: Duration,
    /// All node objects.
    pub nodes: Vec<KubeNode>,
}

/// Nodes and what they are made of, for `cluster::nodes_are_what_the_article_shows`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodesShownSeen {
    /// All node objects.
    pub nodes: Vec<KubeNode>,
    /// The Engine's containers of the cluster.
    pub containers: Vec<NodeContainer>,
    /// The API server's own version, with its `v`; none where it was not asked.
    pub server_version: Option<String>,
    /// The kernel that the Engine runs on.
    pub host_kernel: Option<String>,
}

/// What runs in the control plane, for `cluster::control_plane_runs_nested_containers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NestedSeen {
    /// The namespace `k8s.io` of each control plane's containerd, or why it could not be listed.
    pub control_planes: BTreeMap<NodeName, Result<Vec<NestedContainer>, String>>,
    /// The API server's own version, with its `v`; none where it was not asked.
    pub server_version: Option<String>,
}

/// The Helm release, for `cilium::release_has_the_articles_values`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseSeen {
    /// The newest revision of the release; none where there is no such release.
    pub release: Option<HelmRelease>,
    /// Each control plane's address on the cluster's network now, as the Engine tells it; none while it has none.
    pub control_planes: BTreeMap<NodeName, Option<Ipv4Addr>>,
}

/// Images that were taken and images that run, for `cilium::images_are_the_pinned_ones`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImagesSeen {
    /// What the lab was built with.
    pub sources: Vec<ImageSource>,
    /// The pods of agents and operators.
    pub pods: Vec<KubePod>,
    /// The images in each node's runtime, or why they could not be listed.
    pub on_nodes: BTreeMap<NodeName, Result<Vec<NodeImage>, String>>,
}

/// Cilium's parts and what they manage, for `cilium::components_are_ok`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentsSeen {
    /// The lab's nodes.
    pub nodes: Vec<NodeName>,
    /// All `DaemonSets` of all namespaces.
    pub daemon_sets: Vec<DaemonSetSeen>,
    /// All Deployments of all namespaces.
    pub deployments: Vec<DeploymentSeen>,
    /// All pods of all namespaces.
    pub pods: Vec<KubePod>,
    /// All `CiliumEndpoints` of all namespaces.
    pub endpoints: Vec<CiliumEndpointSeen>,
    /// The status of each node's agent, or why it did not tell it.
    pub statuses: BTreeMap<NodeName, Result<AgentStatus, String>>,
}

/// One node's agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentSeen {
    /// What it runs with, or why it did not tell.
    pub config: Result<AgentConfig, String>,
    /// How it does, or why it did not tell.
    pub status: Result<AgentStatus, String>,
    /// The image that it runs, as its node's runtime names it; none where that was not stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

/// What agents run with, for `cilium::routes_natively`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NativeSeen {
    /// The lab's nodes.
    pub nodes: Vec<NodeName>,
    /// The `ConfigMap` `cilium-config`, or why it could not be read.
    pub config_map: Result<BTreeMap<String, String>, String>,
    /// Each node's agent.
    pub agents: BTreeMap<NodeName, AgentSeen>,
}

/// Nodes and agents, for `cluster::nodes_become_ready`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadySeen {
    /// All node objects.
    pub nodes: Vec<KubeNode>,
    /// The agents' pods.
    pub agents: Vec<KubePod>,
    /// The same when the lab was built; none where that was not stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<FirstReadySeen>,
}

/// The first agents of a lab, and its nodes when they had just become Ready. Later neither tells what came first: an
/// agent's pod may have been replaced, and a node may have become Ready again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstReadySeen {
    /// How long before the judgement the nodes were observed.
    pub age: Duration,
    /// All node objects, once all were Ready.
    pub nodes: Vec<KubeNode>,
    /// The agents' pods, once all were ready after Cilium was installed.
    pub agents: Vec<KubePod>,
}
