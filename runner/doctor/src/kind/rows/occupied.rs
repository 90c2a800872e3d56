//! Which IPv4 networks are in use already: by the host's routes, by its addresses, by Docker's networks.

use std::fmt;

use ipnet::Ipv4Net;

use crate::kind::facts::NetworkSeen;
use crate::{Outcome, Row};
use lab_model::observe::{NetnsView, Route, RouteKind, TABLE_LOCAL};

/// An IPv4 network that is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::kind) struct Occupied {
    /// The network.
    pub(in crate::kind) net: Ipv4Net,
    /// What uses it.
    pub(in crate::kind) by: By,
}

/// What uses a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::kind) enum By {
    /// A route of the host, through this link.
    Route(String),
    /// An address of the host, on this link.
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

/// Whether two networks have an address in common; one contains the other then.
pub(in crate::kind) fn overlap(one: Ipv4Net, other: Ipv4Net) -> bool {
    one.contains(&other) || other.contains(&one)
}

/// Whether a route takes its destination away from a lab. The default route does not, nor do the two halves that a VPN
/// puts over it, because every other route is more specific.
fn leads_away(route: &Route) -> bool {
    route.table != TABLE_LOCAL && route.kind == RouteKind::Unicast && route.destination.prefix_len() > 1
}

/// All networks that are in use, as far as they could be read.
#[derive(Debug, Clone, Default)]
pub(in crate::kind) struct Taken {
    /// The networks, each once: the route and the gateway of a Docker network are not listed separately.
    pub(in crate::kind) all: Vec<Occupied>,
    /// What could not be read, and why.
    pub(in crate::kind) unknown: Vec<String>,
}

impl Taken {
    /// Finds the networks in use by the host with this view and by these Docker networks.
    pub(in crate::kind) fn find(view: Result<&NetnsView, &str>, networks: Option<&[NetworkSeen]>) -> Self {
        let mut taken = Self::default();
        match networks {
            Some(networks) => taken.all.extend(networks.iter().flat_map(docker)),
            None => taken.unknown.push("Docker's networks, since no Engine answered".to_owned()),
        }
        match view {
            Ok(view) => taken.add_host(view),
            Err(why) => taken.unknown.push(format!("the host's routes: {why}")),
        }
        taken
    }

    fn add_host(&mut self, view: &NetnsView) {
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

    /// The row for a network that overlaps none of these: a warning if something could not be read.
    pub(in crate::kind) fn no_overlap(&self, id: &str, found: String, why: &str) -> Row {
        if self.unknown.is_empty() {
            return Row::ok(id, found, why);
        }
        let found = format!("{found}; could not be checked: {}", self.unknown.join(", "));
        Row::bad(Outcome::Warning, id, found, why, "compare with the Engine's host: ip route; docker network ls")
    }
}

fn docker(seen: &NetworkSeen) -> impl Iterator<Item = Occupied> {
    seen.subnets().map(|net| Occupied { net, by: By::Docker(seen.network.name.clone()) })
}

/// The networks joined with "and", for a message; none if there are none.
pub(in crate::kind) fn joined<'a>(taken: impl IntoIterator<Item = &'a Occupied>) -> Option<String> {
    let texts: Vec<String> = taken.into_iter().map(Occupied::to_string).collect();
    (!texts.is_empty()).then(|| texts.join(" and "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::fixture::{address, docker, host, route};

    fn listed(view: &NetnsView) -> Vec<String> {
        Taken::find(Ok(view), Some(&docker().networks)).all.iter().map(Occupied::to_string).collect()
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
        let outcome = |taken: &Taken| taken.no_overlap("net.pod_cidrs", "overlaps nothing".to_owned(), "").outcome;
        assert_eq!(outcome(&Taken::find(Ok(&view), Some(&networks))), Outcome::Ok);
        assert_eq!(outcome(&Taken::find(Ok(&view), None)), Outcome::Warning);
        let unread = Taken::find(Err("cannot list routes"), Some(&networks));
        let row = unread.no_overlap("net.pod_cidrs", "overlaps nothing".to_owned(), "");
        assert_eq!(row.found, "overlaps nothing; could not be checked: the host's routes: cannot list routes");
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
