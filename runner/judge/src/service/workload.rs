//! Where the replicas run.

use std::collections::BTreeMap;

use crate::weighing::{Weighing, unobserved};
use lab_model::expect::Expectations;
use lab_model::observe::{NodeName, Place, PodName, PodSeen, Role};
use lab_model::seen::WorkloadSeen;
use lab_model::{Judgement, Proof, Reason};

/// As many pods as there should be replicas are ready, each on a worker of its own, with addresses within their nodes'
/// pod CIDRs.
///
/// # Errors
/// [`Reason::WrongReplicaCount`] (also when there are no pods at all), and for a pod [`Reason::NotOnTwoWorkers`] or
/// [`Reason::OutsidePodCidr`]. Unobserved when roles or a pod CIDR are not known.
pub fn two_replicas_on_two_workers(seen: &WorkloadSeen, expect: &Expectations) -> Judgement {
    if expect.replicas == 0 {
        return unobserved("the workload is to have no replicas");
    }
    if seen.roles.is_empty() {
        return unobserved("no node's role is known");
    }
    let mut weighing = Weighing::default();
    let ready: Vec<&PodSeen> = seen.pods.iter().filter(|pod| pod.ready).collect();
    if ready.len() != expect.replicas {
        let names: Vec<&str> = ready.iter().map(|pod| pod.name.0.as_str()).collect();
        weighing.refute(
            Reason::WrongReplicaCount,
            Place::Bridge,
            format!("{} ready pods", expect.replicas),
            format!(
                "{} of {} ready pods, {} pods in all: {}",
                ready.len(),
                expect.replicas,
                seen.pods.len(),
                if names.is_empty() { "none ready".to_owned() } else { names.join(", ") }
            ),
            None,
        );
    }
    let mut taken = BTreeMap::new();
    let mut lines = Vec::new();
    for pod in ready {
        if let Some(line) = weigh(pod, seen, &mut taken, &mut weighing) {
            lines.push(line);
        }
    }
    weighing.conclude(|| {
        let nodes: Vec<&str> = taken.keys().map(|node| node.0.as_str()).collect();
        Proof::new(format!("{} of {} ready pods, on {}", lines.len(), expect.replicas, nodes.join(", ")))
            .with_details(lines)
    })
}

/// The line of a proof about a pod that is where it belongs.
fn weigh<'a>(
    pod: &'a PodSeen,
    seen: &WorkloadSeen,
    taken: &mut BTreeMap<&'a NodeName, &'a PodName>,
    weighing: &mut Weighing,
) -> Option<String> {
    let name = &pod.name;
    let misplaced = |observed: String| {
        (Reason::NotOnTwoWorkers, format!("{name}: on a worker of its own"), format!("{name}: {observed}"))
    };
    let Some(node) = &pod.node else {
        let (reason, expected, observed) = misplaced("on no node".to_owned());
        weighing.refute(reason, Place::Pod(name.clone()), expected, observed, None);
        return None;
    };
    let placement = match (seen.roles.get(node), taken.insert(node, name)) {
        (Some(Role::Worker), None) => None,
        (Some(Role::Worker), Some(other)) => Some(misplaced(format!("on {node}, as {other} is"))),
        (Some(Role::ControlPlane), _) => Some(misplaced(format!("on {node}, a control plane"))),
        (None, _) => Some(misplaced(format!("on {node}, which is no node of the lab"))),
    };
    let misplacement = placement.is_some();
    if let Some((reason, expected, observed)) = placement {
        weighing.refute(reason, Place::Pod(name.clone()), expected, observed, None);
    }
    let Some(cidr) = seen.pod_cidrs.by_node.get(node) else {
        weighing.miss(format!("the pod CIDR of {node} is not known"));
        return None;
    };
    match pod.address {
        Some(address) if cidr.contains(&address) => {
            (!misplacement).then(|| format!("{name}: {address} on {node}, within {cidr}"))
        }
        outside => {
            let observed = outside.map_or_else(|| "no address".to_owned(), |address| address.to_string());
            weighing.refute(
                Reason::OutsidePodCidr,
                Place::Pod(name.clone()),
                format!("{name}: an address within {cidr}, the pod CIDR of {node}"),
                format!("{name}: {observed}"),
                Some("ip address show dev eth0".to_owned()),
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::fixture::{addr, expectations};

    fn judged(change: impl FnOnce(&mut WorkloadSeen)) -> Judgement {
        let mut seen =
            WorkloadSeen { pods: fixture::both_pods(), roles: fixture::roles(), pod_cidrs: fixture::pod_cidrs(3) };
        change(&mut seen);
        two_replicas_on_two_workers(&seen, &expectations())
    }

    fn refuted(change: impl FnOnce(&mut WorkloadSeen)) -> Vec<Reason> {
        judged(change).expect_err("refuted").reasons()
    }

    #[test]
    fn accepts_a_replica_on_each_worker() {
        let proof = judged(|_seen| {}).expect("held");
        assert_eq!(proof.summary, "2 of 2 ready pods, on kind-worker, kind-worker2");
        assert_eq!(proof.details[0], "hello-app-a: 10.0.1.12 on kind-worker, within 10.0.1.0/24");
    }

    #[test]
    fn refutes_another_count_of_ready_pods() {
        let count = [Reason::WrongReplicaCount];
        assert_eq!(refuted(|seen| seen.pods[1].ready = false), count);
        assert_eq!(refuted(|seen| drop(seen.pods.pop())), count);
        assert_eq!(refuted(|seen| seen.pods.clear()), count);
    }

    #[test]
    fn refutes_both_on_one_worker() {
        let both = |seen: &mut WorkloadSeen| seen.pods[1] = fixture::pod("hello-app-b", fixture::WORKER, "10.0.1.13");
        assert_eq!(refuted(both), [Reason::NotOnTwoWorkers]);
    }

    #[test]
    fn refutes_a_pod_on_no_worker() {
        let control_plane =
            |seen: &mut WorkloadSeen| seen.pods[1] = fixture::pod("hello-app-b", fixture::CONTROL_PLANE, "10.0.0.7");
        assert_eq!(refuted(control_plane), [Reason::NotOnTwoWorkers]);
        assert_eq!(refuted(|seen| seen.pods[1].node = None), [Reason::NotOnTwoWorkers]);
        let unknown = |seen: &mut WorkloadSeen| seen.roles.retain(|node, _role| node.0 != fixture::WORKER2);
        assert_eq!(refuted(unknown), [Reason::NotOnTwoWorkers]);
    }

    #[test]
    fn refutes_an_address_outside_the_nodes_pod_cidr() {
        assert_eq!(refuted(|seen| seen.pods[1].address = Some(addr("10.0.1.13"))), [Reason::OutsidePodCidr]);
        assert_eq!(refuted(|seen| seen.pods[1].address = None), [Reason::OutsidePodCidr]);
    }

    #[test]
    fn what_was_not_seen_is_unobserved() {
        assert_eq!(judged(|seen| seen.roles.clear()), unobserved("no node's role is known"));
        assert_eq!(
            judged(|seen| seen.pod_cidrs.by_node.retain(|node, _cidr| node.0 != fixture::WORKER)),
            unobserved("the pod CIDR of kind-worker is not known")
        );
    }
}
