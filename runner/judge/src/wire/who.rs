//! Who is who: from names to the addresses that frames have.

use std::net::Ipv4Addr;

use lab_model::observe::{Capture, Frame, MacAddr, NetnsView, NodeName, Place, PodExchange, PodName, UPLINK};
use lab_model::seen::WireSeen;

/// A pod, and the node it is on.
#[derive(Debug, Clone, Copy)]
pub(super) struct End<'a> {
    pub(super) pod: &'a PodName,
    pub(super) address: Ipv4Addr,
    pub(super) node: &'a NodeName,
    /// The look into its node.
    pub(super) view: &'a NetnsView,
    /// Of the node's eth0.
    pub(super) node_mac: MacAddr,
    /// Of the node's eth0.
    pub(super) node_address: Ipv4Addr,
}

/// Everything about a pod that frames are compared with, or what of it is not known.
pub(super) fn end<'a>(seen: &'a WireSeen, name: &PodName) -> Result<End<'a>, String> {
    let pod = seen.pods.iter().find(|pod| pod.name == *name).ok_or_else(|| format!("no pod {name} was seen"))?;
    let address = pod.address.ok_or_else(|| format!("pod {name} had no address"))?;
    let node = pod.node.as_ref().ok_or_else(|| format!("no node claims pod {name}"))?;
    let (node, view) = seen.nodes.get_key_value(node).ok_or_else(|| format!("nobody looked into {node}"))?;
    let (node_mac, node_address) = identity(node, view)?;
    Ok(End { pod: &pod.name, address, node, view, node_mac, node_address })
}

/// The link-layer and IPv4 addresses of a node's eth0.
pub(super) fn identity(node: &NodeName, view: &NetnsView) -> Result<(MacAddr, Ipv4Addr), String> {
    let mac = view.link(UPLINK).and_then(|link| link.mac);
    let mac = mac.ok_or_else(|| format!("{node} has no {UPLINK} with a link-layer address"))?;
    let address = view.address_of(UPLINK).ok_or_else(|| format!("{node} has no address on {UPLINK}"))?;
    Ok((mac, address.addr()))
}

/// An exchange across nodes with both its ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Across<'a> {
    pub(super) exchange: &'a PodExchange,
    pub(super) from: End<'a>,
    pub(super) to: End<'a>,
}

/// The exchanges between pods on two nodes, and what is missing of others. One within a node says nothing about
/// the wire and is left out.
pub(super) fn across(seen: &WireSeen) -> (Vec<Across<'_>>, Vec<String>) {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for exchange in &seen.traffic.between_pods {
        match (end(seen, &exchange.from), end(seen, &exchange.to)) {
            (Ok(from), Ok(to)) if from.node == to.node => {}
            (Ok(from), Ok(to)) => found.push(Across { exchange, from, to }),
            (from, to) => missing.extend([from.err(), to.err()].into_iter().flatten()),
        }
    }
    (found, missing)
}

/// The capture on a place's eth0, if there is one.
pub(super) fn capture<'a>(seen: &'a WireSeen, place: &Place) -> Option<&'a Capture> {
    seen.traffic.captures.iter().find(|capture| capture.place == *place && capture.device == UPLINK)
}

/// The capture on a node's eth0, or that there is none.
pub(super) fn node_capture<'a>(seen: &'a WireSeen, node: &NodeName) -> Result<&'a Capture, String> {
    capture(seen, &Place::Node(node.clone())).ok_or_else(|| format!("nothing was captured on {node}'s {UPLINK}"))
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
