//! What a kind lab is made from. It is kept in the state folder, so that a later command judges the lab by the same
//! expectations.

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
    /// The kind cluster's name, which the nodes' names begin with.
    pub cluster: String,
    /// Names and roles, in order.
    pub nodes: Vec<(NodeName, Role)>,
    /// The manifests, with the overrides applied.
    pub manifests: Manifests,
    /// The expectations of the judges.
    pub expect: Expectations,
    /// The chart's file (`--chart`); none for the pinned one.
    pub chart: Option<PathBuf>,
    /// The node image (`--node-image`); none for the pinned one.
    pub node_image: Option<String>,
    /// Images of the host's Engine that replace pinned ones (`--image`), by their keys in `pins.json`.
    pub images: BTreeMap<String, String>,
    /// The kit that images and chart are taken from (`--kit`).
    pub kit: Option<PathBuf>,
    /// Whether nodes are made of a baked node image, which has Cilium's images already; else these are sent to each node.
    #[serde(default)]
    pub bake: bool,
}
