//! One routing table: the longest prefix, and the best route for it.

use ipnet::Ipv4Net;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;

use lab_model::observe::Route;

/// Routes by prefix length, longest first, then by network address.
#[derive(Debug, Default)]
pub(super) struct Table<'a> {
    by_length: BTreeMap<Reverse<u8>, HashMap<u32, &'a Route>>,
}

impl<'a> Table<'a> {
    /// Adds a route, unless a packet of no particular type of service would never take it.
    pub(super) fn add(&mut self, route: &'a Route) {
        if route.tos != 0 {
            return;
        }
        let network = route.destination.network().to_bits();
        let routes = self.by_length.entry(Reverse(route.destination.prefix_len())).or_default();
        // Among equals the one that the kernel lists first wins.
        routes
            .entry(network)
            .and_modify(|best| {
                if route.metric < best.metric {
                    *best = route;
                }
            })
            .or_insert(route);
    }

    /// The route that a packet to this address takes.
    pub(super) fn longest(&self, destination: Ipv4Addr) -> Option<&'a Route> {
        self.by_length.iter().find_map(|(&Reverse(length), routes)| at(routes, destination, length))
    }

    /// The routes whose destinations hold this whole prefix, the longest first.
    pub(super) fn covering(&self, prefix: Ipv4Net) -> impl Iterator<Item = &'a Route> {
        self.by_length
            .range(Reverse(prefix.prefix_len())..)
            .filter_map(move |(&Reverse(length), routes)| at(routes, prefix.network(), length))
    }
}

fn at<'a>(routes: &HashMap<u32, &'a Route>, destination: Ipv4Addr, length: u8) -> Option<&'a Route> {
    let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
    routes.get(&(destination.to_bits() & mask)).copied()
}
