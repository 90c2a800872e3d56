//! The images that a node's container runtime has, as `crictl images` in the node lists them (CRI v1 `ListImages`).

use async_recursion::async_recursion as boxed;
use serde::Deserialize;
use std::time::Duration;

use super::{NodeFailed, Reference};
use lab_base::clock;
use lab_base::clock::Poll;
use lab_engine::{Engine, EngineError};
use lab_manifest::Digest;
use lab_model::observe::{NodeImage, NodeName};

/// The deadline for one `crictl images` on a busy machine.
const ASK_DEADLINE: Duration = Duration::from_secs(20);
/// The time between two attempts.
const INTERVAL: Duration = Duration::from_millis(250);

/// The images of a node's container runtime.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NodeImages {
    images: Vec<NodeImage>,
}

impl NodeImages {
    /// Reads what `crictl images -o json` prints.
    ///
    /// # Errors
    /// When the text has another form.
    pub fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(text)
    }

    /// All images.
    pub fn all(&self) -> &[NodeImage] {
        &self.images
    }

    /// The image of this name.
    pub fn get(&self, reference: &Reference) -> Option<&NodeImage> {
        let name = reference.to_string();
        self.images.iter().find(|image| image.tags.contains(&name))
    }

    /// Whether the image of this name has the configuration with this digest.
    pub fn has(&self, reference: &Reference, config: &Digest) -> bool {
        self.get(reference).is_some_and(|image| image.id == config.as_str())
    }
}

/// The images that a node has, once its container runtime answers.
///
/// # Errors
/// [`NodeFailed`], with the runtime's last error message when it did not answer by the deadline.
#[boxed(?Send)]
pub async fn node_images(engine: &Engine, node: &NodeName, deadline: Duration) -> Result<NodeImages, NodeFailed> {
    let what = format!("an answer of {node}'s container runtime");
    let listed = clock::until(deadline, INTERVAL, &what, async || match list_images(engine, node).await {
        Ok(Ok(images)) => Poll::Ready(Ok(images)),
        Ok(Err(said)) => Poll::NotYet(said),
        Err(source) => Poll::Ready(Err(NodeFailed::Engine { node: node.clone(), source: Box::new(source) })),
    });
    listed.await.unwrap_or_else(|error| Err(NodeFailed::Unread { node: node.clone(), why: error.to_string() }))
}

async fn list_images(engine: &Engine, node: &NodeName) -> Result<Result<NodeImages, String>, EngineError> {
    let ran = engine.exec(&node.to_string(), ["crictl", "images", "-o", "json"], Vec::new(), ASK_DEADLINE).await?;
    if !ran.success() {
        return Ok(Err(format!("`crictl images` ended with exit code {}: {}", ran.code, ran.stderr_text().trim())));
    }
    Ok(NodeImages::parse(&ran.stdout).map_err(|error| format!("`crictl images -o json` printed no JSON: {error}")))
}

/// Waits until the node lists the image under the name; its runtime does so a moment after the import.
pub(super) async fn expect_image(
    engine: &Engine,
    node: &NodeName,
    reference: &Reference,
    config: &Digest,
    deadline: Duration,
) -> Result<(), NodeFailed> {
    let mut found = None;
    let what = format!("{reference} on {node}");
    let there = clock::until(deadline, INTERVAL, &what, async || match list_images(engine, node).await {
        Ok(Ok(images)) if images.has(reference, config) => Poll::Ready(Ok(())),
        Ok(Ok(images)) => {
            found = images.get(reference).map(|image| image.id.clone());
            Poll::NotYet(String::new())
        }
        Ok(Err(said)) => Poll::NotYet(said),
        Err(source) => Poll::Ready(Err(NodeFailed::Engine { node: node.clone(), source: Box::new(source) })),
    });
    let ended = there.await;
    ended.unwrap_or_else(|_passed| {
        let (node, reference, expected) = (node.clone(), reference.to_string(), config.clone());
        Err(NodeFailed::Unlike { node, reference, expected, found })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_node_is_read() {
        let recorded = include_bytes!("../../tests/data/recordings/3-hello-native/node/kind-worker.crictl-images.json");
        let images = NodeImages::parse(recorded).unwrap();
        let hello = Reference::in_full("hello-app:1.0").unwrap();
        let config =
            Digest::try_from("sha256:c5249481e1fff848d043c20c1dd76d4f7b05250df6616dee4bf40e9596a38e65".to_owned())
                .unwrap();
        assert!(images.has(&hello, &config));
        assert!(!images.has(&hello, &Digest::of(b"another")));
        assert!(!images.has(&Reference::in_full("hello-app:2.0").unwrap(), &config));
        // After `kind load` or an import by tag, an image has no registry digest.
        assert_eq!(images.get(&hello).map(|image| image.repo_digests.as_slice()), Some([].as_slice()));
    }

    #[test]
    fn what_is_no_list_of_images_is_refused() {
        for text in ["", "{}", "[]", r#"{"images": [{}]}"#, "E1123 validate CRI v1 image API for endpoint"] {
            assert!(NodeImages::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
