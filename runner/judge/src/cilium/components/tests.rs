//! Cilium's parts on three nodes, and what can be wrong with them.

use super::*;
use crate::fixture::kind::{agent_status, components, deployment, expectations};
use lab_model::observe::ComponentState;
use lab_model::{Finding, NotHeld};

fn judged(change: impl FnOnce(&mut ComponentsSeen)) -> Judgement {
    let mut seen = components();
    change(&mut seen);
    components_are_ok(&seen, &expectations())
}

fn refuted(change: impl FnOnce(&mut ComponentsSeen)) -> Vec<Finding> {
    match judged(change) {
        Err(NotHeld::Refuted(findings)) => findings,
        other => panic!("not refuted: {other:?}"),
    }
}

fn reasons(findings: &[Finding]) -> Vec<Reason> {
    findings.iter().map(|finding| finding.reason).collect()
}

fn status(seen: &mut ComponentsSeen, change: impl FnOnce(&mut AgentStatus)) {
    let mut status = agent_status();
    change(&mut status);
    seen.statuses.insert("kind-worker2".into(), Ok(status));
}

#[test]
fn accepts_what_the_article_shows() {
    assert_eq!(
        judged(|_seen| {}).expect("held").summary,
        "agents 3/3, operators 2/2 on 2 nodes, 3 of 3 pods managed; no Hubble relay, no ClusterMesh, no errors"
    );
}

#[test]
fn refutes_agents_that_are_not_ready() {
    let findings = refuted(|seen| {
        seen.daemon_sets[0].ready = 2;
        let agent = &mut seen.pods[0].containers[0];
        agent.ready = false;
        agent.state = Some(ContainerState::Waiting { reason: "CrashLoopBackOff".to_owned(), message: String::new() });
        seen.statuses.insert("kind-control-plane".into(), Err("exit code 1".to_owned()));
    });
    assert_eq!(reasons(&findings), [Reason::AgentsNotReady]);
    assert_eq!(
        findings[0].observed,
        "2 of 3 ready, 3 available: cilium-k2vg2 on kind-control-plane waits (CrashLoopBackOff)"
    );
    for change in [
        (|seen| seen.daemon_sets[0].desired = 2) as fn(&mut ComponentsSeen),
        |seen| seen.daemon_sets[0].available = 0,
        |seen| seen.daemon_sets.clear(),
        |seen| "default".clone_into(&mut seen.daemon_sets[0].namespace),
    ] {
        assert_eq!(reasons(&refuted(change)), [Reason::AgentsNotReady]);
    }
}

#[test]
fn refutes_operators_that_are_missing_or_share_a_node() {
    for change in [
        (|seen| seen.deployments[0].ready = 1) as fn(&mut ComponentsSeen),
        |seen| seen.deployments[0].desired = 1,
        |seen| seen.deployments.clear(),
    ] {
        assert_eq!(reasons(&refuted(change)), [Reason::OperatorsNotReady]);
    }
    let findings = refuted(|seen| seen.pods[4].node = seen.pods[3].node.clone());
    assert_eq!(reasons(&findings), [Reason::OperatorsShareNode]);
}

#[test]
fn a_declared_number_of_operators_is_expected() {
    let mut expect = expectations();
    let Some(cluster) = &mut expect.cluster else { panic!("a cluster is expected") };
    cluster.values.insert("operator.replicas".to_owned(), serde_json::json!(1));
    let mut seen = components();
    let judgement = components_are_ok(&seen, &expect);
    assert_eq!(judgement.expect_err("two are there").reasons(), [Reason::OperatorsNotReady]);
    seen.deployments = vec![deployment(OPERATOR, 1)];
    seen.pods.remove(4);
    assert!(components_are_ok(&seen, &expect).is_ok());
}

#[test]
fn refutes_components_that_the_article_leaves_out() {
    for name in ["hubble-relay", "clustermesh-apiserver"] {
        let findings = refuted(|seen| seen.deployments.push(deployment(name, 1)));
        assert_eq!(reasons(&findings), [Reason::UnexpectedComponent], "{name}");
    }
}

#[test]
fn refutes_an_agent_with_an_error() {
    for state in ["Failure", "Warning"] {
        let findings = refuted(|seen| {
            status(seen, |status| {
                let part = ComponentState {
                    name: "kubernetes".to_owned(),
                    state: state.to_owned(),
                    message: "no route to host".to_owned(),
                };
                status.components[1] = part;
            });
        });
        assert_eq!(reasons(&findings), [Reason::AgentInError]);
        assert_eq!(findings[0].observed, format!("kind-worker2: kubernetes is {state}: no route to host"));
    }
    let findings = refuted(|seen| {
        status(seen, |status| {
            let controller = FailingController {
                name: "k8s-heartbeat".to_owned(),
                consecutive_failures: 4,
                message: "timeout".to_owned(),
            };
            status.failing.push(controller);
        });
    });
    assert_eq!(reasons(&findings), [Reason::AgentInError]);
    assert!(findings[0].observed.contains("k8s-heartbeat has failed 4 times"), "{}", findings[0].observed);
}

#[test]
fn refutes_a_pod_that_is_not_managed() {
    let gone = refuted(|seen| drop(seen.endpoints.pop()));
    assert_eq!(reasons(&gone), [Reason::PodNotManaged]);
    let other = refuted(|seen| "default".clone_into(&mut seen.endpoints[0].namespace));
    assert_eq!(reasons(&other), [Reason::PodNotManaged]);
    let state = refuted(|seen| "regenerating".clone_into(&mut seen.endpoints[0].state));
    assert_eq!(reasons(&state), [Reason::PodNotManaged]);
    let address = refuted(|seen| seen.endpoints[0].address = Some("10.0.1.99".parse().expect("an address")));
    assert_eq!(reasons(&address), [Reason::PodNotManaged]);
    // Those that share their node's network, have ended, or are going need no endpoint.
    for change in [
        (|seen| seen.pods[5].host_network = true) as fn(&mut ComponentsSeen),
        |seen| "Succeeded".clone_into(&mut seen.pods[5].phase),
        |seen| seen.pods[5].terminating = true,
    ] {
        let judgement = judged(|seen| {
            seen.endpoints.remove(0);
            change(seen);
        });
        assert!(judgement.is_ok(), "{judgement:?}");
    }
}

#[test]
fn what_was_not_seen_is_unobserved() {
    let changes: [fn(&mut ComponentsSeen); 7] = [
        |seen| {
            seen.daemon_sets.clear();
            seen.deployments.clear();
        },
        |seen| drop(seen.nodes.pop()),
        |seen| drop(seen.statuses.remove(&"kind-worker".into())),
        |seen| drop(seen.statuses.insert("kind-worker".into(), Err("no answer in 5 s".to_owned()))),
        |seen| status(seen, |status| status.components.clear()),
        |seen| seen.pods.retain(|pod| pod.host_network),
        |seen| seen.pods.retain(|pod| pod.container(OPERATOR).is_none()),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let judgement = judged(change);
        assert!(matches!(judgement, Err(NotHeld::Unobserved(_))), "{number}: {judgement:?}");
    }
}
