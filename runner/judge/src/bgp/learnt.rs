//! Where routers have learnt that pods are, and where their kernels send packets.

use ipnet::Ipv4Net;
use std::net::{IpAddr, Ipv4Addr};

use super::{daemon, racks_of, router};
use crate::fib::{Decision, Fib, Flow};
use crate::weighing::Weighing;
use lab_model::expect::Expectations;
use lab_model::observe::{Learnt, NetnsView, NodeName, Place, RouterSeen, UPLINK};
use lab_model::racks::{self, Racks, TOR_UPLINK, router_port};
use lab_model::seen::RoutersSeen;
use lab_model::{Judgement, Proof, Reason, words};

/// The way to a node's pods that a router must have.
struct Wanted<'a> {
    at: Place,
    node: &'a NodeName,
    pods: Ipv4Net,
    via: Ipv4Addr,
    device: String,
}

/// Every ToR and the router have learnt each node's pod CIDR over BGP, by exactly the way that leads to that node, and their
/// kernels send packets that way.
///
/// # Errors
/// [`Reason::NotLearnt`], [`Reason::LearntElsewhere`], and [`Reason::DaemonDisagrees`] where the kernel does otherwise than
/// the daemon has learnt; unobserved where one of the two could not be asked, or a pod CIDR is not known.
pub fn pod_cidrs_are_learnt(seen: &RoutersSeen, expect: &Expectations) -> Judgement {
    let racks = racks_of(expect)?;
    let mut weighing = Weighing::default();
    let mut shown = Vec::new();
    let wanted = wanted(seen, racks, &expect.network, &mut weighing);
    for wanted in &wanted {
        let Some(router) = router(seen, &wanted.at, &mut weighing) else { continue };
        let learnt = learnt(wanted, router, &mut weighing);
        // Without a route that was learnt, what the kernel does is told by that finding.
        if learnt == Some(true) && forwards(wanted, router, &mut weighing) {
            shown.push(format!("{}: {} via {} dev {}", wanted.at, wanted.pods, wanted.via, wanted.device));
        }
    }
    if shown.is_empty() {
        weighing.miss("no route was seen: nothing is proved");
    }
    weighing.conclude(|| {
        let (routers, cidrs) = (racks.racks.len() + 1, seen.pod_cidrs.by_node.len());
        Proof::new(format!(
            "{routers} of {routers} routers have {cidrs} of {cidrs} pod CIDRs by their node's way, and their kernels too; {}",
            shown.first().cloned().unwrap_or_default()
        ))
        .with_details(shown)
    })
}

fn wanted<'a>(seen: &'a RoutersSeen, racks: &'a Racks, bridge: &str, weighing: &mut Weighing) -> Vec<Wanted<'a>> {
    let mut wanted = Vec::new();
    for (home, rack) in racks.racks.iter().enumerate() {
        for node in &rack.nodes {
            let pods = seen.pod_cidrs.by_node.get(node).copied();
            let address = seen.nodes.get(node).and_then(|view| view.address_of(UPLINK));
            let (Some(pods), Some(address)) = (pods, address) else {
                weighing.miss(format!("the pod CIDR or the address of {node} is not known"));
                continue;
            };
            for (position, at) in racks.racks.iter().enumerate() {
                let (via, device) = if position == home {
                    (address.addr(), bridge.to_owned())
                } else {
                    (at.router_end.addr(), TOR_UPLINK.to_owned())
                };
                wanted.push(Wanted { at: racks::tor(position), node, pods, via, device });
            }
            let (via, device) = (rack.tor_end.addr(), router_port(home));
            wanted.push(Wanted { at: racks::router(), node, pods, via, device });
        }
    }
    wanted
}

/// Whether the daemon has chosen the way that it must; none where it was not asked.
fn learnt(wanted: &Wanted<'_>, router: &RouterSeen, weighing: &mut Weighing) -> Option<bool> {
    let daemon = daemon(router, weighing)?;
    let Wanted { at, node, pods, via, device } = wanted;
    let over_bgp = |route: &&Learnt| daemon.sessions.iter().any(|session| session.name == route.session);
    let chosen = daemon.routes.iter().filter(|route| route.destination == *pods && route.chosen).find(over_bgp);
    let expected = format!("{pods}, the pods of {node}, learnt over BGP via {via} dev {device}");
    let by_hand = || Some(format!("birdc -s {at}.ctl show route {pods}"));
    match chosen {
        None => {
            let observed = format!("{} does not have {pods} over BGP", daemon.version);
            weighing.refute(Reason::NotLearnt, at.clone(), expected, observed, by_hand());
            Some(false)
        }
        Some(route) if route.via == Some(*via) && route.device.as_ref() == Some(device) => Some(true),
        Some(route) => {
            let via = route.via.map_or_else(|| "no next hop".to_owned(), |via| format!("via {via}"));
            let device = route.device.as_deref().unwrap_or("no link");
            let observed = format!("{pods} {via} dev {device}, from {}", route.session);
            weighing.refute(Reason::LearntElsewhere, at.clone(), expected, observed, by_hand());
            Some(false)
        }
    }
}

/// Whether the kernel sends packets for these pods that way.
fn forwards(wanted: &Wanted<'_>, router: &RouterSeen, weighing: &mut Weighing) -> bool {
    let Wanted { at, node, pods, via, device } = wanted;
    let view = match &router.kernel {
        Ok(view) => view,
        Err(why) => {
            weighing.miss(format!("{at}: its kernel could not be looked at: {why}"));
            return false;
        }
    };
    let found = match kernels(view, *pods) {
        Ok(found) => found,
        Err(why) => {
            weighing.miss(format!("{at}: {why}"));
            return false;
        }
    };
    let wanted_hop = Some((IpAddr::V4(*via), device.clone()));
    let wrong = found.into_iter().find(|(hop, _text)| *hop != wanted_hop);
    if let Some((_, observed)) = wrong {
        weighing.refute(
            Reason::DaemonDisagrees,
            at.clone(),
            format!("packets for {pods}, the pods of {node}, via {via} dev {device}, as the daemon has learnt"),
            observed,
            Some(format!("ip route get {}", pods.network())),
        );
        return false;
    }
    true
}

/// A next hop and its link, and the decision for a reader.
type Hop = (Option<(IpAddr, String)>, String);

/// Where the kernel sends packets for the first, the last and a middle address of a network.
fn kernels(view: &NetnsView, pods: Ipv4Net) -> Result<Vec<Hop>, String> {
    let fib = Fib::new(view);
    let (first, last) = (pods.network().to_bits(), pods.broadcast().to_bits());
    let middle = first + (last - first) / 2;
    [first, middle, last].into_iter().map(|bits| decide(&fib, Ipv4Addr::from_bits(bits))).collect()
}

fn decide(fib: &Fib<'_>, destination: Ipv4Addr) -> Result<Hop, String> {
    Ok(match fib.decide(&Flow { destination, source: None, iif: None }) {
        Decision::Route { route, .. } => {
            let text = format!("{destination} takes {}", words::route(route));
            match route.hops.as_slice() {
                [hop] if !hop.encapsulates => (hop.gateway.zip(hop.device.clone()), text),
                _ => (None, text),
            }
        }
        Decision::Refused(_) => (None, format!("{destination} is refused by a rule or a route")),
        Decision::NoRoute => (None, format!("{destination} has no route")),
        Decision::Undecidable(why) => return Err(why),
    })
}
