//! The kernel's own routing decisions: `ip route get`, for packets of this host and for forwarded ones.

use lab_netlink::{Attributes, Error, Protocol, Request, Socket, Why};
use nix::errno::Errno;
use nix::libc::RTM_GETROUTE;

use super::links::{INET, Names, links, names};
use super::look::{LookError, errno_text};
use super::routes::{Unread, parse_route};
use lab_base::failure::chain;
use lab_model::observe::{Lookup, LookupOutcome, LookupQuery, Mtu, NextHop, Route};

// include/uapi/linux/rtnetlink.h.
const RTA_DST: u16 = 1;
const RTA_SRC: u16 = 2;
const RTA_IIF: u16 = 3;
/// The answer names the table that the route was found in.
const RTM_F_LOOKUP_TABLE: u32 = 0x1000;

/// Asks all questions, in order.
pub(super) async fn lookups(queries: &[LookupQuery]) -> Result<Vec<Lookup>, LookError> {
    let connection = Socket::open(Protocol::Route)?;
    let names = names(&links(&connection).await?);
    let mut lookups = Vec::with_capacity(queries.len());
    for query in queries {
        let outcome = match ask(&connection, &names, query).await? {
            Ok(route) => LookupOutcome::Route {
                kind: route.kind,
                table: route.table,
                hop: route.hops.into_iter().next().unwrap_or(NextHop {
                    gateway: None,
                    device: None,
                    encapsulates: false,
                }),
            },
            Err(why) => LookupOutcome::NoRoute(why),
        };
        lookups.push(Lookup { query: query.clone(), outcome });
    }
    Ok(lookups)
}

/// The link by which this process's packets to an address leave, and the longest of them; none if there is no route.
///
/// # Errors
/// Why the kernel could not be asked, in words.
pub async fn own_way(destination: std::net::Ipv4Addr) -> Result<Option<(String, Mtu)>, String> {
    way(destination).await.map_err(|error| chain(&error))
}

/// The largest packet that this host would send to this address: the route's own MTU, or its link's.
pub(super) async fn path_mtu(destination: std::net::Ipv4Addr) -> Result<Option<Mtu>, LookError> {
    Ok(way(destination).await?.map(|(_device, mtu)| mtu))
}

async fn way(destination: std::net::Ipv4Addr) -> Result<Option<(String, Mtu)>, LookError> {
    let connection = Socket::open(Protocol::Route)?;
    let links = links(&connection).await?;
    let query = LookupQuery { destination, source: None, iif: None };
    let Ok(route) = ask(&connection, &names(&links), &query).await? else { return Ok(None) };
    let device = route.hops.into_iter().next().and_then(|hop| hop.device);
    let link = device.and_then(|device| links.into_iter().find(|link| link.name == device));
    Ok(link.map(|link| (link.name, route.mtu.unwrap_or(link.mtu))))
}

/// The route, or why there is none.
async fn ask(socket: &Socket, names: &Names, query: &LookupQuery) -> Result<Result<Route, String>, LookError> {
    let source_length = if query.source.is_some() { 32 } else { 0 };
    let header = [&[INET, 32, source_length, 0, 0, 0, 0, 0][..], &RTM_F_LOOKUP_TABLE.to_ne_bytes()].concat();
    let mut attributes = Attributes::after(header).put(RTA_DST, &query.destination.octets());
    if let Some(source) = query.source {
        attributes = attributes.put(RTA_SRC, &source.octets());
    }
    if let Some(iif) = &query.iif {
        let index = names.iter().find(|(_index, name)| *name == iif).map(|(index, _name)| *index);
        attributes = attributes.u32(RTA_IIF, index.ok_or_else(|| LookError::NoLink { device: iif.clone() })?);
    }
    match socket.ask(&Request::new("ask for a route", RTM_GETROUTE, 0, attributes)).await {
        Ok(body) => match parse_route(&body.unwrap_or_default(), names) {
            Ok(route) => Ok(Ok(route)),
            Err(Unread::UnknownLink | Unread::UnknownNextHop) => Err(LookError::Unsteady { attempts: 1 }),
            Err(Unread::Error(error)) => Err(error.into()),
        },
        // A malformed request is EINVAL too, but with a text.
        Err(Error { why: Why::Refused { errno, text: None }, .. }) if is_decision(errno) => Ok(Err(errno_text(errno))),
        Err(error) => Err(error.into()),
    }
}

/// The errors that are routing decisions: nothing matches, `unreachable` or forwarding is off, `prohibit`, `blackhole`
/// or a source that no packet may have, and reverse path filtering (`fib_validate_source` in `net/ipv4/fib_frontend.c`).
fn is_decision(errno: Errno) -> bool {
    matches!(errno, Errno::ENETUNREACH | Errno::EHOSTUNREACH | Errno::EACCES | Errno::EINVAL | Errno::EXDEV)
}
