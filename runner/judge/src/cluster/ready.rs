//! Nodes after the network plugin.

use chrono::{DateTime, Utc};

use super::GET_NODES;
use crate::of_cluster;
use crate::weighing::{Weighing, unobserved};
use lab_model::expect::Expectations;
use lab_model::observe::{ContainerState, KubeContainer, KubeNode, KubePod, NodeName, Place};
use lab_model::seen::ReadySeen;
use lab_model::{Judgement, Proof, Reason, words};

/// The agent's container in its pod (chart 1.12.4: `cilium-agent/daemonset.yaml`).
pub(crate) const AGENT: &str = "cilium-agent";
/// The status of a condition that holds (`core/v1`, `NodeCondition`).
const READY: &str = "True";
/// Kubernetes remembers a container's last two starts.
const STARTED_AGAIN: &str = "its agent was started again, and nothing tells when it first was";

/// All nodes are Ready, and none became so before its agent's container first started. Both times are to the second;
/// the agent itself is ready later. Which was first is judged by what was seen when the lab was built.
///
/// Where that was not stored, what there is now can show that a node's Ready condition is younger than its agent, and no
/// more: an agent whose pod was replaced is younger than its node's condition in a sound lab too.
///
/// # Errors
/// For each node [`Reason::NodeNotReady`] or, by the first look, [`Reason::ReadyBeforeAgent`]. Unobserved where fewer
/// nodes were seen than there should be, one of the times was not, or what is there now does not decide.
pub fn nodes_become_ready(seen: &ReadySeen, expect: &Expectations) -> Judgement {
    of_cluster(expect)?;
    if seen.nodes.is_empty() {
        return unobserved("no node objects were seen");
    }
    let mut weighing = Weighing::default();
    weighing.each_once("node", seen.nodes.iter().map(|node| &node.name));
    weighing.each_once("pod", seen.agents.iter().map(KubePod::full_name));
    if seen.nodes.len() < expect.nodes() {
        weighing.miss(format!("{} of {} nodes were seen", seen.nodes.len(), expect.nodes()));
    }
    let mut lines = Vec::new();
    for node in &seen.nodes {
        if !is_ready(node, &mut weighing) {
            continue;
        }
        let same = |known: &&KubeNode| known.name == node.name;
        let line = match seen.first.as_ref().map(|first| (first, first.nodes.iter().find(same))) {
            None => in_order(node, &seen.agents, &mut weighing, early_by_now),
            Some((first, Some(node))) => in_order(node, &first.agents, &mut weighing, early_at_first),
            Some((_, None)) => {
                weighing.miss(format!("{} was not there when the lab was built", node.name));
                None
            }
        };
        lines.extend(line);
    }
    let total = seen.nodes.len();
    weighing.conclude(|| {
        let when = seen.first.as_ref().map(|first| format!(", as seen {} before this", words::span(first.age)));
        let when = when.unwrap_or_default();
        let claim = format!("{total} of {total} nodes are Ready, none before its agent started{when}");
        Proof::new(claim).with_details(lines)
    })
}

/// Whether a node is Ready now.
fn is_ready(node: &KubeNode, weighing: &mut Weighing) -> bool {
    let name = &node.name;
    let Some(ready) = node.ready() else {
        weighing.miss(format!("{name} has no condition Ready"));
        return false;
    };
    if ready.status != READY {
        weighing.refute(
            Reason::NodeNotReady,
            Place::Bridge,
            format!("{name}: Ready"),
            format!("{name}: Ready is {} ({}): {}", ready.status, ready.reason, ready.message),
            Some(GET_NODES.to_owned()),
        );
    }
    ready.status == READY
}

/// Since when a node is Ready, and when its agent started.
fn times(node: &KubeNode, agents: &[KubePod], weighing: &mut Weighing) -> Option<(DateTime<Utc>, Started)> {
    let name = &node.name;
    let since = node.ready().filter(|ready| ready.status == READY).and_then(|ready| ready.last_transition);
    let Some(since) = since else {
        weighing.miss(format!("{name} does not tell since when it is Ready"));
        return None;
    };
    match started(node, agents) {
        Ok(started) => Some((since, started)),
        Err(why) => {
            weighing.miss(format!("{name}: {why}"));
            None
        }
    }
}

/// What is to be said of a node and its agent where there is nothing against it. `early` is asked about a node that was
/// Ready before its agent's first start.
fn in_order(
    node: &KubeNode,
    agents: &[KubePod],
    weighing: &mut Weighing,
    early: fn(&NodeName, DateTime<Utc>, DateTime<Utc>, &mut Weighing),
) -> Option<String> {
    let (since, Started { at, is_first }) = times(node, agents, weighing)?;
    let name = &node.name;
    if since >= at {
        return Some(line(name, since, at));
    }
    if is_first {
        early(name, since, at, weighing);
    } else {
        weighing.miss(format!("{name}: {STARTED_AGAIN}"));
    }
    None
}

/// By what was seen when the lab was built.
fn early_at_first(name: &NodeName, since: DateTime<Utc>, at: DateTime<Utc>, weighing: &mut Weighing) {
    weighing.refute(
        Reason::ReadyBeforeAgent,
        Place::Bridge,
        format!("{name}: Ready after its agent started, {}", clock(at)),
        format!("{name}: Ready since {}", clock(since)),
        Some(format!("kubectl describe node {name}")),
    );
}

/// By what there is now, where nothing else is known.
fn early_by_now(name: &NodeName, since: DateTime<Utc>, at: DateTime<Utc>, weighing: &mut Weighing) {
    weighing.miss(format!(
        "{name}: Ready since {}, and its agent's pod since {}: that pod may be in the place of an earlier one, and \
         what came first was not stored when the lab was built",
        clock(since),
        clock(at)
    ));
}

fn line(name: &NodeName, since: DateTime<Utc>, at: DateTime<Utc>) -> String {
    format!("{name}: Ready since {}, its agent since {}", clock(since), clock(at))
}

/// The earliest start of an agent that is known.
struct Started {
    at: DateTime<Utc>,
    is_first: bool,
}

fn started(node: &KubeNode, agents: &[KubePod]) -> Result<Started, String> {
    let on_node = agents.iter().filter(|pod| pod.node.as_ref() == Some(&node.name));
    let containers: Vec<&KubeContainer> = on_node.filter_map(|pod| pod.container(AGENT)).collect();
    // While a DaemonSet is rolled out, the pod that goes and the one that comes may both be there.
    let starts = containers.iter().flat_map(|one| [&one.state, &one.last_state]).flatten();
    let earliest = starts.filter_map(ContainerState::started).min();
    let at = earliest.ok_or_else(|| match containers.first() {
        Some(_) => format!("{AGENT} does not tell when it started"),
        None => format!("no container {AGENT} was seen on it"),
    })?;
    // The state before the last is forgotten.
    let is_first = containers.iter().all(|one| {
        let known =
            [&one.state, &one.last_state].into_iter().flatten().filter(|state| state.started().is_some()).count();
        u32::try_from(known).is_ok_and(|known| known > one.restarts)
    });
    Ok(Started { at, is_first })
}

fn clock(time: DateTime<Utc>) -> String {
    time.format("%H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::kind::{expectations, ready, running, second};
    use chrono::TimeDelta;
    use lab_model::NotHeld;
    use lab_model::seen::FirstReadySeen;
    use std::time::Duration;

    /// What was seen when the lab was built is what the fixture has.
    fn built() -> FirstReadySeen {
        let ReadySeen { nodes, agents, .. } = ready();
        FirstReadySeen { age: Duration::from_secs(70), nodes, agents }
    }

    fn judged(change: impl FnOnce(&mut ReadySeen)) -> Judgement {
        let mut seen = ReadySeen { first: Some(built()), ..ready() };
        change(&mut seen);
        nodes_become_ready(&seen, &expectations())
    }

    /// Of a lab of an older program.
    fn judged_now(change: impl FnOnce(&mut ReadySeen)) -> Judgement {
        let mut seen = ready();
        change(&mut seen);
        nodes_become_ready(&seen, &expectations())
    }

    fn reasons(change: impl FnOnce(&mut ReadySeen)) -> Vec<Reason> {
        judged(change).expect_err("should not hold").reasons()
    }

    fn first(seen: &mut ReadySeen) -> &mut FirstReadySeen {
        seen.first.as_mut().expect("a first look")
    }

    /// The agent of kind-worker among these.
    fn agent(agents: &mut [KubePod]) -> &mut KubeContainer {
        &mut agents[1].containers[0]
    }

    fn restarted(agents: &mut [KubePod]) {
        let agent = agent(agents);
        agent.last_state = agent.state.take();
        agent.state = Some(running(50));
        agent.restarts = 1;
    }

    #[test]
    fn accepts_nodes_that_became_ready_with_their_agents() {
        let proof = judged(|_seen| {}).expect("held");
        assert_eq!(proof.summary, "3 of 3 nodes are Ready, none before its agent started, as seen 70 s before this");
        assert_eq!(proof.details[1], "kind-worker: Ready since 05:46:34, its agent since 05:46:33");
        let proof = judged_now(|_seen| {}).expect("held");
        assert_eq!(proof.summary, "3 of 3 nodes are Ready, none before its agent started");
        // Both are told to the second.
        assert!(judged(|seen| agent(&mut first(seen).agents).state = Some(running(34))).is_ok());
        assert!(judged_now(|seen| agent(&mut seen.agents).state = Some(running(34))).is_ok());
    }

    #[test]
    fn refutes_a_node_that_is_not_ready() {
        for status in ["False", "Unknown"] {
            let found = reasons(|seen| status.clone_into(&mut seen.nodes[1].conditions[0].status));
            assert_eq!(found, [Reason::NodeNotReady], "{status}");
        }
    }

    #[test]
    fn refutes_a_node_that_was_ready_before_its_agent() {
        let found = reasons(|seen| first(seen).nodes[1].conditions[0].last_transition = Some(second(32)));
        assert_eq!(found, [Reason::ReadyBeforeAgent]);
    }

    /// Seen on a real cluster, after an agent's pod was deleted by force: Ready since 07:52:59, its agent since 07:55:52.
    #[test]
    fn an_agents_pod_that_was_replaced_is_not_what_made_its_node_ready() {
        let replaced = |agents: &mut Vec<KubePod>| {
            "cilium-x7kqp".clone_into(&mut agents[1].name);
            let started = second(34) + TimeDelta::seconds(173);
            agent(agents).state = Some(ContainerState::Running { started: Some(started) });
        };
        assert!(judged(|seen| replaced(&mut seen.agents)).is_ok());
        // Without a first look it could be either.
        let Err(NotHeld::Unobserved(why)) = judged_now(|seen| replaced(&mut seen.agents)) else {
            panic!("should be unobserved")
        };
        assert!(why.starts_with("kind-worker: Ready since 05:46:34, and its agent's pod since 05:49:27"), "{why}");
    }

    #[test]
    fn the_first_start_counts_where_it_is_known() {
        assert!(judged(|seen| restarted(&mut first(seen).agents)).is_ok());
        assert!(judged_now(|seen| restarted(&mut seen.agents)).is_ok());
        // What became of agents later does not matter, nor that a node became Ready again.
        let later = judged(|seen| {
            restarted(&mut seen.agents);
            agent(&mut seen.agents).restarts = 7;
            seen.nodes[1].conditions[0].last_transition = Some(second(59));
        });
        assert!(later.is_ok(), "{later:?}");
        for restarts in [1, 7] {
            let forgotten = |agents: &mut [KubePod]| {
                agent(agents).state = Some(running(50));
                agent(agents).restarts = restarts;
            };
            for judgement in
                [judged(|seen| forgotten(&mut first(seen).agents)), judged_now(|seen| forgotten(&mut seen.agents))]
            {
                assert!(
                    matches!(&judgement, Err(NotHeld::Unobserved(why)) if why.contains(STARTED_AGAIN)),
                    "{judgement:?}"
                );
            }
        }
    }

    #[test]
    fn what_was_not_seen_is_unobserved() {
        let now: [fn(&mut ReadySeen); 7] = [
            |seen| seen.nodes.clear(),
            |seen| drop(seen.nodes.pop()),
            |seen| seen.nodes[2] = seen.nodes[1].clone(),
            |seen| seen.nodes[1].conditions.clear(),
            |seen| seen.nodes[1].conditions[0].last_transition = None,
            |seen| drop(seen.agents.remove(1)),
            |seen| agent(&mut seen.agents).state = None,
        ];
        let at_first: [fn(&mut ReadySeen); 8] = [
            |seen| seen.nodes.clear(),
            |seen| drop(seen.nodes.pop()),
            |seen| seen.nodes[1].conditions.clear(),
            |seen| drop(first(seen).nodes.remove(1)),
            |seen| first(seen).nodes[1].conditions[0].last_transition = None,
            |seen| "False".clone_into(&mut first(seen).nodes[1].conditions[0].status),
            |seen| drop(first(seen).agents.remove(1)),
            |seen| agent(&mut first(seen).agents).state = None,
        ];
        let judgements = now.map(|change| judged_now(change)).into_iter().chain(at_first.map(|change| judged(change)));
        for (number, judgement) in judgements.enumerate() {
            assert!(matches!(judgement, Err(NotHeld::Unobserved(_))), "{number}: {judgement:?}");
        }
    }
}
