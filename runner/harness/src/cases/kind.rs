//! Looks of the cases that exist on kind alone.

use futures_util::future::join_all;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use lab_base::clock;
use lab_base::clock::Poll;
use lab_base::failure::chain;
use lab_doctor::kind as doctor;
use lab_judge::cilium::components_are_ok;
use lab_kind::api::Api;
use lab_kind::cilium::agents::AGENT_LABEL;
use lab_kind::{FirstNodes, FirstReady, KindLab};
use lab_model::NotHeld;
use lab_model::observe::{ImageSource, KubePod, NodeName, Privileged, Role};
use lab_model::seen::{
    BeforeCniSeen, ComponentsSeen, ContainersSeen, EngineSeen, FirstReadySeen, ImagesSeen, KubeProxySeen, NativeSeen,
    NestedSeen, NodesShownSeen, ReadySeen, ReleaseSeen,
};

/// The node's image among the lab's, by its key in `pins.json`.
const NODE_IMAGE: &str = "node";
/// The label of operators' pods (chart 1.12.4: `cilium-operator/deployment.yaml`).
const OPERATOR: (&str, &str) = ("io.cilium/app", "operator");
/// What agents read when they start.
const CONFIG_MAP: &str = "cilium-config";
/// For components to become ready, as the article's `cilium status --wait` waits for them: Cilium's own pods stand
/// then, those of others are just being started.
const COMPONENTS_DEADLINE: Duration = Duration::from_secs(45);
/// Between two looks at them.
const COMPONENTS_INTERVAL: Duration = Duration::from_secs(1);

fn error_text(error: impl std::error::Error) -> String {
    chain(&error)
}

fn api(lab: &KindLab) -> Result<&Api, String> {
    lab.api().map_err(error_text)
}

fn names(lab: &KindLab) -> Vec<NodeName> {
    lab.nodes().iter().map(|(name, _)| name.clone()).collect()
}

/// The Engine. That it runs privileged containers is shown by a node that does, else by a container made for it.
pub(super) async fn engine(lab: &KindLab) -> Result<EngineSeen, String> {
    let facts = lab.engine().facts().await.map_err(error_text);
    let nodes = lab.containers().await.unwrap_or_default();
    let running = nodes.into_iter().find(|node| node.is_running() && node.privileged);
    let privileged = match (running, &facts) {
        (Some(node), _) => Privileged::Runs(node.name.0),
        (None, Ok(_)) => doctor::privileged(lab.engine()).await,
        (None, Err(_)) => Privileged::NotTried("the Engine does not answer".to_owned()),
    };
    Ok(EngineSeen { engine: facts, privileged })
}

/// The cluster's containers.
pub(super) async fn containers(lab: &KindLab) -> Result<ContainersSeen, String> {
    let containers = lab.containers().await.map_err(error_text)?;
    let image = sources(lab)?.into_iter().find(|source| source.name == NODE_IMAGE);
    let baked = image.as_ref().and_then(|image| image.baked.as_ref());
    let node_image = match baked {
        Some(baked) => lab.engine().image(&baked.node_id).await.map_err(error_text)?,
        None => None,
    };
    Ok(ContainersSeen { containers, image, node_image })
}

fn sources(lab: &KindLab) -> Result<Vec<ImageSource>, String> {
    lab.images().map_err(error_text)
}

/// What kube-proxy would leave.
pub(super) async fn kube_proxy(lab: &KindLab) -> Result<KubeProxySeen, String> {
    let nodes = names(lab);
    let filters = join_all(
        nodes.iter().map(async |node| (node.clone(), Ok(lab_kind::in_node::filters(lab.engine(), node).await))),
    );
    let (daemon_sets, filters) = tokio::join!(api(lab)?.daemon_sets(), filters);
    Ok(KubeProxySeen { nodes, daemon_sets: daemon_sets.map_err(error_text), filters: filters.into_iter().collect() })
}

/// What was stored before there was a network plugin.
#[expect(clippy::unused_async, reason = "looks are asynchronous; what this one takes was observed before")]
pub(super) async fn before_cni(lab: &KindLab) -> Result<BeforeCniSeen, String> {
    let stored = lab.before_cni().map_err(error_text)?;
    let stored = stored.ok_or("nothing was stored before there was a network plugin")?;
    Ok(BeforeCniSeen { age: clock::unix_now().saturating_sub(stored.observed), nodes: stored.nodes })
}

/// Nodes and what they are made of.
pub(super) async fn shown(lab: &KindLab) -> Result<NodesShownSeen, String> {
    let api = api(lab)?;
    let (nodes, version, containers, facts) =
        tokio::join!(api.nodes(), api.version(), lab.containers(), lab.engine().facts());
    Ok(NodesShownSeen {
        nodes: nodes.map_err(error_text)?,
        containers: containers.map_err(error_text)?,
        server_version: version.ok(),
        host_kernel: facts.ok().and_then(|facts| facts.kernel),
    })
}

/// What runs in control planes.
pub(super) async fn nested(lab: &KindLab) -> Result<NestedSeen, String> {
    let control_planes = lab.nodes().iter().filter(|(_, role)| *role == Role::ControlPlane).map(|(name, _)| name);
    let listed = join_all(
        control_planes.map(async |node| (node.clone(), Box::pin(lab_kind::in_node::nested(lab.engine(), node)).await)),
    );
    let (version, listed) = tokio::join!(api(lab)?.version(), listed);
    Ok(NestedSeen { control_planes: listed.into_iter().collect(), server_version: version.ok() })
}

/// The Helm release, and where the control plane is now.
pub(super) async fn release(lab: &KindLab) -> Result<ReleaseSeen, String> {
    let wanted = &lab.spec().manifests.cilium.release;
    let (release, containers) =
        tokio::join!(api(lab)?.helm_release(wanted.namespace.as_str(), wanted.name.as_str()), lab.containers());
    let network = &lab.spec().expect.network;
    let control_planes = containers
        .map_err(error_text)?
        .into_iter()
        .filter(|node| node.role == Some(Role::ControlPlane))
        .map(|node| (node.name.clone(), node.address_on(network)))
        .collect();
    Ok(ReleaseSeen { release: release.map_err(error_text)?, control_planes })
}

/// Images that were taken, and images that run.
pub(super) async fn images(lab: &KindLab) -> Result<ImagesSeen, String> {
    let nodes = names(lab);
    let on_nodes =
        join_all(nodes.iter().map(async |node| (node.clone(), lab_kind::in_node::images_on(lab.engine(), node).await)));
    let (pods, on_nodes) = tokio::join!(cilium_pods(lab, &[AGENT_LABEL, OPERATOR]), on_nodes);
    Ok(ImagesSeen { sources: sources(lab)?, pods: pods?, on_nodes: on_nodes.into_iter().collect() })
}

async fn cilium_pods(lab: &KindLab, labels: &[(&str, &str)]) -> Result<Vec<KubePod>, String> {
    let has = |pod: &KubePod| labels.iter().any(|(key, value)| pod.labels.get(*key).is_some_and(|is| is == value));
    Ok(api(lab)?.pods().await.map_err(error_text)?.into_iter().filter(has).collect())
}

/// Cilium's parts and what they manage: once all is well, or as it is when that has taken too long.
pub(super) async fn components(lab: &KindLab) -> Result<ComponentsSeen, String> {
    let last = RefCell::new(Err("nothing was seen yet".to_owned()));
    let waited = clock::until(COMPONENTS_DEADLINE, COMPONENTS_INTERVAL, "Cilium's components", async || {
        let seen = Box::pin(components_now(lab)).await;
        let verdict = match &seen {
            Ok(seen) => components_are_ok(seen, &lab.spec().expect).map(drop).map_err(summary),
            Err(why) => Err(why.clone()),
        };
        *last.borrow_mut() = seen;
        match verdict {
            Ok(()) => Poll::Ready(()),
            Err(why) => {
                lab.doing().now(format!("waiting for Cilium's components: {why}"));
                Poll::NotYet(why)
            }
        }
    });
    // That it took too long is for the judge to see.
    let _in_time = Box::pin(waited).await;
    last.into_inner()
}

fn summary(not: NotHeld) -> String {
    match not {
        NotHeld::Refuted(findings) => findings.into_iter().map(|finding| finding.observed).next().unwrap_or_default(),
        NotHeld::Unobserved(what) => what,
    }
}

/// The same, as they are now.
pub(super) async fn components_now(lab: &KindLab) -> Result<ComponentsSeen, String> {
    let api = api(lab)?;
    let nodes = names(lab);
    let statuses = async {
        let agents = lab.agents().await.map_err(error_text)?;
        let told = join_all(nodes.iter().map(async |node| (node.clone(), agents.status(node).await.value)));
        Ok::<BTreeMap<_, _>, String>(told.await.into_iter().collect())
    };
    let (daemon_sets, deployments, pods, endpoints, statuses) =
        tokio::join!(api.daemon_sets(), api.deployments(), api.pods(), api.cilium_endpoints(), statuses);
    Ok(ComponentsSeen {
        daemon_sets: daemon_sets.map_err(error_text)?,
        deployments: deployments.map_err(error_text)?,
        pods: pods.map_err(error_text)?,
        endpoints: endpoints.map_err(error_text)?,
        statuses: statuses?,
        nodes,
    })
}

/// What agents run with.
pub(super) async fn native(lab: &KindLab) -> Result<NativeSeen, String> {
    let api = api(lab)?;
    let nodes = names(lab);
    let namespace = lab.spec().manifests.cilium.release.namespace.as_str();
    let agents = lab.agents().await.map_err(error_text)?;
    let (config_map, (agents, _outputs)) = tokio::join!(api.config_map(namespace, CONFIG_MAP), agents.observe(&nodes));
    let config_map = match config_map {
        Ok(Some(data)) => Ok(data),
        Ok(None) => Err("there is none".to_owned()),
        Err(error) => Err(error_text(error)),
    };
    Ok(NativeSeen { nodes, config_map, agents })
}

/// Nodes and agents, now and when the lab was built.
pub(super) async fn ready(lab: &KindLab) -> Result<ReadySeen, String> {
    let (nodes, agents) = tokio::join!(api(lab)?.nodes(), cilium_pods(lab, &[AGENT_LABEL]));
    let first = lab.first_ready().map_err(error_text)?.and_then(|FirstReady { agents, nodes }| {
        let FirstNodes { observed, nodes } = nodes?;
        Some(FirstReadySeen { age: clock::unix_now().saturating_sub(observed), nodes, agents })
    });
    Ok(ReadySeen { nodes: nodes.map_err(error_text)?, agents: agents?, first })
}
