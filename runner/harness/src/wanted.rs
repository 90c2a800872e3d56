//! The lab that the command line asks for, before it is checked whether it can be built.

use std::path::PathBuf;

use lab_manifest::overrides::Given;
use lab_model::{Routing, Topology};

/// Which backend is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// kind if the doctor refuses nothing there, otherwise netns.
    Auto,
    /// Network namespaces.
    Netns,
    /// Docker, kind, Kubernetes and Cilium.
    Kind,
    /// A foreign cluster.
    Cluster,
}

impl On {
    /// Its name as a value of `--on`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Netns => "netns",
            Self::Kind => "kind",
            Self::Cluster => "cluster",
        }
    }
}

/// The properties of the lab that is asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its backend.
    pub on: On,
    /// Its name; none for the default.
    pub name: Option<String>,
    /// How pod traffic gets from node to node.
    pub routing: Routing,
    /// How the nodes stand to each other.
    pub topology: Topology,
    /// The number of racks; none for the default, and where there are none.
    pub racks: Option<usize>,
    /// The number of nodes, including the control plane; none for the number in kind.yaml.
    pub nodes: Option<usize>,
    /// The number of pods of the workload; none for the number in hello-app.yaml.
    pub replicas: Option<usize>,
    /// A folder whose manifests replace the built-in ones.
    pub manifests: Option<PathBuf>,
    /// The replacements of pins.
    pub overrides: Given,
    /// Whether, on kind, images are sent to each node, rather than baked into the image that nodes are made of.
    pub stream_images: bool,
}
