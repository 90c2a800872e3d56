//! Tunnel devices.

use ipnet::Ipv4Net;

use super::way::WIREGUARD;
use super::{Here, each_node};
use crate::fib::{Decision, Flow};
use crate::foreign::of_foreign;
use crate::routing::tunnel;
use crate::weighing::{Weighing, unobserved};
use lab_model::expect::Expectations;
use lab_model::foreign::{Beneath, Configuration, ForeignRoutingSeen, PodAddresses};
use lab_model::observe::{Link, Place, Route};
use lab_model::{Judgement, Proof, Reason};

/// How an L2TP tunnel's devices are called; the kernel names no kind of theirs (`net/l2tp/l2tp_eth.c`).
const L2TP: &str = "l2tpeth";
/// Devices of Cilium's own, which carry pods' packets where it routes through a tunnel (`pkg/defaults/node.go`,
/// `daemon/cmd`): one of another's may be there for other things.
const OWN: [&str; 2] = ["cilium_vxlan", "cilium_geneve"];

/// No node has a tunnel device of Cilium's, and no route to pods is by another's. `WireGuard`'s is there where it should be.
///
/// # Errors
/// [`Reason::TunnelDevice`] for each of Cilium's, and for another's that a route to the network of a node's pods is by.
/// Unobserved where a node's links were not seen, or one is of a kind that nobody knows.
pub fn no_tunnel_device(seen: &ForeignRoutingSeen, expect: &Expectations) -> Judgement {
    let configuration = &of_foreign(expect)?.configuration;
    if seen.nodes.is_empty() {
        return unobserved("no node's links were seen");
    }
    let networks = of_pods(seen, configuration);
    let encrypts = configuration.beneath == Beneath::WireGuard;
    let mut weighing = Weighing::default();
    let (mut total, mut beside) = (0, Vec::new());
    each_node(seen, expect, &mut weighing, |here, weighing| {
        let name = &here.node.name;
        total += here.view.links.len();
        for gap in here.view.links.iter().filter_map(unknown) {
            weighing.miss(format!("{name}: {gap}"));
        }
        let tunnels = here.view.links.iter().filter_map(|link| Some((link, tunnel::tunnel_kind(link)?)));
        for (link, kind) in tunnels {
            let state = if link.up { "up" } else { "down" };
            let meant = encrypts && link.name == WIREGUARD;
            let leads_to_pods = || networks.iter().any(|pods| leads(here, &link.name, *pods));
            let own = configuration.tunnel_beside.is_none() && OWN.contains(&link.name.as_str());
            if !meant && (own || leads_to_pods()) {
                weighing.refute(
                    Reason::TunnelDevice,
                    Place::Node(name.clone()),
                    format!("{name}: no tunnel device that carries pods' packets"),
                    format!("{name}: {}, a {kind} device, {state}", link.name),
                    Some(format!("ip -d link show type {kind}")),
                );
            } else {
                beside.push(format!("{name}: {} ({kind}), {state}, by which no route leads to pods", link.name));
            }
        }
    });
    weighing.conclude(|| {
        let nodes = seen.nodes.len();
        let others = match beside.len() {
            0 => String::new(),
            others => format!("; {others} tunnel devices are there for something else"),
        };
        Proof::new(format!("0 of {total} links on {nodes} of {nodes} nodes are tunnels for pods' packets{others}"))
            .with_details(beside)
    })
}

/// Where pods are: the networks of nodes, or where these have none, each pod's own address.
fn of_pods(seen: &ForeignRoutingSeen, configuration: &Configuration) -> Vec<Ipv4Net> {
    match configuration.addresses {
        PodAddresses::OfNode => seen.nodes.iter().flat_map(|node| node.pod_networks.iter().copied()).collect(),
        PodAddresses::OfCloud | PodAddresses::Unknown => {
            seen.pods.values().flatten().copied().map(Ipv4Net::from).collect()
        }
    }
}

/// Whether packets for some of these addresses go by this device, and not as all others do.
fn leads(here: &Here<'_>, device: &str, pods: Ipv4Net) -> bool {
    let by = |route: &Route| {
        route.destination.prefix_len() > 0 && route.hops.iter().any(|hop| hop.device.as_deref() == Some(device))
    };
    // Most networks have no such route at all, and are not looked at any further.
    let may = here
        .view
        .routes
        .iter()
        .any(|route| by(route) && (route.destination.contains(&pods) || pods.contains(&route.destination)));
    may && here.fib.samples(pods).into_iter().any(|destination| {
        match here.fib.decide(&Flow { destination, source: None, iif: None }) {
            Decision::Route { route, .. } => by(route),
            // Where they go is the question of the case about routes.
            Decision::Undecidable(_) | Decision::NoRoute | Decision::Refused(_) => false,
        }
    })
}

/// Why it is not known whether a link is a tunnel. Hardware has no kind, and a foreign node has hardware.
fn unknown(link: &Link) -> Option<String> {
    let is_hardware = link.kind.is_none() && !link.name.starts_with(L2TP);
    if is_hardware { None } else { tunnel::unknown(link) }
}
