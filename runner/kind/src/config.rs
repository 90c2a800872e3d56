//! The cluster's configuration for kind: the article's, plus the lab's mark on every node.

use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use super::racks::{RACK_LABEL, rack_name};
use lab_manifest::KindConfig;
use lab_model::observe::{NodeName, Role};
use lab_model::racks::Racks;

/// The path in a node at which the mark is mounted. kind v0.17.0 lets no labels be given to nodes. So a lab's nodes are
/// recognised by the source of this mount, a folder within the lab's state folder.
pub const MARK_IN_NODE: &str = "/etc/lab/mark";

/// The folder, within a lab's state folder, that is mounted into its nodes.
pub const MARK_FOLDER: &str = "mark";

/// The folder on the host that marks the nodes of the lab with this state folder.
pub fn mark_of(state_folder: &Path) -> PathBuf {
    state_folder.join(MARK_FOLDER)
}

/// The configuration for kind, as YAML. `nodes` stand in place of the manifest's.
///
/// # Errors
/// When the configuration cannot be written as YAML, which the manifests' types rule out.
pub fn cluster_config(
    config: &KindConfig,
    nodes: &[(NodeName, Role)],
    mark: &Path,
    racks: Option<&Racks>,
) -> Result<String, serde_yaml::Error> {
    let mut value = serde_yaml::to_value(config)?;
    let mount = json!({ "hostPath": mark, "containerPath": MARK_IN_NODE, "readOnly": true });
    let node = |(name, role): &(NodeName, Role)| {
        let mut node = json!({ "role": role, "extraMounts": [mount] });
        if let Some((position, address)) = racks.and_then(|racks| Some((racks.of(name)?.0, racks.address_of(name)?))) {
            node["labels"] = json!({ RACK_LABEL: rack_name(position) });
            node["kubeadmConfigPatches"] = json!([node_address(*role, address.addr())]);
        }
        node
    };
    let nodes: Vec<Value> = nodes.iter().map(node).collect();
    value["nodes"] = serde_yaml::to_value(nodes)?;
    serde_yaml::to_string(&value)
}

/// Has kubelet tell an address in its rack as the node's, which it has only once kind has made the node: until then the node
/// has none. kind itself tells its own network's.
fn node_address(role: Role, address: Ipv4Addr) -> String {
    let kind = match role {
        Role::ControlPlane => "InitConfiguration",
        Role::Worker => "JoinConfiguration",
    };
    format!("kind: {kind}\nnodeRegistration:\n  kubeletExtraArgs:\n    node-ip: \"{address}\"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_manifest::{Fabric, Manifests};

    #[test]
    fn every_node_carries_the_mark_read_only_and_the_rest_is_the_articles() {
        let manifests = Manifests::embedded().unwrap();
        let nodes = [("kind-control-plane".into(), Role::ControlPlane), ("kind-worker".into(), Role::Worker)];
        let text = cluster_config(&manifests.kind, &nodes, Path::new("/state/lab/kind/mark"), None).unwrap();
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

    #[test]
    fn in_racks_each_node_has_its_racks_label_and_its_address_there() {
        let manifests = Manifests::embedded().unwrap();
        let nodes = [("kind-control-plane".into(), Role::ControlPlane), ("kind-worker".into(), Role::Worker)];
        let names: Vec<NodeName> = nodes.iter().map(|(name, _): &(NodeName, Role)| name.clone()).collect();
        let native = "10.0.0.0/8".parse().unwrap();
        let racks = manifests.racks.racks(2, &names, native, true, Fabric::Docker("kind")).unwrap();
        let text = cluster_config(&manifests.kind, &nodes, Path::new("/mark"), Some(&racks)).unwrap();
        let read: Value = serde_yaml::from_str(&text).unwrap();
        assert_eq!(read["nodes"][1]["labels"], json!({ "rack": "rack1" }));
        let patch: Value = serde_yaml::from_str(read["nodes"][1]["kubeadmConfigPatches"][0].as_str().unwrap()).unwrap();
        assert_eq!(
            patch,
            json!({
                "kind": "JoinConfiguration",
                "nodeRegistration": { "kubeletExtraArgs": { "node-ip": "198.19.1.3" } },
            })
        );
        let first = read["nodes"][0]["kubeadmConfigPatches"][0].as_str().unwrap();
        assert!(first.starts_with("kind: InitConfiguration\n") && first.contains("198.19.0.2"), "{first}");
    }
}
