//! Who is who: from names to the addresses that frames have.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};

use lab_model::expect::Expectations;
use lab_model::observe::{
    Capture, Frame, IpHeader, MacAddr, NetnsView, NodeName, OutsideExchange, Place, PodExchange, PodName, PodSeen,
    UPLINK,
};
use lab_model::seen::WireSeen;

/// A pod, and the node it is on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End<'a> {
    pub(crate) pod: &'a PodName,
    pub(crate) address: Ipv4Addr,
    pub(crate) node: &'a NodeName,
    /// The look into its node.
    pub(crate) view: &'a NetnsView,
    /// The link-layer address of its node's eth0.
    pub(crate) node_mac: MacAddr,
    /// The address of its node's eth0.
    pub(crate) node_address: Ipv4Addr,
}

/// Everything about a pod that frames are compared with, or what of it is not known.
pub(crate) fn end<'a>(seen: &'a WireSeen, name: &PodName) -> Result<End<'a>, String> {
    let pod = seen.pods.iter().find(|pod| pod.name == *name).ok_or_else(|| format!("no pod {name} was seen"))?;
    let address = pod.address.ok_or_else(|| format!("pod {name} had no address"))?;
    let node = pod.node.as_ref().ok_or_else(|| format!("no node claims pod {name}"))?;
    let (node, view) = seen.nodes.get_key_value(node).ok_or_else(|| format!("nobody looked into {node}"))?;
    let (node_mac, node_address) = identity(node, view, seen.uplink(node))?;
    Ok(End { pod: &pod.name, address, node, view, node_mac, node_address })
}

/// The link-layer and IPv4 addresses of a node's link to its peers.
fn identity(node: &NodeName, view: &NetnsView, uplink: &str) -> Result<(MacAddr, Ipv4Addr), String> {
    let mac = view.link(uplink).and_then(|link| link.mac);
    let mac = mac.ok_or_else(|| format!("{node} has no {uplink} with a link-layer address"))?;
    let address = view.address_of(uplink).ok_or_else(|| format!("{node} has no address on {uplink}"))?;
    Ok((mac, address.addr()))
}

/// An exchange across nodes with both its ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Across<'a> {
    pub(crate) exchange: &'a PodExchange,
    pub(crate) from: End<'a>,
    pub(crate) to: End<'a>,
}

/// What is missing of the replicas: there must be as many as should be, each with an address of its own.
pub(super) fn replicas(seen: &WireSeen, expect: &Expectations) -> Vec<String> {
    let mut missing = Vec::new();
    let mut at = BTreeMap::new();
    for pod in &seen.pods {
        let Some(address) = pod.address else {
            let why = seen.not_entered.get(&pod.name).map(|why| format!(": {why}"));
            missing.push(format!("pod {} had no address{}", pod.name, why.unwrap_or_default()));
            continue;
        };
        if let Some(other) = at.insert(address, &pod.name).filter(|other| **other != pod.name) {
            missing.push(format!("pods {other} and {} cannot be told apart by {address}", pod.name));
        }
    }
    let names: BTreeSet<&PodName> = at.into_values().collect();
    if names.len() < expect.replicas || names.is_empty() {
        missing.push(format!("{} of {} replicas have an address", names.len(), expect.replicas));
    }
    missing
}

/// The exchanges between pods on two nodes, and what is missing of others. One within a node says nothing about
/// the wire and is left out. Each replica must be in one, and each pod that was asked must have asked back.
pub(super) fn across<'a>(seen: &'a WireSeen, expect: &Expectations) -> (Vec<Across<'a>>, Vec<String>) {
    let (mut found, mut missing): (Vec<Across<'_>>, _) = (Vec::new(), replicas(seen, expect));
    for exchange in &seen.traffic.between_pods {
        match (end(seen, &exchange.from), end(seen, &exchange.to)) {
            (Ok(from), Ok(to)) if from.node == to.node => {}
            (Ok(from), Ok(to)) => found.push(Across { exchange, from, to }),
            (from, to) => missing.extend([from.err(), to.err()].into_iter().flatten()),
        }
    }
    if found.is_empty() {
        missing.push("no pod sent anything to a pod on another node: nothing is proved".to_owned());
        return (found, missing);
    }
    let pairs: BTreeSet<_> = found.iter().map(|one| (one.from.pod, one.to.pod)).collect();
    for (from, to) in pairs.iter().filter(|(from, to)| !pairs.contains(&(*to, *from))) {
        missing.push(format!("{from} asked {to}, and {to} did not ask {from}"));
    }
    let addressed = seen.pods.iter().filter(|pod| pod.address.is_some());
    for pod in addressed.filter(|pod| !pairs.iter().any(|(from, _to)| **from == pod.name)) {
        let why = not_entered(seen, pod).map(|why| format!(": {why}"));
        missing.push(format!("{} asked no pod on another node{}", pod.name, why.unwrap_or_default()));
    }
    (found, missing)
}

/// Why a pod took no part, if it could not be entered.
fn not_entered(seen: &WireSeen, pod: &PodSeen) -> Option<String> {
    seen.not_entered.get(&pod.name).map(|why| format!("it could not be entered ({why})"))
}

/// That pods did not ask the outside, of those that did not.
pub(super) fn did_not_ask_outside(seen: &WireSeen) -> Vec<String> {
    let asked = |pod: &PodSeen| seen.traffic.outside.iter().any(|exchange| exchange.from == pod.name);
    let silent = seen.pods.iter().filter(|pod| !asked(pod));
    let why = |pod| not_entered(seen, pod).unwrap_or_else(|| "nothing is proved".to_owned());
    silent.map(|pod| format!("{} did not ask the outside: {}", pod.name, why(pod))).collect()
}

/// Where a request to the outside went, if that is outside.
pub(super) fn outside(exchange: &OutsideExchange, expect: &Expectations) -> Result<SocketAddrV4, String> {
    exchange.http.asked().filter(|target| !expect.native_cidr.contains(target.ip())).ok_or_else(|| {
        format!("{} asked {}, which is not outside {}", exchange.from, exchange.http.url, expect.native_cidr)
    })
}

/// The capture on a place's eth0, or that there is none that counts.
pub(super) fn capture<'a>(seen: &'a WireSeen, place: &Place) -> Result<&'a Capture, String> {
    capture_on(seen, place, UPLINK)
}

/// The capture on a link of a place, or that there is none that counts.
pub(super) fn capture_on<'a>(seen: &'a WireSeen, place: &Place, device: &str) -> Result<&'a Capture, String> {
    let mut there = seen.traffic.captures.iter().filter(|one| one.place == *place && one.device == device);
    match (there.next(), there.next()) {
        (Some(capture), None) => Ok(capture),
        (None, _) => Err(format!("nothing was captured on {place}'s {device}")),
        (Some(_), Some(_)) => {
            Err(format!("{place}'s {device} was captured twice, and which capture counts is not known"))
        }
    }
}

/// The capture on a node's link to its peers.
pub(super) fn node_capture<'a>(seen: &'a WireSeen, node: &NodeName) -> Result<&'a Capture, String> {
    capture_on(seen, &Place::Node(node.clone()), seen.uplink(node))
}

/// `kind-worker2's eth0`.
pub(super) fn link_of(capture: &Capture) -> String {
    format!("{}'s {}", capture.place, capture.device)
}

/// That a capture cannot prove an absence, if it cannot.
pub(super) fn losses(capture: &Capture) -> Option<String> {
    (capture.lost > 0).then(|| {
        format!(
            "the capture on {} lost {} frame{}: it proves no absence",
            link_of(capture),
            capture.lost,
            if capture.lost == 1 { "" } else { "s" }
        )
    })
}

/// `02:42:ac:12:00:03 → 02:42:ac:12:00:04`.
pub(super) fn macs(frame: &Frame) -> String {
    format!("{} → {}", frame.source, frame.destination)
}

/// TTLs for a reader.
pub(super) fn listed(ttls: &BTreeSet<u8>) -> String {
    ttls.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The TTLs of one pod's bare packets to the other.
pub(super) fn ttls(capture: &Capture, one: &Across<'_>) -> BTreeSet<u8> {
    let between = |ip: &&IpHeader| (ip.source, ip.destination) == (one.from.address, one.to.address);
    capture.frames.iter().filter_map(|frame| frame.ip.as_ref()).filter(between).map(|ip| ip.ttl).collect()
}
