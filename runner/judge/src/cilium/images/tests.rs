//! The images of Cilium on three nodes, and others in their place.

use super::*;
use crate::fixture::kind::{OPERATOR_CONFIG, expectations, images};
use lab_model::NotHeld;

fn judged(change: impl FnOnce(&mut ImagesSeen)) -> Judgement {
    let mut seen = images();
    change(&mut seen);
    images_are_the_pinned_ones(&seen, &expectations())
}

fn reasons(change: impl FnOnce(&mut ImagesSeen)) -> Vec<Reason> {
    judged(change).expect_err("should not hold").reasons()
}

fn another() -> String {
    format!("sha256:{}", "9".repeat(64))
}

/// The node got this image under Cilium's tag.
fn retagged(seen: &mut ImagesSeen) {
    let Some(Ok(on_node)) = seen.on_nodes.get_mut(&NodeName::from("kind-worker")) else { panic!("images") };
    on_node[0].id = another();
    seen.pods[1].containers[0].image_id = another();
}

#[test]
fn accepts_the_images_that_were_taken_by_their_pins() {
    let proof = judged(|_seen| {}).expect("held");
    assert_eq!(proof.summary, "3 of 3 cilium and 2 of 2 operator-generic containers run the images that were taken");
    let digest = |name: &str| {
        let cluster = expectations().cluster.expect("a cluster");
        cluster.images[name].digest.clone().expect("a pinned digest")
    };
    let line = |name: &str, config: &str| {
        format!("{name}: quay.io/cilium/{name}:v1.12.4, {}, configuration {config}", digest(name))
    };
    let agents = images().sources[0].config_digest.clone();
    assert_eq!(proof.details, [line("cilium", &agents), line("operator-generic", OPERATOR_CONFIG)]);
}

#[test]
fn refutes_another_image_under_the_tag() {
    let judgement = judged(retagged);
    let Err(NotHeld::Refuted(findings)) = judgement else { panic!("not refuted: {judgement:?}") };
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].reason, Reason::AnotherImage);
    assert_eq!(findings[0].place, Place::Node("kind-worker".into()));
    let runs = "kind-worker: cilium-9f6rr runs quay.io/cilium/cilium:v1.12.4";
    assert_eq!(findings[0].expected, format!("{runs} ({})", images().sources[0].config_digest));
    assert_eq!(findings[0].observed, format!("{runs} ({})", another()));
    assert_eq!(findings[0].by_hand.as_deref(), Some("crictl images --no-trunc"));
}

#[test]
fn refutes_an_operators_other_image() {
    let found = reasons(|seen| {
        let cilium = seen.pods[0].containers[0].image_id.clone();
        seen.pods[3].containers[0].image_id = cilium;
    });
    assert_eq!(found, [Reason::AnotherImage]);
}

#[test]
fn as_many_operators_are_looked_at_as_the_release_asks_for() {
    let mut expect = expectations();
    let Some(cluster) = &mut expect.cluster else { panic!("a cluster is expected") };
    cluster.values.insert("operator.replicas".to_owned(), serde_json::json!(1));
    let mut seen = images();
    seen.pods.pop();
    assert!(images_are_the_pinned_ones(&seen, &expect).is_ok());
    let judgement = judged(|seen| drop(seen.pods.pop()));
    let Err(NotHeld::Unobserved(why)) = judgement else { panic!("not unobserved: {judgement:?}") };
    assert_eq!(why, "1 of 2 containers cilium-operator were seen");
}

#[test]
fn refutes_an_image_that_was_not_taken_by_its_pin() {
    let only = |judgement: Judgement| match judgement {
        Err(NotHeld::Refuted(findings)) if findings.len() == 1 => findings.into_iter().next().expect("one"),
        other => panic!("not refuted once: {other:?}"),
    };
    let other = only(judged(|seen| seen.sources[0].repo_digest = Some(another())));
    assert_eq!((other.reason, &other.place), (Reason::WrongRepositoryDigest, &Place::Bridge));
    let pinned = images().sources[0].repo_digest.clone().expect("a digest");
    assert_eq!(other.expected, format!("quay.io/cilium/cilium:v1.12.4@{pinned}"));
    assert_eq!(other.observed, format!("quay.io/cilium/cilium:v1.12.4 was taken as {}", another()));
    assert_eq!(other.by_hand.as_deref(), Some("docker images --digests quay.io/cilium/cilium"));
    let none = only(judged(|seen| seen.sources[1].repo_digest = None));
    assert_eq!(none.reason, Reason::WrongRepositoryDigest);
    assert_eq!(none.observed, "quay.io/cilium/operator-generic:v1.12.4 was taken without a repository digest");
}

#[test]
fn an_image_of_the_hosts_own_needs_no_repository_digest() {
    let mut expect = expectations();
    let Some(cluster) = &mut expect.cluster else { panic!("a cluster is expected") };
    cluster.images.values_mut().for_each(|image| image.digest = None);
    let mut seen = images();
    seen.sources.iter_mut().for_each(|source| source.repo_digest = None);
    let proof = images_are_the_pinned_ones(&seen, &expect).expect("held");
    let config = &seen.sources[0].config_digest;
    assert_eq!(proof.details[0], format!("cilium: quay.io/cilium/cilium:v1.12.4, configuration {config}"));
    retagged(&mut seen);
    let judgement = images_are_the_pinned_ones(&seen, &expect);
    assert_eq!(judgement.expect_err("another image").reasons(), [Reason::AnotherImage]);
}

#[test]
fn a_nodes_repository_digest_is_translated_by_the_node() {
    let pulled = format!("quay.io/cilium/operator-generic@sha256:{}", "7".repeat(64));
    let with = |seen: &mut ImagesSeen, id: &str| {
        seen.pods[3].containers[0].image_id.clone_from(&pulled);
        let node = seen.pods[3].node.clone().expect("a node");
        let Some(Ok(on_node)) = seen.on_nodes.get_mut(&node) else { panic!("images") };
        let image = NodeImage { id: id.to_owned(), tags: Vec::new(), repo_digests: vec![pulled.clone()] };
        on_node.insert(0, image);
    };
    assert!(judged(|seen| with(seen, OPERATOR_CONFIG)).is_ok());
    assert_eq!(reasons(|seen| with(seen, &another())), [Reason::AnotherImage]);
}

#[test]
fn what_was_not_seen_is_unobserved() {
    type Change<'a> = &'a dyn Fn(&mut ImagesSeen);
    let worker = NodeName::from("kind-worker");
    let agents = "2 of 3 containers cilium-agent were seen";
    let operators = "1 of 2 containers cilium-operator were seen";
    let unknown = format!("kind-worker: cilium-9f6rr: its image {} is not among the node's 2", another());
    let changes: [(Change<'_>, &str); 13] = [
        (
            &|seen| seen.pods.clear(),
            "0 of 3 containers cilium-agent were seen; 0 of 2 containers cilium-operator were seen",
        ),
        (&|seen| drop(seen.pods.remove(0)), agents),
        // One of the two operators, and one of them twice.
        (&|seen| drop(seen.pods.pop()), operators),
        (
            &|seen| seen.pods[4] = seen.pods[3].clone(),
            "pod kube-system/cilium-operator-7947f8d67-zf75w is listed twice; \
             1 of 2 containers cilium-operator were seen",
        ),
        // Two agents on one node are none on another.
        (&|seen| seen.pods[1].node = seen.pods[0].node.clone(), agents),
        (&|seen| seen.pods[0].terminating = true, agents),
        (&|seen| seen.pods[3].terminating = true, operators),
        (
            &|seen| seen.sources.clear(),
            "where image cilium came from was not recorded; where image operator-generic came from was not recorded",
        ),
        (
            &|seen| seen.pods[1].containers[0].image_id.clear(),
            "kind-worker: cilium-9f6rr: cilium-agent has no image yet",
        ),
        // A digest that the node does not know is no image on the node.
        (&|seen| seen.pods[1].containers[0].image_id = another(), &unknown),
        (&|seen| seen.pods[3].node = None, "cilium-operator-7947f8d67-zf75w is on no node"),
        (
            &|seen| drop(seen.on_nodes.remove(&worker)),
            "kind-worker: cilium-9f6rr: the node's images were not listed; \
             kind-worker: cilium-operator-7947f8d67-zf75w: the node's images were not listed",
        ),
        (
            &|seen| drop(seen.on_nodes.insert(worker.clone(), Err("no such container".to_owned()))),
            "kind-worker: cilium-9f6rr: the node's images could not be listed: no such container; \
             kind-worker: cilium-operator-7947f8d67-zf75w: the node's images could not be listed: no such container",
        ),
    ];
    for (change, why) in changes {
        assert_eq!(judged(change), Err(NotHeld::Unobserved(why.to_owned())));
    }
    let mut expect = expectations();
    expect.cluster.as_mut().expect("a cluster").images.remove("cilium");
    let judgement = images_are_the_pinned_ones(&images(), &expect);
    assert_eq!(judgement, Err(NotHeld::Unobserved("nothing says which image cilium should be".to_owned())));
}
