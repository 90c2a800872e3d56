//! What the probe tier saw of a foreign cluster: between pods of its own, on the links of the nodes under them, and at a
//! Service of its own.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddrV4;

use crate::observe::{Lookup, Neighbour, NetnsView, NodeName};
use crate::seen::{AnswersSeen, WireSeen};

/// The name of the Service that the probe tier makes, and with which its namespace begins.
pub const PROBE: &str = "lab-probe";
/// The port of that Service, and of the pods behind it.
pub const PROBE_PORT: u16 = 8080;

/// What of a cluster was looked at, and what was not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// The ordered pairs of nodes that stand for all.
    pub pairs: Vec<(NodeName, NodeName)>,
    /// All ordered pairs that there are.
    pub of: usize,
    /// The nodes that took no part, and why.
    pub silent: BTreeMap<NodeName, String>,
    /// Pods of the probe's own to or from which a policy of the cluster lets pass only some packets: what does not come
    /// there says nothing about the network. Why that is known, by pod.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub policed: BTreeMap<String, String>,
}

/// Traffic between pods of the probe's own, for the cases of `wire::`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignWireSeen {
    /// What was looked at.
    pub sample: Sample,
    /// What was sent, and what links saw. Of nodes only the link to their peers is in it.
    pub wire: WireSeen,
}

/// Who answers ARP for whom, for `l2::peers_are_adjacent`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignAdjacencySeen {
    /// What was looked at: pairs of nodes in the same subnet.
    pub sample: Sample,
    /// Of each node the link to its peers, and its address there.
    pub nodes: BTreeMap<NodeName, NetnsView>,
    /// The name of that link.
    pub uplinks: BTreeMap<NodeName, String>,
    /// What each node's kernel has of its neighbours, once something was sent to each peer of the pairs.
    pub neighbours: BTreeMap<NodeName, Vec<Neighbour>>,
    /// The kernel's own way to them.
    pub lookups: BTreeMap<NodeName, Vec<Lookup>>,
}

/// Who answers at the `ClusterIP` of the probe's own Service, for `service::answers_from_…`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignAnswersSeen {
    /// What was looked at.
    pub sample: Sample,
    /// The Service, the pods behind it, and the replies.
    pub answers: AnswersSeen,
    /// Its endpoints when it was asked, as its slices tell them.
    pub endpoints: Vec<SocketAddrV4>,
    /// How many pods there are that it should have.
    pub backends: usize,
}
