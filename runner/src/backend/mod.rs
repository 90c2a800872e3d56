//! What a lab offers to cases and commands, whatever it is made of.

pub mod kind;
pub mod netns;

mod error;

pub use error::LabError;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use crate::judge::seen::WireSeen;
use crate::observe::{NetnsView, NodeName, Place, PodCidrs, PodSeen, Role, Segment, ServiceSeen, ServiceTable};
use crate::probe::{Answered, Captures, Request};

/// What a lab is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Routing {
    /// Direct routes, as Cilium's `autoDirectNodeRoutes` installs them: what the article builds.
    Native,
    /// A VXLAN overlay: a contrast that must be refuted.
    Vxlan,
    /// No pod routes at all: a contrast that must be refuted.
    None,
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

/// A lab, as cases and commands see it.
#[derive(Debug)]
pub enum Lab {
    /// The embedded one.
    Netns(netns::NetnsLab),
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

impl Lab {
    /// What it is made of.
    pub const fn kind(&self) -> BackendKind {
        match self {
            Self::Netns(_) => BackendKind::Netns,
        }
    }

    /// The embedded lab, if it is one.
    pub const fn netns(&self) -> Option<&netns::NetnsLab> {
        match self {
            Self::Netns(lab) => Some(lab),
        }
    }

    /// The nodes it should have, in order, whether they run or not.
    pub fn nodes(&self) -> &[(NodeName, Role)] {
        match self {
            Self::Netns(lab) => lab.nodes(),
        }
    }

    /// Looks into namespaces, all at once where they differ. One answer for each ask, in order.
    ///
    /// # Errors
    /// When the probe itself could not be run; what single asks ran into is in their answers.
    pub async fn ask(&self, asks: Vec<(Place, Request)>) -> Result<Vec<Answered>, LabError> {
        match self {
            Self::Netns(lab) => lab.ask(asks).await,
        }
    }

    /// The layer-2 segments, and which nodes hang on them.
    ///
    /// # Errors
    /// When they could not be observed.
    pub async fn segments(&self) -> Result<Vec<Segment>, LabError> {
        match self {
            Self::Netns(lab) => lab.segments().await,
        }
    }

    /// Who has which pod CIDR; `nodes` are looks into the nodes, for backends that announce it there.
    ///
    /// # Errors
    /// When they could not be observed.
    pub fn pod_cidrs(&self, nodes: &BTreeMap<NodeName, NetnsView>) -> Result<PodCidrs, LabError> {
        match self {
            Self::Netns(lab) => Ok(lab.pod_cidrs(nodes)),
        }
    }

    /// The workload's pods; `nodes` are looks into the nodes.
    ///
    /// # Errors
    /// When they could not be observed.
    pub async fn pods(&self, nodes: &BTreeMap<NodeName, NetnsView>) -> Result<Vec<PodSeen>, LabError> {
        match self {
            Self::Netns(lab) => lab.pods(nodes).await,
        }
    }

    /// The workload's Service and its endpoints.
    ///
    /// # Errors
    /// When they could not be observed.
    pub async fn service(&self) -> Result<ServiceSeen, LabError> {
        match self {
            Self::Netns(lab) => lab.service().await,
        }
    }

    /// The datapath's table at these places.
    ///
    /// # Errors
    /// When the probe itself could not be run.
    pub async fn service_tables(
        &self,
        places: &[Place],
    ) -> Result<Vec<(Place, Result<ServiceTable, String>)>, LabError> {
        match self {
            Self::Netns(lab) => lab.service_tables(places).await,
        }
    }

    /// Where a request from a pod leaves the native routing CIDR: the bridge's gateway.
    pub fn outside(&self) -> SocketAddrV4 {
        match self {
            Self::Netns(lab) => lab.outside(),
        }
    }

    /// What was stored before routing was installed; none if nothing was.
    ///
    /// # Errors
    /// When what is stored cannot be read.
    pub fn base(&self) -> Result<Option<StoredBase>, LabError> {
        match self {
            Self::Netns(lab) => lab.base(),
        }
    }

    /// Captures on links while something happens: see [`netns::NetnsLab::capture`].
    ///
    /// # Errors
    /// When the captures could not be started.
    pub async fn capture(&self, wanted: Vec<(Place, Request)>) -> Result<Captures, LabError> {
        match self {
            Self::Netns(lab) => lab.capture(wanted).await,
        }
    }

    /// The traffic that was observed last, if any was.
    pub fn traffic(&self) -> Option<WireSeen> {
        match self {
            Self::Netns(lab) => lab.traffic(),
        }
    }

    /// What was being looked at last, in words: what a deadline that passed says was seen last.
    pub fn doing(&self) -> String {
        match self {
            Self::Netns(lab) => lab.doing(),
        }
    }

    /// The folder that captures are written to until a case keeps them.
    pub fn scratch(&self) -> &std::path::Path {
        match self {
            Self::Netns(lab) => lab.scratch(),
        }
    }
}
