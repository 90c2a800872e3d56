use super::who::{self, link_of};
use super::{Count, Gathered, asked};
use lab_model::expect::Expectations;
use lab_model::observe::{Capture, Frame, IpHeader, MacAddr, NodeName, Payload, Place, UPLINK};
use lab_model::seen::WireSeen;
use lab_model::{Finding, Judgement, Proof, Reason};
use std::collections::BTreeSet;

/// While traffic flows, no node hands the bridge's gateway a packet for the native routing CIDR.
///
/// # Errors
/// Refuted by such a frame on any node's eth0; unobserved unless every node was captured without losses and its
/// gateway is known, and the captures of the nodes whose pods asked the outside hold those requests.
pub fn nothing_leaks_to_the_uplink(seen: &WireSeen, expect: &Expectations) -> Judgement {
    let mut gathered = Gathered::default();
    if seen.nodes.len() < expect.nodes() {
        gathered.missing.push(format!("only {} of {} nodes were looked into", seen.nodes.len(), expect.nodes()));
    }
    let mut frames = 0;
    for node in seen.nodes.keys() {
        let Some((capture, gateway)) = gathered.or_missing(uplink(seen, node)) else { continue };
        frames += capture.frames.len();
        gathered.findings.extend(leaks(node, capture, gateway, expect));
        gathered.missing.extend(who::losses(capture));
    }
    let asking = witnesses(seen, expect, &mut gathered);
    let native = expect.native_cidr;
    gathered.decide("no pod asked the outside, so that no frame to the gateway could have been seen", |shown| {
        Proof::new(format!(
            "0 of {} on {} go to the gateway for {native}; requests to the outside do, on {}",
            Count(frames, "frame"),
            Count(seen.nodes.len(), "node"),
            asking.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
        ))
        .with_details(shown)
    })
}

/// A node's capture and its gateway's link-layer address.
fn uplink<'a>(seen: &'a WireSeen, node: &NodeName) -> Result<(&'a Capture, MacAddr), String> {
    let capture = who::node_capture(seen, node)?;
    let gateway = seen.traffic.gateway_macs.get(node);
    let gateway = gateway.ok_or_else(|| format!("the gateway's link-layer address on {node} is not known"))?;
    Ok((capture, *gateway))
}

/// The frames to the gateway, with their packets.
fn to_gateway(capture: &Capture, gateway: MacAddr) -> impl Iterator<Item = (&Frame, &IpHeader)> {
    capture
        .frames
        .iter()
        .filter(move |frame| frame.destination == gateway)
        .filter_map(|frame| Some((frame, frame.ip.as_ref()?)))
}

fn leaks(node: &NodeName, capture: &Capture, gateway: MacAddr, expect: &Expectations) -> Option<Finding> {
    let native = expect.native_cidr;
    let leaked: Vec<_> = to_gateway(capture, gateway).filter(|(_, ip)| native.contains(&ip.destination)).collect();
    let (_, first) = leaked.first()?;
    Some(Finding {
        reason: Reason::LeaksToGateway,
        place: Place::Node(node.clone()),
        expected: format!("no frame for {native} from {node} to the gateway {gateway}"),
        observed: format!("{} on {}; the first: {}", Count(leaked.len(), "frame"), link_of(capture), flow(first)),
        by_hand: Some(format!("tcpdump -nn -e -i {UPLINK} 'ether dst {gateway} and dst net {native}'")),
    })
}

/// The nodes on which a request to the outside was seen going to the gateway, as it must be seen on each that has a
/// pod which made one: proof that a leak would have been seen there too.
fn witnesses<'a>(seen: &'a WireSeen, expect: &Expectations, gathered: &mut Gathered) -> BTreeSet<&'a NodeName> {
    let mut asking = BTreeSet::new();
    for exchange in &seen.traffic.outside {
        let Some(from) = gathered.or_missing(who::end(seen, &exchange.from)) else { continue };
        let Some(target) = asked(&exchange.http).filter(|target| !expect.native_cidr.contains(target.ip())) else {
            gathered.missing.push(format!("{} asked {}, which is not outside", exchange.from, exchange.http.url));
            continue;
        };
        // Without a capture or a gateway this node has been named above.
        let Ok((capture, gateway)) = uplink(seen, from.node) else { continue };
        let seen_leaving = to_gateway(capture, gateway).filter(|(_, ip)| ip.destination == *target.ip()).count();
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
