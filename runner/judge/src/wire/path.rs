//! The way of pods' packets through the routers between racks.

use super::Gathered;
use super::encapsulated::tunnel_of;
use super::who::{self, Across};
use lab_model::expect::Expectations;
use lab_model::observe::{Capture, Place, UPLINK};
use lab_model::racks::{self, Racks, TOR_UPLINK, router_port};
use lab_model::seen::WireSeen;
use lab_model::{Finding, Judgement, Proof, Reason};
use std::collections::BTreeSet;

/// A link on the way, and how often a packet that is seen there has been routed since it left its node.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    place: Place,
    device: String,
    routed: BTreeSet<u8>,
}

/// While pods on two nodes talk, their packets are seen bare on every link of the declared way (the sender's node, its ToR,
/// the router, the other ToR, the receiver's node) and on no other link between routers, and each router takes one off their
/// TTL. In one rack the way is by the ToR alone.
///
/// # Errors
/// [`Reason::WrongPath`] for a link with another TTL, and for packets on a link that is not on the way;
/// [`Reason::Encapsulated`] where they are inside a tunnel there; unobserved where no packet was seen on a link of the way, or
/// frames were lost.
pub fn path_by_declared_routers(seen: &WireSeen, expect: &Expectations) -> Judgement {
    let layout = crate::bgp::racks_of(expect)?;
    let (across, missing) = who::across(seen, expect);
    let mut gathered = Gathered { missing, ..Gathered::default() };
    gathered.missing.extend(seen.traffic.captures.iter().filter_map(who::losses));
    for one in &across {
        match steps(one, layout, &expect.network) {
            Some(steps) => follow(seen, one, &steps, &mut gathered),
            None => gathered.missing.push(format!("{} or {} is in none of the racks", one.from.node, one.to.node)),
        }
    }
    gathered.decide("no pod sent anything to a pod on another node: nothing is proved", |shown| {
        let summary = shown.first().cloned().unwrap_or_default();
        Proof::new(summary).with_details(shown)
    })
}

/// The declared way of packets.
fn steps(one: &Across<'_>, layout: &Racks, bridge: &str) -> Option<Vec<Step>> {
    let ((from, _), (to, _)) = (layout.of(one.from.node)?, layout.of(one.to.node)?);
    let step = |place: Place, device: &str, routed: &[u8]| Step {
        place,
        device: device.to_owned(),
        routed: routed.iter().copied().collect(),
    };
    let (first, last) = (Place::Node(one.from.node.clone()), Place::Node(one.to.node.clone()));
    Some(if from == to {
        // The ToR takes it in and gives it out by the same link.
        vec![step(first, UPLINK, &[0]), step(racks::tor(from), bridge, &[0, 1]), step(last, UPLINK, &[1])]
    } else {
        vec![
            step(first, UPLINK, &[0]),
            step(racks::tor(from), bridge, &[0]),
            step(racks::tor(from), TOR_UPLINK, &[1]),
            step(racks::router(), &router_port(from), &[1]),
            step(racks::router(), &router_port(to), &[2]),
            step(racks::tor(to), TOR_UPLINK, &[2]),
            step(racks::tor(to), bridge, &[3]),
            step(last, UPLINK, &[3]),
        ]
    })
}

fn follow(seen: &WireSeen, one: &Across<'_>, steps: &[Step], gathered: &mut Gathered) {
    let packets = format!("{} → {}", one.from.pod, one.to.pod);
    let capture = |step: &Step| who::capture_on(seen, &step.place, &step.device);
    let Some(begin) = steps.first().and_then(|step| capture(step).ok()) else {
        return gathered.missing.push(format!("nothing was captured on the link by which packets {packets} leave"));
    };
    let sent = who::ttls(begin, one);
    let Some(ttl) = sent.first().copied().filter(|_| sent.len() == 1) else {
        let what = if sent.is_empty() { "none was seen" } else { "several TTLs were seen" };
        let tunnelled = tunnel_finding(begin, one, &packets);
        if tunnelled.is_none() {
            gathered.missing.push(format!("packets {packets} leaving {}: {what}", one.from.node));
        }
        return gathered.findings.extend(tunnelled);
    };
    let before = (gathered.findings.len(), gathered.missing.len());
    for step in steps {
        if let Some(capture) = gathered.or_missing(capture(step)) {
            compare(step, capture, one, ttl, gathered);
        }
    }
    for capture in seen.traffic.captures.iter().filter(|capture| matches!(capture.place, Place::Router(_))) {
        let on_the_way = steps.iter().any(|step| (&step.place, &step.device) == (&capture.place, &capture.device));
        if !on_the_way && !who::ttls(capture, one).is_empty() {
            gathered.findings.push(wrong(capture, one, "no packet, since it is not on the way", "packets"));
        }
    }
    if before == (gathered.findings.len(), gathered.missing.len()) {
        let mut way: Vec<String> = steps.iter().map(|step| step.place.to_string()).collect();
        way.dedup();
        let routers = steps.last().and_then(|step| step.routed.last().copied()).unwrap_or_default();
        let (s, way) = (if routers == 1 { "" } else { "s" }, way.join(" → "));
        gathered.shown.push(format!(
            "packets {packets} go {way}, bare, TTL {ttl} to {}: {routers} declared router{s}",
            ttl.saturating_sub(routers)
        ));
    }
}

fn compare(step: &Step, capture: &Capture, one: &Across<'_>, ttl: u8, gathered: &mut Gathered) {
    let packets = format!("{} → {}", one.from.pod, one.to.pod);
    if let Some(finding) = tunnel_finding(capture, one, &packets) {
        return gathered.findings.push(finding);
    }
    let wanted: BTreeSet<u8> = step.routed.iter().map(|routed| ttl.saturating_sub(*routed)).collect();
    let found = who::ttls(capture, one);
    if found.is_empty() {
        let link = who::link_of(capture);
        return gathered.missing.push(format!("no packet {packets} was seen on {link}: nothing is proved"));
    }
    if found != wanted {
        let expected = format!("TTL {}", who::listed(&wanted));
        gathered.findings.push(wrong(capture, one, &expected, &format!("TTL {}", who::listed(&found))));
    }
}

fn wrong(capture: &Capture, one: &Across<'_>, expected: &str, observed: &str) -> Finding {
    let link = who::link_of(capture);
    let (from, to) = (one.from.address, one.to.address);
    Finding {
        reason: Reason::WrongPath,
        place: capture.place.clone(),
        expected: format!("packets {} → {} on {link}: {expected}", one.from.pod, one.to.pod),
        observed: format!("{observed} on {link}"),
        by_hand: Some(format!("tcpdump -nn -v -i {} 'src {from} and dst {to}'", capture.device)),
    }
}

/// That the pods' packets are inside a tunnel on a link, if they are.
fn tunnel_finding(capture: &Capture, one: &Across<'_>, packets: &str) -> Option<Finding> {
    let text = capture.frames.iter().find_map(|frame| tunnel_of(frame, &one.from, &one.to))?;
    Some(Finding {
        reason: Reason::Encapsulated,
        place: capture.place.clone(),
        expected: format!("packets {packets} bare on {}", who::link_of(capture)),
        observed: format!("{text}, on {}", who::link_of(capture)),
        by_hand: Some(format!("tcpdump -nn -i {} 'udp port 8472 or udp port 4789 or udp port 6081'", capture.device)),
    })
}
