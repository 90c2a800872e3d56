//! The inside tier: what is seen within the cluster's own pods, and what is said of it.

use lab_model::Reason;
use lab_model::observe::{NetnsView, NextHop, Place, Route, RouteKind, Rule, RuleAction, TABLE_MAIN};
use lab_model::report::{CaseOutcome, Report};
use lab_model::request::{Answer, Answered};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use super::anonymised::handed_over;
use super::kubelet;
use super::probe::{changing, held, tells, unobserved};
use super::theirs::Theirs;
use lab_judge::foreign::table::CASES;

const OWN: &str = "routing::own_pods_are_local";
/// The pods that were recorded: the number of their node, their own address, and their node's among pods.
const PODS: [(u8, Ipv4Addr, Ipv4Addr); 5] = [
    (4, Ipv4Addr::new(10, 0, 1, 35), OF_WORKER2),
    (4, Ipv4Addr::new(10, 0, 1, 52), OF_WORKER2),
    (4, Ipv4Addr::new(10, 0, 1, 212), OF_WORKER2),
    (3, Ipv4Addr::new(10, 0, 2, 38), OF_WORKER),
    (3, Ipv4Addr::new(10, 0, 2, 100), OF_WORKER),
];
const OF_WORKER: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 104);
const OF_WORKER2: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 239);

/// The namespaces on a node: of its pod, if it has one, and another one.
pub(super) fn files(number: u8) -> Vec<PathBuf> {
    let all = PODS.iter().filter(|(node, ..)| *node == number).map(|(_node, pod, _)| format!("/proc/{pod}/ns/net"));
    all.chain(["/proc/77/ns/net".to_owned()]).map(PathBuf::from).collect()
}

/// What is in one of them.
pub(super) fn view(file: &Path) -> NetnsView {
    let mut view = kubelet::view(&Place::Pod("client-kind-worker".into()), 3);
    let pod = PODS.iter().find(|(_node, pod, _)| file.starts_with(format!("/proc/{pod}")));
    let Some((_node, pod, gateway)) = pod else {
        view.addresses.clear();
        return view;
    };
    view.addresses[0].address = (*pod).into();
    view.rules = vec![Rule::for_all(32766, RuleAction::Lookup(TABLE_MAIN))];
    view.routes = vec![Route {
        table: TABLE_MAIN,
        destination: "0.0.0.0/0".parse().unwrap(),
        kind: RouteKind::Unicast,
        hops: vec![NextHop { gateway: Some((*gateway).into()), device: Some("eth0".to_owned()), encapsulates: false }],
        source: None,
        protocol: 3,
        scope: 0,
        metric: 0,
        tos: 0,
        mtu: None,
    }];
    view
}

fn inside(theirs: &Theirs, args: &[&str]) -> super::process::Ended {
    theirs.by(&["--tier", "inside"], args)
}

fn of_own(report: &Report) -> &CaseOutcome {
    &report.cases.iter().find(|case| case.name == OWN).unwrap().outcome
}

#[test]
fn a_sound_cluster_holds_within_its_pods_too() {
    let theirs = Theirs::serve();
    let ended = inside(&theirs, &[]).code(0);
    let report = theirs.lab.report();
    assert_eq!(held(&report), CASES, "{ended}");
    tells(
        &ended,
        &["the inside tier: makes 2 pods on each of 3 nodes", ", looks from them into the cluster's own pods, "],
    );
    let CaseOutcome::Held { proof } = of_own(&report) else { panic!("{ended}") };
    assert!(proof.summary.ends_with("; within 5 pods packets for others go to their own node"), "{}", proof.summary);
    // The pods are made once, for both tiers.
    let made = |request: &&String| request.starts_with("POST ") && request.contains("/pods?");
    assert_eq!(changing(&theirs).iter().filter(made).count(), 6);
    assert!(theirs.namespaces().is_empty());
    handed_over(&theirs);
}

#[test]
fn a_pod_that_sends_elsewhere_is_refuted_and_one_that_is_not_found_is_missed() {
    let theirs = Theirs::serve();
    theirs.answers(|_pod, answers| {
        for Answered { answer, .. } in answers {
            if let Ok(Answer::View(view)) = answer {
                for hop in view.routes.iter_mut().flat_map(|route| &mut route.hops) {
                    hop.gateway = Some(OF_WORKER2.into());
                }
            }
        }
    });
    inside(&theirs, &["routing::"]).code(1);
    let CaseOutcome::Refuted { findings } = of_own(&theirs.lab.report()).clone() else { panic!("not refuted") };
    assert_eq!(findings.len(), 2, "{findings:#?}");
    for (finding, pod) in findings.iter().zip(["10.0.2.38", "10.0.2.100"]) {
        assert_eq!((finding.reason, &finding.place), (Reason::PodLeadsElsewhere, &Place::Node("kind-worker".into())));
        let (begin, end) = (format!("kind-worker: within the pod {pod}: "), " takes default via 10.0.1.239 dev eth0");
        assert!(finding.observed.starts_with(&begin) && finding.observed.ends_with(end), "{finding:?}");
    }

    let theirs = Theirs::serve();
    theirs.answers(|_pod, answers| {
        for Answered { answer, .. } in answers {
            if let Ok(Answer::Namespaces { files, .. }) = answer {
                files.retain(|file| !file.starts_with("/proc/10.0.2.38"));
            }
        }
    });
    inside(&theirs, &["routing::"]).code(1);
    let missing = unobserved(&theirs.lab.report(), OWN);
    let expected =
        "kind-worker: within the pod 10.0.2.38: no network namespace of a process on its node has the address";
    assert!(missing.contains(expected), "{missing}");

    let theirs = Theirs::serve();
    theirs.answers(|_pod, answers| {
        for Answered { answer, .. } in answers {
            if let Ok(Answer::Namespaces { closed, .. }) = answer {
                *closed = 12;
            }
        }
    });
    inside(&theirs, &["routing::"]).code(1);
    let missing = unobserved(&theirs.lab.report(), OWN);
    assert!(missing.contains("12 processes do not let their network namespaces be seen"), "{missing}");
    assert!(theirs.namespaces().is_empty());
}

#[test]
fn what_forbids_its_pods_leaves_what_is_read_as_it_was() {
    let theirs = Theirs::serve();
    let words = "pods \"node-kind-worker\" is forbidden: violates PodSecurity \"baseline:latest\": host namespaces (hostPID=true)";
    theirs.server.refuse("create pods", words);
    inside(&theirs, &["routing::"]).code(1);
    let report = theirs.lab.report();
    assert!(held(&report).contains(&"routing::direct_route_to_every_peer"));
    assert!(unobserved(&report, OWN).contains("(hostPID=true)"));
    assert!(theirs.namespaces().is_empty());
}

#[test]
fn it_is_said_before_what_it_makes_and_looks_at() {
    let theirs = Theirs::serve();
    let ended = theirs.by(&["--tier", "inside", "--dry-run"], &[OWN]).code(0).quiet();
    for part in [
        "\"hostPID\": true",
        "\"SYS_PTRACE\"",
        "would look from there at links and routes in the network namespaces of 32 other pods on each node at most",
    ] {
        assert!(ended.stdout.contains(part), "{part:?} is not in: {ended}");
    }
    let probe = theirs.by(&["--tier", "probe", "--dry-run"], &[]).code(0).quiet();
    assert!(!probe.stdout.contains("\"hostPID\": true") && !probe.stdout.contains("would look from there"), "{probe}");
    assert!(theirs.server.requests().is_empty());
    // A case that does not look there makes nothing.
    inside(&theirs, &["routing::no_tunnel_device"]).code(0);
    assert!(changing(&theirs).is_empty());
}
