//! Copies the probe into a node, unless it is there already.

use super::connect::Engine;
use super::error::EngineError;
use super::nodes::CLUSTER_LABEL;
use super::program::{PARENT, PROBE_VARIABLE, Program};
use lab_base::failure::chain;

/// Copies the probe into the container of a node, unless it is there. Returns the container's id.
///
/// # Errors
/// A text that says why not; the caller adds the node's name.
pub(super) async fn install(engine: &Engine, cluster: &str, node: &str, program: &Program) -> Result<String, String> {
    let text = |error: EngineError| chain(&error);
    let container = engine.container(node).await.map_err(text)?.ok_or("there is no container of this name")?;
    let labels = container.config.and_then(|config| config.labels).unwrap_or_default();
    if labels.get(CLUSTER_LABEL).map(String::as_str) != Some(cluster) {
        return Err(format!("the container of this name is not a node of the kind cluster {cluster}"));
    }
    let id = container.id.ok_or("the Engine does not report its id")?;
    if let Some(architecture) = engine.architecture()
        && architecture != program.architecture
    {
        return Err(format!(
            "the probe is a program for {}, and the Engine's host is {architecture}: set {PROBE_VARIABLE} to the path of a probe for {architecture}, \
             for example the file lab-probe of a release",
            program.architecture
        ));
    }
    if !engine.exists(&id, &program.complete()).await.map_err(text)? {
        engine.upload(&id, PARENT, program.archive.clone()).await.map_err(text)?;
    }
    Ok(id)
}
