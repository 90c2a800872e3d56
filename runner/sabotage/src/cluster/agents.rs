//! Removes a cluster's agents and brings them back, so that what they start with can be changed in between.
//!
//! They are removed for long enough that their nodes become not Ready. If their pods were only replaced, a node might become
//! so or not, depending on when its kubelet looks, and at any moment of the next ten seconds.

use std::time::Duration;

use super::make::in_node;
use crate::members::CONTROL_PLANE;
use lab_base::clock;
use lab_base::clock::Poll;
use lab_base::failure::chain;
use lab_kind::KindLab;
use lab_kind::cilium::agents::AGENT_LABEL;
use lab_model::observe::{KubeContainer, KubePod, NodeName};

/// How long agents may take to end and their nodes to become not Ready, and again to be started. A kubelet reports its
/// node's state every ten seconds.
const DEADLINE: Duration = Duration::from_mins(2);
/// The time between two checks.
const INTERVAL: Duration = Duration::from_secs(1);
/// The label by which the chart's `DaemonSet` selects nodes, and its value (chart 1.12.4: `values.yaml`,
/// `nodeSelector`): a node without it has no agent.
const SELECTOR: (&str, &str) = ("kubernetes.io/os", "linux");

/// The label of operators' pods (chart 1.12.4: `cilium-operator/deployment.yaml`).
const OPERATOR_LABEL: (&str, &str) = ("io.cilium/app", "operator");

/// `kubectl` as it can be run in a control plane's container.
pub(crate) const KUBECTL: &str = "kubectl --kubeconfig /etc/kubernetes/admin.conf";

/// The command that removes the agents of these nodes. `nodes` are the nodes' own names, separated by blanks.
pub(crate) fn remove_agents_command(nodes: &str) -> String {
    format!("{KUBECTL} label node {nodes} {}-", SELECTOR.0)
}

/// The command that brings the agents of these nodes back.
pub(crate) fn restore_agents_command(nodes: &str) -> String {
    format!("{KUBECTL} label node {nodes} --overwrite {}={}", SELECTOR.0, SELECTOR.1)
}

/// Removes all agents, and waits until they are gone and no node is Ready.
///
/// # Errors
/// A text that says what failed.
pub(super) async fn remove_all(lab: &KindLab) -> Result<(), String> {
    in_node(lab, CONTROL_PLANE, &remove_agents_command(&node_names(lab))).await?;
    until(lab, "nodes without agents to be not Ready", async || {
        let agents = agents(lab).await?.len();
        let nodes = lab.api().map_err(error_text)?.nodes().await.map_err(error_text)?;
        let ready = nodes.iter().filter(|node| node.ready().is_some_and(|ready| ready.status == "True")).count();
        Ok((agents + ready > 0).then(|| format!("{agents} agents are there, {ready} nodes are Ready")))
    })
    .await
}

/// Has the operators made anew. One that has lost its API server ends, and is started again only after minutes once it has ended
/// a few times.
///
/// # Errors
/// A text that says what failed.
pub(super) async fn replace_operators(lab: &KindLab) -> Result<(), String> {
    let namespace = lab.spec().manifests.cilium.release.namespace.as_str();
    let (key, value) = OPERATOR_LABEL;
    let replace =
        format!("{KUBECTL} --namespace {namespace} delete pods --selector {key}={value} --grace-period=1 --wait=false");
    in_node(lab, CONTROL_PLANE, &replace).await
}

/// Brings all agents back, and waits until their containers run, but not until they are ready.
///
/// # Errors
/// A text that says what failed.
pub(super) async fn bring_back(lab: &KindLab) -> Result<(), String> {
    in_node(lab, CONTROL_PLANE, &restore_agents_command(&node_names(lab))).await?;
    let started = |one: &KubeContainer| one.state.as_ref().is_some_and(|state| state.started().is_some());
    until(lab, "an agent on every node", async || {
        let agents = agents(lab).await?;
        let runs = |(node, _): &&(NodeName, _)| {
            agents.iter().any(|pod| pod.node.as_ref() == Some(node) && pod.containers.iter().any(started))
        };
        let (run, nodes) = (lab.nodes().iter().filter(runs).count(), lab.nodes().len());
        Ok((run < nodes).then(|| format!("{run} of {nodes} agents run")))
    })
    .await
}

/// Waits until the check returns that nothing is missing any more.
async fn until(
    lab: &KindLab,
    what: &str,
    mut missing: impl AsyncFnMut() -> Result<Option<String>, String>,
) -> Result<(), String> {
    let waited = clock::until(DEADLINE, INTERVAL, what, async || match missing().await {
        Ok(None) => Poll::Ready(()),
        Ok(Some(why)) | Err(why) => {
            lab.doing().now(format!("waiting for {what}: {why}"));
            Poll::NotYet(why)
        }
    });
    waited.await.map_err(|error| error.to_string())
}

async fn agents(lab: &KindLab) -> Result<Vec<KubePod>, String> {
    let namespace = lab.spec().manifests.cilium.release.namespace.as_str();
    let labels = [AGENT_LABEL].map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    lab.api().map_err(error_text)?.pods_with(namespace, &labels).await.map_err(error_text)
}

/// The nodes' own names, separated by blanks.
fn node_names(lab: &KindLab) -> String {
    let names: Vec<&str> = lab.nodes().iter().map(|(name, _)| name.0.as_str()).collect();
    names.join(" ")
}

fn error_text(error: impl std::error::Error) -> String {
    chain(&error)
}
