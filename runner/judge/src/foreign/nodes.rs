//! The nodes themselves.

use super::of_foreign;
use crate::weighing::{Weighing, unobserved};
use lab_model::expect::Expectations;
use lab_model::foreign::{ForeignNodeAnswer, ForeignNodesSeen};
use lab_model::observe::Place;
use lab_model::report::{Found, Silent};
use lab_model::{Judgement, Proof, Reason};

/// Each node is Ready, and its agent answers.
///
/// # Errors
/// [`Reason::NodeNotReady`] for each that is not. Unobserved, by name, where an agent did not answer, and where there are no
/// nodes at all.
pub fn nodes_answer(seen: &ForeignNodesSeen, expect: &Expectations) -> Judgement {
    let foreign = of_foreign(expect)?;
    if seen.nodes.is_empty() {
        return unobserved("the cluster names no nodes");
    }
    let mut weighing = Weighing::default();
    weighing.each_once("node", seen.nodes.iter().map(|node| &node.name));
    if seen.nodes.len() < expect.nodes() {
        weighing.miss(format!("{} of {} nodes were looked at", seen.nodes.len(), expect.nodes()));
    }
    for node in &seen.nodes {
        let name = &node.name;
        match &node.ready {
            Some(ready) if ready.status == "True" => {}
            Some(ready) => weighing.refute(
                Reason::NodeNotReady,
                Place::Node(name.clone()),
                format!("{name}: Ready"),
                format!("{name}: Ready is {} ({}: {})", ready.status, ready.reason, ready.message),
                Some(format!("kubectl describe node {name}")),
            ),
            None => weighing.miss(format!("{name}: the API server does not say whether it is Ready")),
        }
        if let Err(why) = &node.agent {
            weighing.miss(format!("{name}: {why}"));
        }
    }
    let total = seen.nodes.len();
    weighing.conclude(|| {
        Proof::new(format!("{total} of {total} nodes are Ready, and their agents answer"))
            .with_details([format!("read: {}", foreign.configuration.in_words())])
    })
}

/// The nodes whose agents do not answer, for who tells it node by node.
pub fn nodes_that_do_not_answer(seen: &ForeignNodesSeen, _expect: &Expectations) -> Found {
    let silent = |node: &ForeignNodeAnswer| {
        let why = node.agent.as_ref().err()?;
        Some(Silent { node: node.name.clone(), why: why.clone() })
    };
    Found::silent(seen.nodes.iter().filter_map(silent).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foreign::fixture::expecting;
    use lab_model::NotHeld;
    use lab_model::observe::Condition;

    fn judged(change: impl FnOnce(&mut Vec<ForeignNodeAnswer>)) -> Judgement {
        let ready = || Condition {
            kind: "Ready".to_owned(),
            status: "True".to_owned(),
            reason: "KubeletReady".to_owned(),
            message: "kubelet is posting ready status".to_owned(),
            last_transition: None,
        };
        let answer = |name: &str| ForeignNodeAnswer { name: name.into(), ready: Some(ready()), agent: Ok(()) };
        let mut nodes: Vec<_> = ["cp-1", "worker-1", "worker-2", "worker-3"].map(answer).into();
        change(&mut nodes);
        nodes_answer(&ForeignNodesSeen { nodes }, &expecting(&[]))
    }

    #[test]
    fn accepts_nodes_that_are_ready_and_answer() {
        let proof = judged(|_nodes| {}).expect("held");
        assert_eq!(proof.summary, "4 of 4 nodes are Ready, and their agents answer");
    }

    #[test]
    fn refutes_a_node_that_is_not_ready() {
        let not_held = judged(|nodes| nodes[2].ready.as_mut().expect("a condition").status = "Unknown".to_owned());
        assert_eq!(not_held.expect_err("refuted").reasons(), [Reason::NodeNotReady]);
    }

    #[test]
    fn a_node_that_does_not_answer_is_unobserved_and_named() {
        let silent = judged(|nodes| nodes[1].agent = Err("the agent did not answer within 15s".to_owned()));
        let missing = "worker-1: the agent did not answer within 15s".to_owned();
        assert_eq!(silent, Err(NotHeld::Unobserved(missing)));
        let answer = |name: &str, agent| ForeignNodeAnswer { name: name.into(), ready: None, agent };
        let nodes = vec![answer("worker-1", Err("no agent runs there".to_owned())), answer("worker-2", Ok(()))];
        let found = nodes_that_do_not_answer(&ForeignNodesSeen { nodes }, &expecting(&[]));
        let why = "no agent runs there".to_owned();
        assert_eq!(found, Found::silent(vec![Silent { node: "worker-1".into(), why }]));
        for gone in [judged(Vec::clear), judged(|nodes| drop(nodes.pop())), judged(|nodes| nodes[0].ready = None)] {
            assert!(matches!(gone, Err(NotHeld::Unobserved(_))), "{gone:?}");
        }
        assert!(matches!(judged(|nodes| nodes[0].name = "worker-1".into()), Err(NotHeld::Unobserved(_))));
    }
}
