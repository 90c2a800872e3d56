//! One look into one network namespace.

use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

use super::{Address, Link, Listener, Neighbour, Route, Rule};

/// The inode number of a network namespace: `net:[4026531840]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NetnsId(pub u64);

/// Everything about routing that one look saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetnsView {
    /// Which namespace this is, as the kernel tells it.
    pub netns: NetnsId,
    /// All links.
    pub links: Vec<Link>,
    /// All IPv4 addresses.
    pub addresses: Vec<Address>,
    /// All IPv4 routes of all tables.
    pub routes: Vec<Route>,
    /// All IPv4 rules, in the kernel's order.
    pub rules: Vec<Rule>,
    /// The IPv4 neighbour table.
    pub neighbours: Vec<Neighbour>,
    /// TCP sockets that listen.
    pub listeners: Vec<Listener>,
}

impl NetnsView {
    /// The link of this name.
    pub fn link(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.name == name)
    }

    /// The first IPv4 address of the link of this name.
    pub fn address_of(&self, device: &str) -> Option<ipnet::Ipv4Net> {
        self.addresses.iter().find(|address| address.device == device).map(|address| address.address)
    }

    /// Whether this IPv4 address is one of this namespace's own.
    pub fn owns(&self, address: Ipv4Addr) -> bool {
        self.addresses.iter().any(|own| own.address.addr() == address)
    }
}
