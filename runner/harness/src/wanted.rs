//! What lab is asked for, before it is known whether it can be had.

use std::path::PathBuf;

use lab_manifest::overrides::Given;
use lab_model::Routing;

/// Which backend is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// kind where the doctor finds all it needs, else netns.
    Auto,
    /// Network namespaces.
    Netns,
    /// Docker, kind, Kubernetes and Cilium.
    Kind,
}

impl On {
    /// As `--on` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Netns => "netns",
            Self::Kind => "kind",
        }
    }
}

/// What a lab is to be made like.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What it is made of.
    pub on: On,
    /// Its name; none for the default.
    pub name: Option<String>,
    /// How pod traffic gets from node to node.
    pub routing: Routing,
    /// Nodes, one control plane included; none for as many as kind.yaml has.
    pub nodes: Option<usize>,
    /// Pods of the workload; none for as many as hello-app.yaml has.
    pub replicas: Option<usize>,
    /// A folder whose manifests replace the built-in ones.
    pub manifests: Option<PathBuf>,
    /// What is used in place of a pin.
    pub overrides: Given,
}
