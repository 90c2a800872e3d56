//! What `cilium status` counts, from the objects and the agents themselves: its own exit code is 0 whatever it counts.

mod managed;

use std::collections::BTreeSet;

use super::{OPERATOR, operators_wanted};
use crate::cluster::AGENT;
use crate::of_cluster;
use crate::weighing::{Weighing, unobserved};
use lab_model::expect::{ClusterExpectations, Expectations};
use lab_model::observe::{AgentStatus, ContainerState, FailingController, KubePod, NodeName, Place};
use lab_model::seen::ComponentsSeen;
use lab_model::{CiliumVersion, Judgement, Proof, Reason, words};

/// The agents' `DaemonSet` (chart 1.12.4: `cilium-agent/daemonset.yaml`).
const DAEMON_SET: &str = "cilium";
/// Deployments of what the article's release leaves out.
const LEFT_OUT: [(&str, &str); 3] =
    [("hubble-relay", "Hubble relay"), ("hubble-ui", "Hubble's UI"), ("clustermesh-apiserver", "ClusterMesh")];
/// Parts that every agent has, whatever is switched on (cilium 1.12 to 1.15: `daemon/cmd/status.go`, `getStatus`): the
/// agent's own verdict on itself, and whether it has the API server.
const PARTS: [&str; 2] = ["cilium", "kubernetes"];
/// How many parts of an agent are named before the rest is only counted.
const PARTS_NAMED: usize = 3;

/// An agent is ready on each node, operators are ready on nodes of their own, Hubble relay and `ClusterMesh` are not
/// there, no agent reports an error, and every pod with an address of its own is managed by Cilium: as many of the
/// cluster's own as their Deployments want.
///
/// # Errors
/// [`Reason::AgentsNotReady`], [`Reason::OperatorsNotReady`], [`Reason::OperatorsShareNode`],
/// [`Reason::UnexpectedComponent`], for each agent [`Reason::AgentInError`], and for each pod
/// [`Reason::PodNotManaged`]. Unobserved where workloads, an agent's status or pods were not seen, or where one of the
/// cluster's own pods is on no node yet.
pub fn components_are_ok(seen: &ComponentsSeen, expect: &Expectations) -> Judgement {
    let cluster = of_cluster(expect)?;
    if seen.daemon_sets.is_empty() && seen.deployments.is_empty() {
        return unobserved("no DaemonSets and no Deployments were seen");
    }
    let mut weighing = Weighing::default();
    weighing.each_once("node", &seen.nodes);
    weighing.each_once("DaemonSet", seen.daemon_sets.iter().map(|set| format!("{}/{}", set.namespace, set.name)));
    weighing.each_once("Deployment", seen.deployments.iter().map(|one| format!("{}/{}", one.namespace, one.name)));
    weighing.each_once("CiliumEndpoint", seen.endpoints.iter().map(|one| format!("{}/{}", one.namespace, one.name)));
    if seen.nodes.len() < expect.nodes() {
        weighing.miss(format!("the lab names {} of {} nodes", seen.nodes.len(), expect.nodes()));
    }
    agents(seen, cluster, expect.nodes(), &mut weighing);
    let operators = operators(seen, cluster, &mut weighing);
    for (name, title) in LEFT_OUT {
        if let Some(found) = seen.deployments.iter().find(|deployment| deployment.name == name) {
            let observed = format!("Deployment {}/{name}, {} of {} ready", found.namespace, found.ready, found.desired);
            refute(&mut weighing, Reason::UnexpectedComponent, format!("no {title}"), observed);
        }
    }
    let mut lines = Vec::new();
    for node in &seen.nodes {
        match seen.statuses.get(node) {
            Some(Ok(status)) => {
                weigh(node, status, &mut weighing);
                lines.push(line(node, status));
            }
            // That an agent is not ready is known from its pod.
            Some(Err(why)) => weighing.miss(format!("{node}: the agent did not tell its status: {why}")),
            None => weighing.miss(format!("{node}: the agent was not asked for its status")),
        }
    }
    let managed = managed::weigh(seen, expect, &mut weighing);
    weighing.conclude(|| {
        let total = expect.nodes();
        Proof::new(format!(
            "agents {total}/{total}, operators {operators}/{operators} on {operators} nodes, {managed} of {managed} pods \
             managed; no Hubble relay, no ClusterMesh, no errors"
        ))
        .with_details(lines)
    })
}

fn refute(weighing: &mut Weighing, reason: Reason, expected: String, observed: String) {
    weighing.refute(reason, Place::Bridge, expected, observed, Some("cilium status".to_owned()));
}

fn agents(seen: &ComponentsSeen, cluster: &ClusterExpectations, nodes: usize, weighing: &mut Weighing) {
    let expected = format!("DaemonSet {}/{DAEMON_SET}: {nodes} of {nodes} ready", cluster.namespace);
    let own = |name: &str, namespace: &str| name == DAEMON_SET && namespace == cluster.namespace;
    let Some(set) = seen.daemon_sets.iter().find(|set| own(&set.name, &set.namespace)) else {
        refute(weighing, Reason::AgentsNotReady, expected, "no such DaemonSet".to_owned());
        return;
    };
    let is_all = |count: u32| usize::try_from(count).is_ok_and(|count| count == nodes);
    if is_all(set.desired) && is_all(set.ready) && is_all(set.available) {
        return;
    }
    let not_ready: Vec<String> = seen.pods.iter().filter(|pod| !pod.terminating).filter_map(unready).collect();
    let which =
        if not_ready.is_empty() { String::new() } else { format!(": {}", words::few(&not_ready, PARTS_NAMED, "; ")) };
    let observed = format!("{} of {} ready, {} available{which}", set.ready, set.desired, set.available);
    refute(weighing, Reason::AgentsNotReady, expected, observed);
}

/// An agent's pod that is not ready, and what its container does.
fn unready(pod: &KubePod) -> Option<String> {
    let container = pod.container(AGENT).filter(|container| !container.ready)?;
    let node = pod.node.as_ref().map_or("no node", |node| node.0.as_str());
    let does = match &container.state {
        Some(ContainerState::Running { .. }) => "runs and is not ready".to_owned(),
        Some(ContainerState::Waiting { reason, .. }) => format!("waits ({reason})"),
        Some(ContainerState::Terminated { exit_code, reason, .. }) => {
            format!("ended with exit code {exit_code} ({reason})")
        }
        None => "has not been started".to_owned(),
    };
    Some(format!("{} on {node} {does}", pod.name))
}

/// How many operators there should be.
fn operators(seen: &ComponentsSeen, cluster: &ClusterExpectations, weighing: &mut Weighing) -> u64 {
    let wanted = operators_wanted(cluster);
    let expected = format!("Deployment {}/{OPERATOR}: {wanted} of {wanted} ready", cluster.namespace);
    let own = |name: &str, namespace: &str| name == OPERATOR && namespace == cluster.namespace;
    match seen.deployments.iter().find(|one| own(&one.name, &one.namespace)) {
        None => refute(weighing, Reason::OperatorsNotReady, expected, "no such Deployment".to_owned()),
        Some(one) if [one.desired, one.ready, one.available].into_iter().any(|count| u64::from(count) != wanted) => {
            let observed = format!("{} of {} ready, {} available", one.ready, one.desired, one.available);
            refute(weighing, Reason::OperatorsNotReady, expected, observed);
        }
        Some(_) => {
            let ready = seen.pods.iter().filter(|pod| pod.ready && pod.container(OPERATOR).is_some());
            let on: Vec<&NodeName> = ready.filter_map(|pod| pod.node.as_ref()).collect();
            let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
            let nodes: BTreeSet<_> = on.iter().collect();
            if count(on.len()) < wanted {
                weighing.miss(format!("{} of {wanted} ready operators' pods were seen", on.len()));
            } else if count(nodes.len()) < wanted {
                let names: Vec<&str> = nodes.iter().map(|node| node.0.as_str()).collect();
                let observed = format!("{} operators on {}", on.len(), names.join(", "));
                refute(weighing, Reason::OperatorsShareNode, format!("{wanted} operators on {wanted} nodes"), observed);
            }
        }
    }
    wanted
}

fn weigh(node: &NodeName, status: &AgentStatus, weighing: &mut Weighing) {
    if status.components.is_empty() {
        weighing.miss(format!("{node}: the agent's status names no parts"));
    } else if let Some(part) = PARTS.into_iter().find(|part| status.component(part).is_none()) {
        weighing.miss(format!("{node}: the agent's status has no part {part}"));
    }
    refute_errors(node, status, &status.failing.iter().collect::<Vec<_>>(), weighing);
}

/// Refutes an agent that reports parts in error, or of which these controllers have failed.
pub(crate) fn refute_errors(
    node: &NodeName,
    status: &AgentStatus,
    failing: &[&FailingController],
    weighing: &mut Weighing,
) {
    let wrong = status
        .components
        .iter()
        .filter(|part| !matches!(part.state.as_str(), "Ok" | "Disabled"))
        .map(|part| format!("{} is {}: {}", part.name, part.state, part.message));
    let failing = failing.iter().map(|controller| {
        let FailingController { name, consecutive_failures, message } = controller;
        format!("controller {name} has failed {consecutive_failures} times in a row: {message}")
    });
    let all: Vec<String> = wrong.chain(failing).collect();
    if !all.is_empty() {
        let program = status.version().unwrap_or(CiliumVersion::OLDEST).agent_program();
        weighing.refute(
            Reason::AgentInError,
            Place::Node(node.clone()),
            format!("{node}: no errors"),
            format!("{node}: {}", words::few(&all, PARTS_NAMED, "; ")),
            Some(words::in_agent(&format!("{program} status --verbose"))),
        );
    }
}

fn line(node: &NodeName, status: &AgentStatus) -> String {
    format!("{node}: {} parts and {} controllers without an error", status.components.len(), status.controllers)
}

#[cfg(test)]
mod tests;
