//! How Services are written into nftables, and read back from there: both sides of the one layout.
//!
//! ```text
//! table ip lab {
//!     map b_10_96_37_61_8080 {
//!         typeof numgen random mod 2 : ip daddr
//!         elements = { 0 : 10.0.1.12, 1 : 10.0.2.7 }
//!     }
//!     chain services {
//!         type nat hook output priority -100; policy accept;
//!         ip daddr 10.96.37.61 tcp dport 8080 dnat to numgen random mod 2 map @b_10_96_37_61_8080:8080
//!     }
//! }
//! ```
//!
//! The hook is `output`: a connection is translated where it begins, in the namespace of the node or the pod that opens
//! it, as socket load balancing does it. A Service without backends refuses its connections. Other chains of the table
//! are nobody's business here.

mod read;
mod userdata;
mod write;

use std::net::{Ipv4Addr, SocketAddrV4};

pub use read::{Service, ServiceRule, parse_rule, services};
pub use write::{IPV4_ADDR, add_backend, install, remove_backend, replace};

/// The table's name; its family is ip.
pub const TABLE: &str = "lab";

/// The chain with one rule for each Service.
pub const CHAIN: &str = "services";

/// The name of the map of a Service's backends: `b_10_96_37_61_8080`.
pub fn map_name(service: SocketAddrV4) -> String {
    let [a, b, c, d] = service.ip().octets();
    format!("b_{a}_{b}_{c}_{d}_{}", service.port())
}

/// Why Services could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// The kernel refused.
    #[error(transparent)]
    Netlink(#[from] lab_netlink::Error),
    /// A rule of the chain is not one that is written here.
    #[error("table ip {TABLE}, chain {CHAIN}, rule {handle} is no Service: {why}")]
    Rule {
        /// The rule's handle, as `nft -a list ruleset` shows it.
        handle: u64,
        /// What is wrong with it.
        why: String,
    },
    /// A map does not hold what its rule picks from it.
    #[error("table ip {TABLE}, map {map}: {why}")]
    Map {
        /// The map's name.
        map: String,
        /// What is wrong with it.
        why: String,
    },
    /// There is no rule for this Service.
    #[error("table ip {TABLE} has no Service {service}")]
    NoService {
        /// Its address and port.
        service: SocketAddrV4,
    },
    /// Somebody else changed the rules each time that they were read.
    #[error("table ip {TABLE} was changed during each of {attempts} attempts to read it")]
    Unsteady {
        /// How often it was tried.
        attempts: usize,
    },
}

/// The map's key of the backend with this number, as `numgen` leaves it in a register: in the host's byte order.
const fn key(number: u32) -> [u8; 4] {
    number.to_ne_bytes()
}

/// The map's value.
const fn value(backend: Ipv4Addr) -> [u8; 4] {
    backend.octets()
}
