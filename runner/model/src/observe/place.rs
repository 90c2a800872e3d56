//! Names of the members of a lab.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self(name.to_owned())
            }
        }
    };
}

name! {
    /// A node's name as the article has it, for example `kind-worker2`.
    NodeName
}
name! {
    /// A pod's name, for example `hello-app-646c68546-tcjhs`.
    PodName
}

/// What a node is for (kind's `role` in the cluster configuration, `kind.x-k8s.io/v1alpha4`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Runs the control plane and no workload.
    ControlPlane,
    /// Runs the workload.
    Worker,
}

/// A network namespace of a lab that a probe can look into.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The namespace that holds the bridge: the lab's own on netns, the Docker host's on kind.
    Bridge,
    /// A node's.
    Node(NodeName),
    /// A pod's.
    Pod(PodName),
    /// A router's between racks: `tor0`, `tor1`, …, `router`.
    Router(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bridge => f.pad("bridge"),
            Self::Node(name) => name.fmt(f),
            Self::Pod(name) => name.fmt(f),
            Self::Router(name) => f.pad(name),
        }
    }
}
