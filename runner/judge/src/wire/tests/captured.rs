//! What was seen on the wire between pods.

use super::*;

fn frames(seen: &mut WireSeen, node: usize) -> &mut Vec<Frame> {
    &mut seen.traffic.captures[node].frames
}

#[test]
fn bare_frames_are_accepted() {
    let proof = held(frames_are_not_encapsulated, &native());
    assert_eq!(
        proof.summary,
        "2 frames 10.0.1.12 → 10.0.2.7 seen on kind-worker2's eth0, 0 in a tunnel; \
         2 frames 10.0.2.7 → 10.0.1.12 seen on kind-worker's eth0, 0 in a tunnel"
    );
}

#[test]
fn every_kind_of_tunnel_refutes() {
    for (kind, name) in [
        (TunnelKind::Vxlan, "VXLAN"),
        (TunnelKind::Geneve, "Geneve"),
        (TunnelKind::IpInIp, "IPIP"),
        (TunnelKind::Gre, "GRE"),
    ] {
        let mut seen = native();
        *frames(&mut seen, WORKER2) = wrapped(between_pods(), kind);
        let findings = refuted(frames_are_not_encapsulated, &seen, &[Reason::Encapsulated]);
        let observed = format!(
            "6 of 6 frames on kind-worker2's eth0 in a tunnel; the first: {name} 172.18.0.3 → 172.18.0.4 \
             with 10.0.1.12 → 10.0.2.7 inside, 02:42:ac:12:00:03 → 02:42:ac:12:00:04"
        );
        assert_eq!(findings[0].observed, observed);
    }
}

#[test]
fn a_tunnel_beside_bare_frames_refutes() {
    let mut seen = native();
    let hidden = wrapped(between_pods().into_iter().take(1).collect(), TunnelKind::Vxlan);
    frames(&mut seen, WORKER2).extend(hidden);
    refuted(frames_are_not_encapsulated, &seen, &[Reason::Encapsulated]);
}

#[test]
fn a_tunnel_between_the_nodes_refutes_whatever_is_inside() {
    let mut seen = native();
    let mut sealed = wrapped(between_pods().into_iter().take(1).collect(), TunnelKind::Geneve);
    for ip in sealed.iter_mut().filter_map(|frame| frame.ip.as_mut()) {
        ip.payload = Payload::Tunnel(Tunnel { kind: TunnelKind::Geneve, inner: None });
    }
    frames(&mut seen, WORKER2).extend(sealed);
    let findings = refuted(frames_are_not_encapsulated, &seen, &[Reason::Encapsulated]);
    assert!(findings[0].observed.contains("something that is not IPv4 inside"), "{}", findings[0].observed);
}

#[test]
fn packets_of_the_pods_in_a_tunnel_within_a_tunnel_refute() {
    let mut seen = native();
    // The outer one is between others than the pods' nodes.
    let elsewhere = |frame: Frame| Frame { source: mac(0), destination: GATEWAY_MAC, ..frame };
    let inner = wrapped(between_pods(), TunnelKind::Gre).into_iter().map(elsewhere).collect();
    frames(&mut seen, WORKER2).extend(wrapped(inner, TunnelKind::Vxlan));
    let findings = refuted(frames_are_not_encapsulated, &seen, &[Reason::Encapsulated]);
    let first = "the first: VXLAN 172.18.0.2 → 172.18.0.1 with 10.0.1.12 → 10.0.2.7 inside";
    assert!(findings[0].observed.contains(first), "{}", findings[0].observed);
}

#[test]
fn a_tunnel_around_the_pods_own_packets_is_shown_before_one_around_others() {
    let mut seen = native();
    let of_others = at(Ipv4Addr::new(10, 0, 1, 99), 5);
    let mut tunnels = wrapped(connection((mac(WORKER), mac(WORKER2)), of_others, at(B, 53)), TunnelKind::Vxlan);
    tunnels.extend(wrapped(between_pods().into_iter().take(1).collect(), TunnelKind::Geneve));
    frames(&mut seen, WORKER2).splice(..0, tunnels);
    let findings = refuted(frames_are_not_encapsulated, &seen, &[Reason::Encapsulated]);
    assert!(findings[0].observed.contains("the first: Geneve "), "{}", findings[0].observed);
}

#[test]
fn requests_of_the_other_pod_are_no_replies() {
    let mut seen = native();
    let is_reply = |frame: &Frame| {
        frame.ip.as_ref().is_some_and(|ip| ip.source == B && tcp(ip).is_some_and(|tcp| tcp.source == 8080))
    };
    frames(&mut seen, WORKER2).retain(|frame| !is_reply(frame));
    unobserved(frames_are_not_encapsulated, &seen, "(10.0.2.7 → 10.0.1.12) was seen on kind-worker2's eth0");
}

#[test]
fn a_tunnel_of_others_does_not_matter() {
    let mut seen = native();
    let other = connection((mac(0), mac(WORKER2)), at(Ipv4Addr::new(10, 0, 0, 9), 5), at(B, 53));
    frames(&mut seen, WORKER2).extend(wrapped(other, TunnelKind::Vxlan));
    held(frames_are_not_encapsulated, &seen);
}

#[test]
fn frames_by_way_of_another_refute() {
    let mut seen = native();
    for frame in frames(&mut seen, WORKER2).iter_mut().filter(|frame| frame.source == mac(WORKER)) {
        frame.source = GATEWAY_MAC;
    }
    let findings = refuted(frames_are_not_encapsulated, &seen, &[Reason::WrongFrameAddresses]);
    assert_eq!(
        findings[0].observed,
        "2 frames on kind-worker2's eth0 between others; the first: 02:42:68:01:32:0c → 02:42:ac:12:00:04"
    );
    let mut seen = native();
    for frame in frames(&mut seen, WORKER2).iter_mut().filter(|frame| frame.destination == mac(WORKER)) {
        frame.destination = GATEWAY_MAC;
    }
    let findings = refuted(frames_are_not_encapsulated, &seen, &[Reason::WrongFrameAddresses]);
    assert!(findings[0].observed.contains("02:42:ac:12:00:04 → 02:42:68:01:32:0c"), "{}", findings[0].observed);
}

#[test]
fn silence_on_the_wire_is_told_in_words() {
    let mut seen = native();
    frames(&mut seen, WORKER2).clear();
    unobserved(
        frames_are_not_encapsulated,
        &seen,
        "no frame from pod to pod (10.0.1.12 → 10.0.2.7) was seen on kind-worker2's eth0 among 0 frames: nothing is proved",
    );
    let mut seen = native();
    frames(&mut seen, WORKER2).retain(|frame| frame.source == mac(WORKER));
    unobserved(frames_are_not_encapsulated, &seen, "(10.0.2.7 → 10.0.1.12) was seen on kind-worker2's eth0");
}

#[test]
fn a_capture_that_lost_frames_proves_no_absence() {
    let mut seen = native();
    seen.traffic.captures[WORKER2].lost = 3;
    unobserved(frames_are_not_encapsulated, &seen, "the capture on kind-worker2's eth0 lost 3 frames");
    frames(&mut seen, WORKER2).extend(wrapped(between_pods(), TunnelKind::Vxlan));
    refuted(frames_are_not_encapsulated, &seen, &[Reason::Encapsulated]);
}

#[test]
fn without_a_capture_nothing_is_said() {
    let mut seen = native();
    seen.traffic.captures[WORKER2].device = "cilium_host".into();
    unobserved(frames_are_not_encapsulated, &seen, "nothing was captured on kind-worker2's eth0");
    let mut seen = native();
    seen.traffic.captures.push(seen.traffic.captures[WORKER2].clone());
    unobserved(frames_are_not_encapsulated, &seen, "kind-worker2's eth0 was captured twice");
}
