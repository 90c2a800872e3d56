//! What a judge found about a pod's request to the outside: a page draws it, and decides nothing.

use serde::{Deserialize, Serialize};
use std::net::SocketAddrV4;

use crate::observe::{NodeName, PodName};
use crate::reason::Reason;

/// How a pod's request to an address outside the native routing CIDR left the pod's node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaving {
    /// Who asked.
    pub from: PodName,
    /// Its node, where that is known.
    pub node: Option<NodeName>,
    /// Where it was sent.
    pub url: String,
    /// Whether an answer came. None is needed: nobody may listen there, and how a request leaves shows all the same.
    pub answered: bool,
    /// With which source it left.
    #[serde(flatten)]
    pub left: Left,
}

/// With which source a request left its pod's node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "left", rename_all = "snake_case")]
pub enum Left {
    /// The node's own address.
    AsTheNode {
        /// That address, and the port.
        source: SocketAddrV4,
    },
    /// Any other: the pod's, or a third.
    AsAnother {
        /// What is wrong.
        reason: Reason,
        /// The address and the port that it had.
        source: SocketAddrV4,
        /// What was seen of it.
        observed: String,
    },
    /// What was seen does not tell.
    Undecided {
        /// What is missing.
        missing: String,
    },
}
