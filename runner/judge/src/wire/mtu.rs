use super::Gathered;
use super::who::{self, Across};
use lab_model::expect::Expectations;
use lab_model::observe::{Mtu, PingOutcome, PingReply, Place, UPLINK};
use lab_model::seen::WireSeen;
use lab_model::{Finding, Judgement, Proof, Reason};

/// Octets of the ICMP and IPv4 headers around what `ping -s` counts (RFC 791, RFC 792).
const PING_OVERHEAD: u32 = 28;

/// A packet of the nodes' links' whole MTU passes between pods on two nodes without being fragmented.
///
/// # Errors
/// Refuted by one that does not; unobserved without exchanges, or when what was sent was not of that size.
pub fn full_mtu_fits(seen: &WireSeen, _expect: &Expectations) -> Judgement {
    let (across, missing) = who::across(seen);
    let mut gathered = Gathered { missing, ..Gathered::default() };
    let mtu = seen.traffic.mtu;
    for one in &across {
        match unfit(one, mtu) {
            Some(missing) => gathered.missing.push(missing),
            None => judge_ping(one, &mut gathered),
        }
    }
    gathered.decide("no packet of the whole MTU was sent between pods on two nodes", |shown| {
        Proof::new(format!("{0} of {0} packets of {mtu} octets with DF set were answered", shown.len()))
            .with_details(shown)
    })
}

/// Why an exchange's full-size packet says nothing about the claim, if it does not.
fn unfit(one: &Across<'_>, mtu: Mtu) -> Option<String> {
    let Across { exchange, from, to } = one;
    let ping = &exchange.full_mtu;
    if ping.length != mtu.0 {
        return Some(format!("{} sent {} octets to {}, and the MTU is {mtu}", from.pod, ping.length, to.pod));
    }
    if ping.destination != to.address {
        return Some(format!("{} sent to {}, and {} is at {}", from.pod, ping.destination, to.pod, to.address));
    }
    let widest = [from, to]
        .into_iter()
        .filter_map(|end| Some((end.node, end.view.link(UPLINK)?.mtu)))
        .max_by_key(|(_, mtu)| *mtu);
    widest
        .filter(|(_, widest)| *widest > mtu)
        .map(|(node, widest)| format!("{mtu} octets were sent, and {UPLINK} of {node} takes {widest}"))
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
