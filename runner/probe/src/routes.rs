//! IPv4 routes of all tables.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use lab_netlink::{Error, Message, Socket, Table};
use nix::libc::RTM_GETROUTE;

use super::links::{INET, Names};
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

/// A link has come or gone since the names were read; everything is to be read again.
#[derive(Debug)]
pub enum Unread {
    /// This index has no name.
    UnknownLink,
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
    route(&Message::of(&ROUTES, body)?, names)
}

/// All IPv4 routes of this namespace, in the kernel's order; none when a link appeared since `names` was read.
pub(super) async fn routes(socket: &Socket, names: &Names) -> Result<Option<Vec<Route>>, Error> {
    let mut routes = Vec::new();
    for body in socket.table(&ROUTES).await? {
        let message = Message::of(&ROUTES, &body)?;
        // What path MTU discovery has learned is no route; kernels without strict checking list it.
        if message.header_u32(8) & RTM_F_CLONED != 0 {
            continue;
        }
        match route(&message, names) {
            Ok(route) => routes.push(route),
            Err(Unread::UnknownLink) => return Ok(None),
            Err(Unread::Error(error)) => return Err(error),
        }
    }
    Ok(Some(routes))
}

fn route(message: &Message<'_>, names: &Names) -> Result<Route, Unread> {
    let network = message.ipv4(RTA_DST, "destination")?.unwrap_or(Ipv4Addr::UNSPECIFIED);
    let destination =
        Ipv4Net::new(network, message.header_u8(1)).map_err(|_too_long| message.malformed("prefix length"))?;
    let metrics = message.within(RTA_METRICS)?;
    let mtu = metrics.map(|metrics| metrics.u32(RTAX_MTU, "MTU")).transpose()?.flatten();
    let kind = kind(message.header_u8(7));
    let hops = hops(message, names)?;
    if let (Some(id), RouteKind::Unicast, true) = (message.u32(RTA_NH_ID, "nexthop id")?, kind, hops.is_empty()) {
        let what = format!(
            "the route to {destination} uses nexthop object {id}, which the kernel does not spell out \
             (net.ipv4.nexthop_compat_mode is 0)"
        );
        return Err(message.unknown(what).into());
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
    if message.get(RTA_VIA).is_some() {
        return Err(message.unknown("a route has an IPv6 router as its next hop".to_owned()).into());
    }
    let name = |index| names.get(&index).cloned().ok_or(Unread::UnknownLink);
    Ok(NextHop {
        gateway: message.ipv4(RTA_GATEWAY, "gateway")?,
        device: device.filter(|index| *index != 0).map(name).transpose()?,
        encapsulates: message.get(RTA_ENCAP).is_some() || message.get(RTA_ENCAP_TYPE).is_some(),
    })
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
