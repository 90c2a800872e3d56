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
    unobserved(source_address_is_kept, &seen, "nothing was captured on kind-worker2's eth0");
}

#[test]
fn a_kept_source_is_accepted_bare_and_in_a_tunnel() {
    let proof = held(source_address_is_kept, &native());
    assert_eq!(proof.summary, "2 of 2 receivers see the sending pod's own address");
    assert_eq!(
        proof.details[0],
        "hello-app-a → hello-app-b: 10.0.1.12:33198 → 10.0.2.7:8080 seen on kind-worker2's eth0"
    );
    let mut seen = native();
    for node in [WORKER, WORKER2] {
        *frames(&mut seen, node) = wrapped(between_pods(), TunnelKind::Vxlan);
    }
    let proof = held(source_address_is_kept, &seen);
    assert!(proof.details[0].ends_with("seen on kind-worker2's eth0, out of VXLAN"), "{}", proof.details[0]);
}

/// The request from A to B arrives from this address instead of A's.
fn arriving_from(source: SocketAddrV4) -> Vec<Frame> {
    connection((mac(WORKER), mac(WORKER2)), source, at(B, 8080))
}

#[test]
fn a_translated_source_refutes() {
    for source in [at(address(WORKER), PORT_A), at(address(WORKER), 61_000), at(GATEWAY, PORT_A), at(GATEWAY, 61_000)] {
        let mut seen = native();
        *frames(&mut seen, WORKER2) = arriving_from(source);
        let findings = refuted(source_address_is_kept, &seen, &[Reason::SourceTranslated]);
        assert_eq!(findings[0].observed, format!("it arrives from {source} on kind-worker2's eth0"));
    }
}

#[test]
fn a_translated_source_refutes_although_nobody_answered() {
    let own_port = at(GATEWAY, PORT_A);
    let own_node = at(address(WORKER), 61_000);
    for source in [own_port, own_node] {
        let mut seen = native();
        *frames(&mut seen, WORKER2) = arriving_from(source);
        seen.traffic.between_pods[0].http.outcome = HttpOutcome::TimedOut("no answer".into());
        refuted(source_address_is_kept, &seen, &[Reason::SourceTranslated]);
    }
}

#[test]
fn the_pods_own_view_comes_first() {
    let mut seen = native();
    let translated = arriving_from(at(address(WORKER2), PORT_A));
    seen.traffic.captures.push(capture(Place::Pod(POD_B.into()), translated));
    let findings = refuted(source_address_is_kept, &seen, &[Reason::SourceTranslated]);
    assert_eq!(findings[0].place, Place::Pod(POD_B.into()));
}

#[test]
fn requests_of_others_are_told_apart_by_the_port() {
    let mut seen = native();
    frames(&mut seen, WORKER2).extend(connection((mac(0), mac(WORKER2)), at(address(0), 5), at(B, 8080)));
    held(source_address_is_kept, &seen);
    seen.traffic.between_pods[0].http.connection = None;
    unobserved(source_address_is_kept, &seen, "which of them the request of hello-app-a was is not known");
    frames(&mut seen, WORKER2).truncate(6);
    held(source_address_is_kept, &seen);
}

#[test]
fn a_request_of_somebody_else_is_no_translation() {
    let mut seen = native();
    *frames(&mut seen, WORKER2) = connection((mac(0), mac(WORKER2)), at(address(0), 5), at(B, 8080));
    seen.traffic.between_pods[0].http.outcome = HttpOutcome::TimedOut("no connection".into());
    unobserved(source_address_is_kept, &seen, "no request from 10.0.1.12 to 10.0.2.7:8080 was seen arriving");
    let mut seen = native();
    *frames(&mut seen, WORKER2) = connection((mac(0), mac(WORKER2)), at(address(0), 5), at(B, 8080));
    seen.traffic.captures[WORKER2].lost = 1;
    unobserved(source_address_is_kept, &seen, "no request from 10.0.1.12 to 10.0.2.7:8080 was seen arriving");
}

/// As a kernel shows it where the port belongs to an earlier connection of the Service's.
#[test]
fn a_port_that_connection_tracking_changed_is_told_by_the_answer() {
    let from = |port: u16| connection((mac(WORKER), mac(WORKER2)), at(A, port), at(B, 8080));
    let mut seen = native();
    *frames(&mut seen, WORKER2) = from(20_480);
    let proof = held(source_address_is_kept, &seen);
    assert!(proof.details[0].contains("10.0.1.12:20480 → 10.0.2.7:8080"), "{}", proof.details[0]);

    let missing = "no request from 10.0.1.12 to 10.0.2.7:8080 was seen arriving";
    let mut lost = seen.clone();
    lost.traffic.captures[WORKER2].lost = 1;
    unobserved(source_address_is_kept, &lost, missing);
    let mut unanswered = seen.clone();
    unanswered.traffic.between_pods[0].http.outcome = HttpOutcome::TimedOut("no answer".into());
    unobserved(source_address_is_kept, &unanswered, missing);
    // Two requests, and neither is known to be the one.
    frames(&mut seen, WORKER2).extend(from(5));
    unobserved(source_address_is_kept, &seen, missing);
}
