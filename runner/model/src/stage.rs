//! The states of a lab that cases need, in the order in which they are built.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A state of the lab. Later ones include the earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The host has what the backend needs.
    Doctor,
    /// Nodes exist on one network.
    ClusterCreated,
    /// What is to be seen before routing has been observed and stored.
    BaseObserved,
    /// Pod routes are installed (or, in mode `none`, deliberately not).
    RoutingInstalled,
    /// Nodes forward for their pods.
    NodesReady,
    /// The workload and its Service exist.
    WorkloadReady,
    /// Traffic was sent and observed. Fails only where it cannot be observed: no reply is data.
    TrafficObserved,
}

impl Stage {
    /// All stages, first to last.
    pub const ALL: [Self; 7] = [
        Self::Doctor,
        Self::ClusterCreated,
        Self::BaseObserved,
        Self::RoutingInstalled,
        Self::NodesReady,
        Self::WorkloadReady,
        Self::TrafficObserved,
    ];

    /// Its name in reports, for example `workload_ready`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Doctor => "doctor",
            Self::ClusterCreated => "cluster_created",
            Self::BaseObserved => "base_observed",
            Self::RoutingInstalled => "routing_installed",
            Self::NodesReady => "nodes_ready",
            Self::WorkloadReady => "workload_ready",
            Self::TrafficObserved => "traffic_observed",
        }
    }

    /// Its title on a terminal, for example `workload`.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Doctor => "doctor",
            Self::ClusterCreated => "topology",
            Self::BaseObserved => "base routes",
            Self::RoutingInstalled => "routing",
            Self::NodesReady => "nodes",
            Self::WorkloadReady => "workload",
            Self::TrafficObserved => "traffic",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
