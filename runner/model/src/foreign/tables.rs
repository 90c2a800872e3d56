//! What was read of one node's routing, in a form that a thousand nodes with a thousand routes each can be kept in.

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::str::{FromStr, SplitWhitespace};

use crate::observe::{Address, Link, Mtu, NetnsId, NetnsView, NextHop, Route, RouteKind, Rule};
use crate::words;

/// Links, addresses, rules and routes of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeTables {
    /// All links.
    pub links: Vec<Link>,
    /// All IPv4 addresses.
    pub addresses: Vec<Address>,
    /// All IPv4 rules, in the kernel's order.
    pub rules: Vec<Rule>,
    /// All IPv4 routes of all tables.
    pub routes: RouteLines,
}

impl From<NetnsView> for NodeTables {
    /// Who listens and who is a neighbour is left out.
    fn from(view: NetnsView) -> Self {
        Self {
            links: view.links,
            addresses: view.addresses,
            rules: view.rules,
            routes: RouteLines::write(&view.routes),
        }
    }
}

impl NodeTables {
    /// The same as a look into a namespace. Which one it is, who listens and who is a neighbour was not looked at.
    ///
    /// # Errors
    /// A text with the first line that is no route.
    pub fn view(&self) -> Result<NetnsView, String> {
        Ok(NetnsView {
            netns: NetnsId(0),
            links: self.links.clone(),
            addresses: self.addresses.clone(),
            routes: self.routes.read()?,
            rules: self.rules.clone(),
            neighbours: Vec::new(),
            listeners: Vec::new(),
        })
    }
}

/// Routes as text, one on a line, nearly as `ip route` writes them: a fifth of the room that they need one by one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RouteLines(String);

const KINDS: [RouteKind; 11] = [
    RouteKind::Unicast,
    RouteKind::Local,
    RouteKind::Broadcast,
    RouteKind::Anycast,
    RouteKind::Multicast,
    RouteKind::Blackhole,
    RouteKind::Unreachable,
    RouteKind::Prohibit,
    RouteKind::Throw,
    RouteKind::Nat,
    RouteKind::Unknown,
];

impl RouteLines {
    /// Writes routes.
    pub fn write(routes: &[Route]) -> Self {
        let mut text = String::new();
        for route in routes {
            line(&mut text, route);
            text.push('\n');
        }
        Self(text)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.lines().count()
    }

    /// How many octets they take.
    pub const fn octets(&self) -> usize {
        self.0.len()
    }

    /// Reads them.
    ///
    /// # Errors
    /// A text with the first line that is no route.
    pub fn read(&self) -> Result<Vec<Route>, String> {
        self.0.lines().map(|line| read(line).ok_or_else(|| format!("{line:?} is no route"))).collect()
    }
}

fn line(text: &mut String, route: &Route) {
    // Writing to a String cannot fail.
    let _ = write!(text, "{} {} table {}", words::kind(route.kind), route.destination, route.table);
    for hop in &route.hops {
        text.push_str(" hop");
        if hop.encapsulates {
            text.push_str(" encap");
        }
        if let Some(gateway) = hop.gateway {
            let _ = write!(text, " via {gateway}");
        }
        if let Some(device) = &hop.device {
            let _ = write!(text, " dev {device}");
        }
    }
    let _ = write!(text, " proto {} scope {}", route.protocol, route.scope);
    for (key, number) in [("metric", route.metric), ("tos", route.tos.into())] {
        if number != 0 {
            let _ = write!(text, " {key} {number}");
        }
    }
    if let Some(mtu) = route.mtu {
        let _ = write!(text, " mtu {mtu}");
    }
    if let Some(source) = route.source {
        let _ = write!(text, " src {source}");
    }
}

fn read(line: &str) -> Option<Route> {
    let mut tokens = line.split_whitespace();
    let kind = tokens.next()?;
    let mut route = Route {
        kind: KINDS.into_iter().find(|known| words::kind(*known) == kind)?,
        destination: next::<Ipv4Net>(&mut tokens)?,
        table: 0,
        hops: Vec::new(),
        source: None,
        protocol: 0,
        scope: 0,
        metric: 0,
        tos: 0,
        mtu: None,
    };
    while let Some(key) = tokens.next() {
        match key {
            "hop" => route.hops.push(NextHop { gateway: None, device: None, encapsulates: false }),
            "encap" => route.hops.last_mut()?.encapsulates = true,
            "via" => route.hops.last_mut()?.gateway = Some(next::<IpAddr>(&mut tokens)?),
            "dev" => route.hops.last_mut()?.device = Some(tokens.next()?.to_owned()),
            "table" => route.table = next(&mut tokens)?,
            "proto" => route.protocol = next(&mut tokens)?,
            "scope" => route.scope = next(&mut tokens)?,
            "metric" => route.metric = next(&mut tokens)?,
            "tos" => route.tos = next(&mut tokens)?,
            "mtu" => route.mtu = Some(Mtu(next(&mut tokens)?)),
            "src" => route.source = Some(next::<Ipv4Addr>(&mut tokens)?),
            _ => return None,
        }
    }
    Some(route)
}

fn next<T: FromStr>(tokens: &mut SplitWhitespace<'_>) -> Option<T> {
    tokens.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(gateway: Option<&str>, device: Option<&str>, encapsulates: bool) -> NextHop {
        NextHop {
            gateway: gateway.map(|text| text.parse().expect("an address")),
            device: device.map(str::to_owned),
            encapsulates,
        }
    }

    #[test]
    fn routes_are_read_as_they_were_written() {
        let plain = Route {
            table: 254,
            destination: "10.0.2.0/24".parse().expect("a prefix"),
            kind: RouteKind::Unicast,
            hops: vec![hop(Some("172.18.0.4"), Some("eth0"), false)],
            source: None,
            protocol: 4,
            scope: 0,
            metric: 0,
            tos: 0,
            mtu: None,
        };
        let full = Route {
            hops: vec![hop(Some("fe80::1"), Some("ens3"), true), hop(None, Some("lo"), false), hop(None, None, false)],
            source: "172.18.0.3".parse().ok(),
            metric: 100,
            tos: 16,
            mtu: Some(Mtu(1420)),
            ..plain.clone()
        };
        let none = Route { kind: RouteKind::Blackhole, hops: Vec::new(), table: 2004, ..plain.clone() };
        let mut routes = vec![plain, full, none.clone()];
        routes.extend(KINDS.map(|kind| Route { kind, ..none.clone() }));
        let written = RouteLines::write(&routes);
        assert_eq!(written.count(), routes.len());
        assert_eq!(written.read(), Ok(routes));
        assert_eq!(
            written.0.lines().next(),
            Some("unicast 10.0.2.0/24 table 254 hop via 172.18.0.4 dev eth0 proto 4 scope 0")
        );
    }

    #[test]
    fn what_is_no_route_is_refused_with_its_line() {
        for line in
            ["unicast", "wormhole 10.0.0.0/8", "unicast 10.0.0.0/8 via 10.0.0.1", "unicast 10.0.0.0/8 colour red"]
        {
            let why = RouteLines(line.to_owned()).read().expect_err("refused");
            assert_eq!(why, format!("{line:?} is no route"));
        }
    }
}
