//! What the receiving pod sees.

use super::*;

fn pod_capture(seen: &mut WireSeen) -> &mut Capture {
    let mut captures = seen.traffic.captures.iter_mut();
    captures.find(|capture| capture.place == Place::Pod(POD_B.into())).expect("the pod's capture")
}

/// What the second pod's own link sees.
fn at_pod(seen: &mut WireSeen) -> &mut Vec<Frame> {
    &mut pod_capture(seen).frames
}

#[test]
fn a_kept_source_is_accepted() {
    let proof = held(source_address_is_kept, &native());
    assert_eq!(proof.summary, "2 of 2 receivers see the sending pod's own address");
    assert_eq!(
        proof.details[0],
        "hello-app-a → hello-app-b: 10.0.1.12:33198 → 10.0.2.7:8080 seen on hello-app-b's eth0"
    );
}

/// The request from A to B arrives from this address instead of A's.
fn arriving_from(source: SocketAddrV4) -> Vec<Frame> {
    connection((mac(WORKER), mac(WORKER2)), source, at(B, 8080))
}

#[test]
fn a_translated_source_refutes() {
    for source in [at(address(WORKER), PORT_A), at(address(WORKER), 61_000), at(GATEWAY, PORT_A), at(GATEWAY, 61_000)] {
        let mut seen = native();
        *at_pod(&mut seen) = arriving_from(source);
        let findings = refuted(source_address_is_kept, &seen, &[Reason::SourceTranslated]);
        assert_eq!(findings[0].observed, format!("it arrives from {source} on hello-app-b's eth0"));
    }
}

#[test]
fn a_translated_source_refutes_although_nobody_answered() {
    let own_port = at(GATEWAY, PORT_A);
    let own_node = at(address(WORKER), 61_000);
    for source in [own_port, own_node] {
        let mut seen = native();
        *at_pod(&mut seen) = arriving_from(source);
        seen.traffic.between_pods[0].http.outcome = HttpOutcome::TimedOut("no answer".into());
        refuted(source_address_is_kept, &seen, &[Reason::SourceTranslated]);
    }
}

/// What a node translates towards its pods shows on the pod's link alone.
#[test]
fn the_nodes_view_stands_for_no_pods() {
    let mut seen = native();
    *at_pod(&mut seen) = arriving_from(at(address(WORKER2), PORT_A));
    let findings = refuted(source_address_is_kept, &seen, &[Reason::SourceTranslated]);
    assert_eq!(findings[0].place, Place::Pod(POD_B.into()));
    seen.traffic.captures.retain(|capture| capture.place != Place::Pod(POD_B.into()));
    unobserved(source_address_is_kept, &seen, "nothing was captured on hello-app-b's eth0");
}

#[test]
fn requests_of_others_are_told_apart_by_the_port() {
    let mut seen = native();
    at_pod(&mut seen).extend(connection((mac(0), mac(WORKER2)), at(address(0), 5), at(B, 8080)));
    held(source_address_is_kept, &seen);
    seen.traffic.between_pods[0].http.connection = None;
    unobserved(source_address_is_kept, &seen, "which of them the request of hello-app-a was is not known");
    at_pod(&mut seen).truncate(3);
    held(source_address_is_kept, &seen);
}

#[test]
fn a_request_of_somebody_else_is_no_translation() {
    let mut seen = native();
    *at_pod(&mut seen) = connection((mac(0), mac(WORKER2)), at(address(0), 5), at(B, 8080));
    seen.traffic.between_pods[0].http.outcome = HttpOutcome::TimedOut("no connection".into());
    unobserved(source_address_is_kept, &seen, "no request from 10.0.1.12 to 10.0.2.7:8080 was seen arriving");
    let mut seen = native();
    *at_pod(&mut seen) = connection((mac(0), mac(WORKER2)), at(address(0), 5), at(B, 8080));
    pod_capture(&mut seen).lost = 1;
    unobserved(source_address_is_kept, &seen, "no request from 10.0.1.12 to 10.0.2.7:8080 was seen arriving");
}

/// As a kernel shows it where the port belongs to an earlier connection of the Service's.
#[test]
fn a_port_that_connection_tracking_changed_is_told_by_the_answer() {
    let from = |port: u16| connection((mac(WORKER), mac(WORKER2)), at(A, port), at(B, 8080));
    let mut seen = native();
    *at_pod(&mut seen) = from(20_480);
    let proof = held(source_address_is_kept, &seen);
    assert!(proof.details[0].contains("10.0.1.12:20480 → 10.0.2.7:8080"), "{}", proof.details[0]);

    let missing = "no request from 10.0.1.12 to 10.0.2.7:8080 was seen arriving";
    let mut lost = seen.clone();
    pod_capture(&mut lost).lost = 1;
    unobserved(source_address_is_kept, &lost, missing);
    let mut unanswered = seen.clone();
    unanswered.traffic.between_pods[0].http.outcome = HttpOutcome::TimedOut("no answer".into());
    unobserved(source_address_is_kept, &unanswered, missing);
    // Two requests, and neither is known to be the one.
    at_pod(&mut seen).extend(from(5));
    unobserved(source_address_is_kept, &seen, missing);
}
