//! Pods' packets on every link of their way through racks.

use super::*;
use crate::fixture::racks::layout;
use lab_model::racks::{TOR_UPLINK, router, router_port, tor};

pub(super) fn expect_racks() -> Expectations {
    Expectations { racks: Some(layout()), ..expect() }
}

/// All packets between the two pods as they are on a link, those to the second pod with the first TTL.
pub(super) fn packets(device: &str, place: Place, to_b: u8, to_a: u8) -> Capture {
    let mut frames = between_pods();
    for ip in frames.iter_mut().filter_map(|frame| frame.ip.as_mut()) {
        ip.ttl = if ip.destination == B { to_b } else { to_a };
    }
    Capture { device: device.into(), ..capture(place, frames) }
}

/// hello-app-a in rack 0, hello-app-b in rack 1; everything holds.
pub(super) fn in_racks() -> WireSeen {
    let mut seen = native();
    seen.traffic.captures = vec![
        Capture { frames: Vec::new(), ..packets("eth0", node_place(0), 0, 0) },
        packets("eth0", node_place(WORKER), 63, 60),
        packets("kind", tor(0), 63, 60),
        packets(TOR_UPLINK, tor(0), 62, 61),
        packets(&router_port(0), router(), 62, 61),
        packets(&router_port(1), router(), 61, 62),
        packets(TOR_UPLINK, tor(1), 61, 62),
        packets("kind", tor(1), 60, 63),
        packets("eth0", node_place(WORKER2), 60, 63),
    ];
    seen
}

pub(super) fn on<'a>(seen: &'a mut WireSeen, place: &Place, device: &str) -> &'a mut Capture {
    let mut captures = seen.traffic.captures.iter_mut();
    captures.find(|capture| capture.place == *place && capture.device == device).expect("a capture")
}

/// The findings, which must be of these reasons at these places.
#[track_caller]
fn refuted_at(seen: &WireSeen, wanted: &[(Reason, Place)]) -> Vec<Finding> {
    match path_by_declared_routers(seen, &expect_racks()) {
        Err(NotHeld::Refuted(findings)) => {
            let found: Vec<_> = findings.iter().map(|finding| (finding.reason, finding.place.clone())).collect();
            assert_eq!(found, wanted, "{findings:#?}");
            findings
        }
        other => panic!("should be refuted: {other:#?}"),
    }
}

#[track_caller]
fn unobserved(seen: &WireSeen, part: &str) {
    match path_by_declared_routers(seen, &expect_racks()) {
        Err(NotHeld::Unobserved(why)) => assert!(why.contains(part), "{part:?} is not in {why:?}"),
        other => panic!("should be unobserved: {other:#?}"),
    }
}

#[test]
fn the_declared_way_holds() {
    let proof = path_by_declared_routers(&in_racks(), &expect_racks()).expect("held");
    assert_eq!(
        proof.summary,
        "packets hello-app-a → hello-app-b go kind-worker → tor0 → router → tor1 → kind-worker2, bare, TTL 63 to 60: \
         3 declared routers"
    );
    assert_eq!(proof.details.len(), 2, "{:?}", proof.details);
}

/// The ToR takes each packet in and gives it out by the same link.
#[test]
fn within_a_rack_the_way_is_by_the_tor() {
    let mut expect = expect_racks();
    let racks = &mut expect.racks.as_mut().expect("racks").racks;
    racks[0].nodes.push(NODES[WORKER2].into());
    racks[1].nodes.clear();
    let mut seen = in_racks();
    seen.traffic.captures = vec![
        packets("eth0", node_place(WORKER), 63, 62),
        packets("eth0", node_place(WORKER2), 62, 63),
        packets("kind", tor(0), 63, 63),
    ];
    let both = packets("kind", tor(0), 62, 62).frames;
    on(&mut seen, &tor(0), "kind").frames.extend(both);
    let proof = path_by_declared_routers(&seen, &expect).expect("held");
    let way =
        "packets hello-app-a → hello-app-b go kind-worker → tor0 → kind-worker2, bare, TTL 63 to 62: 1 declared router";
    assert_eq!(proof.summary, way);
    // Past the ToR: its port has the frames, and nobody routed them.
    let direct = packets("kind", tor(0), 63, 63);
    *on(&mut seen, &tor(0), "kind") = direct;
    let judged = path_by_declared_routers(&seen, &expect);
    assert!(matches!(&judged, Err(NotHeld::Refuted(found)) if found[0].place == tor(0)), "{judged:#?}");
}

#[test]
fn another_ttl_refutes_at_its_link() {
    let mut seen = in_racks();
    *on(&mut seen, &node_place(WORKER2), "eth0") = packets("eth0", node_place(WORKER2), 61, 63);
    let findings = refuted_at(&seen, &[(Reason::WrongPath, node_place(WORKER2))]);
    assert_eq!(findings[0].expected, "packets hello-app-a → hello-app-b on kind-worker2's eth0: TTL 60");
    assert_eq!(findings[0].observed, "TTL 61 on kind-worker2's eth0");
    // A loop: the same packets again, with less.
    let mut seen = in_racks();
    let again = packets("kind", tor(1), 58, 63).frames;
    on(&mut seen, &tor(1), "kind").frames.extend(again);
    let findings = refuted_at(&seen, &[(Reason::WrongPath, tor(1))]);
    assert_eq!(findings[0].observed, "TTL 58, 60 on tor1's kind");
}

#[test]
fn packets_on_a_link_that_is_not_on_the_way_refute() {
    let mut seen = in_racks();
    seen.traffic.captures.push(packets("tor2", router(), 61, 61));
    let both = [(Reason::WrongPath, router()), (Reason::WrongPath, router())];
    let findings = refuted_at(&seen, &both);
    assert_eq!(findings[0].observed, "packets on router's tor2");
    // Others' packets may be there.
    let mut seen = in_racks();
    seen.traffic.captures.push(Capture { device: "tor2".into(), ..capture(router(), vec![echo(0)]) });
    path_by_declared_routers(&seen, &expect_racks()).expect("held");
}

#[test]
fn a_tunnel_refutes_where_it_is_seen() {
    let mut seen = in_racks();
    let frames = wrapped(between_pods(), TunnelKind::Vxlan);
    on(&mut seen, &node_place(WORKER), "eth0").frames = frames.clone();
    let at_worker = (Reason::Encapsulated, node_place(WORKER));
    // The way back ends there.
    refuted_at(&seen, &[at_worker.clone(), at_worker]);
    let mut seen = in_racks();
    on(&mut seen, &tor(0), TOR_UPLINK).frames.extend(frames);
    refuted_at(&seen, &[(Reason::Encapsulated, tor(0)), (Reason::Encapsulated, tor(0))]);
}

#[test]
fn what_was_not_seen_proves_nothing() {
    for at in 1..in_racks().traffic.captures.len() {
        let mut seen = in_racks();
        let link = seen.traffic.captures[at].clone();
        let link = format!("{}'s {}", link.place, link.device);
        seen.traffic.captures[at].frames.clear();
        let leaving = matches!(seen.traffic.captures[at].place, Place::Node(_));
        let none = if leaving { "none was seen" } else { "no packet hello-app-a → hello-app-b was seen on" };
        unobserved(&seen, none);
        seen.traffic.captures[at].lost = 1;
        unobserved(&seen, "lost");
        drop(seen.traffic.captures.remove(at));
        let none =
            if leaving { "nothing was captured on the link by which packets" } else { "nothing was captured on" };
        unobserved(&seen, none);
        if !leaving {
            unobserved(&seen, &link);
        }
    }
    let mut seen = in_racks();
    let more = packets("eth0", node_place(WORKER), 62, 60).frames;
    on(&mut seen, &node_place(WORKER), "eth0").frames.extend(more);
    assert!(path_by_declared_routers(&seen, &expect_racks()).is_err());
    let mut seen = in_racks();
    drop(seen.nodes.remove(&NodeName::from(NODES[WORKER2])));
    unobserved(&seen, "nobody looked into kind-worker2");
    let mut seen = in_racks();
    seen.traffic.between_pods.clear();
    unobserved(&seen, "no pod sent anything to a pod on another node");
}

#[test]
fn without_racks_or_a_nodes_rack_nothing_is_decided() {
    let missing = "what the lab was built from does not say how its racks should be";
    let without = path_by_declared_routers(&in_racks(), &expect());
    assert_eq!(without, Err(NotHeld::Unobserved(missing.to_owned())));
    let mut expect = expect_racks();
    expect.racks.as_mut().expect("racks").racks[1].nodes.clear();
    let judged = path_by_declared_routers(&in_racks(), &expect);
    let why = "kind-worker or kind-worker2 is in none of the racks";
    assert!(matches!(&judged, Err(NotHeld::Unobserved(what)) if what.contains(why)), "{judged:#?}");
}
