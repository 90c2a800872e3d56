//! Frames: what pods send each other and the outside, as the nodes' links and the pods themselves saw it.
//!
//! One finding refutes, whatever else could not be seen. Without a finding, anything that is missing leaves the
//! claim unobserved: a capture that saw nothing, or lost frames, proves nothing.

mod encapsulated;
mod hops;
mod leak;
mod masquerade;
mod mtu;
mod path;
mod reach;
mod source;
#[cfg(test)]
mod tests;
mod turned_away;
pub(crate) mod who;

pub(crate) use encapsulated::frames_are_bare;
pub use encapsulated::frames_are_not_encapsulated;
pub use hops::no_router_between_nodes;
pub use leak::nothing_leaks_to_the_uplink;
pub use masquerade::{leaving, masqueraded_outside_the_native_cidr};
pub use mtu::full_mtu_fits;
pub(crate) use mtu::full_mtu_of_links_fits;
pub use path::path_by_declared_routers;
pub use reach::pods_reach_each_other_directly;
pub use source::source_address_is_kept;
pub use turned_away::no_router_turns_packets_away;

use std::collections::BTreeSet;
use std::fmt;

use lab_model::observe::{IpHeader, Payload, TcpHeader};
use lab_model::{Finding, Judgement, NotHeld, Proof};

/// What a judge has gathered, before it says what that comes to.
#[derive(Debug, Default)]
struct Gathered {
    /// Against the claim.
    findings: Vec<Finding>,
    /// What would have to be seen and was not.
    missing: Vec<String>,
    /// For the claim, one line each.
    shown: Vec<String>,
}

impl Gathered {
    /// Refuted by any finding, else unobserved if anything is missing or nothing was shown, else held.
    fn decide(self, nothing: &str, proof: impl FnOnce(Vec<String>) -> Proof) -> Judgement {
        if !self.findings.is_empty() {
            return Err(NotHeld::Refuted(self.findings));
        }
        if !self.missing.is_empty() {
            // Both directions of an exchange often lack the same thing.
            let mut told = BTreeSet::new();
            let missing: Vec<_> = self.missing.iter().filter(|text| told.insert(*text)).map(String::as_str).collect();
            return Err(NotHeld::Unobserved(missing.join("; ")));
        }
        if self.shown.is_empty() {
            return Err(NotHeld::Unobserved(nothing.to_owned()));
        }
        Ok(proof(self.shown))
    }

    /// Takes note of what is missing and goes on without it.
    fn or_missing<T>(&mut self, found: Result<T, String>) -> Option<T> {
        found.map_err(|missing| self.missing.push(missing)).ok()
    }
}

/// A proof whose summary is its only line, or its first line and how many more there are.
fn first_of(lines: Vec<String>) -> Proof {
    match lines.as_slice() {
        [] | [_] | [_, _] => Proof::new(lines.join("; ")),
        [first, rest @ ..] => Proof::new(format!("{first}; and {} more", rest.len())).with_details(lines),
    }
}

/// The TCP header of a packet that is TCP.
const fn tcp(ip: &IpHeader) -> Option<&TcpHeader> {
    match &ip.payload {
        Payload::Tcp(header) => Some(header),
        _ => None,
    }
}

/// The TCP header of a packet that asks for a connection.
fn syn(ip: &IpHeader) -> Option<&TcpHeader> {
    tcp(ip).filter(|header| header.syn && !header.ack)
}

/// `1 frame`, `24 frames`.
struct Count(usize, &'static str);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(count, what) = self;
        write!(f, "{count} {what}{}", if *count == 1 { "" } else { "s" })
    }
}
