//! Requests that change addresses, routes, rules and neighbours.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;
use nix::libc::{
    IFA_ADDRESS, IFA_FLAGS, IFA_LOCAL, NDA_DST, NDA_LLADDR, RTA_DST, RTA_GATEWAY, RTA_METRICS, RTA_OIF, RTA_PREFSRC,
    RTA_TABLE, RTM_DELADDR, RTM_DELROUTE, RTM_DELRULE, RTM_GETROUTE, RTM_NEWADDR, RTM_NEWNEIGH, RTM_NEWROUTE,
    RTM_NEWRULE, RTN_UNICAST,
};

use super::error::Error;
use super::message::Attributes;
use super::read::Message;
use super::request::{Request, flags};
use super::socket::Socket;

/// `AF_INET`, `AF_INET6` and `AF_BRIDGE`, as the one-byte family of a header.
pub(super) const INET: u8 = 2;
pub(super) const INET6: u8 = 10;
const BRIDGE: u8 = 7;

/// `IFA_F_NOPREFIXROUTE`.
const NO_PREFIX_ROUTE: u32 = 0x200;

// include/uapi/linux/rtnetlink.h.
const RTPROT_BOOT: u8 = 3;
const RT_SCOPE_UNIVERSE: u8 = 0;
const RT_SCOPE_LINK: u8 = 253;
const RT_SCOPE_NOWHERE: u8 = 255;
const RT_TABLE_MAIN: u32 = 254;
const RTNH_F_ONLINK: u32 = 4;
const RTA_VIA: u16 = 18;
const RTA_NH_ID: u16 = 30;
const RTAX_MTU: u16 = 2;
// include/uapi/linux/fib_rules.h.
const FRA_DST: u16 = 1;
const FRA_SRC: u16 = 2;
const FRA_PRIORITY: u16 = 6;
const FRA_TABLE: u16 = 15;
/// `FR_ACT_TO_TBL`.
const LOOKUP: u8 = 1;
/// `NTF_SELF`: the device's own table.
const SELF: u8 = 2;

/// `NUD_*` (include/uapi/linux/neighbour.h): states of an entry in the neighbour table.
pub mod nud {
    /// The neighbour has answered lately.
    pub const REACHABLE: u16 = 2;
    /// The entry is never checked and never removed.
    pub const PERMANENT: u16 = 0x80;
}

/// Gives a link an address, and the route to its network.
pub fn add_address(device: u32, address: Ipv4Net) -> Request {
    let doing = format!("add the address {address}");
    Request::new(doing, RTM_NEWADDR, flags::CREATE | flags::EXCLUSIVE, own_address(device, address))
}

/// Gives a link an address without the route to its network that the kernel would add.
pub fn add_host_address(device: u32, address: Ipv4Net) -> Request {
    let attributes = own_address(device, address).u32(IFA_FLAGS, NO_PREFIX_ROUTE);
    Request::new(format!("add the address {address}"), RTM_NEWADDR, flags::CREATE | flags::EXCLUSIVE, attributes)
}

/// Takes an address from a link.
pub fn delete_address(device: u32, address: Ipv4Net) -> Request {
    Request::new(format!("delete the address {address}"), RTM_DELADDR, 0, own_address(device, address))
}

/// `struct ifaddrmsg`, and the address.
fn own_address(device: u32, address: Ipv4Net) -> Attributes {
    let octets = address.addr().octets();
    let header = [&[INET, address.prefix_len(), 0, 0][..], &device.to_ne_bytes()].concat();
    Attributes::after(header).put(IFA_LOCAL, &octets).put(IFA_ADDRESS, &octets)
}

/// A route to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewRoute {
    /// The destination.
    pub destination: Ipv4Net,
    /// The next hop; none for a destination on the link.
    pub gateway: Option<IpAddr>,
    /// The object that has the next hops, in the place of one of its own.
    pub object: Option<u32>,
    /// Index of the outgoing link; if none, the kernel chooses the link that leads to the gateway.
    pub device: Option<u32>,
    /// The gateway counts as reachable on the link, whatever other routes say (`onlink`).
    pub onlink: bool,
    /// The source address of this host's own packets.
    pub source: Option<Ipv4Addr>,
    /// The MTU of the route, when it is not that of the link.
    pub mtu: Option<u32>,
    /// The table that it is in; 254 is the main one.
    pub table: u32,
    /// `RTN_*`: unicast, or an unreachable destination of some kind.
    pub kind: u8,
}

impl NewRoute {
    /// A unicast route to this destination in the main table, without gateway and device.
    pub const fn to(destination: Ipv4Net) -> Self {
        Self {
            destination,
            gateway: None,
            object: None,
            device: None,
            onlink: false,
            source: None,
            mtu: None,
            table: RT_TABLE_MAIN,
            kind: RTN_UNICAST,
        }
    }

    /// The same to one address.
    pub fn to_host(destination: Ipv4Addr) -> Self {
        Self::to(destination.into())
    }

    /// A default route via this gateway.
    pub fn default_via(gateway: Ipv4Addr) -> Self {
        Self::to(Ipv4Net::default()).via(gateway)
    }

    /// The same route out of the link of this index.
    pub const fn by(self, device: u32) -> Self {
        Self { device: Some(device), ..self }
    }

    /// The same route via this gateway.
    pub fn via(self, gateway: impl Into<IpAddr>) -> Self {
        Self { gateway: Some(gateway.into()), ..self }
    }

    /// The same route by the next hops of this object.
    pub const fn by_object(self, object: u32) -> Self {
        Self { object: Some(object), ..self }
    }

    /// The request that adds the route; it fails when the table has a route to this destination.
    pub fn add(&self) -> Request {
        self.request(flags::CREATE | flags::EXCLUSIVE)
    }

    /// The request that adds the route, or replaces the table's route to this destination.
    pub fn put(&self) -> Request {
        self.request(flags::CREATE | flags::REPLACE)
    }

    fn request(&self, flags: u16) -> Request {
        let link = self.kind == RTN_UNICAST && self.gateway.is_none() && self.object.is_none();
        let scope = if link { RT_SCOPE_LINK } else { RT_SCOPE_UNIVERSE };
        let onlink = if self.onlink { RTNH_F_ONLINK } else { 0 };
        let mut attributes = route(self.destination, RTPROT_BOOT, scope, self.kind, onlink).u32(RTA_TABLE, self.table);
        attributes = match self.gateway {
            Some(IpAddr::V4(router)) => attributes.put(RTA_GATEWAY, &router.octets()),
            // struct rtvia
            Some(IpAddr::V6(router)) => {
                attributes.put(RTA_VIA, &[&u16::from(INET6).to_ne_bytes()[..], &router.octets()].concat())
            }
            None => attributes,
        };
        if let Some(address) = self.source {
            attributes = attributes.put(RTA_PREFSRC, &address.octets());
        }
        for (kind, number) in [(RTA_OIF, self.device), (RTA_NH_ID, self.object)] {
            if let Some(number) = number {
                attributes = attributes.u32(kind, number);
            }
        }
        if let Some(mtu) = self.mtu {
            attributes = attributes.nest(RTA_METRICS, &Attributes::default().u32(RTAX_MTU, mtu));
        }
        Request::new(format!("add the route to {}", self.destination), RTM_NEWROUTE, flags, attributes)
    }
}

/// `struct rtmsg`, and the destination.
fn route(destination: Ipv4Net, protocol: u8, scope: u8, kind: u8, flags: u32) -> Attributes {
    let header = [INET, destination.prefix_len(), 0, 0, 0, protocol, scope, kind];
    Attributes::after([&header[..], &flags.to_ne_bytes()].concat()).put(RTA_DST, &destination.network().octets())
}

/// Deletes the route of the main table to exactly this destination.
///
/// The kernel deletes the route that matches all given fields; scope "nowhere" and protocol 0 match any
/// (`fib_table_delete()`).
pub fn delete_route(destination: Ipv4Net) -> Request {
    let attributes = route(destination, 0, RT_SCOPE_NOWHERE, 0, 0).u32(RTA_TABLE, RT_TABLE_MAIN);
    Request::new(format!("delete the route to {destination}"), RTM_DELROUTE, 0, attributes)
}

/// A rule that looks into a table: `ip rule add pref PRIORITY from SOURCE to DESTINATION lookup TABLE`.
#[derive(Debug, Clone, Copy)]
pub struct NewRule {
    /// Rules of lower priority are tried first; the rule for the main table has 32766.
    pub priority: u32,
    /// The source addresses that it applies to; none means all.
    pub source: Option<Ipv4Net>,
    /// The destination addresses that it applies to.
    pub destination: Ipv4Net,
    /// The table to look into.
    pub table: u32,
}

impl NewRule {
    /// The request that adds the rule.
    pub fn add(&self) -> Request {
        let doing = format!("add the rule {}", self.priority);
        Request::new(doing, RTM_NEWRULE, flags::CREATE | flags::EXCLUSIVE, self.attributes())
    }

    /// The request that deletes the rule.
    pub fn delete(&self) -> Request {
        Request::new(format!("delete the rule {}", self.priority), RTM_DELRULE, 0, self.attributes())
    }

    /// `struct fib_rule_hdr`, and the attributes that select packets.
    fn attributes(&self) -> Attributes {
        let from = self.source.map_or(0, |source| source.prefix_len());
        let header = [INET, self.destination.prefix_len(), from, 0, 0, 0, 0, LOOKUP, 0, 0, 0, 0];
        let attributes = Attributes::after(header)
            .u32(FRA_PRIORITY, self.priority)
            .u32(FRA_TABLE, self.table)
            .put(FRA_DST, &self.destination.network().octets());
        match self.source {
            Some(source) => attributes.put(FRA_SRC, &source.network().octets()),
            None => attributes,
        }
    }
}

/// Adds a neighbour, in one of the states of [`nud`].
pub fn add_neighbour(device: u32, address: Ipv4Addr, mac: [u8; 6], state: u16) -> Request {
    let doing = format!("add the neighbour {address}");
    Request::new(doing, RTM_NEWNEIGH, flags::CREATE | flags::EXCLUSIVE, neighbour(INET, device, state, 0, address, mac))
}

/// Makes a vxlan device send frames for this link-layer address to the host with this address.
pub fn add_forward(device: u32, mac: [u8; 6], to: Ipv4Addr) -> Request {
    let attributes = neighbour(BRIDGE, device, nud::PERMANENT, SELF, to, mac);
    Request::new(
        format!("add the forwarding entry to {to}"),
        RTM_NEWNEIGH,
        flags::CREATE | flags::EXCLUSIVE,
        attributes,
    )
}

/// `struct ndmsg`, and the two addresses.
fn neighbour(family: u8, device: u32, state: u16, flags: u8, address: Ipv4Addr, mac: [u8; 6]) -> Attributes {
    let header = [&[family, 0, 0, 0][..], &device.to_ne_bytes(), &state.to_ne_bytes(), &[flags, 0]].concat();
    Attributes::after(header).put(NDA_DST, &address.octets()).put(NDA_LLADDR, &mac)
}

/// The next hop and the link by which the kernel would send a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// The next hop; none for a destination on the link.
    pub gateway: Option<Ipv4Addr>,
    /// Index of the outgoing link.
    pub device: Option<u32>,
}

impl Socket {
    /// Asks the kernel by which way it would send a packet to this address.
    ///
    /// # Errors
    /// [`Error`], when no route leads there, or the answer cannot be read.
    pub async fn way_to(&self, address: Ipv4Addr) -> Result<Way, Error> {
        let request = Request::new(
            format!("look up the way to {address}"),
            RTM_GETROUTE,
            0,
            Attributes::after([INET, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).put(RTA_DST, &address.octets()),
        );
        let body = self.ask(&request).await?.unwrap_or_default();
        let message = Message::split("look up a way", &body, 12)?;
        Ok(Way { gateway: message.ipv4(RTA_GATEWAY, "gateway")?, device: message.u32(RTA_OIF, "device")? })
    }
}
