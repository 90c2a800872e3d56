//! A router between racks: what its BGP daemon says, and what its kernel does.

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;
use std::time::Duration;

use super::{NetnsView, Place};

/// A look at a router, from two sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterSeen {
    /// Which one.
    pub place: Place,
    /// What its daemon says, or why it said nothing.
    pub daemon: Result<DaemonSeen, String>,
    /// What its kernel has, or why that could not be seen.
    pub kernel: Result<NetnsView, String>,
}

/// What a BGP daemon says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonSeen {
    /// Its name and version: `BIRD 2.0.12`.
    pub version: String,
    /// All BGP sessions that it is configured for.
    pub sessions: Vec<BgpSession>,
    /// All routes that came over them, the chosen ones and others.
    pub routes: Vec<Learnt>,
}

/// A BGP session as one of its ends sees it (RFC 4271).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BgpSession {
    /// Its name in the daemon's configuration.
    pub name: String,
    /// The other end.
    pub neighbour: Ipv4Addr,
    /// The AS that the other end must be in.
    pub neighbour_as: u32,
    /// The daemon's own AS in it.
    pub local_as: u32,
    /// The state of RFC 4271, 8.2.2: `Established`, `Active`, …
    pub state: String,
    /// The hold time that both ends agreed on; none while they have not.
    pub hold: Option<Duration>,
    /// Why it ended last, in the daemon's words; none where it did not.
    pub last_error: Option<String>,
}

/// A route that came over BGP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Learnt {
    /// Its destination.
    pub destination: Ipv4Net,
    /// The next hop; none for one that leads to no address.
    pub via: Option<Ipv4Addr>,
    /// The link.
    pub device: Option<String>,
    /// Name of the session that it came over.
    pub session: String,
    /// It is the one that the daemon has chosen for its destination.
    pub chosen: bool,
}
