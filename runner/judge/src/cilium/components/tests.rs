//! Cilium's parts on three nodes, and what can be wrong with them.

use super::*;
use crate::fixture::kind::{agent_status, components, deployment, expectations, running};
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
    let proof = judged(|_seen| {}).expect("held");
    assert_eq!(
        proof.summary,
        "agents 3/3, operators 2/2 on 2 nodes, 3 of 3 pods managed; no Hubble relay, no ClusterMesh, no errors"
    );
    let line = |node: &str| format!("{node}: 6 parts and 26 controllers without an error");
    assert_eq!(proof.details, ["kind-control-plane", "kind-worker", "kind-worker2"].map(line));
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
        let findings = refuted(change);
        assert_eq!(reasons(&findings), [Reason::AgentsNotReady]);
        assert_eq!(findings[0].expected, "DaemonSet kube-system/cilium: 3 of 3 ready");
        assert_eq!(findings[0].by_hand.as_deref(), Some("cilium status"));
    }
    // Another of the same namespace is not the agents'.
    let findings = refuted(|seen| "kube-proxy".clone_into(&mut seen.daemon_sets[0].name));
    assert_eq!((findings[0].reason, findings[0].observed.as_str()), (Reason::AgentsNotReady, "no such DaemonSet"));
}

#[test]
fn what_an_agent_that_is_not_ready_does_is_told() {
    let ended =
        ContainerState::Terminated { exit_code: 1, reason: "Error".to_owned(), message: String::new(), started: None };
    for (state, does) in [
        (Some(running(30)), "cilium-k2vg2 on kind-control-plane runs and is not ready"),
        (Some(ended), "cilium-k2vg2 on kind-control-plane ended with exit code 1 (Error)"),
        (None, "cilium-k2vg2 on kind-control-plane has not been started"),
    ] {
        let findings = refuted(|seen| {
            seen.daemon_sets[0].ready = 2;
            (seen.pods[0].containers[0].ready, seen.pods[0].containers[0].state) = (false, state);
        });
        assert_eq!(findings[0].observed, format!("2 of 3 ready, 3 available: {does}"));
    }
    let findings = refuted(|seen| {
        seen.daemon_sets[0].ready = 1;
        seen.pods[..2].iter_mut().for_each(|agent| agent.containers[0].ready = false);
        seen.pods[0].node = None;
        // One that is going is not waited for, and an operator is no agent.
        seen.pods[1].terminating = true;
        seen.pods[3].containers[0].ready = false;
    });
    assert_eq!(findings[0].observed, "1 of 3 ready, 3 available: cilium-k2vg2 on no node runs and is not ready");
    // Without the pods it is still known that they are not ready.
    let findings = refuted(|seen| seen.daemon_sets[0].ready = 2);
    assert_eq!(findings[0].observed, "2 of 3 ready, 3 available");
}

#[test]
fn refutes_operators_that_are_missing_or_share_a_node() {
    for (change, observed) in [
        ((|seen| seen.deployments[0].ready = 1) as fn(&mut ComponentsSeen), "1 of 2 ready, 2 available"),
        (|seen| seen.deployments[0].desired = 1, "2 of 1 ready, 2 available"),
        (|seen| seen.deployments[0].available = 0, "2 of 2 ready, 0 available"),
        (|seen| seen.deployments.clear(), "no such Deployment"),
        // Another one of the namespace is not the operators', nor is one of that name elsewhere.
        (|seen| drop(seen.deployments.remove(0)), "no such Deployment"),
        (|seen| "default".clone_into(&mut seen.deployments[0].namespace), "no such Deployment"),
    ] {
        let findings = refuted(change);
        assert_eq!(reasons(&findings), [Reason::OperatorsNotReady]);
        assert_eq!(findings[0].expected, "Deployment kube-system/cilium-operator: 2 of 2 ready");
        assert_eq!(findings[0].observed, observed);
    }
    let findings = refuted(|seen| seen.pods[4].node = seen.pods[3].node.clone());
    assert_eq!(reasons(&findings), [Reason::OperatorsShareNode]);
    assert_eq!(findings[0].expected, "2 operators on 2 nodes");
    assert_eq!(findings[0].observed, "2 operators on kind-worker");
}

#[test]
fn a_declared_number_of_operators_is_expected() {
    let mut expect = expectations();
    let Some(cluster) = &mut expect.cluster else { panic!("a cluster is expected") };
    cluster.values.insert("operator.replicas".to_owned(), serde_json::json!(1));
    let mut seen = components();
    let judgement = components_are_ok(&seen, &expect);
    assert_eq!(judgement.expect_err("two are there").reasons(), [Reason::OperatorsNotReady]);
    seen.deployments[0] = deployment(OPERATOR, 1);
    seen.pods.remove(4);
    assert!(components_are_ok(&seen, &expect).is_ok());
}

#[test]
fn refutes_components_that_the_article_leaves_out() {
    for (name, expected) in [
        ("hubble-relay", "no Hubble relay"),
        ("hubble-ui", "no Hubble's UI"),
        ("clustermesh-apiserver", "no ClusterMesh"),
    ] {
        let findings = refuted(|seen| seen.deployments.push(deployment(name, 1)));
        assert_eq!(reasons(&findings), [Reason::UnexpectedComponent], "{name}");
        assert_eq!(findings[0].expected, expected);
        assert_eq!(findings[0].observed, format!("Deployment kube-system/{name}, 1 of 1 ready"));
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
    assert_eq!(findings[0].observed, "kind-worker2: controller k8s-heartbeat has failed 4 times in a row: timeout");
    assert_eq!(findings[0].expected, "kind-worker2: no errors");
    let by_hand = "sh -c 'crictl exec $(crictl ps --quiet --name cilium-agent) cilium status --verbose'";
    assert_eq!(findings[0].by_hand.as_deref(), Some(by_hand));
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
    // A pod that runs with a network of its own, and tells no address of it.
    assert_eq!(reasons(&refuted(|seen| seen.pods[5].address = None)), [Reason::PodNotManaged]);
    // Those that share their node's network, have ended, or are going need no endpoint.
    for change in [
        (|pod| pod.host_network = true) as fn(&mut KubePod),
        |pod| "Succeeded".clone_into(&mut pod.phase),
        |pod| "Failed".clone_into(&mut pod.phase),
        |pod| pod.terminating = true,
    ] {
        let judgement = judged(|seen| {
            let mut pod = KubePod { name: "one-that-goes".to_owned(), ..seen.pods[5].clone() };
            change(&mut pod);
            seen.pods.push(pod);
        });
        assert!(judgement.is_ok(), "{judgement:?}");
    }
}

/// A pod's container waits, and the kubelet has not made its sandbox: it has no address.
fn never_starts(pod: &mut KubePod) {
    "Pending".clone_into(&mut pod.phase);
    pod.ready = false;
    pod.address = None;
    let state = ContainerState::Waiting { reason: "ContainerCreating".to_owned(), message: String::new() };
    pod.containers[0].state = Some(state);
}

#[test]
fn refutes_pods_of_the_cluster_that_never_start() {
    let findings = refuted(|seen| {
        seen.pods[5..7].iter_mut().for_each(never_starts);
        seen.deployments[1].ready = 0;
        seen.endpoints.drain(..2);
    });
    assert_eq!(reasons(&findings), [Reason::PodNotManaged; 2]);
    assert_eq!(
        findings[0].observed,
        "kube-system/coredns-565d847f94-6z2t5: Pending on kind-worker2, without an address"
    );
    // The lab's own workload has nothing to wait for either.
    let workload = |seen: &mut ComponentsSeen| {
        let mut pod = seen.pods[5].clone();
        "default".clone_into(&mut pod.namespace);
        "hello-app-55549b8679-4gvdj".clone_into(&mut pod.name);
        never_starts(&mut pod);
        seen.pods.push(pod);
    };
    assert_eq!(reasons(&refuted(workload)), [Reason::PodNotManaged]);
}

#[test]
fn the_clusters_own_pods_are_counted_by_what_their_deployments_want() {
    for (change, missing) in [
        (
            (|seen| drop(seen.pods.drain(5..7))) as fn(&mut ComponentsSeen),
            "0 of 2 pods of Deployment kube-system/coredns are on a node",
        ),
        // On no node yet: nothing shows what Cilium would do.
        (
            |seen| {
                never_starts(&mut seen.pods[5]);
                seen.pods[5].node = None;
            },
            "1 of 2 pods of Deployment kube-system/coredns are on a node",
        ),
        // One of the two, twice.
        (|seen| seen.pods[6] = seen.pods[5].clone(), "1 of 2 pods of Deployment kube-system/coredns are on a node"),
        (
            |seen| drop(seen.pods.pop()),
            "0 of 1 pods of Deployment local-path-storage/local-path-provisioner are on a node",
        ),
        (
            |seen| drop(seen.deployments.remove(1)),
            "no Deployment kube-system/coredns was seen, which every cluster of kind has",
        ),
        (|seen| seen.deployments[1].desired = 0, "2 of 0 pods of Deployment kube-system/coredns are on a node"),
    ] {
        let judgement = judged(change);
        assert!(matches!(&judgement, Err(NotHeld::Unobserved(why)) if why == missing), "{missing}: {judgement:?}");
    }
}

#[test]
fn what_strangers_wait_for_is_not_ciliums_doing() {
    let called = |namespace: &str, deployment: &str, change: fn(&mut KubePod)| {
        judged(|seen| {
            let mut pod = seen.pods[5].clone();
            namespace.clone_into(&mut pod.namespace);
            pod.name = format!("{deployment}-7c9c8b8c5d-x2x7k");
            change(&mut pod);
            seen.pods.push(pod);
        })
    };
    let stranger = |change| called("shop", "database", change);
    let waits: [fn(&mut KubePod); 3] = [
        // No node takes it; a volume that it mounts is not there; it is a Job's and has ended.
        |pod| {
            never_starts(pod);
            pod.node = None;
        },
        never_starts,
        |pod| "Succeeded".clone_into(&mut pod.phase),
    ];
    for (number, change) in waits.into_iter().enumerate() {
        let judgement = stranger(change);
        assert!(judgement.is_ok(), "{number}: {judgement:?}");
    }
    // A namespace or a name that one of the lab's own has too makes it none of them.
    for (namespace, deployment) in [("kube-system", "metrics-server"), ("shop", "coredns")] {
        let judgement = called(namespace, deployment, never_starts);
        assert!(judgement.is_ok(), "{namespace}/{deployment}: {judgement:?}");
    }
    // One that has an address is as any other, whether its image is there or not.
    for change in [(|_pod| {}) as fn(&mut KubePod), |pod| "Pending".clone_into(&mut pod.phase)] {
        assert_eq!(stranger(change).expect_err("no endpoint").reasons(), [Reason::PodNotManaged]);
    }
}

#[test]
fn what_was_not_seen_is_unobserved() {
    type Change = fn(&mut ComponentsSeen);
    let changes: [(Change, &str); 10] = [
        (
            |seen| {
                seen.daemon_sets.clear();
                seen.deployments.clear();
            },
            "no DaemonSets and no Deployments were seen",
        ),
        (|seen| drop(seen.nodes.pop()), "the lab names 2 of 3 nodes"),
        (
            |seen| drop(seen.statuses.remove(&"kind-worker".into())),
            "kind-worker: the agent was not asked for its status",
        ),
        (
            |seen| drop(seen.statuses.insert("kind-worker".into(), Err("no answer in 5 s".to_owned()))),
            "kind-worker: the agent did not tell its status: no answer in 5 s",
        ),
        (|seen| status(seen, |status| status.components.clear()), "kind-worker2: the agent's status names no parts"),
        // The agent's own verdict, and whether it has the API server.
        (
            |seen| status(seen, |status| drop(status.components.remove(0))),
            "kind-worker2: the agent's status has no part cilium",
        ),
        (
            |seen| status(seen, |status| drop(status.components.remove(1))),
            "kind-worker2: the agent's status has no part kubernetes",
        ),
        (
            |seen| seen.pods.retain(|pod| pod.host_network),
            "no pod with an address of its own was seen; 0 of 2 pods of Deployment kube-system/coredns are on a node; \
             0 of 1 pods of Deployment local-path-storage/local-path-provisioner are on a node",
        ),
        (|seen| seen.pods.retain(|pod| pod.container(OPERATOR).is_none()), "0 of 2 ready operators' pods were seen"),
        // Other pods that are ready are no operators, and an operator that is not ready does not count.
        (|seen| seen.pods[3].ready = false, "1 of 2 ready operators' pods were seen"),
    ];
    for (change, why) in changes {
        assert_eq!(judged(change), Err(NotHeld::Unobserved(why.to_owned())));
    }
}
