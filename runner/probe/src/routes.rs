//! IPv4 routes of all tables.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::Ipv4Net;
use lab_netlink::{Error, Message, Socket, Table};
use nix::libc::RTM_GETROUTE;

use super::links::{INET, INET6, Names};
use super::nexthops::Objects;
use lab_model::observe::{Mtu, NextHop, Route, RouteKind};

// include/uapi/linux/rtnetlink.h.
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PRIORITY: u16 = 6;
const RTA_PREFSRC: u16 = 7;
const RTA_METRICS: u16 = 8;
const RTA_MULTIPATH: u16 = 9;
const RTA_TABLE: u16 = 15;
const RTA_VIA: u16 = 18;
const RTA_ENCAP_TYPE: u16 = 21;
const RTA_ENCAP: u16 = 22;
const RTA_NH_ID: u16 = 30;
const RTAX_MTU: u16 = 2;
const RTM_F_CLONED: u32 = 0x200;

/// Octets of `struct rtnexthop`, which its attributes follow.
const RTNEXTHOP: usize = 8;

/// `struct rtmsg`.
pub const ROUTES: Table =
    Table { request: RTM_GETROUTE, doing: "list routes", header: &[INET, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] };

/// What a message is about is not known, or it cannot be read. Where a link or a next hop has come or gone since these
/// were read, everything is to be read again.
#[derive(Debug)]
pub enum Unread {
    /// This index has no name.
    UnknownLink,
    /// A route names an object of next hops that is not known.
    UnknownNextHop,
    /// It cannot be read.
    Error(Error),
}

impl From<Error> for Unread {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Reads one route, from a dump or from the answer to a lookup.
///
/// # Errors
/// [`Unread`].
pub fn parse_route(body: &[u8], names: &Names) -> Result<Route, Unread> {
    route(&Message::of(&ROUTES, body)?, names, &Objects::default())
}

/// All IPv4 routes of this namespace, in the kernel's order; none when a link or a next hop appeared meanwhile.
pub(super) async fn routes(socket: &Socket, names: &Names) -> Result<Option<Vec<Route>>, Error> {
    let bodies = socket.table(&ROUTES).await?;
    let mut read = listed(&bodies, names, &Objects::default());
    // Kernels before 5.3 have no such objects, and refuse to list them.
    if matches!(read, Err(Unread::UnknownNextHop)) {
        read = match Objects::read(socket, names).await {
            Ok(objects) => listed(&bodies, names, &objects),
            Err(unread) => Err(unread),
        };
    }
    match read {
        Ok(routes) => Ok(Some(routes)),
        Err(Unread::UnknownLink | Unread::UnknownNextHop) => Ok(None),
        Err(Unread::Error(error)) => Err(error),
    }
}

fn listed(bodies: &[Vec<u8>], names: &Names, objects: &Objects) -> Result<Vec<Route>, Unread> {
    let mut routes = Vec::new();
    for body in bodies {
        let message = Message::of(&ROUTES, body)?;
        // What path MTU discovery has learned is no route; kernels without strict checking list it.
        if message.header_u32(8) & RTM_F_CLONED == 0 {
            routes.push(route(&message, names, objects)?);
        }
    }
    Ok(routes)
}

fn route(message: &Message<'_>, names: &Names, objects: &Objects) -> Result<Route, Unread> {
    let network = message.ipv4(RTA_DST, "destination")?.unwrap_or(Ipv4Addr::UNSPECIFIED);
    let destination =
        Ipv4Net::new(network, message.header_u8(1)).map_err(|_too_long| message.malformed("prefix length"))?;
    let metrics = message.within(RTA_METRICS)?;
    let mtu = metrics.map(|metrics| metrics.u32(RTAX_MTU, "MTU")).transpose()?.flatten();
    let kind = kind(message.header_u8(7));
    let mut hops = hops(message, names)?;
    // With net.ipv4.nexthop_compat_mode the kernel spells out what the object is, without it there is its number alone.
    if let (Some(id), RouteKind::Unicast, true) = (message.u32(RTA_NH_ID, "nexthop id")?, kind, hops.is_empty()) {
        hops = objects.hops(id).ok_or(Unread::UnknownNextHop)?;
    }
    Ok(Route {
        table: message.u32(RTA_TABLE, "table")?.unwrap_or_else(|| message.header_u8(4).into()),
        destination,
        kind,
        hops,
        source: message.ipv4(RTA_PREFSRC, "preferred source")?,
        protocol: message.header_u8(5),
        scope: message.header_u8(6),
        metric: message.u32(RTA_PRIORITY, "metric")?.unwrap_or(0),
        tos: message.header_u8(3),
        mtu: mtu.map(Mtu),
    })
}

fn hops(message: &Message<'_>, names: &Names) -> Result<Vec<NextHop>, Unread> {
    let Some(mut rest) = message.get(RTA_MULTIPATH) else {
        let device = message.u32(RTA_OIF, "device")?;
        let hop = hop(message, device, names)?;
        let routed = hop.device.is_some() || hop.gateway.is_some() || hop.encapsulates;
        return Ok(if routed { vec![hop] } else { Vec::new() });
    };
    let mut hops = Vec::new();
    while let [a, b, ..] = *rest {
        let length = usize::from(u16::from_ne_bytes([a, b]));
        let one = rest.get(..length).ok_or_else(|| message.malformed("multipath hop"))?;
        let one = message.nested(one, RTNEXTHOP)?;
        hops.push(hop(&one, Some(one.header_u32(4)), names)?);
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(hops)
}

fn hop(message: &Message<'_>, device: Option<u32>, names: &Names) -> Result<NextHop, Unread> {
    let router = message.ipv4(RTA_GATEWAY, "gateway")?.map(IpAddr::V4);
    Ok(NextHop {
        gateway: router.or(message.get(RTA_VIA).map(|via| of_another_family(message, via)).transpose()?),
        device: self::device(device, names)?,
        encapsulates: message.get(RTA_ENCAP).is_some() || message.get(RTA_ENCAP_TYPE).is_some(),
    })
}

/// `struct rtvia`: a router that is not of the route's own family.
fn of_another_family(message: &Message<'_>, via: &[u8]) -> Result<IpAddr, Error> {
    let octets = via.strip_prefix(&u16::from(INET6).to_ne_bytes()).and_then(|octets| <[u8; 16]>::try_from(octets).ok());
    octets.map(|octets| Ipv6Addr::from(octets).into()).ok_or_else(|| message.malformed("gateway of another family"))
}

/// The name of the link of this index; 0 is none.
pub(super) fn device(index: Option<u32>, names: &Names) -> Result<Option<String>, Unread> {
    let name = |index| names.get(&index).cloned().ok_or(Unread::UnknownLink);
    index.filter(|index| *index != 0).map(name).transpose()
}

/// `RTN_*`.
fn kind(number: u8) -> RouteKind {
    match number {
        1 => RouteKind::Unicast,
        2 => RouteKind::Local,
        3 => RouteKind::Broadcast,
        4 => RouteKind::Anycast,
        5 => RouteKind::Multicast,
        6 => RouteKind::Blackhole,
        7 => RouteKind::Unreachable,
        8 => RouteKind::Prohibit,
        9 => RouteKind::Throw,
        10 => RouteKind::Nat,
        _ => RouteKind::Unknown,
    }
}
