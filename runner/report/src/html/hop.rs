//! One link that a request passes, and the first frame of it that was seen there.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::seen::Shown;
use super::standing::Standing;
use super::topology::view;
use lab_model::observe::{
    Capture, Frame, HttpReply, IpHeader, MacAddr, Payload, Place, PodName, TcpHeader, Tunnel, TunnelKind,
};

/// One link that it should pass, looked at by a capture.
#[derive(Debug)]
pub(super) struct Hop {
    /// Lanes, by their place.
    pub(super) from: usize,
    pub(super) to: usize,
    /// Whose capture: `kind-worker's eth0`.
    pub(super) link: String,
    /// The first frame of it that was seen there.
    pub(super) seen: Option<SeenHop>,
    /// Why there is none.
    pub(super) missing: String,
    /// Whether the answer passes here, and not the request.
    pub(super) answer: bool,
    /// Whether something is wrong here: a frame that must not leave like this, or none where there should be one.
    pub(super) standing: Standing,
}

/// A frame at a hop.
#[derive(Debug)]
pub(super) struct SeenHop {
    pub(super) source: MacAddr,
    pub(super) destination: MacAddr,
    /// Whose addresses those are, where a look into a node tells.
    pub(super) owners: String,
    /// `10.0.1.10:52464 → 10.0.2.11:8080`, of the packet that is carried.
    pub(super) packet: String,
    /// If it is wrapped: in what, and `172.18.0.3 → 172.18.0.4`.
    pub(super) outer: Option<(&'static str, String)>,
    /// What happened to it since the hop before.
    pub(super) changes: Vec<String>,
    addresses: (Ipv4Addr, Ipv4Addr),
    ttl: u8,
    frames: usize,
}

/// Whose a link-layer address is.
pub(super) type Owners = BTreeMap<MacAddr, String>;

pub(super) fn owners(shown: &Shown) -> Owners {
    let mut owners = Owners::new();
    let Some(wire) = &shown.wire else { return owners };
    for mac in wire.traffic.gateway_macs.values() {
        owners.insert(*mac, if shown.routers.is_some() { "its ToR" } else { "the bridge" }.to_owned());
    }
    for node in wire.nodes.keys() {
        for link in view(shown, node).into_iter().flat_map(|view| &view.links) {
            if let Some(mac) = link.mac {
                owners.insert(mac, format!("{node}'s {}", link.name));
            }
        }
    }
    owners
}

/// The two ends of a request; the client's port is known where a connection came about.
pub(super) struct Ends {
    pub(super) client: Ipv4Addr,
    pub(super) port: Option<u16>,
    pub(super) server: SocketAddrV4,
}

pub(super) fn ends(shown: &Shown, from: &PodName, http: &HttpReply) -> Option<Ends> {
    let client = shown.pods.iter().find(|pod| pod.name == *from)?.address?;
    let asked = || http.url.strip_prefix("http://")?.split('/').next()?.parse().ok();
    let server = http.connection.as_ref().map(|connection| connection.remote).or_else(asked)?;
    Some(Ends { client, port: http.connection.as_ref().map(|connection| connection.local.port()), server })
}

/// A hop on a place's link, by its captures there.
pub(super) fn hop(shown: &Shown, names: &Owners, (place, device): (&Place, &str), ends: &Ends, answer: bool) -> Hop {
    let link = format!("{place}'s {device}");
    let on_it = |capture: &&Capture| capture.place == *place && capture.device == device;
    let capture = shown.wire.as_ref().and_then(|wire| wire.traffic.captures.iter().find(on_it));
    let seen = capture.and_then(|capture| first(capture, names, ends, answer));
    let missing = match capture {
        None => format!("not captured on {link}"),
        Some(capture) if capture.lost > 0 => {
            format!("not seen among {} frames on {link}; {} more were lost", capture.frames.len(), capture.lost)
        }
        Some(capture) => format!("not seen among {} frames on {link}", capture.frames.len()),
    };
    Hop { from: 0, to: 0, link, seen, missing, answer, standing: Standing::Open }
}

/// The first frame of a request, or of its answer, in a capture.
fn first(capture: &Capture, names: &Owners, ends: &Ends, answer: bool) -> Option<SeenHop> {
    let mut of_it = capture.frames.iter().filter_map(|frame| {
        let outer = frame.ip.as_ref()?;
        let (inner, tunnels) = innermost(outer);
        let Payload::Tcp(tcp) = &inner.payload else { return None };
        belongs(inner, tcp, ends, answer).then_some((frame, outer, inner, tcp, tunnels))
    });
    let (frame, outer, inner, tcp, tunnels) = of_it.next()?;
    let wrapped = tunnels.map(|kind| (kind_name(kind), format!("{} → {}", outer.source, outer.destination)));
    Some(SeenHop {
        source: frame.source,
        destination: frame.destination,
        owners: whose(names, frame),
        packet: format!("{}:{}\n→ {}:{}", inner.source, tcp.source, inner.destination, tcp.destination),
        changes: Vec::new(),
        outer: wrapped,
        addresses: (inner.source, inner.destination),
        ttl: inner.ttl,
        frames: 1 + of_it.count(),
    })
}

impl SeenHop {
    /// Addresses without ports, for a picture.
    pub(super) fn addresses(&self) -> String {
        format!("{} → {}", self.addresses.0, self.addresses.1)
    }

    /// TTL of the packet, and frames of its direction that were seen there.
    pub(super) fn amounts(&self) -> String {
        format!("TTL {}, first of {}", self.ttl, self.frames)
    }
}

fn whose(names: &Owners, frame: &Frame) -> String {
    let name = |mac: &MacAddr| names.get(mac).map_or("not a node's", String::as_str);
    format!("{} to {}", name(&frame.source), name(&frame.destination))
}

/// The packet that is carried, and what wraps it first.
fn innermost(ip: &IpHeader) -> (&IpHeader, Option<TunnelKind>) {
    let mut carried = ip;
    let mut kind = None;
    while let Payload::Tunnel(Tunnel { kind: wrapping, inner: Some(inner) }) = &carried.payload {
        kind = kind.or(Some(*wrapping));
        carried = inner;
    }
    (carried, kind)
}

/// Whether a segment is of this connection. The client's address may have been translated on the way: then its port
/// or the server's address and port tell.
fn belongs(ip: &IpHeader, tcp: &TcpHeader, ends: &Ends, answer: bool) -> bool {
    let (client, client_port, server, server_port) = if answer {
        (ip.destination, tcp.destination, ip.source, tcp.source)
    } else {
        (ip.source, tcp.source, ip.destination, tcp.destination)
    };
    let to_server = (server, server_port) == (*ends.server.ip(), ends.server.port());
    let from_client = ends.port.map_or(client == ends.client, |port| client_port == port);
    to_server && from_client
}

fn kind_name(kind: TunnelKind) -> &'static str {
    match kind {
        TunnelKind::Vxlan => "VXLAN",
        TunnelKind::Geneve => "Geneve",
        TunnelKind::IpInIp => "IP in IP",
        TunnelKind::Gre => "GRE",
    }
}

/// What happened to a packet between two hops where it was seen.
pub(super) fn changes(before: &SeenHop, now: &SeenHop) -> Vec<String> {
    let mut changes = Vec::new();
    if before.addresses.0 != now.addresses.0 {
        changes.push(format!("source {} became {}", before.addresses.0, now.addresses.0));
    }
    if before.addresses.1 != now.addresses.1 {
        changes.push(format!("destination {} became {}", before.addresses.1, now.addresses.1));
    }
    match (&before.outer, &now.outer) {
        (None, Some((kind, outer))) => changes.push(format!("wrapped in {kind} {outer}")),
        (Some((kind, outer)), None) => changes.push(format!("unwrapped from {kind} {outer}")),
        (Some(one), Some(other)) if one != other => changes.push(format!("wrapped anew in {} {}", other.0, other.1)),
        _ => {}
    }
    if before.ttl != now.ttl {
        changes.push(format!("routed: TTL {} became {}", before.ttl, now.ttl));
    }
    changes
}
