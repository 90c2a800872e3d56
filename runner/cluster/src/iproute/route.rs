//! Routes, as `ip -json route` prints them.

use serde::Deserialize;
use serde_json::{Map, Value};
use std::net::IpAddr;

use super::words::{TABLES, link_name, named, number, parsed, prefix, small};
use lab_model::observe::{Mtu, NextHop, Route, RouteKind, TABLE_MAIN};

#[derive(Deserialize)]
pub(super) struct RawRoute {
    #[serde(rename = "type")]
    kind: Option<String>,
    dst: String,
    gateway: Option<String>,
    via: Option<RawVia>,
    dev: Option<String>,
    table: Option<Value>,
    protocol: Option<Value>,
    scope: Option<Value>,
    prefsrc: Option<String>,
    metric: Option<u32>,
    tos: Option<Value>,
    encap: Option<Value>,
    #[serde(default)]
    flags: Vec<String>,
    #[serde(default)]
    metrics: Vec<Map<String, Value>>,
    #[serde(default)]
    nexthops: Vec<RawHop>,
}

#[derive(Deserialize)]
struct RawVia {
    host: String,
}

#[derive(Deserialize)]
struct RawHop {
    gateway: Option<String>,
    via: Option<RawVia>,
    dev: Option<String>,
    encap: Option<Value>,
    #[serde(default)]
    flags: Vec<String>,
}

/// A hop that the kernel does not take (`RTNH_F_DEAD`).
const DEAD: &str = "dead";

/// None for a route that the kernel does not take: each hop of it is dead.
pub(super) fn route(raw: &RawRoute) -> Result<Option<Route>, String> {
    let kind = match raw.kind.as_deref() {
        None => RouteKind::Unicast,
        Some(name) => named("route type", name, &KINDS)?,
    };
    let single = hop(raw.gateway.as_deref(), raw.via.as_ref(), raw.dev.as_ref(), raw.encap.as_ref())?;
    let mut hops = Vec::new();
    if raw.nexthops.is_empty() {
        hops.extend((single.gateway.is_some() || single.device.is_some()).then_some(single));
        if raw.flags.iter().any(|flag| flag == DEAD) {
            return Ok(None);
        }
    } else {
        for raw in raw.nexthops.iter().filter(|hop| hop.flags.iter().all(|flag| flag != DEAD)) {
            hops.push(hop(raw.gateway.as_deref(), raw.via.as_ref(), raw.dev.as_ref(), raw.encap.as_ref())?);
        }
        if hops.is_empty() {
            return Ok(None);
        }
    }
    let mtu = raw.metrics.iter().find_map(|metrics| metrics.get("mtu")?.as_u64());
    let route = Route {
        table: raw.table.as_ref().map_or(Ok(TABLE_MAIN), |table| number("table", table, &TABLES))?,
        destination: prefix(&raw.dst)?,
        kind,
        hops,
        source: raw.prefsrc.as_deref().map(parsed).transpose()?,
        // Who made it decides nothing.
        protocol: small(raw.protocol.as_ref(), &PROTOCOLS),
        scope: small(raw.scope.as_ref(), &SCOPES),
        metric: raw.metric.unwrap_or(0),
        tos: small(raw.tos.as_ref(), &[]),
        mtu: mtu.and_then(|mtu| u32::try_from(mtu).ok()).map(Mtu),
    };
    if kind == RouteKind::Unicast && route.hops.is_empty() {
        // It has a nexthop object that `ip route` does not follow (net.ipv4.nexthop_compat_mode=0).
        return Err(format!("the route {} has no next hop of its own: where it leads is not told", raw.dst));
    }
    Ok(Some(route))
}

fn hop(
    gateway: Option<&str>,
    via: Option<&RawVia>,
    device: Option<&String>,
    encap: Option<&Value>,
) -> Result<NextHop, String> {
    let gateway = gateway.or(via.map(|via| via.host.as_str()));
    let gateway = gateway.map(|text| text.parse::<IpAddr>().map_err(|error| format!("{text}: {error}"))).transpose()?;
    let device = device.map(|name| link_name(name)).transpose()?;
    Ok(NextHop { gateway, device, encapsulates: encap.is_some() })
}

pub(in super::super) const KINDS: [(&str, RouteKind); 10] = [
    ("unicast", RouteKind::Unicast),
    ("local", RouteKind::Local),
    ("broadcast", RouteKind::Broadcast),
    ("anycast", RouteKind::Anycast),
    ("multicast", RouteKind::Multicast),
    ("blackhole", RouteKind::Blackhole),
    ("unreachable", RouteKind::Unreachable),
    ("prohibit", RouteKind::Prohibit),
    ("throw", RouteKind::Throw),
    ("nat", RouteKind::Nat),
];
const SCOPES: [(&str, u32); 5] = [("global", 0), ("site", 200), ("link", 253), ("host", 254), ("nowhere", 255)];
/// `etc/iproute2/rt_protos`.
const PROTOCOLS: [(&str, u32); 16] = [
    ("redirect", 1),
    ("kernel", 2),
    ("boot", 3),
    ("static", 4),
    ("gated", 8),
    ("ra", 9),
    ("mrt", 10),
    ("zebra", 11),
    ("bird", 12),
    ("dhcp", 16),
    ("keepalived", 18),
    ("babel", 42),
    ("bgp", 186),
    ("isis", 187),
    ("ospf", 188),
    ("rip", 189),
];
