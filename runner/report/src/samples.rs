//! Reports for tests.

use chrono::{TimeZone, Utc};
use lab_evidence::{RunFile, SCHEMA};
use serde_json::json;
use std::time::Duration;

use lab_model::host::HostFacts;
use lab_model::observe::{NodeName, Place};
use lab_model::report::{CaseOutcome, CaseReport, Claim, Found, Report, RunHead, Silent, StageOutcome, StageReport};
use lab_model::road::{Road, Way};
use lab_model::stage::Stage;
use lab_model::{BackendKind, Routing};
use lab_model::{Finding, Proof, Reason};

pub(super) fn head(selected: usize) -> RunHead {
    RunHead {
        id: "k3f2".to_owned(),
        lab: "k3f2".to_owned(),
        backend: BackendKind::Netns,
        routing: Routing::Native,
        not_native: String::new(),
        nodes: 3,
        replicas: 2,
        racks: 0,
        deviations: Vec::new(),
        overridden: 0,
        notes: vec!["kind was not taken: no Docker Engine at unix:///var/run/docker.sock".to_owned()],
        version: "0.1.0".to_owned(),
        host: HostFacts { kernel: "6.18.0".to_owned(), architecture: "x86_64".to_owned(), cpus: 2 },
        started: Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap(),
        selected,
    }
}

/// A foreign cluster in which worker-7 does not reach four peers, worker-0 does not answer, and more is wrong.
pub(super) fn foreign_cluster() -> Report {
    let finding = |reason, node: &str, text: &str| Finding {
        reason,
        place: Place::Node(node.into()),
        expected: format!("{node}: as it should be"),
        observed: format!("{node}: {text}"),
        by_hand: Some("ip route".to_owned()),
    };
    let road = |from: &str, to: u8, reason, observed: &str| Road {
        from: from.into(),
        to: format!("worker-{to}").as_str().into(),
        pods: format!("10.0.{to}.0/24").parse().expect("a network"),
        way: Way::Astray { reason, observed: observed.replace("TO", &to.to_string()) },
    };
    let subnets = "no route; 10.0.TO.1 would leave through default via 192.168.0.1; the nodes are in two subnets";
    let mut routes = case(
        "routing::direct_route_to_every_peer",
        CaseOutcome::Refuted {
            findings: vec![
                finding(Reason::RouteMissing, "worker-7", "worker-0's 10.0.0.0/24: no route; likewise 3 more peers"),
                finding(Reason::WrongNextHop, "cp-1", "worker-3's 10.0.3.0/24: 10.0.3.1 takes another"),
            ],
        },
    );
    routes.found = Found::roads(
        (0..4)
            .map(|to| road("worker-7", to, Reason::RouteMissing, subnets))
            .chain([road("cp-1", 3, Reason::WrongNextHop, "10.0.TO.1 takes 10.0.TO.0/24 via 192.168.0.9 dev ens3")])
            .collect(),
    );
    let missing = |node| finding(Reason::BackendMissing, node, "default/web (10.96.0.9:80) has no 10.0.1.7:8080");
    let tables = CaseOutcome::Refuted { findings: vec![missing("worker-1"), missing("worker-7")] };
    let mut report = Report::new(RunHead { backend: BackendKind::Cluster, notes: Vec::new(), ..head(4) });
    let failing = Finding {
        by_hand: Some("cilium status".to_owned()),
        ..finding(Reason::AgentInError, "worker-7", "controller sync has failed 3 times in a row")
    };
    let why = "its agent did not answer within 15s";
    let mut answers = case("cluster::three_nodes_run", CaseOutcome::Unobserved { missing: format!("worker-0: {why}") });
    answers.found = Found::silent(vec![Silent { node: "worker-0".into(), why: why.to_owned() }]);
    let components = case("cilium::components_are_ok", CaseOutcome::Refuted { findings: vec![failing] });
    report.cases = vec![answers, components, routes, case("service::load_balancer_table_matches", tables)];
    report
}

/// A case of this name with this outcome.
pub(super) fn case(name: &'static str, outcome: CaseOutcome) -> CaseReport {
    let claim =
        Claim { name, article: "(same L2)", claim: "each node resolves each peer by ARP to the peer's own address" };
    let evidence = vec![format!("cases/{}/evidence.jsonl", name.replace("::", "__"))];
    CaseReport::new(claim, outcome, Duration::from_millis(12), evidence, &|place, command| {
        format!("lab shell {place} -- {command}")
    })
}

pub(super) fn proven(name: &'static str, summary: &str) -> CaseReport {
    case(name, CaseOutcome::Held { proof: Proof::new(summary).with_details(["172.18.0.2 is at 02:42".to_owned()]) })
}

pub(super) fn held() -> CaseReport {
    proven("l2::peers_are_adjacent", "6 of 6 ARP answers come from the peer itself")
}

/// Refuted with so many findings.
pub(super) fn refuted(findings: usize) -> CaseReport {
    let finding = |number: usize| Finding {
        reason: Reason::RouteMissing,
        place: Place::Node(NodeName::from("kind-worker")),
        expected: format!("10.0.{number}.0/24 via 172.18.0.4 dev eth0"),
        observed: format!("no route; 10.0.{number}.7 would leave through default via 172.18.0.1"),
        by_hand: Some(format!("ip route get 10.0.{number}.7")),
    };
    let findings = (2..2 + findings).map(finding).collect();
    case("routing::direct_route_to_every_peer", CaseOutcome::Refuted { findings })
}

pub(super) fn unobserved() -> CaseReport {
    let missing = "no frame from pod to pod was seen on kind-worker2's eth0 in 5 s".to_owned();
    case("wire::frames_are_not_encapsulated", CaseOutcome::Unobserved { missing })
}

pub(super) fn deadline() -> CaseReport {
    let last = "1 of 2 backends has answered".to_owned();
    case("service::answers_from_each_pod", CaseOutcome::Deadline { after: Duration::from_mins(1), last })
}

pub(super) fn blocked(stage: Stage) -> CaseReport {
    blocked_case("service::two_replicas_on_two_workers", stage)
}

pub(super) fn blocked_case(name: &'static str, stage: Stage) -> CaseReport {
    case(name, CaseOutcome::Blocked { stage, cause: "hello-app does not listen on 10.0.2.7:8080".to_owned() })
}

pub(super) fn not_on_backend() -> CaseReport {
    case("cilium::components_are_ok", CaseOutcome::NotOnBackend)
}

pub(super) fn stage(name: Stage, millis: u64, summary: &str) -> StageReport {
    StageReport {
        name,
        outcome: StageOutcome::Done,
        seconds: Duration::from_millis(millis),
        summary: summary.to_owned(),
    }
}

pub(super) fn stage_failed(name: Stage) -> StageReport {
    let summary = "hello-app does not listen on 10.0.2.7:8080".to_owned();
    StageReport { name, outcome: StageOutcome::Failed, seconds: Duration::from_secs(20), summary }
}

/// A run of these cases alone.
pub(super) fn report_with(cases: Vec<CaseReport>) -> Report {
    let head = head(cases.len());
    Report { cases, ..Report::new(head) }
}

/// The run of which all holds.
pub(super) fn run_that_holds() -> Report {
    let cases = vec![
        proven("l2::nodes_share_one_bridge", "3 of 3 on bridge kind, 172.18.0.0/16"),
        held(),
        proven("routing::only_base_routes_before", "2 routes on each node before routing was installed"),
        proven(
            "routing::direct_route_to_every_peer",
            "kind-worker: 10.0.0.0/24 via 172.18.0.2, 10.0.2.0/24 via 172.18.0.4; kind-worker2: 10.0.0.0/24 via 172.18.0.2",
        ),
        proven(
            "wire::frames_are_not_encapsulated",
            "24 frames 10.0.1.12 → 10.0.2.7 seen on kind-worker2's eth0, 0 in a tunnel",
        ),
        not_on_backend(),
        case("cilium::routes_natively", CaseOutcome::NotOnBackend),
    ];
    let mut report = report_with(cases);
    report.seconds = Duration::from_millis(1214);
    report.stages = vec![
        stage(Stage::ClusterCreated, 31, "1 bridge, 3 nodes on 172.18.0.0/16"),
        stage(Stage::BaseObserved, 4, "observed on 3 nodes"),
        stage(Stage::RoutingInstalled, 3, "6 direct routes"),
        stage(Stage::WorkloadReady, 9, "hello-app on kind-worker, kind-worker2; 10.96.37.61:8080"),
    ];
    report
}

/// Says of these cases that they were judged against an overridden pin.
pub(super) fn overridden(report: &mut Report, cases: &[usize]) {
    let deviation =
        "images.hello-app is the local image hello:dev, not hello-app:1.0 (--image hello-app=hello:dev)".to_owned();
    report.head.overridden = cases.len();
    for case in cases {
        report.cases[*case].deviation = vec![deviation.clone()];
    }
    report.head.deviations = vec![deviation];
}

/// A run that has one of everything.
pub(super) fn run_with_every_outcome() -> Report {
    let mut report = report_with(vec![
        held(),
        refuted(5),
        unobserved(),
        deadline(),
        blocked(Stage::WorkloadReady),
        blocked_case("service::cluster_ip_has_both_backends", Stage::WorkloadReady),
        not_on_backend(),
    ]);
    overridden(&mut report, &[0]);
    report.seconds = Duration::from_millis(26_400);
    report.stages = vec![
        stage(Stage::ClusterCreated, 31, "1 bridge, 3 nodes on 172.18.0.0/16"),
        stage_failed(Stage::WorkloadReady),
    ];
    report
}

/// What a run of this id was made from.
pub(super) fn run_file(id: &str) -> RunFile {
    let head = head(0);
    let expectations = json!({
        "control_planes": 1, "workers": 2, "network": "kind", "pod_pool": "10.0.0.0/8", "pod_cidr_prefix": 24,
        "native_cidr": "10.0.0.0/8", "replicas": 2, "service": "hello-app", "service_port": 8080,
        "target_port": 8080, "cluster": null
    });
    RunFile {
        schema: SCHEMA,
        id: id.to_owned(),
        lab: id.to_owned(),
        version: head.version,
        started: head.started,
        backend: head.backend,
        routing: head.routing,
        inputs: json!({}),
        expectations: serde_json::from_value(expectations).unwrap(),
        deviations: Vec::new(),
        pins: json!({}),
        host: head.host,
    }
}
