//! Nodes of an image that was baked from the pinned one: accepted by the whole chain, refused where a link is another.

use super::{Reason, judged, reasons, refuted, unobserved};
use crate::fixture::kind::node_image;
use lab_model::observe::{Baked, EngineImage, ImageSource};
use lab_model::seen::ContainersSeen;

fn digest(digit: &str) -> String {
    format!("sha256:{}", digit.repeat(64))
}

/// Three nodes of an image that was baked from the pinned one.
fn of_a_baked_image(seen: &mut ContainersSeen) {
    let image = node_image();
    let (id, below, layer) = (digest("b"), vec![digest("1"), digest("2")], digest("3"));
    let node_id = image.engine_id.clone().unwrap_or_default();
    seen.node_image = Some(EngineImage {
        id: node_id.clone(),
        repo_digests: seen.containers[0].repo_digests.clone(),
        layers: below.clone(),
    });
    for node in &mut seen.containers {
        node.image = "lab-node:v1.25.3-0123456789ab".to_owned();
        node.image_id.clone_from(&id);
        node.repo_digests.clear();
        node.layers = below.iter().chain([&layer]).cloned().collect();
    }
    let reference = "lab-node:v1.25.3-0123456789ab".to_owned();
    let baked = Baked { reference, engine_id: id, node_id, layer, images: [].into() };
    seen.image = Some(ImageSource { baked: Some(baked), ..image });
}

#[test]
fn accepts_the_image_that_was_baked_from_the_pinned_one() {
    let proof = judged(of_a_baked_image).expect("held");
    assert!(proof.summary.contains("from kindest/node:v1.25.3;"), "{}", proof.summary);
    // One out of a kit has no repository digest, and is known by what the lab took.
    let from_kit = judged(|seen| {
        of_a_baked_image(seen);
        seen.node_image.iter_mut().for_each(|image| image.repo_digests.clear());
    });
    assert!(from_kit.is_ok(), "{from_kit:?}");
}

#[test]
fn refutes_a_tampered_bake_at_each_link_of_the_chain() {
    type Tamper = fn(&mut ContainersSeen);
    let links: [(&str, Tamper); 6] = [
        ("another image that nobody baked", |seen| seen.containers[1].image_id = digest("c")),
        ("another layer on the same node image", |seen| {
            seen.containers[1].layers.pop();
            seen.containers[1].layers.push(digest("4"));
        }),
        ("a layer too many", |seen| seen.containers[1].layers.push(digest("4"))),
        ("a layer of the node image replaced", |seen| seen.containers[1].layers[0] = digest("4")),
        ("the node image alone", |seen| drop(seen.containers[1].layers.pop())),
        ("layers that were not told", |seen| seen.containers[1].layers.clear()),
    ];
    for (what, tamper) in links {
        let findings = refuted(|seen| {
            of_a_baked_image(seen);
            tamper(seen);
        });
        assert_eq!(reasons(&findings), [Reason::AnotherImage], "{what}");
        assert!(findings[0].observed.starts_with("kind-worker: "), "{what}: {}", findings[0].observed);
    }
}

#[test]
fn refutes_a_bake_of_another_node_image() {
    let findings = refuted(|seen| {
        of_a_baked_image(seen);
        let Some(image) = &mut seen.node_image else { panic!("there is one") };
        image.repo_digests = vec![format!("kindest/node@{}", digest("0"))];
        image.id = digest("d");
    });
    assert_eq!(reasons(&findings), [Reason::AnotherImage; 3]);
    // Layers of the node image that the Engine does not tell prove nothing.
    let untold = refuted(|seen| {
        of_a_baked_image(seen);
        seen.node_image.iter_mut().for_each(|image| image.layers.clear());
    });
    assert_eq!(reasons(&untold), [Reason::AnotherImage; 3]);
}

#[test]
fn a_node_image_that_is_gone_leaves_it_open() {
    let judgement = judged(|seen| {
        of_a_baked_image(seen);
        seen.node_image = None;
    });
    let why = |node: &str| {
        format!(
            "{node} is made of an image that was baked from kindest/node:v1.25.3, and the Engine does not have that any more"
        )
    };
    let all = ["kind-control-plane", "kind-worker", "kind-worker2"].map(why).join("; ");
    assert_eq!(judgement, unobserved(all));
}
