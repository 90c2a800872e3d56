//! What of IPv4 is taken already: by the host's routes, by its addresses, by Docker's networks.

use std::fmt;

use ipnet::Ipv4Net;

use crate::kind::facts::NetworkSeen;
use crate::{Outcome, Row};
use lab_model::observe::{NetnsView, Route, RouteKind, TABLE_LOCAL};

/// A part of IPv4 that is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::kind) struct Occupied {
    /// Which.
    pub(in crate::kind) net: Ipv4Net,
    /// By what.
    pub(in crate::kind) by: By,
}

/// What takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::kind) enum By {
    /// A route of the host's, through this link.
    Route(String),
    /// An address of the host's, on this link.
    Address(String),
    /// A Docker network of this name.
    Docker(String),
}

impl fmt::Display for Occupied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.by {
            By::Route(device) => write!(f, "the host route {} dev {device}", self.net),
            By::Address(device) => write!(f, "the host's address {} on {device}", self.net.addr()),
            By::Docker(name) => write!(f, "the Docker network {name} ({})", self.net),
        }
    }
}

/// Whether two networks have an address in common: then one holds the other.
pub(in crate::kind) fn overlap(one: Ipv4Net, other: Ipv4Net) -> bool {
    one.contains(&other) || other.contains(&one)
}

/// A route that takes packets somewhere. The default route is not, nor are the two halves that a VPN lays over it:
/// every other route comes before them.
fn leads_away(route: &Route) -> bool {
    route.table != TABLE_LOCAL && route.kind == RouteKind::Unicast && route.destination.prefix_len() > 1
}

/// All that is taken, as far as it is known.
#[derive(Debug, Clone, Default)]
pub(in crate::kind) struct Taken {
    /// Each part once: a Docker network's own route and gateway go with the network.
    pub(in crate::kind) all: Vec<Occupied>,
    /// What could not be looked at, and why.
    pub(in crate::kind) unknown: Vec<String>,
}

impl Taken {
    /// By the host that this view is of, and by these networks.
    pub(in crate::kind) fn by(view: Result<&NetnsView, &str>, networks: Option<&[NetworkSeen]>) -> Self {
        let mut taken = Self::default();
        match networks {
            Some(networks) => taken.all.extend(networks.iter().flat_map(docker)),
            None => taken.unknown.push("Docker's networks, since no Engine answered".to_owned()),
        }
        match view {
            Ok(view) => taken.host(view),
            Err(why) => taken.unknown.push(format!("the host's routes: {why}")),
        }
        taken
    }

    fn host(&mut self, view: &NetnsView) {
        for route in view.routes.iter().filter(|route| leads_away(route)) {
            let net = route.destination.trunc();
            if self.all.iter().any(|taken| taken.net == net) {
                continue;
            }
            let device = route.hops.iter().find_map(|hop| hop.device.clone());
            self.all.push(Occupied { net, by: By::Route(device.unwrap_or_else(|| "none".to_owned())) });
        }
        for own in &view.addresses {
            let net = Ipv4Net::from(own.address.addr());
            if !own.address.addr().is_loopback() && !self.all.iter().any(|taken| taken.net.contains(&net)) {
                self.all.push(Occupied { net, by: By::Address(own.device.clone()) });
            }
        }
    }

    /// The row of something that overlaps nothing of what is known: good news only when everything is.
    pub(in crate::kind) fn nothing(&self, id: &str, found: String, why: &str) -> Row {
        if self.unknown.is_empty() {
            return Row::ok(id, found, why);
        }
        let found = format!("{found}; not looked at: {}", self.unknown.join(", "));
        Row::bad(Outcome::Warning, id, found, why, "compare with the Engine's host: ip route; docker network ls")
    }
}

fn docker(seen: &NetworkSeen) -> impl Iterator<Item = Occupied> {
    seen.subnets().map(|net| Occupied { net, by: By::Docker(seen.network.name.clone()) })
}

/// Those that overlap, in words; none when nothing does.
pub(in crate::kind) fn words<'a>(taken: impl IntoIterator<Item = &'a Occupied>) -> Option<String> {
    let words: Vec<String> = taken.into_iter().map(Occupied::to_string).collect();
    (!words.is_empty()).then(|| words.join(" and "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::fixture::{address, docker, host, route};

    fn listed(view: &NetnsView) -> Vec<String> {
        Taken::by(Ok(view), Some(&docker().networks)).all.iter().map(Occupied::to_string).collect()
    }

    #[test]
    fn each_part_is_named_once() {
        let view = host().view.unwrap().unwrap();
        let listed = listed(&view);
        let docker = ["the Docker network bridge (172.17.0.0/16)", "the Docker network kind (172.18.0.0/16)"];
        assert_eq!(listed, [docker[0], docker[1], "the host route 192.168.178.0/24 dev eth0"]);
    }

    #[test]
    fn routes_that_lead_nowhere_take_nothing() {
        let mut view = host().view.unwrap().unwrap();
        let before = listed(&view);
        let mut sealed = route("10.0.0.0/8", None, "lo");
        sealed.kind = RouteKind::Blackhole;
        view.routes.extend([
            sealed,
            route("0.0.0.0/1", Some("10.8.0.1"), "tun0"),
            route("128.0.0.0/1", Some("10.8.0.1"), "tun0"),
        ]);
        assert_eq!(listed(&view), before);
        view.routes.push(route("10.8.0.0/24", None, "tun0"));
        assert!(listed(&view).contains(&"the host route 10.8.0.0/24 dev tun0".to_owned()));
    }

    #[test]
    fn an_address_that_no_route_covers_counts() {
        let mut view = host().view.unwrap().unwrap();
        view.addresses.push(address("dummy0", "10.0.1.7/32"));
        assert_eq!(listed(&view).last().unwrap(), "the host's address 10.0.1.7 on dummy0");
    }

    #[test]
    fn what_was_not_looked_at_is_no_good_news() {
        let view = host().view.unwrap().unwrap();
        let networks = docker().networks;
        let outcome = |taken: &Taken| taken.nothing("net.pod_cidrs", "overlaps nothing".to_owned(), "").outcome;
        assert_eq!(outcome(&Taken::by(Ok(&view), Some(&networks))), Outcome::Ok);
        assert_eq!(outcome(&Taken::by(Ok(&view), None)), Outcome::Warning);
        let unread = Taken::by(Err("cannot list routes"), Some(&networks));
        let row = unread.nothing("net.pod_cidrs", "overlaps nothing".to_owned(), "");
        assert_eq!(row.found, "overlaps nothing; not looked at: the host's routes: cannot list routes");
        assert_eq!(row.outcome, Outcome::Warning);
    }

    #[test]
    fn networks_overlap_when_one_holds_the_other() {
        let net = |text: &str| text.parse::<Ipv4Net>().unwrap();
        assert!(overlap(net("10.0.0.0/8"), net("10.20.0.0/16")));
        assert!(overlap(net("10.20.0.0/16"), net("10.0.0.0/8")));
        assert!(!overlap(net("10.0.0.0/24"), net("10.0.1.0/24")));
    }
}
