//! Copies the probe into a node, unless it is there already.

use std::collections::HashMap;

use super::connect::Engine;
use super::error::EngineError;
use super::nodes::{CLUSTER_LABEL, RACKS_LABEL};
use super::program::{PARENT, PROBE_VARIABLE, Program};
use lab_base::failure::chain;

/// Whose containers the probe is copied into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Whose {
    /// The kind cluster, whose nodes are the lab's.
    pub(super) cluster: String,
    /// The lab's mark, which its routers carry; none for a lab that has none.
    pub(super) mark: Option<String>,
}

impl Whose {
    fn has(&self, labels: &HashMap<String, String>) -> bool {
        let mark = labels.get(RACKS_LABEL).filter(|_| self.mark.is_some());
        labels.get(CLUSTER_LABEL) == Some(&self.cluster) || (mark.is_some() && mark == self.mark.as_ref())
    }
}

/// Copies the probe into the container of a node or a router, unless it is there. Returns the container's id.
///
/// # Errors
/// A text that says why not; the caller adds the node's name.
pub(super) async fn install(engine: &Engine, whose: &Whose, node: &str, program: &Program) -> Result<String, String> {
    let text = |error: EngineError| chain(&error);
    let container = engine.container(node).await.map_err(text)?.ok_or("there is no container of this name")?;
    let labels = container.config.and_then(|config| config.labels).unwrap_or_default();
    if !whose.has(&labels) {
        return Err(format!("the container of this name is not a node of the kind cluster {}", whose.cluster));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_lab_s_own_nodes_and_routers_are_entered() {
        let labels = |name: &str, value: &str| HashMap::from([(name.to_owned(), value.to_owned())]);
        let of = |mark: Option<&str>| Whose { cluster: "kind".to_owned(), mark: mark.map(str::to_owned) };
        let (node, router) = (labels(CLUSTER_LABEL, "kind"), labels(RACKS_LABEL, "/state/lab/kind/mark"));
        let whose = of(Some("/state/lab/kind/mark"));
        assert!(whose.has(&node) && whose.has(&router));
        assert!(!whose.has(&labels(CLUSTER_LABEL, "other")) && !whose.has(&HashMap::new()));
        assert!(!of(Some("/state/lab/other/mark")).has(&router));
        assert!(!of(None).has(&router));
    }
}
