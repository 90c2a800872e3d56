//! Putting the probe into a node, once.

use super::connect::Engine;
use super::error::EngineError;
use super::nodes::CLUSTER_LABEL;
use super::program::{PARENT, PROBE_VARIABLE, Program};
use lab_base::failure::chain;

/// Puts the probe into the container of a node, unless it is there. Returns the container's id.
///
/// # Errors
/// Why not, in words that do not name the node.
pub(super) async fn install(engine: &Engine, cluster: &str, node: &str, program: &Program) -> Result<String, String> {
    let words = |error: EngineError| chain(&error);
    let container = engine.container(node).await.map_err(words)?.ok_or("there is no container of this name")?;
    let labels = container.config.and_then(|config| config.labels).unwrap_or_default();
    if labels.get(CLUSTER_LABEL).map(String::as_str) != Some(cluster) {
        return Err(format!("the container of this name is no node of the kind cluster {cluster}"));
    }
    let id = container.id.ok_or("the Engine does not tell its id")?;
    if let Some(architecture) = engine.architecture()
        && architecture != program.architecture
    {
        return Err(format!(
            "the probe is a program for {}, and the Engine's host is {architecture}: name one for {architecture} in {PROBE_VARIABLE}, for example \
             the file lab-probe of a release",
            program.architecture
        ));
    }
    if !engine.exists(&id, &program.complete()).await.map_err(words)? {
        engine.upload(&id, PARENT, program.archive.clone()).await.map_err(words)?;
    }
    Ok(id)
}
