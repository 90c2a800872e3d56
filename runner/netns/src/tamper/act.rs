//! What can be changed in a namespace.

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, SocketAddrV4};

use lab_model::observe::{MacAddr, Mtu, Place};

/// A change within one namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    /// Deletes the route of the main table to exactly this destination.
    DeleteRoute(Ipv4Net),
    /// Puts a route in the place of the one to the same destination in the same table, or adds it.
    PutRoute {
        /// Where to.
        destination: Ipv4Net,
        /// By which link.
        device: String,
        /// Via whom; none for a destination on the link.
        gateway: Option<Ipv4Addr>,
        /// In which table.
        table: u32,
    },
    /// Adds a rule that looks into a table for these packets before the main table.
    AddRule {
        /// Lower comes first; 32766 is the main table's.
        priority: u32,
        /// For packets from here; none is any.
        source: Option<Ipv4Net>,
        /// For packets to here.
        destination: Ipv4Net,
        /// Where to look.
        table: u32,
    },
    /// Adds a vxlan device, up.
    AddVxlan {
        /// Its name.
        device: String,
    },
    /// Adds a bridge, up, with an address.
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
        /// Where the bridge is.
        place: Place,
        /// The bridge.
        bridge: String,
        /// Name of the other end there.
        port: String,
    },
    /// Hangs a link on another bridge.
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
    /// Takes an address from a link and gives it another.
    MoveAddress {
        /// The link.
        device: String,
        /// The address it has, with its prefix length.
        from: Ipv4Net,
        /// The one it gets.
        to: Ipv4Net,
    },
    /// Takes an address from a link.
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
        /// The new one.
        mtu: Mtu,
    },
    /// Writes below `/proc/sys`.
    SetSysctl {
        /// For example `net/ipv4/ip_forward`.
        key: String,
        /// What is written.
        value: String,
    },
    /// Forgets what path MTU discovery has learned, as `ip route flush cache` does. Cannot be taken back.
    ForgetPaths,
    /// Replaces the backends of a Service in this namespace's table.
    SetBackends {
        /// The Service.
        service: SocketAddrV4,
        /// Port of the backends.
        target_port: u16,
        /// All of them.
        backends: Vec<Ipv4Addr>,
    },
    /// Takes all Services out of this namespace's table.
    RemoveServices,
    /// Adds a Service to this namespace's table.
    AddService {
        /// The Service.
        service: SocketAddrV4,
        /// Port of the backends.
        target_port: u16,
        /// All of them.
        backends: Vec<Ipv4Addr>,
    },
    /// Drops TCP segments that leave this namespace for an address.
    DropTo {
        /// Where to.
        destination: Ipv4Addr,
    },
    /// Drops TCP segments that come in for a port.
    DropPort {
        /// The port.
        port: u16,
    },
    /// Masquerades what leaves by a link for these addresses, in addition to what is masqueraded.
    MasqueradeTo {
        /// The link.
        device: String,
        /// The addresses.
        destination: Ipv4Net,
    },
    /// Stops masquerading.
    StopMasquerading,
    /// Answers at this address until the fault is over.
    Serve {
        /// Where to listen.
        at: SocketAddrV4,
        /// What to answer.
        says: Says,
    },
}

impl Act {
    /// The other namespace that it is about, if it is about two.
    pub const fn other(&self) -> Option<&Place> {
        match self {
            Self::JoinNetwork { place, .. } => Some(place),
            _ => None,
        }
    }
}

/// What a server of a fault answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Says {
    /// Closes each connection without a word.
    Nothing,
    /// A whole HTTP response with status 200 that is not hello-app's.
    SomethingElse,
    /// A whole HTTP response with status 503.
    Unavailable,
}
