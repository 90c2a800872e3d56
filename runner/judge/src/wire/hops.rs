use super::Gathered;
use super::who::{self, Across, link_of};
use lab_model::expect::Expectations;
use lab_model::observe::{Capture, Frame, IpHeader};
use lab_model::seen::WireSeen;
use lab_model::{Finding, Judgement, Proof, Reason};
use std::collections::BTreeSet;

/// While pods on two nodes talk, their packets come to the receiver's node with the TTL with which they left the
/// sender's: whoever routes a packet takes one off it (RFC 1812, 5.3.1), so nobody in between has.
///
/// # Errors
/// Refuted by a packet with another TTL than its sender's node sent; unobserved when no packet was seen on one of the
/// two nodes' links, when packets left with several TTLs, or when frames were lost.
pub fn no_router_between_nodes(seen: &WireSeen, expect: &Expectations) -> Judgement {
    let (across, missing) = who::across(seen, expect);
    let mut gathered = Gathered { missing, ..Gathered::default() };
    for one in &across {
        let captures = who::node_capture(seen, one.from.node).and_then(|left| {
            let arrived = who::node_capture(seen, one.to.node)?;
            Ok((left, arrived))
        });
        if let Some((left, arrived)) = gathered.or_missing(captures) {
            compare(one, left, arrived, &mut gathered);
        }
    }
    gathered.decide("no pod sent anything to a pod on another node: nothing is proved", |shown| {
        let summary = shown.first().cloned().unwrap_or_default();
        Proof::new(summary).with_details(shown)
    })
}

fn compare(one: &Across<'_>, left: &Capture, arrived: &Capture, gathered: &mut Gathered) {
    let Across { from, to, .. } = one;
    let packets = format!("{} → {}", from.pod, to.pod);
    let sent = ttls(left, one, |frame| frame.source == from.node_mac);
    let came = ttls(arrived, one, |frame| frame.destination == to.node_mac);
    gathered.missing.extend([left, arrived].into_iter().filter_map(who::losses));
    let unseen = |how: &str, capture: &Capture| {
        format!("no packet {packets} was seen {how} {}: nothing is proved", link_of(capture))
    };
    let ttl = match sent.iter().collect::<Vec<_>>()[..] {
        [] => return gathered.missing.push(unseen("leaving by", left)),
        [ttl] => *ttl,
        _ => {
            let several = format!("packets {packets} left {} with several TTLs ({})", link_of(left), listed(&sent));
            return gathered.missing.push(format!("{several}: which came with which cannot be told"));
        }
    };
    if came.is_empty() {
        return gathered.missing.push(unseen("arriving on", arrived));
    }
    let others: BTreeSet<u8> = came.iter().copied().filter(|other| *other != ttl).collect();
    if others.is_empty() {
        gathered.shown.push(format!("packets {packets} leave {} with TTL {ttl} and arrive with it", link_of(left)));
        return;
    }
    let routed = others.first().and_then(|lowest| ttl.checked_sub(*lowest));
    let routed = routed.map(|hops| format!(": routed {hops} time{} in between", if hops == 1 { "" } else { "s" }));
    gathered.findings.push(Finding {
        reason: Reason::RoutedInBetween,
        place: arrived.place.clone(),
        expected: format!("packets {packets} with TTL {ttl}, as they left {}", link_of(left)),
        observed: format!("TTL {} on {}{}", listed(&others), link_of(arrived), routed.unwrap_or_default()),
        by_hand: Some(format!("tcpdump -nn -v -i {} 'src {} and dst {}'", arrived.device, from.address, to.address)),
    });
}

/// The TTLs of one pod's bare packets to the other, of whatever protocol, in such frames of a capture.
fn ttls(capture: &Capture, one: &Across<'_>, such: impl Fn(&Frame) -> bool) -> BTreeSet<u8> {
    let between = |ip: &&IpHeader| (ip.source, ip.destination) == (one.from.address, one.to.address);
    let such = capture.frames.iter().filter(|frame| such(frame));
    such.filter_map(|frame| frame.ip.as_ref()).filter(between).map(|ip| ip.ttl).collect()
}

fn listed(ttls: &BTreeSet<u8>) -> String {
    ttls.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
