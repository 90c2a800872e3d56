//! Frames between pods of the probe's own. The judges are those of labs; what is expected is what the cluster's configuration
//! asks for, and where something is expected of peers in one subnet alone, others are left to it.

use std::collections::BTreeSet;

use super::of_foreign;
use super::sent::{beyond_pairs, of_own, of_sample, pairs_of, unknown};
use crate::wire;
use crate::wire::who::{Across, end};
use lab_model::expect::Expectations;
use lab_model::foreign::{ForeignWireSeen, RoutesBy};
use lab_model::observe::{NetnsView, PodName};
use lab_model::seen::WireSeen;
use lab_model::{Judgement, NotHeld};

/// Pods on different nodes answer each other at their own addresses, both ways.
///
/// # Errors
/// As [`wire::pods_reach_each_other_directly`]. Unobserved where a node took no part, and where policies are enforced and
/// something was not answered.
pub fn pods_reach_each_other_directly(seen: &ForeignWireSeen, expect: &Expectations) -> Judgement {
    of_foreign(expect)?;
    judged(seen, &seen.wire, expect, wire::pods_reach_each_other_directly)
}

/// Packets between pods are bare on the link of the receiver's node; where agents make the routes, between two nodes in one
/// subnet they are between the nodes' own link-layer addresses.
///
/// # Errors
/// As [`wire::frames_are_not_encapsulated`].
pub fn frames_are_not_encapsulated(seen: &ForeignWireSeen, expect: &Expectations) -> Judgement {
    let by_agents = of_foreign(expect)?.configuration.routes != RoutesBy::Network;
    judged(seen, &seen.wire, expect, |wire, own| {
        wire::frames_are_bare(wire, own, &|one| (by_agents && is_in_one_subnet(wire, one)).then_some(one.from.node_mac))
    })
}

/// Packets between pods on two nodes in one subnet come with the TTL with which they left the sender's node.
///
/// # Errors
/// As [`wire::no_router_between_nodes`]. Unobserved where no two nodes are in one subnet.
pub fn no_router_between_nodes(seen: &ForeignWireSeen, expect: &Expectations) -> Judgement {
    of_foreign(expect)?;
    judged(seen, &within_subnets(&seen.wire)?, expect, wire::no_router_between_nodes)
}

/// The receiving pod sees the sending pod's own address.
///
/// # Errors
/// As [`wire::source_address_is_kept`]. Unobserved where pods have addresses that the configuration has masqueraded.
pub fn source_address_is_kept(seen: &ForeignWireSeen, expect: &Expectations) -> Judgement {
    let configuration = &of_foreign(expect)?.configuration;
    if configuration.masquerades {
        let Some(native) = configuration.native_cidr else {
            let why = "pods' packets are masqueraded, and ipv4-native-routing-cidr does not say which are not";
            return Err(NotHeld::Unobserved(why.to_owned()));
        };
        let outside = |address: &std::net::Ipv4Addr| !native.contains(address);
        if let Some(address) = seen.wire.pods.iter().filter_map(|pod| pod.address).find(outside) {
            return Err(NotHeld::Unobserved(format!(
                "packets to {address}, a pod's address, are outside of ipv4-native-routing-cidr ({native}): they are masqueraded \
                 as the configuration has it"
            )));
        }
    }
    judged(seen, &seen.wire, expect, wire::source_address_is_kept)
}

/// A packet as large as the links of both pods and of both nodes take passes between pods on two nodes in one subnet.
///
/// # Errors
/// As [`wire::full_mtu_fits`]. Unobserved where no two nodes are in one subnet.
pub fn full_mtu_fits(seen: &ForeignWireSeen, expect: &Expectations) -> Judgement {
    of_foreign(expect)?;
    judged(seen, &within_subnets(&seen.wire)?, expect, wire::full_mtu_of_links_fits)
}

/// What a judge says of this part of what was seen.
fn judged(
    seen: &ForeignWireSeen,
    part: &WireSeen,
    expect: &Expectations,
    judge: impl Fn(&WireSeen, &Expectations) -> Judgement,
) -> Judgement {
    let own = of_own(expect, part.pods.len());
    let sent = part.nodes_sent().len();
    of_sample(judge(part, &own), &seen.sample, left_out(seen, expect), Some(pairs_of(sent, seen.sample.of)))
}

/// What of the plan was not sent, or which node is not in it; none where all was.
fn left_out(seen: &ForeignWireSeen, expect: &Expectations) -> Option<String> {
    let sample = &seen.sample;
    if let Some(unknown) = unknown(sample, seen.wire.nodes.len(), expect) {
        return Some(unknown);
    }
    let sent = seen.wire.nodes_sent();
    let unsent = sample.pairs.iter().find(|(from, to)| !sent.contains(&(from, to)));
    match unsent {
        Some((from, to)) => Some(format!("nothing was sent from {from} to {to}, which was to stand for others")),
        None => beyond_pairs(sample, seen.wire.nodes.keys()),
    }
}

fn is_in_one_subnet(seen: &WireSeen, one: &Across<'_>) -> bool {
    let subnet = |view: &NetnsView, uplink: &str| view.address_of(uplink).map(|address| address.trunc());
    let from = subnet(one.from.view, seen.uplink(one.from.node));
    from.is_some() && from == subnet(one.to.view, seen.uplink(one.to.node))
}

/// What pods on nodes in one subnet sent each other, and those pods.
fn within_subnets(seen: &WireSeen) -> Result<WireSeen, NotHeld> {
    let mut part = seen.clone();
    part.traffic.between_pods.retain(|exchange| {
        match (end(seen, &exchange.from), end(seen, &exchange.to)) {
            (Ok(from), Ok(to)) => is_in_one_subnet(seen, &Across { exchange, from, to }),
            // It is missed by name where it is judged.
            _ => true,
        }
    });
    let named = part.traffic.between_pods.iter().flat_map(|exchange| [&exchange.from, &exchange.to]);
    let taking_part: BTreeSet<PodName> = named.cloned().collect();
    if taking_part.is_empty() && !seen.traffic.between_pods.is_empty() {
        let why = "no two nodes that sent are in one subnet: what routers between do is theirs";
        return Err(NotHeld::Unobserved(why.to_owned()));
    }
    // A pod alone in its subnet has nobody to send to; without any exchange all are missed.
    if !taking_part.is_empty() {
        part.pods.retain(|pod| taking_part.contains(&pod.name));
    }
    Ok(part)
}

#[cfg(test)]
mod tests;
