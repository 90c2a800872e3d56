//! What leaves for the outside.

use super::*;

fn frames(seen: &mut WireSeen, node: usize) -> &mut Vec<Frame> {
    &mut seen.traffic.captures[node].frames
}

#[test]
fn a_masqueraded_request_is_accepted_with_the_listeners_view() {
    let proof = held(masqueraded_outside_the_native_cidr, &native());
    assert!(
        proof.summary.starts_with(
            "hello-app-a (10.0.1.12) → 172.18.0.1:9999 leaves kind-worker's eth0 from 172.18.0.3; \
             the listener saw 172.18.0.3:49386"
        ),
        "{}",
        proof.summary
    );
    let mut seen = native();
    seen.traffic.outside[0].http.outcome = HttpOutcome::TimedOut("nobody listens".into());
    assert!(!held(masqueraded_outside_the_native_cidr, &seen).summary.contains("saw 172.18.0.3"));
}

#[test]
fn a_request_that_keeps_the_pods_address_refutes() {
    let mut seen = native();
    *frames(&mut seen, WORKER) = to_outside(WORKER, A);
    seen.traffic.outside[0].http.outcome = HttpOutcome::TimedOut("no connection".into());
    let findings = refuted(masqueraded_outside_the_native_cidr, &seen, &[Reason::NotMasqueraded]);
    assert_eq!(findings[0].observed, "one leaves kind-worker's eth0 from 10.0.1.12, the pod's own address");
}

#[test]
fn a_listener_that_saw_the_pod_refutes() {
    let mut seen = native();
    seen.traffic.outside[1] = outside(POD_B, at(B, 49_386));
    let findings = refuted(masqueraded_outside_the_native_cidr, &seen, &[Reason::NotMasqueraded]);
    assert_eq!(findings[0].observed, "the listener saw one come from 10.0.2.7, the pod's own address");
}

#[test]
fn a_third_address_refutes() {
    let mut seen = native();
    *frames(&mut seen, WORKER) = to_outside(WORKER, Ipv4Addr::new(10, 0, 1, 1));
    let findings = refuted(masqueraded_outside_the_native_cidr, &seen, &[Reason::MasqueradedAsAnother]);
    assert_eq!(findings[0].observed, "one leaves from 10.0.1.1 on kind-worker's eth0");
}

#[test]
fn what_others_send_there_is_not_the_pods() {
    let mut seen = native();
    *frames(&mut seen, WORKER) = to_outside(WORKER2, address(WORKER2));
    unobserved(
        masqueraded_outside_the_native_cidr,
        &seen,
        "0 of 1 requests to 172.18.0.1:9999 that were made on kind-worker were seen leaving kind-worker's eth0",
    );
    let mut seen = native();
    seen.pods[1].node = Some("kind-worker".into());
    unobserved(
        masqueraded_outside_the_native_cidr,
        &seen,
        "1 of 2 requests to 172.18.0.1:9999 that were made on kind-worker were",
    );
}

#[test]
fn a_request_within_the_native_cidr_is_not_outside() {
    let mut seen = native();
    seen.traffic.outside[0].http.url = "http://10.0.2.7:9999/".into();
    unobserved(masqueraded_outside_the_native_cidr, &seen, "which is not outside 10.0.0.0/8");
    unobserved(nothing_leaks_to_the_uplink, &seen, "which is not outside");
}

#[test]
fn no_leak_is_accepted_beside_requests_to_the_gateway() {
    let proof = held(nothing_leaks_to_the_uplink, &native());
    assert_eq!(
        proof.summary,
        "0 of 18 frames on 3 nodes go to the gateway for 10.0.0.0/8; \
         requests to the outside do, on kind-worker and kind-worker2"
    );
}

#[test]
fn a_leak_refutes_and_is_named() {
    let mut seen = native();
    let lost_ones = connection((mac(WORKER), GATEWAY_MAC), at(A, PORT_A), at(B, 8080));
    frames(&mut seen, WORKER).extend(lost_ones);
    let findings = refuted(nothing_leaks_to_the_uplink, &seen, &[Reason::LeaksToGateway]);
    assert_eq!(findings[0].place, node_place(WORKER));
    assert_eq!(findings[0].observed, "2 frames on kind-worker's eth0; the first: 10.0.1.12:33198 → 10.0.2.7:8080");
    seen.traffic.captures[WORKER].lost = 7;
    seen.traffic.outside.clear();
    refuted(nothing_leaks_to_the_uplink, &seen, &[Reason::LeaksToGateway]);
}

#[test]
fn a_leak_is_known_by_where_it_goes() {
    let mut seen = native();
    frames(&mut seen, 0).extend(connection((mac(0), GATEWAY_MAC), at(address(0), 5), at(B, 8080)).into_iter().take(1));
    let findings = refuted(nothing_leaks_to_the_uplink, &seen, &[Reason::LeaksToGateway]);
    assert_eq!(findings[0].observed, "1 frame on kind-control-plane's eth0; the first: 172.18.0.2:5 → 10.0.2.7:8080");
    let mut seen = native();
    frames(&mut seen, WORKER).extend(to_outside(WORKER, A));
    held(nothing_leaks_to_the_uplink, &seen);
}

#[test]
fn an_answer_is_no_request() {
    let mut seen = native();
    for ip in frames(&mut seen, WORKER).iter_mut().filter_map(|frame| frame.ip.as_mut()) {
        if let Payload::Tcp(header) = &mut ip.payload {
            header.ack = true;
        }
    }
    unobserved(masqueraded_outside_the_native_cidr, &seen, "0 of 1 requests");
    unobserved(source_address_is_kept, &seen, "no request from 10.0.2.7 to 10.0.1.12:8080 was seen arriving");
}

#[test]
fn a_node_that_was_not_watched_could_have_leaked() {
    let mut seen = native();
    seen.traffic.captures.remove(0);
    unobserved(nothing_leaks_to_the_uplink, &seen, "nothing was captured on kind-control-plane's eth0");
    let mut seen = native();
    seen.traffic.gateway_macs.remove(&NodeName::from("kind-control-plane"));
    unobserved(
        nothing_leaks_to_the_uplink,
        &seen,
        "the gateway's link-layer address on kind-control-plane is not known",
    );
    let mut seen = native();
    seen.traffic.captures[0].lost = 1;
    unobserved(nothing_leaks_to_the_uplink, &seen, "kind-control-plane's eth0 lost 1 frame:");
    let mut seen = native();
    seen.nodes.remove(&NodeName::from("kind-control-plane"));
    unobserved(nothing_leaks_to_the_uplink, &seen, "only 2 of 3 nodes were looked into");
}

#[test]
fn without_a_request_to_the_gateway_silence_proves_nothing() {
    let mut seen = native();
    seen.traffic.outside.clear();
    unobserved(nothing_leaks_to_the_uplink, &seen, "no pod asked the outside");
    let mut seen = native();
    frames(&mut seen, WORKER2).retain(|frame| frame.destination != GATEWAY_MAC);
    unobserved(
        nothing_leaks_to_the_uplink,
        &seen,
        "the request of hello-app-b to 172.18.0.1:9999 was not seen going to the gateway on kind-worker2's eth0",
    );
}

#[test]
fn a_packet_in_a_tunnel_is_for_whom_the_tunnel_is() {
    let mut seen = native();
    let tunnelled = wrapped(connection((mac(WORKER), GATEWAY_MAC), at(A, 1), at(B, 2)), TunnelKind::Vxlan);
    frames(&mut seen, WORKER).extend(tunnelled);
    held(nothing_leaks_to_the_uplink, &seen);
}
