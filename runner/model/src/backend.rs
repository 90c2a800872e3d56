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
    /// A foreign cluster: any Kubernetes cluster with Cilium, that this program did not build and does not change.
    Cluster,
}

impl fmt::Display for BackendKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Netns => "netns",
            Self::Kind => "kind",
            Self::Cluster => "cluster",
        })
    }
}

/// How the nodes stand to each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topology {
    /// All on one L2 network: the article's first case.
    #[default]
    Flat,
    /// In racks, each a network of its own, with routers between them: the article's second case.
    Racks,
}

impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Flat => "flat",
            Self::Racks => "racks",
        })
    }
}

/// What decides which cases exist: the backend, and which of the article's two cases a lab is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ground {
    /// What the lab is made of.
    pub backend: BackendKind,
    /// Whether nodes announce their pod CIDRs by BGP, which is the article's second case; else the first one's claims
    /// are judged, about direct routes.
    pub bgp: bool,
}

impl From<BackendKind> for Ground {
    /// The article's first case.
    fn from(backend: BackendKind) -> Self {
        Self { backend, bgp: false }
    }
}

/// How pod traffic gets from node to node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Routing {
    /// Direct routes, as Cilium's `autoDirectNodeRoutes` installs them: what the article builds.
    Native,
    /// By the default route to a ToR, which has learnt over BGP where each pod CIDR is: the article's second case.
    Bgp,
    /// A VXLAN overlay: a contrast that must be refuted.
    Vxlan,
    /// No pod routes at all: a contrast that must be refuted.
    None,
}

impl Routing {
    /// All of them, the article's first.
    pub const ALL: [Self; 4] = [Self::Native, Self::Bgp, Self::Vxlan, Self::None];
}

impl fmt::Display for Routing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Native => "native",
            Self::Bgp => "bgp",
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
    /// Each node's own gateway, where they have not all the same: in racks, its ToR.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gateways: BTreeMap<NodeName, Ipv4Addr>,
    /// A look into each node.
    pub nodes: BTreeMap<NodeName, NetnsView>,
}
