use super::Gathered;
use super::who::{self, Across, End};
use lab_model::expect::Expectations;
use lab_model::observe::{Mtu, NodeName, PingOutcome, PingReply, Place, Segment, UPLINK};
use lab_model::seen::WireSeen;
use lab_model::{Finding, Judgement, Proof, Reason};
use std::collections::BTreeSet;

/// Octets of the ICMP and IPv4 headers around what `ping -s` counts (RFC 791, RFC 792).
const PING_OVERHEAD: u32 = 28;

/// A packet as large as the segment between the nodes takes passes between pods on two nodes without being fragmented.
///
/// # Errors
/// Refuted by one that does not; unobserved without exchanges, where it is not known what the segment takes, or when
/// what was sent was not of that size.
pub fn full_mtu_fits(seen: &WireSeen, expect: &Expectations) -> Judgement {
    let (across, missing) = who::across(seen, expect);
    let mut gathered = Gathered { missing, ..Gathered::default() };
    let wire = gathered.or_missing(wire(seen, &across, expect));
    for one in &across {
        let Some(wire) = &wire else { break };
        match unfit(one, wire) {
            Some(missing) => gathered.missing.push(missing),
            None => judge_ping(one, &mut gathered),
        }
        gathered.missing.extend(off_segment(seen.segment.as_ref(), one));
    }
    gathered.decide("no packet of the whole MTU was sent between pods on two nodes", |shown| {
        let octets = wire.as_ref().map_or(0, |wire| wire.mtu.0);
        Proof::new(format!("{0} of {0} packets of {octets} octets with DF set were answered", shown.len()))
            .with_details(wire.filter(|_| seen.segment.is_some()).map(|wire| format!("{} takes {octets}", wire.whose)))
            .with_details(shown)
    })
}

/// A packet as large as both pods' links and both nodes' links take passes between pods on two nodes without being
/// fragmented: in a foreign cluster, where no network between the nodes tells what it takes.
///
/// # Errors
/// As [`full_mtu_fits`].
pub(crate) fn full_mtu_of_links_fits(seen: &WireSeen, expect: &Expectations) -> Judgement {
    let (across, missing) = who::across(seen, expect);
    let mut gathered = Gathered { missing, ..Gathered::default() };
    let mut octets = BTreeSet::new();
    for one in &across {
        let link = |end: &End<'_>| end.view.link(seen.uplink(end.node)).map(|link| link.mtu.0);
        let narrowest = [&one.from, &one.to].into_iter().filter_map(link).min();
        let ping = &one.exchange.full_mtu;
        // Pods' own links may be narrower; wider ones cannot be filled.
        match narrowest.filter(|narrowest| ping.length <= *narrowest && ping.length > one.exchange.small.length) {
            Some(_) if ping.destination == one.to.address => {
                octets.insert(ping.length);
                judge_ping(one, &mut gathered);
            }
            _ => gathered.missing.push(format!(
                "{} sent {} octets to {}, which is not what the links between take",
                one.from.pod, ping.length, ping.destination
            )),
        }
    }
    gathered.decide("no packet of the whole MTU was sent between pods on two nodes", |shown| {
        let octets = octets.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
        Proof::new(format!("{0} of {0} packets of {octets} octets with DF set were answered", shown.len()))
            .with_details(shown)
    })
}

/// The size that packets are measured by, and whose MTU that is.
struct Wire {
    mtu: Mtu,
    whose: String,
}

/// The largest packet that the segment or a node's link takes. The nodes' links alone are no yardstick: narrowed all
/// alike, they would be measured by themselves.
fn wire(seen: &WireSeen, across: &[Across<'_>], expect: &Expectations) -> Result<Wire, String> {
    let ends = across.iter().flat_map(|one| [&one.from, &one.to]);
    let links = ends.filter_map(|end| {
        let mtu = end.view.link(UPLINK)?.mtu;
        Some(Wire { mtu, whose: format!("{UPLINK} of {}", end.node) })
    });
    let widest = links.max_by_key(|link| link.mtu);
    let segment = match &seen.segment {
        Some(Segment { name, mtu: Some(mtu), .. }) if expect.has_network(name) => {
            Wire { mtu: *mtu, whose: format!("the network {name}") }
        }
        Some(Segment { name, .. }) if expect.has_network(name) => {
            return Err(format!("the MTU of the network {name} is not known"));
        }
        Some(Segment { name, .. }) => return Err(format!("the network {name} was seen, not {}", expect.network)),
        // Older programs did not record the segment. Links below Ethernet's 1500 were narrowed by somebody, so they
        // are no yardstick.
        None if widest.as_ref().is_some_and(|link| link.mtu < Mtu::ETHERNET) => {
            return Err(format!("the MTU of the network {} was not seen", expect.network));
        }
        None => return widest.ok_or_else(|| format!("no node's {UPLINK} was seen")),
    };
    Ok(widest.filter(|link| link.mtu > segment.mtu).unwrap_or(segment))
}

/// Why an exchange's full-size packet says nothing about the claim, if it does not.
fn unfit(one: &Across<'_>, wire: &Wire) -> Option<String> {
    let Across { exchange, from, to } = one;
    let ping = &exchange.full_mtu;
    if ping.length != wire.mtu.0 {
        let (sent, Wire { mtu, whose }) = (ping.length, wire);
        return Some(format!("{} sent {sent} octets to {}, and {whose} takes {mtu}", from.pod, to.pod));
    }
    if ping.destination != to.address {
        return Some(format!("{} sent to {}, and {} is at {}", from.pod, ping.destination, to.pod, to.address));
    }
    None
}

/// Why the segment's MTU says nothing about an exchange, if one of the two nodes is not on that segment.
fn off_segment(segment: Option<&Segment>, one: &Across<'_>) -> Option<String> {
    let segment = segment?;
    let is_on = |node: &NodeName| segment.members.iter().any(|member| member.node == *node);
    let off = [one.from.node, one.to.node].into_iter().find(|node| !is_on(node))?;
    Some(format!("{off} is not on the network {}", segment.name))
}

fn judge_ping(one: &Across<'_>, gathered: &mut Gathered) {
    let Across { exchange, from, to } = one;
    let full = &exchange.full_mtu;
    if full.outcome == PingOutcome::Answered {
        gathered.shown.push(format!("{} → {}: {}", from.pod, to.pod, told(full)));
        return;
    }
    gathered.findings.push(Finding {
        reason: Reason::MtuDoesNotFit,
        place: Place::Pod(from.pod.clone()),
        expected: format!("{} octets from {} to {} ({}) are answered", full.length, from.pod, to.pod, to.address),
        observed: format!("{}; {}", told(full), told(&exchange.small)),
        by_hand: Some(format!("ping -c 1 -M do -s {} {}", full.length.saturating_sub(PING_OVERHEAD), to.address)),
    });
}

/// `1500 octets: too big, 1450 fits`; `84 octets pass`.
fn told(ping: &PingReply) -> String {
    let length = ping.length;
    match &ping.outcome {
        PingOutcome::Answered => format!("{length} octets pass"),
        PingOutcome::TooBig(Some(fits)) => format!("{length} octets: too big, {fits} fits"),
        PingOutcome::TooBig(None) => format!("{length} octets: too big"),
        PingOutcome::Refused(why) => format!("{length} octets: {why}"),
        PingOutcome::Silent => format!("{length} octets: no reply"),
    }
}
