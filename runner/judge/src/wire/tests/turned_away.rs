//! Routers that pass everything on, and one that does not.

use super::path::{expect_racks, in_racks, on, packets};
use super::*;
use lab_model::racks::{TOR_UPLINK, router, router_port, tor};

fn judged(change: impl FnOnce(&mut WireSeen)) -> Judgement {
    let mut seen = in_racks();
    change(&mut seen);
    no_router_turns_packets_away(&seen, &expect_racks())
}

#[track_caller]
fn refuted_at(wanted: &[Place], change: impl FnOnce(&mut WireSeen)) -> Vec<Finding> {
    match judged(change) {
        Err(NotHeld::Refuted(findings)) => {
            assert!(findings.iter().all(|finding| finding.reason == Reason::TurnedAway), "{findings:#?}");
            assert_eq!(findings.iter().map(|finding| finding.place.clone()).collect::<Vec<_>>(), wanted);
            findings
        }
        other => panic!("should be refuted: {other:#?}"),
    }
}

#[track_caller]
fn unobserved(part: &str, change: impl FnOnce(&mut WireSeen)) {
    match judged(change) {
        Err(NotHeld::Unobserved(why)) => assert!(why.contains(part), "{part:?} is not in {why:?}"),
        other => panic!("should be unobserved: {other:#?}"),
    }
}

fn without(capture: &mut Capture, destination: Ipv4Addr) {
    capture.frames.retain(|frame| frame.ip.as_ref().is_none_or(|ip| ip.destination != destination));
}

#[test]
fn routers_that_pass_everything_on_once_hold() {
    let proof = judged(|_| {}).expect("held");
    let first = "packets hello-app-a → hello-app-b are passed on by tor0, tor1, router";
    assert_eq!(proof.summary, format!("every router that sees them passes them on, once: {first}"));
    assert_eq!(proof.details.len(), 2, "{:?}", proof.details);
}

#[test]
fn a_router_that_passes_nothing_on_refutes() {
    let findings = refuted_at(&[tor(0)], |seen| {
        without(on(seen, &tor(0), TOR_UPLINK), B);
        for (place, device) in [(router(), router_port(0)), (router(), router_port(1))] {
            without(on(seen, &place, &device), B);
        }
        without(on(seen, &tor(1), TOR_UPLINK), B);
        without(on(seen, &tor(1), "kind"), B);
    });
    assert_eq!(findings[0].expected, "packets hello-app-a → hello-app-b passed on once by tor0");
    assert_eq!(findings[0].observed, "on the links of tor0 they have TTL 63: none is passed on by any");
    // The router between.
    refuted_at(&[router()], |seen| without(on(seen, &router(), &router_port(1)), B));
}

#[test]
fn packets_that_come_back_refute() {
    let findings = refuted_at(&[tor(0)], |seen| {
        let again = packets("kind", tor(0), 61, 60).frames;
        on(seen, &tor(0), "kind").frames.extend(again);
    });
    assert_eq!(findings[0].observed, "on the links of tor0 they have TTL 61, 62, 63: they come back to it");
}

#[test]
fn what_was_not_seen_proves_nothing() {
    for (place, device) in [(tor(0), "kind"), (tor(1), TOR_UPLINK), (router(), "tor0")] {
        unobserved(&format!("the capture on {place}'s {device} lost 1 frame"), |seen| {
            on(seen, &place, device).lost = 1;
        });
        let at = |seen: &WireSeen| {
            seen.traffic.captures.iter().position(|capture| capture.place == place && capture.device == device)
        };
        let judged = judged(|seen| {
            let at = at(seen).expect("a capture");
            drop(seen.traffic.captures.remove(at));
        });
        assert!(judged.is_err(), "{judged:#?}");
    }
    unobserved("no router passed on packets hello-app-a → hello-app-b", |seen| {
        for capture in seen.traffic.captures.iter_mut().filter(|capture| matches!(capture.place, Place::Router(_))) {
            capture.frames.clear();
        }
    });
    unobserved("nothing was captured on router's tor1", |seen| {
        seen.traffic.captures.retain(|capture| !matches!(capture.place, Place::Router(_)));
    });
    unobserved("no pod sent anything to a pod on another node", |seen| seen.traffic.between_pods.clear());
    let missing = "what the lab was built from does not say how its racks should be";
    let without = no_router_turns_packets_away(&in_racks(), &expect());
    assert_eq!(without, Err(NotHeld::Unobserved(missing.to_owned())));
}
