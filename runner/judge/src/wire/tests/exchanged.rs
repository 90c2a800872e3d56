//! What came back: requests and full-size packets.

use super::*;

fn with_first_outcome(outcome: HttpOutcome) -> WireSeen {
    let mut seen = native();
    seen.traffic.between_pods[0].http.outcome = outcome;
    seen
}

#[test]
fn pods_that_answer_each_other_are_accepted() {
    let proof = held(pods_reach_each_other_directly, &native());
    assert_eq!(proof.summary, "2 of 2 requests between pods on two nodes were answered by the pod asked");
    assert_eq!(
        proof.details[0],
        "hello-app-a on kind-worker → hello-app-b on kind-worker2 at 10.0.2.7:8080: 200, Hostname: hello-app-b"
    );
}

#[test]
fn no_answer_is_told_as_it_came() {
    let cases = [
        (HttpOutcome::TimedOut("no connection after 5 s".into()), "timed out: no connection after 5 s"),
        (HttpOutcome::Empty, "empty reply: closed without a response"),
        (HttpOutcome::NotConnected("connection refused".into()), "no connection: connection refused"),
        (HttpOutcome::Broken("not HTTP".into()), "broken reply: not HTTP"),
        (HttpOutcome::Response { status: 503, body: "busy\n".into() }, "status 503: busy"),
    ];
    for (outcome, observed) in cases {
        let findings = refuted(pods_reach_each_other_directly, &with_first_outcome(outcome), &[Reason::PodUnreachable]);
        assert_eq!(findings[0].observed, observed);
        assert_eq!(findings[0].place, Place::Pod(PodName::from(POD_A)));
    }
}

#[test]
fn an_answer_of_somebody_else_refutes() {
    let long = "x".repeat(100);
    let cases = [
        (hello(POD_A), "hello-app-a answered".to_owned()),
        (ok("<html>router</html>\n"), "the answer is not hello-app's: <html>router</html>".to_owned()),
        (ok(""), "the answer is not hello-app's: an empty body".to_owned()),
        (ok(&long), format!("the answer is not hello-app's: {}…", &long[..80])),
        (ok(&long[..80]), format!("the answer is not hello-app's: {}", &long[..80])),
        (
            ok("Hello, world!\nVersion: 1.0.0\nHostname: hello-app-b\nmore\n"),
            "the answer is not hello-app's: Hello, world!".to_owned(),
        ),
    ];
    for (outcome, observed) in cases {
        let seen = with_first_outcome(outcome);
        let findings = refuted(pods_reach_each_other_directly, &seen, &[Reason::AnotherServerAnswers]);
        assert_eq!(findings[0].observed, observed);
    }
}

#[test]
fn a_connection_that_was_led_elsewhere_is_not_direct() {
    let mut seen = native();
    let connection = seen.traffic.between_pods[0].http.connection.as_mut().expect("a connection");
    connection.peer = Some(at(address(0), 8080));
    let findings = refuted(pods_reach_each_other_directly, &seen, &[Reason::AnotherServerAnswers]);
    assert_eq!(findings[0].observed, "172.18.0.2:8080 answered, which the connection was led to");
    // An older program did not ask the socket.
    seen.traffic.between_pods[0].http.connection.as_mut().expect("a connection").peer = None;
    held(pods_reach_each_other_directly, &seen);
}

#[test]
fn a_request_to_another_address_is_not_the_one() {
    let mut seen = native();
    seen.traffic.between_pods[0].http.url = "http://10.96.37.61:8080/".into();
    unobserved(
        pods_reach_each_other_directly,
        &seen,
        "hello-app-b at 10.0.2.7:8080, and asked http://10.96.37.61:8080/",
    );
    // What the URL says and the connection does not.
    let mut seen = native();
    seen.traffic.between_pods[0].http.connection.as_mut().expect("a connection").remote = at(A, 8080);
    unobserved(pods_reach_each_other_directly, &seen, "hello-app-a was to ask hello-app-b at 10.0.2.7:8080");
    // And both.
    seen.traffic.between_pods[0].http.url = "http://10.0.1.12:8080/".into();
    let asked = "hello-app-a was to ask hello-app-b at 10.0.2.7:8080, and asked http://10.0.1.12:8080/";
    unobserved(pods_reach_each_other_directly, &seen, asked);
}

#[test]
fn a_full_size_packet_that_is_answered_is_accepted() {
    let proof = held(full_mtu_fits, &native());
    assert_eq!(proof.summary, "2 of 2 packets of 1500 octets with DF set were answered");
}

#[test]
fn a_full_size_packet_that_does_not_pass_refutes() {
    let cases = [
        (PingOutcome::TooBig(Some(1450)), PingOutcome::Answered, "1500 octets: too big, 1450 fits; 84 octets pass"),
        (PingOutcome::TooBig(None), PingOutcome::Silent, "1500 octets: too big; 84 octets: no reply"),
        (PingOutcome::Silent, PingOutcome::Silent, "1500 octets: no reply; 84 octets: no reply"),
        (
            PingOutcome::Refused("network is unreachable".into()),
            PingOutcome::Refused("network is unreachable".into()),
            "1500 octets: network is unreachable; 84 octets: network is unreachable",
        ),
    ];
    for (full, small, observed) in cases {
        let mut seen = native();
        seen.traffic.between_pods[1].full_mtu.outcome = full;
        seen.traffic.between_pods[1].small.outcome = small;
        let findings = refuted(full_mtu_fits, &seen, &[Reason::MtuDoesNotFit]);
        assert_eq!(findings[0].observed, observed);
        assert_eq!(findings[0].by_hand.as_deref(), Some("ping -c 1 -M do -s 1472 10.0.1.12"));
    }
}

#[test]
fn a_packet_of_another_size_or_to_another_address_says_nothing() {
    let mut seen = native();
    seen.traffic.between_pods[0].full_mtu.length = 1400;
    unobserved(full_mtu_fits, &seen, "sent 1400 octets to hello-app-b, and the network kind takes 1500");
    let mut seen = native();
    seen.traffic.between_pods[0].full_mtu.destination = A;
    unobserved(full_mtu_fits, &seen, "sent to 10.0.1.12, and hello-app-b is at 10.0.2.7");
    let mut seen = native();
    seen.nodes.values_mut().for_each(|view| view.links[0].mtu = Mtu(9000));
    unobserved(full_mtu_fits, &seen, "sent 1500 octets to hello-app-b, and eth0 of kind-worker takes 9000");
}

/// All links narrowed alike would pass for the whole width, measured by themselves.
#[test]
fn the_yardstick_is_what_the_network_between_the_nodes_takes() {
    let narrowed = |length: u32, outcome: PingOutcome| {
        let mut seen = native();
        seen.nodes.values_mut().for_each(|view| view.links[0].mtu = Mtu(1280));
        for exchange in &mut seen.traffic.between_pods {
            exchange.full_mtu = ping(exchange.full_mtu.destination, length, outcome.clone());
        }
        seen
    };
    let reasons = [Reason::MtuDoesNotFit; 2];
    let findings = refuted(full_mtu_fits, &narrowed(1500, PingOutcome::TooBig(Some(1280))), &reasons);
    assert_eq!(findings[0].observed, "1500 octets: too big, 1280 fits; 84 octets pass");
    let mut seen = narrowed(1280, PingOutcome::Answered);
    unobserved(full_mtu_fits, &seen, "sent 1280 octets to hello-app-b, and the network kind takes 1500");
    seen.segment.as_mut().expect("the segment").mtu = Some(Mtu(1280));
    held(full_mtu_fits, &seen);
    // An older program did not look at the network: that its nodes' links are Ethernet's is all there is.
    seen.segment = None;
    unobserved(full_mtu_fits, &seen, "the MTU of the network kind was not seen");
    let mut seen = native();
    seen.segment = None;
    held(full_mtu_fits, &seen);
}

#[test]
fn a_network_that_is_not_between_the_nodes_is_no_yardstick() {
    let with = |change: fn(&mut Segment)| {
        let mut seen = native();
        change(seen.segment.as_mut().expect("the segment"));
        seen
    };
    unobserved(full_mtu_fits, &with(|segment| segment.mtu = None), "the MTU of the network kind is not known");
    let other = with(|segment| segment.name = "bridge".into());
    unobserved(full_mtu_fits, &other, "the network bridge was seen, not kind");
    let left = with(|segment| drop(segment.members.remove(WORKER2)));
    unobserved(full_mtu_fits, &left, "kind-worker2 is not on the network kind");
}

#[test]
fn the_network_of_a_rack_is_a_yardstick_and_another_is_not() {
    let expect =
        Expectations { racks: Some(crate::fixture::racks::layout_on_kind()), ..crate::fixture::expectations() };
    let mut seen = native();
    let segment = seen.segment.as_mut().expect("the segment");
    segment.name = "kind-rack0".to_owned();
    assert!(full_mtu_fits(&seen, &expect).is_ok());
    unobserved(full_mtu_fits, &seen, "the network kind-rack0 was seen, not kind");
    seen.segment.as_mut().expect("the segment").name = "kind-link0".to_owned();
    assert!(matches!(full_mtu_fits(&seen, &expect), Err(lab_model::NotHeld::Unobserved(_))));
}
