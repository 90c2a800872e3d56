//! What the Engine, the API server, Helm, agents and nodes' own programs said, read as the lab reads it.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::{Node, Pod};
use lab_engine::node_container;
use lab_images::NodeImages;
use lab_kind::api::convert;
use lab_kind::cilium::{parse_config, parse_status};
use lab_kind::in_node::parse_containers;
use lab_kube::filter::parse_filter;
use lab_model::observe::{
    AgentConfig, AgentStatus, CiliumEndpointSeen, ContainerState, EngineFacts, FilterListing, HelmRelease, ImageFrom,
    ImageSource, KubeNode, KubePod, NestedContainer, NodeContainer, NodeName, Privileged, Role,
};
use lab_model::seen::{
    AgentSeen, BeforeCniSeen, ComponentsSeen, ContainersSeen, EngineSeen, ImagesSeen, KubeProxySeen, NativeSeen,
    NestedSeen, NodesShownSeen, ReadySeen, ReleaseSeen,
};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::{CONTROL_PLANE, NODES, Read, Recording};

fn names() -> Vec<NodeName> {
    NODES.map(NodeName::from).into()
}

fn by_node<T>(read: impl Fn(&str) -> Read<T>) -> Read<BTreeMap<NodeName, T>> {
    NODES.into_iter().map(|node| Ok((node.into(), read(node)?))).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawVersion {
    version: String,
    api_version: String,
    #[serde(rename = "MinAPIVersion")]
    min_api_version: String,
    kernel_version: String,
}

/// `docker/version.json`. What an Engine tells of its host beside (`GET /info`) was not recorded.
pub(crate) fn engine(recording: Recording) -> Read<EngineSeen> {
    let raw: RawVersion = recording.json("docker/version.json")?;
    let nodes = containers(recording)?.containers;
    let node = nodes.into_iter().find(|node| node.privileged && node.is_running());
    let facts = EngineFacts {
        endpoint: "unix:///var/run/docker.sock".into(),
        version: raw.version,
        api: raw.api_version.clone(),
        api_max: raw.api_version,
        api_min: Some(raw.min_api_version),
        storage_driver: None,
        cgroup_version: None,
        cgroup_driver: None,
        rootless: None,
        runtimes: Vec::new(),
        default_runtime: None,
        root_dir: None,
        operating_system: None,
        kernel: Some(raw.kernel_version),
        architecture: None,
    };
    let privileged = node.ok_or("no node is privileged and runs")?.name.0;
    Ok(EngineSeen { engine: Ok(facts), privileged: Privileged::Runs(privileged) })
}

/// `docker/inspect-NODE.json`. The images were built on that host and have no repository digests; that the lab took
/// them as what the control plane runs is derived.
pub(crate) fn containers(recording: Recording) -> Read<ContainersSeen> {
    let read = |node: &str| -> Read<NodeContainer> {
        let file = format!("docker/inspect-{node}.json");
        let found = node_container(recording.json(&file)?, &[]);
        found.ok_or_else(|| recording.wrong(&file, "no container of a kind cluster"))
    };
    let containers = NODES.into_iter().map(read).collect::<Read<Vec<_>>>()?;
    let first = &containers[0];
    let image = ImageSource {
        name: "node".into(),
        reference: first.image.clone(),
        repo_digest: None,
        config_digest: first.image_id.clone(),
        engine_id: Some(first.image_id.clone()),
        from: ImageFrom::Local,
        baked: None,
    };
    Ok(ContainersSeen { image: Some(image), containers, node_image: None })
}

/// `daemonsets.json`, and `node/NODE.iptables-save.txt`: the packet filter that kind chose, nftables'. The other one
/// was not listed.
pub(crate) fn kube_proxy(recording: Recording) -> Read<KubeProxySeen> {
    let sets: Vec<DaemonSet> = recording.served_json("daemonsets.json")?;
    let filters = by_node(|node| {
        let text = recording.text(&recording.on_node(node, "iptables-save.txt"))?;
        Ok(Ok(vec![FilterListing { program: "iptables-nft-save".into(), tables: parse_filter(&text) }]))
    })?;
    let daemon_sets = sets.into_iter().map(convert::daemon_set).collect();
    Ok(KubeProxySeen { nodes: names(), daemon_sets: Ok(daemon_sets), filters })
}

fn nodes(recording: Recording) -> Read<Vec<KubeNode>> {
    let nodes: Vec<Node> = recording.served_json("nodes.json")?;
    Ok(nodes.into_iter().map(convert::node).collect())
}

fn pods(recording: Recording) -> Read<Vec<KubePod>> {
    let pods: Vec<Pod> = recording.served_json("pods.json")?;
    Ok(pods.into_iter().map(convert::pod).collect())
}

/// Pods that have a container of one of these names.
fn pods_of(recording: Recording, containers: &[&str]) -> Read<Vec<KubePod>> {
    let has = |pod: &KubePod| containers.iter().any(|name| pod.container(name).is_some());
    Ok(pods(recording)?.into_iter().filter(has).collect())
}

/// The nodes of this moment, taken for the moment before there was a network plugin.
pub(crate) fn before_cni(recording: Recording) -> Read<BeforeCniSeen> {
    Ok(BeforeCniSeen { age: Duration::ZERO, nodes: nodes(recording)? })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServerVersion {
    git_version: String,
}

fn server_version(recording: Recording) -> Read<Option<String>> {
    let version: ServerVersion = recording.served_json("version.json")?;
    Ok(Some(version.git_version))
}

/// `nodes.json`, `docker/inspect-NODE.json`, `version.json`, and the kernel of `docker/version.json`.
pub(crate) fn shown(recording: Recording) -> Read<NodesShownSeen> {
    let raw: RawVersion = recording.json("docker/version.json")?;
    Ok(NodesShownSeen {
        nodes: nodes(recording)?,
        containers: containers(recording)?.containers,
        server_version: server_version(recording)?,
        host_kernel: Some(raw.kernel_version),
    })
}

/// `node/kind-control-plane.ctr-containers.txt`. Tasks were not listed; that a container runs is the API server's word.
pub(crate) fn nested(recording: Recording) -> Read<NestedSeen> {
    let file = recording.on_node(CONTROL_PLANE, "ctr-containers.txt");
    let mut containers = parse_containers(&recording.text(&file)?).map_err(|what| recording.wrong(&file, &what))?;
    let pods = pods(recording)?;
    let is_running = |one: &NestedContainer| {
        let mut known = pods.iter().flat_map(|pod| &pod.containers);
        known.any(|known| known.container_id == one.id && matches!(known.state, Some(ContainerState::Running { .. })))
    };
    for one in &mut containers {
        one.task = is_running(one).then(|| "RUNNING".to_owned());
    }
    let control_planes = [(CONTROL_PLANE.into(), Ok(containers))].into();
    Ok(NestedSeen { control_planes, server_version: server_version(recording)? })
}

#[derive(Deserialize)]
struct RawRelease {
    name: String,
    namespace: String,
    revision: String,
    status: String,
    chart: String,
}

/// `helm-list.json` and `helm-values.json`; the control plane's address is Docker's.
pub(crate) fn release(recording: Recording) -> Read<ReleaseSeen> {
    let listed: Vec<RawRelease> = recording.json("helm-list.json")?;
    let release = |raw: RawRelease| {
        let (chart, version) = raw.chart.rsplit_once('-').ok_or("a chart without a version")?;
        Ok::<_, String>(HelmRelease {
            revision: raw.revision.parse().map_err(|error| format!("{}: {error}", raw.revision))?,
            chart: chart.to_owned(),
            chart_version: version.to_owned(),
            values: recording.json("helm-values.json")?,
            name: raw.name,
            namespace: raw.namespace,
            status: raw.status,
        })
    };
    let containers = containers(recording)?.containers.into_iter();
    let control_planes = containers.filter(|node| node.role == Some(Role::ControlPlane));
    Ok(ReleaseSeen {
        release: listed.into_iter().next().map(release).transpose()?,
        control_planes: control_planes.map(|node| (node.name.clone(), node.address_on("kind"))).collect(),
    })
}

/// Pods of `pods.json` and `node/NODE.crictl-images.json`. Where the images came from was not recorded; that the lab
/// took what the control plane has under their tags is derived.
pub(crate) fn images(recording: Recording) -> Read<ImagesSeen> {
    let on_node = |node: &str| {
        let file = recording.on_node(node, "crictl-images.json");
        let images = NodeImages::parse(recording.text(&file)?.as_bytes());
        images.map(|images| images.all().to_vec()).map_err(|error| recording.wrong(&file, &error.to_string()))
    };
    let here = on_node(CONTROL_PLANE)?;
    let source = |(key, reference): (&str, &str)| {
        let image = here.iter().find(|image| image.tags.iter().any(|tag| tag == reference));
        let image = image.ok_or_else(|| format!("{CONTROL_PLANE} has no {reference}"))?;
        Ok(ImageSource {
            name: key.into(),
            reference: reference.into(),
            repo_digest: None,
            config_digest: image.id.clone(),
            engine_id: None,
            from: ImageFrom::Local,
            baked: None,
        })
    };
    let taken =
        [("cilium", "quay.io/cilium/cilium:v1.12.4"), ("operator-generic", "quay.io/cilium/operator-generic:v1.12.4")];
    Ok(ImagesSeen {
        sources: taken.into_iter().map(source).collect::<Read<_>>()?,
        pods: pods_of(recording, &["cilium-agent", "cilium-operator"])?,
        on_nodes: by_node(|node| Ok(Ok(on_node(node)?)))?,
    })
}

/// `NODE.status.json`, or what `cilium status` wrote to standard error instead.
fn status(recording: Recording, node: &str) -> Read<Result<AgentStatus, String>> {
    match recording.served(&format!("{node}.status.json")) {
        Ok(text) => Ok(Ok(parse_status(&text).map_err(|what| recording.wrong(node, &what))?)),
        Err(_failed_then) => recording.served(&format!("{node}.status.err")).map(Err),
    }
}

#[derive(Deserialize)]
struct RawEndpoint {
    metadata: RawMeta,
    status: RawStatus,
}

#[derive(Deserialize)]
struct RawMeta {
    namespace: String,
    name: String,
}

#[derive(Deserialize)]
struct RawStatus {
    state: String,
    networking: RawNetworking,
}

#[derive(Deserialize)]
struct RawNetworking {
    addressing: Vec<RawAddress>,
}

#[derive(Deserialize)]
struct RawAddress {
    ipv4: Option<Ipv4Addr>,
}

/// The API server's workloads, pods and `CiliumEndpoints`, and each agent's status.
pub(crate) fn components(recording: Recording) -> Read<ComponentsSeen> {
    let daemon_sets: Vec<DaemonSet> = recording.served_json("daemonsets.json")?;
    let deployments: Vec<Deployment> = recording.served_json("deployments.json")?;
    let endpoints: Vec<RawEndpoint> = recording.served_json("ciliumendpoints.json")?;
    let endpoint = |raw: RawEndpoint| CiliumEndpointSeen {
        namespace: raw.metadata.namespace,
        name: raw.metadata.name,
        state: raw.status.state,
        address: raw.status.networking.addressing.into_iter().find_map(|pair| pair.ipv4),
    };
    Ok(ComponentsSeen {
        nodes: names(),
        daemon_sets: daemon_sets.into_iter().map(convert::daemon_set).collect(),
        deployments: deployments.into_iter().map(convert::deployment).collect(),
        pods: pods(recording)?,
        endpoints: endpoints.into_iter().map(endpoint).collect(),
        statuses: by_node(|node| status(recording, node))?,
    })
}

#[derive(Deserialize)]
struct RawConfigMap {
    data: BTreeMap<String, String>,
}

fn config(recording: Recording, node: &str) -> Result<AgentConfig, String> {
    parse_config(&recording.served(&format!("{node}.agent-config.json"))?)
}

/// What there is of the `ConfigMap`, each agent's running configuration and its status; no moment has all three.
#[expect(clippy::unnecessary_wraps, reason = "every scene may fail to be read; what is missing here is data")]
pub(crate) fn native(recording: Recording) -> Read<NativeSeen> {
    let pods = pods_of(recording, &["cilium-agent"]).unwrap_or_default();
    let image = |node: &str| {
        let pod = pods.iter().find(|pod| pod.node.as_ref().is_some_and(|name| name.0 == node))?;
        Some(pod.containers.first()?.image.clone())
    };
    let agent = |node: &str| AgentSeen {
        config: config(recording, node),
        status: status(recording, node).and_then(|told| told),
        image: image(node),
    };
    let maps: Read<Vec<RawConfigMap>> = recording.served_json("configmaps.json");
    Ok(NativeSeen {
        nodes: names(),
        config_map: maps.and_then(|maps| Ok(maps.into_iter().next().ok_or("no ConfigMap")?.data)),
        agents: NODES.into_iter().map(|node| (node.into(), agent(node))).collect(),
    })
}

/// Nodes and agents' pods. What a lab keeps of the moment when it was built was not recorded.
pub(crate) fn ready(recording: Recording) -> Read<ReadySeen> {
    Ok(ReadySeen { nodes: nodes(recording)?, agents: pods_of(recording, &["cilium-agent"])?, first: None })
}
