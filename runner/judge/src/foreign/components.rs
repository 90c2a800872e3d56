//! Agents and operators, and how they do.

use super::of_foreign;
use crate::cilium::refute_errors;
use crate::weighing::{Weighing, unobserved};
use lab_model::expect::Expectations;
use lab_model::foreign::ForeignComponentsSeen;
use lab_model::observe::{AgentStatus, NodeName, Place};
use lab_model::{Judgement, Proof, Reason};

/// A controller that has failed once may have met anything, and is listed; one that fails again and again is an error.
const FAILURES: u32 = 2;

/// Agents are ready on all nodes that should have one, operators as many as are wanted, and no agent reports an error.
///
/// # Errors
/// [`Reason::AgentsNotReady`], [`Reason::OperatorsNotReady`], and for each agent [`Reason::AgentInError`]. Unobserved
/// where the agents' `DaemonSet` or an agent's status was not seen.
pub fn components_are_ok(seen: &ForeignComponentsSeen, expect: &Expectations) -> Judgement {
    let namespace = &of_foreign(expect)?.namespace;
    if seen.statuses.is_empty() {
        return unobserved("no agent was asked for its status");
    }
    let mut weighing = Weighing::default();
    if let Some(gap) = &seen.gap {
        weighing.miss(gap);
    }
    match &seen.agents {
        None => weighing.miss(format!("no DaemonSet of Cilium's agents was seen in {namespace}")),
        Some(set) if set.ready < set.desired => weighing.refute(
            Reason::AgentsNotReady,
            Place::Bridge,
            format!("DaemonSet {namespace}/{}: {} of {} ready", set.name, set.desired, set.desired),
            format!("{} of {} ready, {} available", set.ready, set.desired, set.available),
            Some(format!("kubectl get pods --namespace {namespace} --selector k8s-app=cilium --output wide")),
        ),
        Some(_) => {}
    }
    let operators = match &seen.operators {
        // What it does is not needed for packets to travel, and it may be anywhere.
        None => "no Deployment of operators".to_owned(),
        Some(one) => {
            if one.ready < one.desired {
                weighing.refute(
                    Reason::OperatorsNotReady,
                    Place::Bridge,
                    format!("Deployment {namespace}/{}: {} of {} ready", one.name, one.desired, one.desired),
                    format!("{} of {} ready, {} available", one.ready, one.desired, one.available),
                    Some(format!("kubectl get deployment {} --namespace {namespace}", one.name)),
                );
            }
            format!("{} of {} operators ready", one.ready, one.desired)
        }
    };
    if seen.statuses.len() < expect.nodes() {
        weighing.miss(format!("the agents of {} of {} nodes were asked", seen.statuses.len(), expect.nodes()));
    }
    let mut once = Vec::new();
    for (node, status) in &seen.statuses {
        match status {
            Err(why) => weighing.miss(format!("{node}: {why}")),
            Ok(status) => weigh(node, status, &mut once, &mut weighing),
        }
    }
    let total = seen.statuses.len();
    weighing
        .conclude(|| Proof::new(format!("{total} of {total} agents report no error, {operators}")).with_details(once))
}

fn weigh(node: &NodeName, status: &AgentStatus, once: &mut Vec<String>, weighing: &mut Weighing) {
    if status.component("cilium").is_none() {
        weighing.miss(format!("{node}: the agent's status has no part cilium"));
    }
    let (often, few): (Vec<_>, Vec<_>) =
        status.failing.iter().partition(|controller| controller.consecutive_failures >= FAILURES);
    refute_errors(node, status, &often, weighing);
    once.extend(few.into_iter().map(|controller| format!("{node}: controller {} has failed once", controller.name)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foreign::fixture::expecting;
    use lab_model::NotHeld;
    use lab_model::observe::{ComponentState, DaemonSetSeen, DeploymentSeen, FailingController};

    fn seen() -> ForeignComponentsSeen {
        let part = |name: &str, message: &str| ComponentState {
            name: name.to_owned(),
            state: "Ok".to_owned(),
            message: message.to_owned(),
        };
        let status = AgentStatus {
            components: vec![part("cilium", "1.12.4 (v1.12.4-6eaecaf)"), part("kubernetes", "")],
            failing: Vec::new(),
            controllers: 40,
            kube_proxy_replacement: None,
            direct_routing_device: None,
            host_routing: None,
            masquerading: None,
            snat_exclusion: None,
        };
        let (namespace, name) = ("kube-system".to_owned(), "cilium".to_owned());
        ForeignComponentsSeen {
            agents: Some(DaemonSetSeen {
                namespace: namespace.clone(),
                name,
                desired: 4,
                ready: 4,
                available: 4,
                updated: 4,
            }),
            operators: Some(DeploymentSeen {
                namespace,
                name: "cilium-operator".to_owned(),
                desired: 1,
                ready: 1,
                available: 1,
                updated: 1,
            }),
            statuses: ["cp-1", "worker-1", "worker-2", "worker-3"].map(|name| (name.into(), Ok(status.clone()))).into(),
            gap: None,
        }
    }

    fn judged(change: impl FnOnce(&mut ForeignComponentsSeen)) -> Judgement {
        let mut seen = seen();
        change(&mut seen);
        components_are_ok(&seen, &expecting(&[]))
    }

    fn status<'a>(seen: &'a mut ForeignComponentsSeen, node: &str) -> &'a mut AgentStatus {
        seen.statuses.get_mut(&node.into()).expect("a node").as_mut().expect("a status")
    }

    fn failing(times: u32) -> FailingController {
        FailingController { name: "sync".to_owned(), consecutive_failures: times, message: "timed out".to_owned() }
    }

    #[test]
    fn accepts_agents_without_errors_whatever_number_of_operators_there_is() {
        let proof = judged(|_seen| {}).expect("held");
        assert_eq!(proof.summary, "4 of 4 agents report no error, 1 of 1 operators ready");
        assert!(judged(|seen| seen.operators = None).is_ok());
        // Where it was not collected, nobody knows whether there is one.
        let gap = judged(|seen| (seen.operators, seen.gap) = (None, Some("not collected".to_owned())));
        assert!(matches!(gap, Err(NotHeld::Unobserved(why)) if why == "not collected"));
        let once = judged(|seen| status(seen, "worker-1").failing.push(failing(1))).expect("held");
        assert_eq!(once.details, ["worker-1: controller sync has failed once"]);
    }

    #[test]
    fn refutes_what_is_not_ready_or_in_error() {
        let reasons =
            |change: &dyn Fn(&mut ForeignComponentsSeen)| judged(|seen| change(seen)).expect_err("refuted").reasons();
        assert_eq!(reasons(&|seen| seen.agents.as_mut().unwrap().ready = 3), [Reason::AgentsNotReady]);
        assert_eq!(reasons(&|seen| seen.operators.as_mut().unwrap().ready = 0), [Reason::OperatorsNotReady]);
        assert_eq!(reasons(&|seen| status(seen, "worker-1").failing.push(failing(2))), [Reason::AgentInError]);
        assert_eq!(
            reasons(&|seen| status(seen, "worker-1").components[1].state = "Failure".to_owned()),
            [Reason::AgentInError]
        );
    }

    #[test]
    fn what_was_not_seen_proves_nothing() {
        for judgement in [
            judged(|seen| seen.statuses.clear()),
            judged(|seen| seen.agents = None),
            judged(|seen| drop(seen.statuses.remove(&"cp-1".into()))),
            judged(|seen| drop(seen.statuses.insert("cp-1".into(), Err("it did not answer".to_owned())))),
            judged(|seen| status(seen, "cp-1").components.clear()),
        ] {
            assert!(matches!(judgement, Err(NotHeld::Unobserved(_))), "{judgement:?}");
        }
    }
}
