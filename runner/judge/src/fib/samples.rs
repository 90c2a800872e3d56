//! Addresses that stand for all addresses of a prefix.

use ipnet::Ipv4Net;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::Fib;

impl Fib<'_> {
    /// Addresses whose decisions are those of the whole prefix: the first and the last usable one, and one between
    /// every two neighbouring edges of more specific destinations, of routes in tables that a rule leads to and of rules.
    pub fn samples(&self, prefix: Ipv4Net) -> Vec<Ipv4Addr> {
        let first = prefix.network().to_bits();
        let last = prefix.broadcast().to_bits();
        let within = self.edges.range((first, 0)..=(last, 32)).copied();
        representatives(prefix, within.filter(|&(_network, length)| length > prefix.prefix_len()))
    }

    /// The same for sources, whose decisions change at the edges of the rules' source prefixes only.
    pub fn source_samples(&self, prefix: Ipv4Net) -> Vec<Ipv4Addr> {
        let sources = self.rules().iter().filter_map(|rule| rule.source);
        let within = sources.filter(|source| prefix.contains(source) && *source != prefix);
        representatives(prefix, within.map(edge))
    }
}

/// A prefix as its network address and length.
pub(super) fn edge(prefix: Ipv4Net) -> (u32, u8) {
    (prefix.network().to_bits(), prefix.prefix_len())
}

fn representatives(prefix: Ipv4Net, within: impl Iterator<Item = (u32, u8)>) -> Vec<Ipv4Addr> {
    let last = prefix.broadcast().to_bits();
    // The first address of each part in which every address is decided alike.
    let mut parts = BTreeSet::new();
    for (network, length) in within {
        parts.insert(network);
        let end = network + u32::MAX.checked_shr(u32::from(length)).unwrap_or(0);
        if end < last {
            parts.insert(end + 1);
        }
    }
    // hosts() leaves out the network's and the broadcast address; more specific destinations bring them back.
    let mut usable = prefix.hosts();
    parts.extend(usable.next().map(Ipv4Addr::to_bits));
    parts.extend(usable.next_back().map(Ipv4Addr::to_bits));
    parts.into_iter().map(Ipv4Addr::from_bits).collect()
}
