//! What a judge found about the way from a node to a peer's pods: a page draws it, and decides nothing.

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::observe::NodeName;
use crate::reason::Reason;

/// How a node's packets for the pods of a peer leave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Road {
    /// The node.
    pub from: NodeName,
    /// The peer.
    pub to: NodeName,
    /// The peer's pod CIDR.
    pub pods: Ipv4Net,
    /// Where they go.
    #[serde(flatten)]
    pub way: Way,
}

/// Where packets for a peer's pods go, by all that was asked and read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "way", rename_all = "snake_case")]
pub enum Way {
    /// Straight to the peer: each packet that stands for the pod CIDR does.
    Direct {
        /// As `ip route` writes it: `10.0.2.0/24 via 172.18.0.4 dev eth0`.
        route: String,
    },
    /// Elsewhere: at least one does.
    Astray {
        /// What is wrong, of the first one.
        reason: Reason,
        /// What was seen of it: `10.0.2.1 takes 10.0.2.0/24 via 172.18.0.2 dev eth0`.
        observed: String,
    },
    /// What was seen does not tell.
    Undecided {
        /// What is missing.
        missing: String,
    },
}
