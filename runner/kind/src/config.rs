//! The cluster's configuration for kind: the article's, plus the lab's mark on every node.

use serde_json::{Value, json};
use std::path::{Path, PathBuf};

use lab_manifest::KindConfig;
use lab_model::observe::Role;

/// The path in a node at which the mark is mounted. kind v0.17.0 lets no labels be given to nodes. So a lab's nodes are
/// recognised by the source of this mount, a folder within the lab's state folder.
pub const MARK_IN_NODE: &str = "/etc/lab/mark";

/// The folder, within a lab's state folder, that is mounted into its nodes.
pub const MARK_FOLDER: &str = "mark";

/// The folder on the host that marks the nodes of the lab with this state folder.
pub fn mark_of(state_folder: &Path) -> PathBuf {
    state_folder.join(MARK_FOLDER)
}

/// The configuration for kind, as YAML. `nodes` are the roles of the nodes, in place of the manifest's.
///
/// # Errors
/// When the configuration cannot be written as YAML, which the manifests' types rule out.
pub fn cluster_config(config: &KindConfig, nodes: &[Role], mark: &Path) -> Result<String, serde_yaml::Error> {
    let mut value = serde_yaml::to_value(config)?;
    let mount = json!({ "hostPath": mark, "containerPath": MARK_IN_NODE, "readOnly": true });
    let nodes: Vec<Value> = nodes.iter().map(|role| json!({ "role": role, "extraMounts": [mount] })).collect();
    value["nodes"] = serde_yaml::to_value(nodes)?;
    serde_yaml::to_string(&value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_manifest::Manifests;

    #[test]
    fn every_node_carries_the_mark_read_only_and_the_rest_is_the_articles() {
        let manifests = Manifests::embedded().unwrap();
        let roles = [Role::ControlPlane, Role::Worker];
        let text = cluster_config(&manifests.kind, &roles, Path::new("/state/lab/kind/mark")).unwrap();
        let read: Value = serde_yaml::from_str(&text).unwrap();
        let mount = json!([{ "hostPath": "/state/lab/kind/mark", "containerPath": "/etc/lab/mark", "readOnly": true }]);
        assert_eq!(
            read,
            json!({
                "kind": "Cluster",
                "apiVersion": "kind.x-k8s.io/v1alpha4",
                "nodes": [
                    { "role": "control-plane", "extraMounts": mount },
                    { "role": "worker", "extraMounts": mount },
                ],
                "networking": { "disableDefaultCNI": true, "kubeProxyMode": "none" },
            })
        );
    }
}
