use super::who::{self, End, link_of};
use super::{Gathered, first_of, syn};
use lab_model::expect::Expectations;
use lab_model::observe::{Capture, HttpOutcome, HttpReply, OutsideExchange, UPLINK};
use lab_model::seen::WireSeen;
use lab_model::{Finding, Judgement, Reason};
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddrV4};

/// A pod's request to an address outside the native routing CIDR leaves its node's eth0 with the node's address.
///
/// # Errors
/// Refuted by a request that leaves with the pod's or any third address, or that the listener saw come from the
/// pod's; unobserved unless each replica made one, and when fewer were seen leaving than were made.
pub fn masqueraded_outside_the_native_cidr(seen: &WireSeen, expect: &Expectations) -> Judgement {
    let mut missing = who::replicas(seen, expect);
    missing.extend(who::did_not_ask_outside(seen));
    let mut gathered = Gathered { missing, ..Gathered::default() };
    for exchange in &seen.traffic.outside {
        let Some(from) = gathered.or_missing(who::end(seen, &exchange.from)) else { continue };
        let Some(target) = gathered.or_missing(who::outside(exchange, expect)) else { continue };
        if let Some(capture) = gathered.or_missing(who::node_capture(seen, from.node)) {
            judge_leaving(seen, exchange, &from, capture, target, &mut gathered);
        }
    }
    gathered.decide("no pod asked an address outside the native routing CIDR", first_of)
}

fn judge_leaving(
    seen: &WireSeen,
    exchange: &OutsideExchange,
    from: &End<'_>,
    capture: &Capture,
    target: SocketAddrV4,
    gathered: &mut Gathered,
) {
    let sources: BTreeSet<SocketAddrV4> = capture
        .frames
        .iter()
        .filter(|frame| frame.source == from.node_mac)
        .filter_map(|frame| frame.ip.as_ref())
        .filter_map(|ip| {
            let tcp = syn(ip).filter(|tcp| SocketAddrV4::new(ip.destination, tcp.destination) == target)?;
            Some(SocketAddrV4::new(ip.source, tcp.source))
        })
        .collect();
    let of = |address: Ipv4Addr| sources.iter().filter(move |source| *source.ip() == address).count();
    let heard = heard_from(&exchange.http);
    let as_the_pod = heard.is_some_and(|heard| *heard.ip() == from.address);
    if of(from.address) > 0 || as_the_pod {
        let witness = if as_the_pod {
            "the listener saw one come".to_owned()
        } else {
            format!("one leaves {}", link_of(capture))
        };
        gathered.findings.push(Finding {
            reason: Reason::NotMasqueraded,
            place: capture.place.clone(),
            expected: format!("requests of {} to {target} leave {} from {}", from.pod, from.node, from.node_address),
            observed: format!("{witness} from {}, the pod's own address", from.address),
            by_hand: Some(by_hand(target)),
        });
        return;
    }
    // Another pod's own address is that pod's matter, and is found there.
    let is_pod = |source: &&SocketAddrV4| seen.pods.iter().any(|pod| pod.address == Some(*source.ip()));
    if let Some(other) =
        sources.iter().filter(|source| !is_pod(source)).find(|source| *source.ip() != from.node_address)
    {
        gathered.findings.push(Finding {
            reason: Reason::MasqueradedAsAnother,
            place: capture.place.clone(),
            expected: format!("requests of {} to {target} leave {} from {}", from.pod, from.node, from.node_address),
            observed: format!("one leaves from {} on {}", other.ip(), link_of(capture)),
            by_hand: Some(by_hand(target)),
        });
        return;
    }
    // All of this node's requests to the target look alike by now: there must be as many as were made.
    let made = requests_from(seen, from, target);
    let left = of(from.node_address);
    if left < made {
        gathered.missing.push(format!(
            "{left} of {made} requests to {target} that were made on {} were seen leaving {}: nothing is proved for {}",
            from.node,
            link_of(capture),
            exchange.from
        ));
        return;
    }
    let heard = heard.map(|heard| format!("; the listener saw {heard}")).unwrap_or_default();
    gathered.shown.push(format!(
        "{} ({}) → {target} leaves {} from {}{heard}",
        from.pod,
        from.address,
        link_of(capture),
        from.node_address
    ));
}

/// How many requests pods of this node made to this address.
fn requests_from(seen: &WireSeen, from: &End<'_>, target: SocketAddrV4) -> usize {
    let same_node = |exchange: &&OutsideExchange| {
        who::end(seen, &exchange.from).is_ok_and(|other| other.node == from.node)
            && exchange.http.asked() == Some(target)
    };
    seen.traffic.outside.iter().filter(same_node).count()
}

/// The address that a listener of ours says it saw: the last word of its answer.
fn heard_from(reply: &HttpReply) -> Option<SocketAddrV4> {
    match &reply.outcome {
        HttpOutcome::Response { status: 200, body } => body.split_whitespace().next_back()?.parse().ok(),
        _ => None,
    }
}

fn by_hand(target: SocketAddrV4) -> String {
    format!("tcpdump -nn -e -i {} 'dst {} and tcp[13] == 2'", UPLINK, target.ip())
}
