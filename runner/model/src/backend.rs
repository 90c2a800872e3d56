//! What a lab is made of, and how it routes.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::observe::{NetnsView, NodeName};

/// What a lab is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackendKind {
    /// Linux network namespaces, made by this program: no Docker, no Kubernetes, no Cilium.
    Netns,
    /// Docker, kind, Kubernetes and Cilium: the article's.
    Kind,
}

impl fmt::Display for BackendKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Netns => "netns",
            Self::Kind => "kind",
        })
    }
}

/// How pod traffic gets from node to node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Routing {
    /// Direct routes, as Cilium's `autoDirectNodeRoutes` installs them: what the article builds.
    Native,
    /// A VXLAN overlay: a contrast that must be refuted.
    Vxlan,
    /// No pod routes at all: a contrast that must be refuted.
    None,
}

impl Routing {
    /// All of them, the article's first.
    pub const ALL: [Self; 3] = [Self::Native, Self::Vxlan, Self::None];
}

impl fmt::Display for Routing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Native => "native",
            Self::Vxlan => "vxlan",
            Self::None => "none",
        })
    }
}

/// What nodes showed before routing was installed, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredBase {
    /// Since the Unix epoch.
    pub observed: Duration,
    /// The gateway of the bridge.
    pub gateway: Ipv4Addr,
    /// A look into each node.
    pub nodes: BTreeMap<NodeName, NetnsView>,
}
