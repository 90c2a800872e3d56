//! What was seen inside the network namespaces of a foreign cluster's own pods: the inside tier.

use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

use super::NodeTables;

/// The pods of one node that were looked into.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeInside {
    /// Each of them.
    pub pods: Vec<PodInside>,
    /// How many more the node has.
    pub beyond: usize,
    /// How many that it had before have ended meanwhile.
    #[serde(default)]
    pub ended: usize,
}

/// A pod, and what its network namespace has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodInside {
    /// The address that the API server has of it, by which its namespace was found.
    pub address: Ipv4Addr,
    /// Links, addresses, rules and routes there; or why they were not seen.
    pub tables: Result<NodeTables, String>,
}
