//! What leaves for the outside.

use super::*;
use lab_model::leaving::{Leaving, Left};

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
    assert_eq!(findings[0].expected, "requests of hello-app-a to 172.18.0.1:9999 leave kind-worker from 172.18.0.3");
    let by_hand = "tcpdump -nn -e -i eth0 'dst 172.18.0.1 and tcp[13] == 2'";
    assert_eq!(findings[0].by_hand.as_deref(), Some(by_hand));
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

fn left(seen: &WireSeen) -> Vec<Left> {
    leaving(seen, &expect()).into_iter().map(|leaving| leaving.left).collect()
}

#[test]
fn what_was_found_about_each_request_is_handed_over() {
    let mut seen = native();
    seen.traffic.outside[1].http.outcome = HttpOutcome::NotConnected("connection refused".into());
    let as_the_node = |node: usize| Left::AsTheNode { source: at(address(node), 49_386) };
    let of = |from: &str, node: usize, answered| Leaving {
        from: from.into(),
        node: Some(NODES[node].into()),
        url: "http://172.18.0.1:9999/".to_owned(),
        answered,
        left: as_the_node(node),
    };
    assert_eq!(leaving(&seen, &expect()), [of(POD_A, WORKER, true), of(POD_B, WORKER2, false)]);
    *frames(&mut seen, WORKER) = to_outside(WORKER, A);
    seen.traffic.captures.retain(|capture| capture.place != node_place(WORKER2));
    let observed = "one leaves kind-worker's eth0 from 10.0.1.12, the pod's own address".to_owned();
    let as_the_pod = Left::AsAnother { reason: Reason::NotMasqueraded, source: at(A, 49_386), observed };
    let missing = "nothing was captured on kind-worker2's eth0".to_owned();
    assert_eq!(left(&seen), [as_the_pod, Left::Undecided { missing }]);
    let third = Ipv4Addr::new(10, 0, 1, 1);
    *frames(&mut seen, WORKER) = to_outside(WORKER, third);
    let observed = "one leaves from 10.0.1.1 on kind-worker's eth0".to_owned();
    let source = at(third, 49_386);
    assert_eq!(left(&seen)[0], Left::AsAnother { reason: Reason::MasqueradedAsAnother, source, observed });
}

/// Two pods on one node, whose requests look alike but for their ports.
#[test]
fn which_request_is_whose_is_told_by_the_port() {
    let mut seen = native();
    seen.pods[1].node = Some(NODES[WORKER].into());
    let second = at(address(WORKER), 60_001);
    let more = connection((mac(WORKER), GATEWAY_MAC), second, OUTSIDE);
    frames(&mut seen, WORKER).extend(more);
    seen.traffic.outside[1].http = reply(OUTSIDE, Some(at(B, 60_001)), ok("you are here\n"));
    let first = Left::AsTheNode { source: at(address(WORKER), 49_386) };
    assert_eq!(left(&seen), [first, Left::AsTheNode { source: second }]);
    held(masqueraded_outside_the_native_cidr, &seen);
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
        "0 of 21 frames on 3 nodes go to the gateway for 10.0.0.0/8; \
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
    let mut datagram = native();
    let payload = Payload::Udp { source: 5353, destination: 53 };
    let ip = IpHeader { payload, ..segment(at(A, 0), at(B, 0), (false, false)) };
    frames(&mut datagram, WORKER).push(frame(mac(WORKER), GATEWAY_MAC, ip));
    let findings = refuted(nothing_leaks_to_the_uplink, &datagram, &[Reason::LeaksToGateway]);
    assert!(findings[0].observed.ends_with("the first: 10.0.1.12:5353 → 10.0.2.7:53 (UDP)"), "{findings:?}");
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
    unobserved(nothing_leaks_to_the_uplink, &seen, "hello-app-a did not ask the outside");
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

fn is_no_echo(frame: &Frame) -> bool {
    frame.ip.as_ref().is_some_and(|ip| !matches!(ip.payload, Payload::Icmp(_)))
}

/// Every capture must have seen what its own node sent.
#[test]
fn a_blind_capture_proves_nothing() {
    let blind = |node: usize, keep: fn(&Frame) -> bool, why: &str| {
        let mut seen = native();
        frames(&mut seen, node).retain(keep);
        unobserved(nothing_leaks_to_the_uplink, &seen, why);
        seen
    };
    let nothing = "not one frame was seen on kind-control-plane's eth0";
    let mut old = blind(0, |_frame| false, nothing);
    let not_seen =
        "the echo request of kind-worker to 172.18.0.1 was not seen going to the gateway on kind-worker's eth0";
    blind(WORKER, is_no_echo, not_seen);
    // What others send is no sign that what the node sends is seen.
    let mut seen = native();
    *frames(&mut seen, 0) = vec![frame(GATEWAY_MAC, mac(0), echo(0).ip.expect("a packet")), echo(WORKER)];
    unobserved(nothing_leaks_to_the_uplink, &seen, "the echo request of kind-control-plane to 172.18.0.1 was not seen");
    let mut seen = native();
    let sent = seen.traffic.from_nodes.as_mut().expect("they were sent");
    sent.remove(&NodeName::from("kind-control-plane"));
    unobserved(nothing_leaks_to_the_uplink, &seen, "kind-control-plane itself sent nothing to the gateway");
    // An older program's nodes sent nothing: that anything was seen must do.
    old.traffic.from_nodes = None;
    unobserved(nothing_leaks_to_the_uplink, &old, nothing);
    frames(&mut old, 0).push(echo(WORKER));
    held(nothing_leaks_to_the_uplink, &old);
}

/// A Docker network within 10.0.0.0/8, as `default-address-pools` may make it: the gateway lies within the native CIDR.
#[test]
fn what_is_for_the_nodes_own_network_is_no_leak() {
    let gateway = Ipv4Addr::new(10, 89, 0, 1);
    let to = |destination: Ipv4Addr| {
        let syn = segment(at(address(WORKER), 5), at(destination, 9999), (true, false));
        frame(mac(WORKER), GATEWAY_MAC, syn)
    };
    let mut seen = native();
    frames(&mut seen, WORKER).push(to(gateway));
    let findings = refuted(nothing_leaks_to_the_uplink, &seen, &[Reason::LeaksToGateway]);
    assert_eq!(findings[0].observed, "1 frame on kind-worker's eth0; the first: 172.18.0.3:5 → 10.89.0.1:9999");
    let network = "10.89.0.3/16".parse().expect("an address");
    seen.nodes.values_mut().for_each(|view| view.addresses[0].address = network);
    held(nothing_leaks_to_the_uplink, &seen);
    // Of the pods' addresses it stays one.
    for pod in [B, Ipv4Addr::new(10, 0, 2, 99)] {
        let mut seen = seen.clone();
        frames(&mut seen, WORKER).push(to(pod));
        let findings = refuted(nothing_leaks_to_the_uplink, &seen, &[Reason::LeaksToGateway]);
        let by_hand =
            "tcpdump -nn -e -i eth0 'ether dst 02:42:68:01:32:0c and dst net 10.0.0.0/8 and not dst net 10.89.0.0/16'";
        assert_eq!(findings[0].by_hand.as_deref(), Some(by_hand));
    }
    // Also where it lies within the nodes' own network.
    let around = "10.0.0.3/8".parse().expect("an address");
    seen.nodes.values_mut().for_each(|view| view.addresses[0].address = around);
    frames(&mut seen, WORKER).push(to(B));
    refuted(nothing_leaks_to_the_uplink, &seen, &[Reason::LeaksToGateway]);
}
