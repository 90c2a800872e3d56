//! Who answers at the `ClusterIP` of the probe's own Service.

use std::collections::BTreeSet;
use std::net::SocketAddrV4;

use super::of_foreign;
use super::sent::{of_own, of_sample};
use crate::service::weigh_answers;
use crate::weighing::Weighing;
use lab_model::Judgement;
use lab_model::expect::Expectations;
use lab_model::foreign::{ForeignAnswersSeen, PROBE_PORT};
use lab_model::observe::Place;

/// From each node, every connection to the `ClusterIP` was answered by one of the pods behind it, and each of them answered.
///
/// # Errors
/// As [`crate::service::answers_from_the_control_plane`], for each node. Unobserved where a node took no part, where its slices
/// do not have all pods that run, and where policies are enforced and something was not answered.
pub fn answers_from_nodes(seen: &ForeignAnswersSeen, expect: &Expectations) -> Judgement {
    answers(seen, expect, |place| matches!(place, Place::Node(_)))
}

/// The same from each pod of the probe's.
///
/// # Errors
/// As [`answers_from_nodes`].
pub fn answers_from_pods(seen: &ForeignAnswersSeen, expect: &Expectations) -> Judgement {
    answers(seen, expect, |place| matches!(place, Place::Pod(_)))
}

fn answers(seen: &ForeignAnswersSeen, expect: &Expectations, is_asked: fn(&Place) -> bool) -> Judgement {
    of_foreign(expect)?;
    let asked: BTreeSet<&Place> =
        seen.answers.replies.iter().map(|(place, _)| place).filter(|at| is_asked(at)).collect();
    let mut weighing = Weighing::default();
    let nodes = expect.nodes();
    let (places, silent) = (asked.len(), seen.sample.silent.len());
    if places == 0 {
        weighing.miss("nothing was asked from anywhere");
    } else if places + silent < nodes {
        weighing.miss(format!("it was asked from {places} places of {} nodes", nodes - silent));
    }
    // Of those that take no part it is told why.
    for place in &asked {
        if let Place::Node(node) = place
            && !seen.answers.roles.contains_key(node)
        {
            weighing.miss(format!("a node {:?}, from which it was asked, is not known", node.0));
        }
    }
    let address = |pod: &lab_model::observe::PodSeen| Some(SocketAddrV4::new(pod.address?, PROBE_PORT));
    let pods: BTreeSet<SocketAddrV4> = seen.answers.pods.iter().filter_map(address).collect();
    let endpoints: BTreeSet<SocketAddrV4> = seen.endpoints.iter().copied().collect();
    if pods != endpoints {
        weighing.miss(format!(
            "the Service's slices have {} of {} pods: what its address leads to is not settled",
            endpoints.intersection(&pods).count(),
            pods.len()
        ));
    }
    let judged = weigh_answers(&seen.answers, &of_own(expect, seen.backends), &asked, weighing);
    of_sample(judged, &seen.sample, None, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foreign::fixture::{answered, expecting_two};
    use lab_model::foreign::PROBE;
    use lab_model::observe::HttpOutcome;
    use lab_model::{NotHeld, Reason};

    type Judge = fn(&ForeignAnswersSeen, &Expectations) -> Judgement;

    fn judged(judge: Judge, change: impl FnOnce(&mut ForeignAnswersSeen)) -> Judgement {
        let mut seen = answered();
        change(&mut seen);
        judge(&seen, &expecting_two(&[]))
    }

    fn unobserved(judged: Judgement) -> String {
        match judged {
            Err(NotHeld::Unobserved(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn accepts_that_all_are_answered_by_all() {
        let summary = judged(answers_from_nodes, |_| {}).expect("held").summary;
        assert_eq!(summary, "4 of 4 requests to 10.43.7.9:8080 answered, by 2 of 2 pods at each of 2 places");
        assert!(judged(answers_from_pods, |_| {}).is_ok());
    }

    #[test]
    fn what_a_lab_would_expect_of_its_workload_is_not_asked_of_the_probe() {
        let lab = expecting_two(&[]);
        let other = Expectations { replicas: 9, target_port: 1, service: "hello-app".to_owned(), ..lab.clone() };
        for judge in [answers_from_nodes, answers_from_pods] {
            assert_eq!(judge(&answered(), &other), judge(&answered(), &lab));
        }
        // A Service without an address is told by the name that it has.
        let mut seen = answered();
        seen.answers.cluster_ip = None;
        let why = unobserved(answers_from_nodes(&seen, &other));
        assert!(why.contains(&format!("Service {PROBE} has no ClusterIP")), "{why}");
    }

    #[test]
    fn refutes_a_node_that_is_not_answered_and_a_pod_that_never_answers() {
        let silent = judged(answers_from_nodes, |seen| {
            for reply in seen.answers.replies[0].1.as_mut().expect("asked") {
                reply.outcome = HttpOutcome::TimedOut("connecting".to_owned());
            }
        });
        assert_eq!(silent.expect_err("refuted").reasons(), [Reason::NoAnswer]);
        let one = judged(answers_from_pods, |seen| drop(seen.answers.replies[2].1.as_mut().expect("asked").remove(0)));
        assert_eq!(one.expect_err("refuted").reasons(), [Reason::BackendNeverAnswers]);
    }

    #[test]
    fn what_was_not_seen_is_not_held_and_a_policy_is_no_fault_of_the_network() {
        let why = unobserved(judged(answers_from_nodes, |seen| {
            drop(seen.sample.silent.insert("worker-9".into(), "it is linux/arm64".to_owned()));
        }));
        assert!(why.starts_with("worker-9: it is linux/arm64; of the other nodes: 4 of 4"), "{why}");
        let why = unobserved(judged(answers_from_nodes, |seen| seen.endpoints.truncate(1)));
        assert!(why.contains("slices have 1 of 2 pods"), "{why}");
        let nothing_asked = |silent: &[&str]| {
            unobserved(judged(answers_from_pods, |seen| {
                seen.answers.replies.clear();
                seen.sample.silent.extend(silent.iter().map(|node| ((*node).into(), "no kubelet".to_owned())));
            }))
        };
        let alone = nothing_asked(&[]);
        assert!(alone.starts_with("nothing was asked from anywhere"), "{alone}");
        assert_eq!(nothing_asked(&["worker-9"]), format!("worker-9: no kubelet; {alone}"));
        let why = unobserved(judged(answers_from_nodes, |seen| drop(seen.answers.replies.remove(1))));
        assert!(why.contains("it was asked from 1 places of 2 nodes"), "{why}");
        let why = unobserved(judged(answers_from_nodes, |seen| seen.answers.roles.clear()));
        assert!(why.contains("a node \"worker-1\", from which it was asked, is not known"), "{why}");
        let why = unobserved(judged(answers_from_pods, |seen| {
            seen.sample.policed.insert("client-worker-1".to_owned(), "egress".to_owned());
            for reply in seen.answers.replies[2].1.as_mut().expect("asked") {
                reply.outcome = HttpOutcome::TimedOut("connecting".to_owned());
            }
        }));
        assert!(why.starts_with("Cilium enforces policies on client-worker-1 (egress)"), "{why}");
    }
}
