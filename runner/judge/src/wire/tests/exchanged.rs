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
fn one_way_is_not_each_other() {
    let mut seen = native();
    seen.traffic.between_pods.pop();
    unobserved(pods_reach_each_other_directly, &seen, "1 request seen, none both ways");
    seen.traffic.between_pods[0].http.outcome = HttpOutcome::Empty;
    refuted(pods_reach_each_other_directly, &seen, &[Reason::PodUnreachable]);
}

#[test]
fn pods_on_one_node_say_nothing_about_the_wire() {
    let mut seen = native();
    seen.pods[1].node = Some("kind-worker".into());
    unobserved(pods_reach_each_other_directly, &seen, "0 requests seen, none both ways");
    unobserved(frames_are_not_encapsulated, &seen, "nothing is proved");
    unobserved(source_address_is_kept, &seen, "no pod sent anything");
    unobserved(full_mtu_fits, &seen, "no packet of the whole MTU");
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
    unobserved(full_mtu_fits, &seen, "sent 1400 octets to hello-app-b, and the MTU is 1500");
    let mut seen = native();
    seen.traffic.between_pods[0].full_mtu.destination = A;
    unobserved(full_mtu_fits, &seen, "sent to 10.0.1.12, and hello-app-b is at 10.0.2.7");
    let mut seen = native();
    seen.nodes.values_mut().for_each(|view| view.links[0].mtu = Mtu(9000));
    unobserved(full_mtu_fits, &seen, "1500 octets were sent, and eth0 of kind-worker2 takes 9000");
}
