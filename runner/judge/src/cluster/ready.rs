//! Nodes after the network plugin.

use chrono::{DateTime, Utc};

use super::GET_NODES;
use crate::of_cluster;
use crate::weighing::{Weighing, unobserved};
use lab_model::expect::Expectations;
use lab_model::observe::{ContainerState, KubeContainer, KubeNode, KubePod, Place};
use lab_model::seen::ReadySeen;
use lab_model::{Judgement, Proof, Reason};

/// The agent's container in its pod (chart 1.12.4: `cilium-agent/daemonset.yaml`).
pub(crate) const AGENT: &str = "cilium-agent";

/// All nodes are Ready, and none became so before its agent's container first started. Both times are to the second;
/// the agent itself is ready later.
///
/// # Errors
/// For each node [`Reason::NodeNotReady`] or [`Reason::ReadyBeforeAgent`]. Unobserved where fewer nodes were seen than
/// there should be, or one of the times was not.
pub fn nodes_become_ready(seen: &ReadySeen, expect: &Expectations) -> Judgement {
    of_cluster(expect)?;
    if seen.nodes.is_empty() {
        return unobserved("no node objects were seen");
    }
    let mut weighing = Weighing::default();
    if seen.nodes.len() < expect.nodes() {
        weighing.miss(format!("{} of {} nodes were seen", seen.nodes.len(), expect.nodes()));
    }
    let mut lines = Vec::new();
    for node in &seen.nodes {
        let name = &node.name;
        let Some(ready) = node.ready() else {
            weighing.miss(format!("{name} has no condition Ready"));
            continue;
        };
        if ready.status != "True" {
            weighing.refute(
                Reason::NodeNotReady,
                Place::Bridge,
                format!("{name}: Ready"),
                format!("{name}: Ready is {} ({}): {}", ready.status, ready.reason, ready.message),
                Some(GET_NODES.to_owned()),
            );
            continue;
        }
        match (ready.last_transition, started(node, &seen.agents)) {
            (None, _) => weighing.miss(format!("{name} does not tell since when it is Ready")),
            (_, Err(why)) => weighing.miss(format!("{name}: {why}")),
            (Some(since), Ok(Started { at, is_first })) => {
                if since >= at {
                    lines.push(format!("{name}: Ready since {}, its agent since {}", clock(since), clock(at)));
                } else if is_first {
                    weighing.refute(
                        Reason::ReadyBeforeAgent,
                        Place::Bridge,
                        format!("{name}: Ready after its agent started, {}", clock(at)),
                        format!("{name}: Ready since {}", clock(since)),
                        Some(format!("kubectl describe node {name}")),
                    );
                } else {
                    weighing.miss(format!("{name}: its agent was started again, and nothing tells when it first was"));
                }
            }
        }
    }
    let total = seen.nodes.len();
    weighing.conclude(|| {
        Proof::new(format!("{total} of {total} nodes are Ready, none before its agent started")).with_details(lines)
    })
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
    use lab_model::NotHeld;

    fn judged(change: impl FnOnce(&mut ReadySeen)) -> Judgement {
        let mut seen = ready();
        change(&mut seen);
        nodes_become_ready(&seen, &expectations())
    }

    fn reasons(change: impl FnOnce(&mut ReadySeen)) -> Vec<Reason> {
        judged(change).expect_err("should not hold").reasons()
    }

    fn agent(seen: &mut ReadySeen) -> &mut KubeContainer {
        &mut seen.agents[1].containers[0]
    }

    #[test]
    fn accepts_nodes_that_became_ready_with_their_agents() {
        let proof = judged(|_seen| {}).expect("held");
        assert_eq!(proof.summary, "3 of 3 nodes are Ready, none before its agent started");
        assert_eq!(proof.details[1], "kind-worker: Ready since 05:46:34, its agent since 05:46:33");
        // Both are told to the second.
        assert!(judged(|seen| agent(seen).state = Some(running(34))).is_ok());
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
        let found = reasons(|seen| seen.nodes[1].conditions[0].last_transition = Some(second(32)));
        assert_eq!(found, [Reason::ReadyBeforeAgent]);
    }

    #[test]
    fn the_first_start_counts_where_it_is_known() {
        let restarted = |seen: &mut ReadySeen| {
            agent(seen).last_state = agent(seen).state.take();
            agent(seen).state = Some(running(50));
            agent(seen).restarts = 1;
        };
        assert!(judged(restarted).is_ok());
        let forgotten = judged(|seen| {
            agent(seen).state = Some(running(50));
            agent(seen).restarts = 7;
        });
        assert!(matches!(forgotten, Err(NotHeld::Unobserved(_))), "{forgotten:?}");
    }

    #[test]
    fn what_was_not_seen_is_unobserved() {
        let changes: [fn(&mut ReadySeen); 6] = [
            |seen| seen.nodes.clear(),
            |seen| drop(seen.nodes.pop()),
            |seen| seen.nodes[1].conditions.clear(),
            |seen| seen.nodes[1].conditions[0].last_transition = None,
            |seen| drop(seen.agents.remove(1)),
            |seen| agent(seen).state = None,
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let judgement = judged(change);
            assert!(matches!(judgement, Err(NotHeld::Unobserved(_))), "{number}: {judgement:?}");
        }
    }
}
