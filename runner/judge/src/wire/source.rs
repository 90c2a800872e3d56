use super::who::{self, Across, link_of};
use super::{Gathered, reach, syn};
use lab_model::expect::Expectations;
use lab_model::observe::{Capture, Place};
use lab_model::seen::WireSeen;
use lab_model::{Finding, Judgement, Proof, Reason};
use std::net::SocketAddrV4;

/// The receiving pod sees the sending pod's own address, whatever the packet was wrapped in on its way.
///
/// That is judged on the pod's own link: what its node translates towards its pods shows nowhere else.
///
/// # Errors
/// Refuted by a request that arrives from another address; unobserved when the exchange's own request was not seen
/// arriving at the pod, or cannot be told from those of others.
pub fn source_address_is_kept(seen: &WireSeen, expect: &Expectations) -> Judgement {
    let (across, missing) = who::across(seen, expect);
    let mut gathered = Gathered { missing, ..Gathered::default() };
    for one in &across {
        if let Some(capture) = gathered.or_missing(who::capture(seen, &Place::Pod(one.to.pod.clone()))) {
            let target = SocketAddrV4::new(one.to.address, expect.target_port);
            judge_arrivals(seen, one, capture, target, &mut gathered);
        }
    }
    gathered.decide("no pod sent anything to a pod on another node", |shown| {
        Proof::new(format!("{0} of {0} receivers see the sending pod's own address", shown.len())).with_details(shown)
    })
}

fn judge_arrivals(seen: &WireSeen, one: &Across<'_>, capture: &Capture, target: SocketAddrV4, gathered: &mut Gathered) {
    let arrivals: Vec<SocketAddrV4> = capture
        .frames
        .iter()
        .filter_map(|frame| frame.ip.as_ref())
        .filter_map(|ip| {
            let tcp = syn(ip).filter(|tcp| SocketAddrV4::new(ip.destination, tcp.destination) == target)?;
            Some(SocketAddrV4::new(ip.source, tcp.source))
        })
        .collect();
    let sender = one.from.address;
    // Without the client's own port, its request is known by being the only kind there is.
    let port = one.exchange.http.connection.as_ref().map(|connection| connection.local.port());
    let is_own = |arrival: &&SocketAddrV4| *arrival.ip() == sender && port.is_none_or(|port| arrival.port() == port);
    let is_pod = |arrival: &SocketAddrV4| seen.pods.iter().any(|pod| pod.address == Some(*arrival.ip()));
    let strangers: Vec<_> = arrivals.iter().copied().filter(|arrival| !is_pod(arrival)).collect();
    // Connection tracking gives a connection another port where an earlier one, of the Service, has its own to the same
    // pod (nf_nat_core.c, get_unique_tuple()). The claim is about the address, and the only request that arrived is the
    // one that was answered.
    let by_another_port = || {
        let mut of_sender = arrivals.iter().filter(|arrival| *arrival.ip() == sender);
        let first = of_sender.next()?;
        let is_all = strangers.is_empty() && of_sender.all(|other| other == first);
        (is_all && is_answered(one, capture)).then_some(first)
    };
    let own = arrivals.iter().find(is_own).or_else(by_another_port);
    match (own, strangers.as_slice()) {
        (Some(own), []) => gathered.shown.push(shown(one, capture, target, *own)),
        (Some(own), _) if port.is_some() => gathered.shown.push(shown(one, capture, target, *own)),
        (Some(_), [first, ..]) => gathered.missing.push(format!(
            "{target} was asked from {sender} and from {} on {}, and which of them the request of {} was is not known",
            first.ip(),
            link_of(capture),
            one.from.pod
        )),
        (None, strangers) => match translated(one, capture, port, strangers) {
            Some(arrival) => gathered.findings.push(Finding {
                reason: Reason::SourceTranslated,
                place: capture.place.clone(),
                expected: format!("the request of {} to {target} arrives from {sender}", one.from.pod),
                observed: format!("it arrives from {arrival} on {}", link_of(capture)),
                by_hand: Some(format!("tcpdump -nn -i {} 'dst {} and tcp[13] == 2'", capture.device, target.ip())),
            }),
            None => gathered.missing.push(format!(
                "no request from {sender} to {target} was seen arriving on {}: nothing is proved",
                link_of(capture)
            )),
        },
    }
}

/// Which of the arrivals from addresses of no pod is the exchange's own, translated; none if that is not certain.
fn translated(
    one: &Across<'_>,
    capture: &Capture,
    port: Option<u16>,
    strangers: &[SocketAddrV4],
) -> Option<SocketAddrV4> {
    let likely = |arrival: &SocketAddrV4| one.from.view.owns(*arrival.ip()) || port == Some(arrival.port());
    // The request did arrive, and not from the sender's own address.
    let certain = is_answered(one, capture);
    let mut strangers = strangers.iter().copied();
    let first = strangers.clone().next().filter(|_| certain);
    strangers.find(likely).or(first)
}

/// The pod itself answered and nothing was lost: the request is among what arrived.
fn is_answered(one: &Across<'_>, capture: &Capture) -> bool {
    reach::answered_by(&one.exchange.http, &one.to) && capture.lost == 0
}

fn shown(one: &Across<'_>, capture: &Capture, target: SocketAddrV4, own: SocketAddrV4) -> String {
    format!("{} → {}: {own} → {target} seen on {}", one.from.pod, one.to.pod, link_of(capture))
}
