//! Links, addresses and neighbours, as rtnetlink(7) reports them.

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// A link's maximum transmission unit: octets of the IP packet, without the Ethernet header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mtu(pub u32);

impl Mtu {
    /// Ethernet's (RFC 894), and that of Docker's networks where nobody asked for another.
    pub const ETHERNET: Self = Self(1500);
}

impl fmt::Display for Mtu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An Ethernet (EUI-48) address, written `02:42:ac:12:00:03`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MacAddr(pub [u8; 6]);

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, rest @ ..] = self.0;
        write!(f, "{first:02x}")?;
        rest.iter().try_for_each(|octet| write!(f, ":{octet:02x}"))
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<MacAddr> for String {
    fn from(mac: MacAddr) -> Self {
        mac.to_string()
    }
}

/// The text is not six colon-separated pairs of hex digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected six colon-separated pairs of hex digits, found {0:?}")]
pub struct MacAddrError(String);

impl FromStr for MacAddr {
    type Err = MacAddrError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || MacAddrError(text.to_owned());
        let mut octets = [0; 6];
        let mut parts = text.split(':');
        for octet in &mut octets {
            let part = parts.next().filter(|part| part.len() == 2).ok_or_else(wrong)?;
            *octet = u8::from_str_radix(part, 16).map_err(|_not_hex| wrong())?;
        }
        if parts.next().is_some() { Err(wrong()) } else { Ok(Self(octets)) }
    }
}

impl TryFrom<String> for MacAddr {
    type Error = MacAddrError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Interface index, unique within its namespace.
    pub index: u32,
    /// For example `eth0`.
    pub name: String,
    /// `IFLA_INFO_KIND`: `veth`, `bridge`, `vxlan`, …; none for loopback and hardware.
    pub kind: Option<String>,
    /// `IFF_UP`: set up by the administrator.
    pub up: bool,
    /// `IFF_LOWER_UP`: has a carrier.
    pub carrier: bool,
    /// Largest IP packet that it sends.
    pub mtu: Mtu,
    /// Link-layer address; none where the link has none.
    pub mac: Option<MacAddr>,
    /// Index of the bridge (or other master) it is a port of.
    pub master: Option<u32>,
    /// `IFLA_LINK`: for a veth, the index of its peer in the peer's namespace.
    pub peer_index: Option<u32>,
    /// `IFLA_LINK_NETNSID`: the peer's namespace, as this namespace numbers it; none when it is the same one.
    pub peer_netns: Option<i32>,
    /// Set for vxlan devices.
    pub vxlan: Option<VxlanDetails>,
}

impl Link {
    /// Whether the kernel takes a text as a link's name: 1 to 15 octets, no path, and nothing in it at which texts part
    /// (Linux v5.15 `net/core/dev.c`, `dev_valid_name`).
    pub fn may_be_named(text: &str) -> bool {
        // The kernel knows the spaces of Latin-1; these are all of Unicode's, at which texts of routes part as well.
        let parts = |letter: char| letter == '/' || letter == ':' || letter.is_whitespace();
        (1..16).contains(&text.len()) && !matches!(text, "." | "..") && !text.contains(parts)
    }
}

/// What a vxlan device encapsulates with (RFC 7348).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VxlanDetails {
    /// VXLAN network identifier; none when the device takes it from each packet's metadata, as Cilium's does.
    pub vni: Option<u32>,
    /// UDP port it sends to.
    pub port: Option<u16>,
    /// Its own end of the tunnel.
    pub local: Option<Ipv4Addr>,
}

/// An IPv4 address of a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Name of the link that has it.
    pub device: String,
    /// The address with its prefix length, host bits kept: `172.18.0.3/16`.
    pub address: Ipv4Net,
}

/// The kernel's `NUD_` state of a neighbour entry (include/uapi/linux/neighbour.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the kernel's own names, documented in neighbour.h")]
pub enum NeighbourState {
    None,
    Incomplete,
    Reachable,
    Stale,
    Delay,
    Probe,
    Failed,
    Noarp,
    Permanent,
}

/// An entry of the ARP table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbour {
    /// The neighbour's IPv4 address.
    pub address: Ipv4Addr,
    /// Name of the link it is a neighbour on.
    pub device: String,
    /// Its link-layer address, once known.
    pub mac: Option<MacAddr>,
    /// Where resolution stands.
    pub state: NeighbourState,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_have_the_names_that_the_kernel_takes() {
        for name in ["eth0", "lxc_health", "cilium_net", "a", "...", "fifteen-octets_"] {
            assert!(Link::may_be_named(name), "{name:?}");
        }
        for name in ["", ".", "..", "a/b", "a:b", "eth0 via", "a\tb", "a\n", "a\u{a0}b", "sixteen-octets__"] {
            assert!(!Link::may_be_named(name), "{name:?}");
        }
    }
}
