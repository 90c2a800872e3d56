//! What a kind lab is made from; kept in its state folder, so that a later command judges it by the same.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

use lab_manifest::Manifests;
use lab_model::Routing;
use lab_model::expect::Expectations;
use lab_model::observe::{NodeName, Role};

/// What a kind lab is made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindSpec {
    /// How pod traffic gets from node to node.
    pub routing: Routing,
    /// The kind cluster's name: nodes are called after it.
    pub cluster: String,
    /// Names and roles, in order.
    pub nodes: Vec<(NodeName, Role)>,
    /// The manifests, with the overrides applied.
    pub manifests: Manifests,
    /// What judges expect.
    pub expect: Expectations,
    /// The chart's file (`--chart`); none for the pinned one.
    pub chart: Option<PathBuf>,
    /// The node image (`--node-image`); none for the pinned one.
    pub node_image: Option<String>,
    /// Images of the host's own Engine in the place of pinned ones (`--image`), by their keys in `pins.json`.
    pub images: BTreeMap<String, String>,
    /// The kit that everything comes from (`--kit`).
    pub kit: Option<PathBuf>,
}
