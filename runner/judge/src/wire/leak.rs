use super::who::{self, link_of};
use super::{Count, Gathered, tcp};
use ipnet::Ipv4Net;
use lab_model::expect::Expectations;
use lab_model::observe::{Capture, Frame, IpHeader, MacAddr, NodeName, Payload, Place, UPLINK};
use lab_model::seen::WireSeen;
use lab_model::{Finding, Judgement, Proof, Reason};
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddrV4};

/// ICMP type of an echo request (RFC 792).
const ECHO_REQUEST: u8 = 8;

/// While pods talk, no node hands the bridge's gateway a packet for the native routing CIDR.
///
/// # Errors
/// Refuted by such a frame on any node's eth0; unobserved unless each replica talked to a pod on another node and asked
/// the outside, every node was captured without losses and its gateway is known, and every capture holds what must be
/// there: the node's own echo request to the gateway, and the requests of its pods to the outside.
pub fn nothing_leaks_to_the_uplink(seen: &WireSeen, expect: &Expectations) -> Judgement {
    let (_across, missing) = who::across(seen, expect);
    let mut gathered = Gathered { missing, ..Gathered::default() };
    if seen.nodes.len() < expect.nodes() {
        gathered.missing.push(format!("only {} of {} nodes were looked into", seen.nodes.len(), expect.nodes()));
    }
    let inside = Inside::of(seen, expect);
    let mut frames = 0;
    for node in seen.nodes.keys() {
        let Some(capture) = gathered.or_missing(who::node_capture(seen, node)) else { continue };
        gathered.missing.extend(who::losses(capture));
        gathered.missing.extend(blind(seen, node, capture));
        frames += capture.frames.len();
        if let Some(gateway) = gathered.or_missing(gateway_of(seen, node)) {
            gathered.findings.extend(leaks(node, capture, gateway, &inside));
        }
    }
    let asking = asking(seen, expect, &mut gathered);
    gathered.decide("no pod asked the outside, so that no frame to the gateway could have been seen", |shown| {
        Proof::new(format!(
            "0 of {} on {} go to the gateway for {}; requests to the outside do, on {}",
            Count(frames, "frame"),
            Count(seen.nodes.len(), "node"),
            inside.native,
            asking.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
        ))
        .with_details(shown)
    })
}

/// Where packets for the native routing CIDR are for.
struct Inside {
    native: Ipv4Net,
    /// Networks of the nodes' own links within it. What is for the gateway itself, or a node, is no pod's.
    links: BTreeSet<Ipv4Net>,
    pods: BTreeSet<Ipv4Addr>,
}

impl Inside {
    fn of(seen: &WireSeen, expect: &Expectations) -> Self {
        let native = expect.native_cidr;
        let links = seen.nodes.values().filter_map(|view| view.address_of(UPLINK)).map(|address| address.trunc());
        Self {
            native,
            links: links.filter(|link| native.contains(&link.network())).collect(),
            pods: seen.pods.iter().filter_map(|pod| pod.address).collect(),
        }
    }

    fn has(&self, address: Ipv4Addr) -> bool {
        let on_link = self.links.iter().any(|link| link.contains(&address));
        self.pods.contains(&address) || self.native.contains(&address) && !on_link
    }

    /// As tcpdump selects it.
    fn filter(&self) -> String {
        let links: Vec<_> = self.links.iter().map(|link| format!(" and not dst net {link}")).collect();
        format!("dst net {}{}", self.native, links.concat())
    }
}

fn gateway_of(seen: &WireSeen, node: &NodeName) -> Result<MacAddr, String> {
    let gateway = seen.traffic.gateway_macs.get(node).copied();
    gateway.ok_or_else(|| format!("the gateway's link-layer address on {node} is not known"))
}

/// The frames to the gateway, with their packets.
fn to_gateway(capture: &Capture, gateway: MacAddr) -> impl Iterator<Item = (&Frame, &IpHeader)> {
    capture
        .frames
        .iter()
        .filter(move |frame| frame.destination == gateway)
        .filter_map(|frame| Some((frame, frame.ip.as_ref()?)))
}

fn leaks(node: &NodeName, capture: &Capture, gateway: MacAddr, inside: &Inside) -> Option<Finding> {
    let leaked: Vec<_> = to_gateway(capture, gateway).filter(|(_, ip)| inside.has(ip.destination)).collect();
    let (_, first) = leaked.first()?;
    Some(Finding {
        reason: Reason::LeaksToGateway,
        place: Place::Node(node.clone()),
        expected: format!("no frame for {} from {node} to the gateway {gateway}", inside.native),
        observed: format!("{} on {}; the first: {}", Count(leaked.len(), "frame"), link_of(capture), flow(first)),
        by_hand: Some(format!("tcpdump -nn -e -i {UPLINK} 'ether dst {gateway} and {}'", inside.filter())),
    })
}

/// That a node's capture does not have what must be in it, if it does not: then a leak would not be in it either.
fn blind(seen: &WireSeen, node: &NodeName, capture: &Capture) -> Option<String> {
    if capture.frames.is_empty() {
        return Some(format!("not one frame was seen on {}: nothing is proved", link_of(capture)));
    }
    // Of an older program's run it must do that there are any: other nodes' broadcasts, at least.
    let sent = seen.traffic.from_nodes.as_ref()?;
    let Some(echo) = sent.get(node) else {
        return Some(format!("{node} itself sent nothing to the gateway: nothing is proved"));
    };
    let own = seen.nodes.get(node).and_then(|view| view.link(UPLINK)).and_then(|link| link.mac);
    // Without a link-layer address of its own or of the gateway, this has been named already, or is now.
    let gateway = seen.traffic.gateway_macs.get(node).copied();
    let is_it = |frame: &Frame, ip: &IpHeader| {
        own == Some(frame.source)
            && ip.destination == echo.destination
            && matches!(&ip.payload, Payload::Icmp(icmp) if icmp.kind == ECHO_REQUEST)
    };
    let is_there = gateway.is_some_and(|gateway| to_gateway(capture, gateway).any(|(frame, ip)| is_it(frame, ip)));
    (!is_there).then(|| {
        format!(
            "the echo request of {node} to {} was not seen going to the gateway on {}: nothing is proved",
            echo.destination,
            link_of(capture)
        )
    })
}

/// The nodes on which a request to the outside was seen going to the gateway, as it must be seen of each replica: proof
/// that a leak would have been seen there too.
fn asking<'a>(seen: &'a WireSeen, expect: &Expectations, gathered: &mut Gathered) -> BTreeSet<&'a NodeName> {
    let mut asking = BTreeSet::new();
    gathered.missing.extend(who::did_not_ask_outside(seen));
    for exchange in &seen.traffic.outside {
        let Some(from) = gathered.or_missing(who::end(seen, &exchange.from)) else { continue };
        let Some(target) = gathered.or_missing(who::outside(exchange, expect)) else { continue };
        // Without a capture or a gateway this node has been named above.
        let (Ok(capture), Ok(gateway)) = (who::node_capture(seen, from.node), gateway_of(seen, from.node)) else {
            continue;
        };
        let is_to_target =
            |ip: &IpHeader| tcp(ip).is_some_and(|tcp| SocketAddrV4::new(ip.destination, tcp.destination) == target);
        let seen_leaving = to_gateway(capture, gateway).filter(|(_, ip)| is_to_target(ip)).count();
        if seen_leaving == 0 {
            gathered.missing.push(format!(
                "the request of {} to {target} was not seen going to the gateway on {}: nothing is proved",
                exchange.from,
                link_of(capture)
            ));
        } else if asking.insert(from.node) {
            gathered.shown.push(format!(
                "{} to {} on {} go to the gateway {gateway}",
                Count(seen_leaving, "frame"),
                target.ip(),
                link_of(capture)
            ));
        }
    }
    asking
}

/// `10.0.1.12:39212 → 10.0.2.7:8080`.
fn flow(ip: &IpHeader) -> String {
    match &ip.payload {
        Payload::Tcp(tcp) => format!("{}:{} → {}:{}", ip.source, tcp.source, ip.destination, tcp.destination),
        Payload::Udp { source, destination } => {
            format!("{}:{source} → {}:{destination} (UDP)", ip.source, ip.destination)
        }
        _ => format!("{} → {}", ip.source, ip.destination),
    }
}
