//! Nodes before there is a network plugin.

use super::GET_NODES;
use crate::of_cluster;
use crate::weighing::{Weighing, unobserved};
use lab_model::expect::Expectations;
use lab_model::observe::{Condition, Place};
use lab_model::seen::BeforeCniSeen;
use lab_model::{Judgement, Proof, Reason, words};

/// What the kubelet says when its runtime has no network plugin (Kubernetes 1.20 to 1.25:
/// `pkg/kubelet/runtime.go`, the runtime's condition `NetworkReady`).
const NETWORK: &str = "NetworkReady=false";
const PLUGIN: &str = "NetworkPluginNotReady";

/// Before the network plugin each node was not Ready, and its condition says that this was for want of one.
///
/// # Errors
/// For each node [`Reason::ReadyBeforeCni`] or [`Reason::NotReadyForAnotherReason`]. Unobserved where fewer nodes were
/// seen than there should be, or one has no condition `Ready`.
pub fn nodes_not_ready_for_want_of_a_cni(seen: &BeforeCniSeen, expect: &Expectations) -> Judgement {
    of_cluster(expect)?;
    if seen.nodes.is_empty() {
        return unobserved("no node objects were seen before there was a network plugin");
    }
    let mut weighing = Weighing::default();
    weighing.each_once("node", seen.nodes.iter().map(|node| &node.name));
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
        let mut refute = |reason| {
            weighing.refute(
                reason,
                Place::Bridge,
                format!("{name}: not Ready, because the network plugin is not ready"),
                format!("{name}: {}", told(ready)),
                Some(GET_NODES.to_owned()),
            );
        };
        match ready.status.as_str() {
            "True" => refute(Reason::ReadyBeforeCni),
            "False" if ready.message.contains(NETWORK) && ready.message.contains(PLUGIN) => {
                lines.push(format!("{name}: {}", told(ready)));
            }
            _ => refute(Reason::NotReadyForAnotherReason),
        }
    }
    let total = seen.nodes.len();
    weighing.conclude(|| {
        Proof::new(format!(
            "{total} of {total} nodes were NotReady for want of a network plugin, {} before this",
            words::span(seen.age)
        ))
        .with_details(lines)
    })
}

fn told(ready: &Condition) -> String {
    format!("Ready is {} ({}): {}", ready.status, ready.reason, ready.message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::kind::{before_cni, expectations};
    use lab_model::NotHeld;

    fn judged(change: impl FnOnce(&mut Condition)) -> Judgement {
        let mut seen = before_cni();
        change(&mut seen.nodes[1].conditions[0]);
        nodes_not_ready_for_want_of_a_cni(&seen, &expectations())
    }

    fn reasons(judgement: Judgement) -> Vec<Reason> {
        judgement.expect_err("should not hold").reasons()
    }

    #[test]
    fn accepts_nodes_without_a_network_plugin() {
        let proof = judged(|_ready| {}).expect("held");
        assert_eq!(proof.summary, "3 of 3 nodes were NotReady for want of a network plugin, 7 s before this");
        let [_, line, _] = &*proof.details else { panic!("{proof:?}") };
        assert!(line.starts_with("kind-worker: Ready is False (KubeletNotReady): "), "{line}");
        assert!(line.contains(NETWORK) && line.contains(PLUGIN), "{line}");
    }

    #[test]
    fn refutes_a_node_that_is_ready() {
        let ready = judged(|ready| {
            ready.status = "True".to_owned();
            "kubelet is posting ready status".clone_into(&mut ready.message);
        });
        assert_eq!(reasons(ready), [Reason::ReadyBeforeCni]);
    }

    #[test]
    fn refutes_a_node_that_is_not_ready_for_another_reason() {
        for (status, message) in [
            ("False", "container runtime is down, PLEG is not healthy"),
            ("False", "[container runtime status check may not have completed yet]"),
            // The network is not ready for another reason than its plugin; and the plugin is named without the network.
            ("False", "runtime network not ready: NetworkReady=false reason:RouteNotCreated"),
            ("False", "reason:NetworkPluginNotReady"),
            ("Unknown", "Kubelet stopped posting node status."),
        ] {
            let judgement = judged(|ready| {
                ready.status = status.to_owned();
                ready.message = message.to_owned();
            });
            assert_eq!(reasons(judgement), [Reason::NotReadyForAnotherReason], "{message}");
        }
    }

    #[test]
    fn a_second_reason_beside_the_network_does_not_matter() {
        let both = judged(|ready| ready.message.push_str(", CSINode is not yet initialized"));
        assert!(both.is_ok());
    }

    #[test]
    fn what_was_not_seen_is_unobserved() {
        let seen = before_cni();
        let none = BeforeCniSeen { nodes: Vec::new(), ..seen.clone() };
        let fewer = BeforeCniSeen { nodes: seen.nodes[..2].to_vec(), ..seen.clone() };
        let mut silent = seen;
        silent.nodes[2].conditions.clear();
        for seen in [none, fewer, silent] {
            let judgement = nodes_not_ready_for_want_of_a_cni(&seen, &expectations());
            assert!(matches!(judgement, Err(NotHeld::Unobserved(_))), "{judgement:?}");
        }
    }
}
