//! Taking a cluster's agents away and bringing them back, so that what they begin with can be changed in between.
//!
//! An agent whose pod is only replaced comes back while its node stays Ready. So agents are first taken away for long
//! enough that their nodes notice: that the nodes are Ready again is then the doing of the agents that came back.

use std::time::Duration;

use super::make::in_node;
use crate::members::CONTROL_PLANE;
use lab_base::clock;
use lab_base::clock::Poll;
use lab_base::failure::chain;
use lab_kind::KindLab;
use lab_kind::cilium::agents::AGENT_LABEL;
use lab_model::observe::{KubeContainer, KubePod, NodeName};

/// For agents to end and their nodes to notice, and for agents to be started. A kubelet tells its node's state every ten
/// seconds.
const DEADLINE: Duration = Duration::from_mins(2);
/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(1);
/// The label by which the chart's `DaemonSet` selects nodes, and its value (chart 1.12.4: `values.yaml`,
/// `nodeSelector`): a node without it has no agent.
const SELECTOR: (&str, &str) = ("kubernetes.io/os", "linux");

/// `kubectl`, as a control plane has it.
pub(crate) const KUBECTL: &str = "kubectl --kubeconfig /etc/kubernetes/admin.conf";

/// The command that takes the agents of these nodes away: the nodes' own names, with blanks between them.
pub(crate) fn without(nodes: &str) -> String {
    format!("{KUBECTL} label node {nodes} {}-", SELECTOR.0)
}

/// The one that brings them back.
pub(crate) fn again(nodes: &str) -> String {
    format!("{KUBECTL} label node {nodes} --overwrite {}={}", SELECTOR.0, SELECTOR.1)
}

/// Takes all agents away, and waits until they are gone and no node is Ready.
///
/// # Errors
/// In words.
pub(super) async fn take_away(lab: &KindLab) -> Result<(), String> {
    in_node(lab, CONTROL_PLANE, &without(&all(lab))).await?;
    until(lab, "nodes without agents to be not Ready", async || {
        let agents = agents(lab).await?.len();
        let nodes = lab.api().map_err(error_text)?.nodes().await.map_err(error_text)?;
        let ready = nodes.iter().filter(|node| node.ready().is_some_and(|ready| ready.status == "True")).count();
        Ok((agents + ready > 0).then(|| format!("{agents} agents are there, {ready} nodes are Ready")))
    })
    .await
}

/// Brings all agents back, and waits until their containers run: not until they are ready.
///
/// # Errors
/// In words.
pub(super) async fn bring_back(lab: &KindLab) -> Result<(), String> {
    in_node(lab, CONTROL_PLANE, &again(&all(lab))).await?;
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

/// Until nothing is missing any more; the check says what is.
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

/// The nodes' own names.
fn all(lab: &KindLab) -> String {
    let names: Vec<&str> = lab.nodes().iter().map(|(name, _)| name.0.as_str()).collect();
    names.join(" ")
}

fn error_text(error: impl std::error::Error) -> String {
    chain(&error)
}
