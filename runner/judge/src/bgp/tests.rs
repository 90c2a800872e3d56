//! Routers whose sessions and routes are as they must be, and with one thing wrong each.

use std::time::Duration;

use super::*;
use crate::fixture::racks::{self, ROUTER, TOR0, TOR1, place};
use crate::fixture::{WORKER, WORKER2, net, route};
use lab_model::observe::{BgpSession, Learnt, NetnsView};
use lab_model::{Finding, Judgement, Reason};

type Judge = fn(&RoutersSeen, &Expectations) -> Judgement;

fn judged(judge: Judge, change: impl FnOnce(&mut RoutersSeen)) -> Judgement {
    let mut seen = racks::routers();
    change(&mut seen);
    judge(&seen, &racks::expectations())
}

/// The findings, which must be of exactly these reasons at these routers.
#[track_caller]
fn refuted(judge: Judge, wanted: &[(Reason, usize)], change: impl FnOnce(&mut RoutersSeen)) -> Vec<Finding> {
    match judged(judge, change) {
        Err(NotHeld::Refuted(findings)) => {
            let found: Vec<_> = findings.iter().map(|finding| (finding.reason, finding.place.clone())).collect();
            let wanted: Vec<_> = wanted.iter().map(|(reason, at)| (*reason, place(*at))).collect();
            assert_eq!(found, wanted, "{findings:#?}");
            findings
        }
        other => panic!("should be refuted: {other:#?}"),
    }
}

#[track_caller]
fn unobserved(judge: Judge, why: &str, change: impl FnOnce(&mut RoutersSeen)) {
    assert_eq!(judged(judge, change), Err(NotHeld::Unobserved(why.to_owned())));
}

fn said(seen: &mut RoutersSeen, at: usize) -> &mut DaemonSeen {
    seen.routers[at].daemon.as_mut().expect("a daemon that answered")
}

fn kernel(seen: &mut RoutersSeen, at: usize) -> &mut NetnsView {
    seen.routers[at].kernel.as_mut().expect("a kernel that was looked at")
}

fn session<'a>(seen: &'a mut RoutersSeen, at: usize, name: &str) -> &'a mut BgpSession {
    said(seen, at).sessions.iter_mut().find(|session| session.name == name).expect("a session")
}

fn learnt<'a>(seen: &'a mut RoutersSeen, at: usize, pods: &str) -> &'a mut Learnt {
    said(seen, at).routes.iter_mut().find(|learnt| learnt.destination == net(pods)).expect("a route")
}

/// Replaces a kernel's route to these pods.
fn instead(seen: &mut RoutersSeen, at: usize, pods: &str, routes: &[&str]) {
    let view = kernel(seen, at);
    view.routes.retain(|route| route.destination != net(pods));
    view.routes.extend(routes.iter().map(|text| route(text)));
}

#[test]
fn declared_sessions_hold() {
    let proof = judged(sessions_are_established, |_| {}).expect("held");
    assert_eq!(
        proof.summary,
        "3 of 3 nodes have a session with their own ToR, 2 of 2 ToRs with the router; \
         tor0: Established with kind-control-plane (172.18.0.2), AS 64601 to AS 64701"
    );
    // Those between routers are seen from both ends.
    assert_eq!(proof.details.len(), 7, "{:?}", proof.details);
    assert_eq!(proof.details[6], "router: Established with tor1 (172.31.255.3), AS 64512 to AS 64602");
}

#[test]
fn a_session_that_is_not_established_refutes_at_the_end_that_was_asked() {
    let down = |at, name: &'static str| {
        refuted(sessions_are_established, &[(Reason::SessionDown, at)], |seen| {
            let session = session(seen, at, name);
            session.state = "Active".to_owned();
            session.hold = None;
            session.last_error = Some("Socket: Connection closed".to_owned());
        })
    };
    let findings = down(TOR1, "node_kind_worker2");
    assert_eq!(findings[0].expected, "a session with kind-worker2 (172.18.1.2), AS 64602 to AS 64702, Established");
    assert_eq!(findings[0].observed, "node_kind_worker2 is Active, last error: Socket: Connection closed");
    down(TOR0, "to_router");
    down(ROUTER, "tor1");
    let all = [(Reason::SessionDown, TOR0), (Reason::SessionDown, ROUTER)];
    refuted(sessions_are_established, &all, |seen| {
        session(seen, TOR0, "to_router").state = "Idle".to_owned();
        session(seen, ROUTER, "tor0").state = "Idle".to_owned();
    });
}

#[test]
fn another_session_than_declared_refutes() {
    let wrong = |at, change: fn(&mut RoutersSeen)| {
        let mut findings = refuted(sessions_are_established, &[(Reason::WrongSession, at)], change);
        findings.pop().expect("a finding").observed
    };
    let none = wrong(TOR0, |seen| said(seen, TOR0).sessions.retain(|one| one.name != "node_kind_worker"));
    assert_eq!(none, "none is configured with 172.18.0.3");
    let theirs = wrong(TOR1, |seen| session(seen, TOR1, "node_kind_worker2").neighbour_as = 64701);
    assert_eq!(theirs, "node_kind_worker2: AS 64602 to AS 64701");
    let own = wrong(ROUTER, |seen| session(seen, ROUTER, "tor0").local_as = 64513);
    assert_eq!(own, "tor0: AS 64513 to AS 64601");
    let short = wrong(TOR0, |seen| session(seen, TOR0, "to_router").hold = Some(Duration::from_secs(3)));
    assert_eq!(short, "3 s");
    assert_eq!(wrong(TOR0, |seen| session(seen, TOR0, "to_router").hold = None), "none");
}

#[test]
fn learnt_routes_that_kernels_follow_hold() {
    let proof = judged(pod_cidrs_are_learnt, |_| {}).expect("held");
    assert_eq!(
        proof.summary,
        "3 of 3 routers have 3 of 3 pod CIDRs by their node's way, and their kernels too; \
         tor0: 10.0.0.0/24 via 172.18.0.2 dev kind"
    );
    assert_eq!(proof.details.len(), 9, "{:?}", proof.details);
    assert!(proof.details.contains(&"tor0: 10.0.2.0/24 via 172.31.255.0 dev up0".to_owned()));
    assert!(proof.details.contains(&"router: 10.0.2.0/24 via 172.31.255.3 dev tor1".to_owned()));
}

#[test]
fn what_was_not_learnt_refutes_at_the_router_without_it() {
    let not = [(Reason::NotLearnt, ROUTER)];
    let findings = refuted(pod_cidrs_are_learnt, &not, |seen| {
        said(seen, ROUTER).routes.retain(|learnt| learnt.destination != net("10.0.2.0/24"));
    });
    assert_eq!(
        findings[0].expected,
        "10.0.2.0/24, the pods of kind-worker2, learnt over BGP via 172.31.255.3 dev tor1"
    );
    assert_eq!(findings[0].observed, "BIRD 2.0.12 does not have 10.0.2.0/24 over BGP");
    // Known and not chosen, of another protocol, and a part of it: none of these is it.
    refuted(pod_cidrs_are_learnt, &not, |seen| learnt(seen, ROUTER, "10.0.2.0/24").chosen = false);
    refuted(pod_cidrs_are_learnt, &not, |seen| learnt(seen, ROUTER, "10.0.2.0/24").session = "own".to_owned());
    refuted(pod_cidrs_are_learnt, &not, |seen| {
        learnt(seen, ROUTER, "10.0.2.0/24").destination = net("10.0.2.0/25");
    });
    refuted(pod_cidrs_are_learnt, &[(Reason::NotLearnt, TOR0), (Reason::NotLearnt, TOR1)], |seen| {
        for at in [TOR0, TOR1] {
            said(seen, at).routes.retain(|learnt| learnt.destination != net("10.0.2.0/24"));
        }
    });
}

#[test]
fn another_way_than_the_nodes_refutes() {
    let elsewhere = [(Reason::LearntElsewhere, TOR0)];
    let findings = refuted(pod_cidrs_are_learnt, &elsewhere, |seen| {
        learnt(seen, TOR0, "10.0.1.0/24").via = Some("172.18.0.2".parse().expect("an address"));
    });
    assert_eq!(findings[0].observed, "10.0.1.0/24 via 172.18.0.2 dev kind, from node_kind_worker");
    let findings = refuted(pod_cidrs_are_learnt, &elsewhere, |seen| {
        let learnt = learnt(seen, TOR0, "10.0.1.0/24");
        (learnt.via, learnt.device) = (None, None);
    });
    assert_eq!(findings[0].observed, "10.0.1.0/24 no next hop dev no link, from node_kind_worker");
    refuted(pod_cidrs_are_learnt, &elsewhere, |seen| {
        learnt(seen, TOR0, "10.0.1.0/24").device = Some("up0".to_owned());
    });
}

#[test]
fn a_kernel_that_does_otherwise_refutes() {
    let otherwise = |routes: &[&str]| {
        let mut findings = refuted(pod_cidrs_are_learnt, &[(Reason::DaemonDisagrees, TOR0)], |seen| {
            instead(seen, TOR0, "10.0.2.0/24", routes);
        });
        findings.pop().expect("a finding").observed
    };
    assert_eq!(otherwise(&[]), "10.0.2.0 has no route");
    assert_eq!(
        otherwise(&["10.0.2.0/24 via 172.18.0.2 dev kind"]),
        "10.0.2.0 takes 10.0.2.0/24 via 172.18.0.2 dev kind"
    );
    assert_eq!(otherwise(&["10.0.2.0/24 dev up0"]), "10.0.2.0 takes 10.0.2.0/24 dev up0");
    assert_eq!(otherwise(&["unreachable 10.0.2.0/24"]), "10.0.2.0 is refused by a rule or a route");
    // The last address alone.
    let right = "10.0.2.0/24 via 172.31.255.0 dev up0";
    let hidden = otherwise(&[right, "10.0.2.255/32 via 172.18.0.2 dev kind"]);
    assert_eq!(hidden, "10.0.2.255 takes 10.0.2.255 via 172.18.0.2 dev kind");
    let wrapped = otherwise(&["10.0.2.0/24 encap via 172.31.255.0 dev up0"]);
    assert!(wrapped.starts_with("10.0.2.0 takes "), "{wrapped}");
}

#[test]
fn what_was_not_seen_proves_nothing() {
    for judge in [sessions_are_established as Judge, pod_cidrs_are_learnt] {
        unobserved(judge, "nobody looked at tor1", |seen| drop(seen.routers.remove(TOR1)));
        unobserved(judge, "router: its daemon did not answer: it is silent", |seen| {
            seen.routers[ROUTER].daemon = Err("it is silent".to_owned());
        });
        let without = judge(&racks::routers(), &crate::fixture::expectations());
        let missing = "what the lab was built from does not say how its racks should be";
        assert_eq!(without, Err(NotHeld::Unobserved(missing.to_owned())));
        let nobody = judged(judge, |seen| seen.routers.clear());
        assert!(matches!(nobody, Err(NotHeld::Unobserved(_))), "{nobody:?}");
    }
    unobserved(sessions_are_established, "the address of kind-worker is not known", |seen| {
        drop(seen.nodes.remove(&WORKER.into()));
    });
    let unknown = "the pod CIDR or the address of kind-worker2 is not known";
    unobserved(pod_cidrs_are_learnt, unknown, |seen| drop(seen.nodes.remove(&WORKER2.into())));
    unobserved(pod_cidrs_are_learnt, unknown, |seen| {
        seen.pod_cidrs.by_node.remove(&WORKER2.into());
    });
    unobserved(pod_cidrs_are_learnt, "tor0: its kernel could not be looked at: refused", |seen| {
        seen.routers[TOR0].kernel = Err("refused".to_owned());
    });
}

/// What is refuted is refuted whatever else was not seen.
#[test]
fn a_finding_counts_beside_a_router_that_is_silent() {
    refuted(sessions_are_established, &[(Reason::SessionDown, TOR1)], |seen| {
        seen.routers[ROUTER].daemon = Err("it is silent".to_owned());
        session(seen, TOR1, "to_router").state = "Connect".to_owned();
    });
}

#[test]
fn no_racks_at_all_prove_nothing() {
    let mut expect = racks::expectations();
    expect.racks.as_mut().expect("racks").racks.clear();
    for judge in [sessions_are_established as Judge, pod_cidrs_are_learnt] {
        let judged = judge(&racks::routers(), &expect);
        assert!(matches!(judged, Err(NotHeld::Unobserved(_))), "{judged:?}");
    }
}
