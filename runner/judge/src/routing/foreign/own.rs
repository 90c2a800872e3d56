//! Where the addresses of a node's own pods lead.

use ipnet::Ipv4Net;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::inside::Within;
use super::{Here, each_node};
use crate::fib::Flow;
use crate::foreign::of_foreign;
use crate::routing::own::{Stays, away, stays};
use crate::weighing::{Weighing, unobserved};
use lab_model::expect::Expectations;
use lab_model::foreign::{Configuration, ForeignRoutingSeen, PodAddresses};
use lab_model::observe::Place;
use lab_model::{Judgement, Proof, Reason};

/// What belongs to a node's pods stays on the node, for packets of its own and for those of a peer's: the networks that the
/// node has for them, or, where pods have routes one by one, the address of each. In the inside tier, what pods send to others
/// goes to their own node too.
///
/// # Errors
/// [`Reason::OwnCidrLeadsAway`], one for each node, and [`Reason::PodLeadsElsewhere`], one for each pod. Unobserved where a node's routes or the networks of its pods were not
/// seen, and where there is no pod at all.
pub fn own_pods_are_local(seen: &ForeignRoutingSeen, expect: &Expectations) -> Judgement {
    let foreign = of_foreign(expect)?;
    let by_pod = is_by_pod(&foreign.configuration);
    if seen.nodes.is_empty() {
        return unobserved("no node's routes were seen");
    }
    let mut weighing = Weighing::default();
    let (mut kept, mut nodes_without) = (0, 0);
    let mut within = Within::default();
    let none = BTreeSet::new();
    let ended = seen.ended.as_ref().unwrap_or_else(|why| {
        if by_pod {
            weighing.miss(format!("which pods have ended meanwhile is not known: {why}"));
        }
        &none
    });
    each_node(seen, expect, &mut weighing, |here, weighing| {
        let networks: Vec<Ipv4Net> = if by_pod {
            let there = seen.pods.get(&here.node.name).into_iter().flatten();
            there.filter(|address| !ended.contains(address)).copied().map(Ipv4Net::from).collect()
        } else {
            here.node.pod_networks.clone()
        };
        if networks.is_empty() {
            nodes_without += 1;
            if !by_pod {
                weighing.miss(format!("the pod CIDR of {} is not known", here.node.name));
            }
        }
        let from = peer_pod(seen, here);
        kept += networks.iter().filter(|network| weigh(here, **network, from, weighing)).count();
        if foreign.inside {
            within.weigh(here, seen, from, weighing);
        }
    });
    if by_pod && kept == 0 {
        weighing.miss("no node has a pod whose route could be judged");
    }
    if foreign.inside && within.is_empty() {
        weighing.miss("no pod was looked into");
    }
    weighing.conclude(|| {
        let (total, what) = (seen.nodes.len(), if by_pod { "addresses of pods" } else { "pod CIDRs" });
        let without = match nodes_without {
            0 => String::new(),
            some => format!("; {some} nodes have no pod of their own"),
        };
        let (inside, lengths) = if foreign.inside { within.in_words() } else { (String::new(), Vec::new()) };
        Proof::new(format!(
            "{kept} of {kept} {what} stay on their own nodes, {total} of {total} nodes looked at{without}{inside}"
        ))
        .with_details(seen.beyond.clone().into_iter().chain(lengths))
    })
}

/// Whether pods are judged one by one, by the [table](crate::foreign::table).
fn is_by_pod(configuration: &Configuration) -> bool {
    configuration.endpoint_routes || configuration.addresses != PodAddresses::OfNode
}

/// An address of a pod on another node.
fn peer_pod(seen: &ForeignRoutingSeen, here: &Here<'_>) -> Option<Ipv4Addr> {
    let mut peers = seen.nodes.iter().filter(|peer| peer.name != here.node.name);
    peers.find_map(|peer| {
        let of_network = || peer.pod_networks.first().and_then(|network| network.hosts().next());
        seen.pods.get(&peer.name).and_then(|pods| pods.first().copied()).or_else(of_network)
    })
}

/// Whether this network stays; findings and gaps are noted.
fn weigh(here: &Here<'_>, network: Ipv4Net, from: Option<Ipv4Addr>, weighing: &mut Weighing) -> bool {
    let name = &here.node.name;
    let mut origins = vec![(None, None)];
    origins.extend(from.zip(here.uplink()).map(|(source, iif)| (Some(source), Some(iif))));
    for destination in here.fib.samples(network) {
        for &(source, iif) in &origins {
            let flow = Flow { destination, source, iif };
            let decision = here.fib.decide(&flow);
            match stays(here.view, network, &decision) {
                Stays::Here(_route) => {}
                Stays::Open(why) => {
                    weighing.miss(format!("{name}: {why}"));
                    return false;
                }
                Stays::Leaves => {
                    let from = match (source, iif) {
                        (Some(source), Some(iif)) => format!(" from {source} iif {iif}"),
                        _ => String::new(),
                    };
                    weighing.refute(
                        Reason::OwnCidrLeadsAway,
                        Place::Node(name.clone()),
                        format!("{name}: its own {network} leads to its pods"),
                        format!("{name}: {}", away(&flow, &decision)),
                        Some(format!("ip route get {destination}{from}")),
                    );
                    return false;
                }
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foreign::fixture::configured;

    #[test]
    fn pods_are_judged_one_by_one_where_they_have_routes_one_by_one() {
        for (settings, by_pod) in [
            (&[][..], false),
            (&[("enable-endpoint-routes", "true")], true),
            (&[("ipam", "eni")], true),
            (&[("ipam", "crd")], true),
            (&[("ipam", "kubernetes")], false),
        ] {
            assert_eq!(is_by_pod(&configured(settings)), by_pod, "{settings:?}");
        }
    }
}
