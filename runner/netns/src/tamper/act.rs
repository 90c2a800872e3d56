//! The changes that a deliberate fault can make in a namespace.

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};

use lab_model::observe::{MacAddr, Mtu, Place};

/// A change within one namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    /// Deletes the route of the main table to exactly this destination.
    DeleteRoute(Ipv4Net),
    /// Replaces the route to the same destination in the same table, or adds it.
    PutRoute {
        /// The destination.
        destination: Ipv4Net,
        /// The outgoing link.
        device: String,
        /// The next hop; none for a destination on the link.
        gateway: Option<IpAddr>,
        /// The table.
        table: u32,
    },
    /// Makes next hops that are objects of their own, a group of them where they are several, and replaces the route to
    /// the same destination of the main table by one that names them.
    PutRouteByObjects {
        /// The destination.
        destination: Ipv4Net,
        /// The outgoing link.
        device: String,
        /// The routers.
        gateways: Vec<IpAddr>,
    },
    /// Adds a rule that looks into a table for these packets before the main table.
    AddRule {
        /// Rules of lower priority are tried first; the rule for the main table has 32766.
        priority: u32,
        /// The source addresses that it applies to; none means all.
        source: Option<Ipv4Net>,
        /// The destination addresses that it applies to.
        destination: Ipv4Net,
        /// The table to look into.
        table: u32,
    },
    /// Adds a vxlan device and sets it up.
    AddVxlan {
        /// Its name.
        device: String,
    },
    /// Adds a bridge with an address and sets it up.
    AddBridge {
        /// Its name.
        device: String,
        /// Its address.
        address: Ipv4Net,
        /// Its link-layer address.
        mac: MacAddr,
    },
    /// Adds a link to another network, up, with an address: a veth whose other end is a port of a bridge elsewhere, as
    /// `docker network connect` adds one.
    JoinNetwork {
        /// Its name.
        device: String,
        /// Its address, with that network's prefix length.
        address: Ipv4Net,
        /// The namespace of the bridge.
        place: Place,
        /// The bridge.
        bridge: String,
        /// Name of the veth's other end, in the bridge's namespace.
        port: String,
    },
    /// Makes a link a port of another bridge.
    SetMaster {
        /// The link.
        device: String,
        /// The bridge.
        master: String,
    },
    /// Sets a link down.
    SetDown {
        /// The link.
        device: String,
    },
    /// Replaces an address of a link by another.
    MoveAddress {
        /// The link.
        device: String,
        /// The old address, with its prefix length.
        from: Ipv4Net,
        /// The new address.
        to: Ipv4Net,
    },
    /// Removes an address from a link.
    TakeAddress {
        /// The link.
        device: String,
        /// The address, with its prefix length.
        address: Ipv4Net,
    },
    /// Changes a link's MTU.
    SetMtu {
        /// The link.
        device: String,
        /// The new MTU.
        mtu: Mtu,
    },
    /// Writes a sysctl.
    SetSysctl {
        /// The path below `/proc/sys`, for example `net/ipv4/ip_forward`.
        key: String,
        /// The new value.
        value: String,
    },
    /// Forgets what path MTU discovery has learned, as `ip route flush cache` does. It cannot be undone.
    ForgetPaths,
    /// Replaces the backends of a Service in this namespace's table.
    SetBackends {
        /// The Service.
        service: SocketAddrV4,
        /// Port of the backends.
        target_port: u16,
        /// All its backends.
        backends: Vec<Ipv4Addr>,
    },
    /// Removes all Services from this namespace's table.
    RemoveServices,
    /// Adds a Service to this namespace's table.
    AddService {
        /// The Service.
        service: SocketAddrV4,
        /// Port of the backends.
        target_port: u16,
        /// All its backends.
        backends: Vec<Ipv4Addr>,
    },
    /// Drops TCP segments that leave this namespace for an address.
    DropTo {
        /// The address.
        destination: Ipv4Addr,
    },
    /// Drops TCP segments that come in for a port.
    DropPort {
        /// The port.
        port: u16,
    },
    /// Also masquerades packets that leave by a link for these addresses.
    MasqueradeTo {
        /// The link.
        device: String,
        /// The addresses.
        destination: Ipv4Net,
    },
    /// Removes the lab's masquerading rules.
    StopMasquerading,
    /// Runs a server at this address until the fault is undone.
    Serve {
        /// The address to listen at.
        at: SocketAddrV4,
        /// The answer.
        says: Says,
    },
}

impl Act {
    /// The second namespace in which something is changed, if there is one.
    pub const fn other(&self) -> Option<&Place> {
        match self {
            Self::JoinNetwork { place, .. } => Some(place),
            _ => None,
        }
    }
}

/// The answer of a server that is part of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Says {
    /// None: each connection is closed without an answer.
    Nothing,
    /// A complete HTTP response with status 200 that is not hello-app's.
    SomethingElse,
    /// A complete HTTP response with status 503.
    Unavailable,
}
