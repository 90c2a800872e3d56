use super::who::{self, Across, End, link_of, macs};
use super::{Count, Gathered, first_of, tcp};
use lab_model::expect::Expectations;
use lab_model::observe::{Capture, Frame, IpHeader, MacAddr, Payload, Tunnel, TunnelKind};
use lab_model::seen::WireSeen;
use lab_model::{Finding, Judgement, Reason};
use std::net::Ipv4Addr;

/// While pods on two nodes talk, the receiver's node sees their packets bare, between the two nodes' own
/// link-layer addresses, and none of them in a tunnel.
///
/// # Errors
/// Refuted by a tunnel's packet between the two nodes or around the pods' packets, and by pod packets between
/// other link-layer addresses; unobserved when no packet was seen in one of the directions, or frames were lost.
pub fn frames_are_not_encapsulated(seen: &WireSeen, expect: &Expectations) -> Judgement {
    frames_are_bare(seen, expect, &|one| Some(last_before(seen, one, expect)))
}

/// The same, where `before` says whose link-layer address frames for the receiver's node have. Where nobody knows that, only
/// that they are bare is judged.
pub(crate) fn frames_are_bare(
    seen: &WireSeen,
    expect: &Expectations,
    before: &dyn Fn(&Across<'_>) -> Option<MacAddr>,
) -> Judgement {
    let (across, missing) = who::across(seen, expect);
    let mut gathered = Gathered { missing, ..Gathered::default() };
    for one in &across {
        if let Some(capture) = gathered.or_missing(who::node_capture(seen, one.to.node)) {
            judge_capture(one, capture, before(one), expect.target_port, &mut gathered);
        }
    }
    gathered.decide("no pod sent anything to a pod on another node: nothing is proved", first_of)
}

/// Whose link-layer address frames for the receiver's node have, and its answers go to: the sender's node, or in racks the
/// receiver's ToR.
fn last_before(seen: &WireSeen, one: &Across<'_>, expect: &Expectations) -> MacAddr {
    let tor = expect.racks.as_ref().filter(|racks| racks.bgp).and_then(|_| seen.traffic.gateway_macs.get(one.to.node));
    tor.copied().unwrap_or(one.from.node_mac)
}

fn judge_capture(one: &Across<'_>, capture: &Capture, before: Option<MacAddr>, port: u16, gathered: &mut Gathered) {
    let Across { from, to, .. } = one;
    let mut tunnelled: Vec<_> =
        capture.frames.iter().filter_map(|frame| Some((frame, tunnel_between(frame, from, to)?))).collect();
    // The first to be shown is the first around the pods' own packets, if any is.
    tunnelled.sort_by_key(|(_, tunnelled)| !tunnelled.is_of_pods);
    let own = to.node_mac;
    let requests = Direction::of(capture, (from, to), before.map(|before| (before, own)), |_, port_to| port_to == port);
    let replies =
        Direction::of(capture, (to, from), before.map(|before| (own, before)), |port_from, _| port_from == port);
    if let Some((first, Tunnelled { text, .. })) = tunnelled.first() {
        gathered.findings.push(Finding {
            reason: Reason::Encapsulated,
            place: capture.place.clone(),
            expected: format!("packets {} → {} bare, between {} and {}", from.address, to.address, from.node, to.node),
            observed: format!(
                "{} of {} on {} in a tunnel; the first: {text}, {}",
                tunnelled.len(),
                Count(capture.frames.len(), "frame"),
                link_of(capture),
                macs(first)
            ),
            by_hand: Some(format!(
                "tcpdump -nn -e -i {} 'udp port 8472 or udp port 4789 or udp port 6081 or proto 4 or proto 47'",
                capture.device
            )),
        });
    }
    gathered.findings.extend([&requests, &replies].into_iter().filter_map(|direction| direction.astray(capture)));
    let nothing = |direction: &Direction<'_>| {
        format!(
            "no frame from pod to pod ({direction}) was seen on {} among {}: nothing is proved",
            link_of(capture),
            Count(capture.frames.len(), "frame")
        )
    };
    // Both directions must be seen. If neither was, one sentence says enough.
    let unseen = [&requests, &replies].into_iter().find(|direction| direction.bare == 0).map(nothing);
    let both_ways = unseen.is_none();
    gathered.missing.extend(unseen);
    gathered.missing.extend(who::losses(capture));
    if both_ways {
        gathered.shown.push(format!(
            "{} {requests} seen on {}, 0 in a tunnel",
            Count(requests.bare, "frame"),
            link_of(capture)
        ));
    }
}

/// The bare packets from one pod to another in a capture.
struct Direction<'a> {
    source: Ipv4Addr,
    destination: Ipv4Addr,
    /// The link-layer addresses that its frames must have.
    between: Option<(MacAddr, MacAddr)>,
    /// Frames that have them.
    bare: usize,
    /// Frames that have others.
    astray: Vec<&'a Frame>,
}

impl<'a> Direction<'a> {
    /// From one pod to another, each with the link-layer address that stands for it on this link.
    fn of(
        capture: &'a Capture,
        (from, to): (&End<'_>, &End<'_>),
        between: Option<(MacAddr, MacAddr)>,
        ports: impl Fn(u16, u16) -> bool,
    ) -> Self {
        let is_it = |ip: &IpHeader| {
            (ip.source, ip.destination) == (from.address, to.address)
                && tcp(ip).is_some_and(|tcp| ports(tcp.source, tcp.destination))
        };
        let (bare, astray): (Vec<_>, Vec<_>) = capture
            .frames
            .iter()
            .filter(|frame| frame.ip.as_ref().is_some_and(is_it))
            .partition(|frame| between.is_none_or(|between| (frame.source, frame.destination) == between));
        Self { source: from.address, destination: to.address, between, bare: bare.len(), astray }
    }

    /// The finding about frames between other addresses, if there are any.
    fn astray(&self, capture: &Capture) -> Option<Finding> {
        let first = self.astray.first()?;
        let (source, destination) = self.between?;
        Some(Finding {
            reason: Reason::WrongFrameAddresses,
            place: capture.place.clone(),
            expected: format!("frames {self} from {source} to {destination}, the two nodes' own"),
            observed: format!(
                "{} on {} between others; the first: {}",
                Count(self.astray.len(), "frame"),
                link_of(capture),
                macs(first)
            ),
            by_hand: Some(format!(
                "tcpdump -nn -e -i {} 'src {} and dst {}'",
                capture.device, self.source, self.destination
            )),
        })
    }
}

impl std::fmt::Display for Direction<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} → {}", self.source, self.destination)
    }
}

/// A tunnel's packet that carries the two pods' packets, or goes between their nodes.
struct Tunnelled {
    is_of_pods: bool,
    /// What it is, for a reader.
    text: String,
}

/// What a tunnel's packet around the pods' packets, or between their nodes, is, for a reader; none for any other frame.
pub(super) fn tunnel_of(frame: &Frame, from: &End<'_>, to: &End<'_>) -> Option<String> {
    tunnel_between(frame, from, to).map(|tunnelled| tunnelled.text)
}

/// None for any other frame.
fn tunnel_between(frame: &Frame, from: &End<'_>, to: &End<'_>) -> Option<Tunnelled> {
    let ip = frame.ip.as_ref()?;
    let Payload::Tunnel(tunnel) = &ip.payload else { return None };
    let ends = |a: Ipv4Addr, b: Ipv4Addr, ip: &IpHeader| [(a, b), (b, a)].contains(&(ip.source, ip.destination));
    let between_nodes = ends(from.node_address, to.node_address, ip);
    let pods = within(tunnel).into_iter().find(|inner| ends(from.address, to.address, inner));
    if !between_nodes && pods.is_none() {
        return None;
    }
    let inside = match pods.or(tunnel.inner.as_deref()) {
        Some(inner) => format!("{} → {}", inner.source, inner.destination),
        None => "something that is not IPv4".to_owned(),
    };
    let text = format!("{} {} → {} with {inside} inside", kind(tunnel.kind), ip.source, ip.destination);
    Some(Tunnelled { is_of_pods: pods.is_some(), text })
}

/// All packets inside a tunnel's, outermost first.
fn within(tunnel: &Tunnel) -> Vec<&IpHeader> {
    let mut found = Vec::new();
    let mut next = tunnel.inner.as_deref();
    while let Some(ip) = next {
        found.push(ip);
        next = match &ip.payload {
            Payload::Tunnel(tunnel) => tunnel.inner.as_deref(),
            _ => None,
        };
    }
    found
}

/// A tunnel's name for a reader.
pub(super) const fn kind(kind: TunnelKind) -> &'static str {
    match kind {
        TunnelKind::Vxlan => "VXLAN",
        TunnelKind::Geneve => "Geneve",
        TunnelKind::IpInIp => "IPIP",
        TunnelKind::Gre => "GRE",
    }
}
