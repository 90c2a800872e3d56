//! What is wrong with a cluster is named, at its place.

use lab_model::Reason;
use lab_model::report::{CaseOutcome, Report};
use lab_stand_in::api::server::{Fault, Printed};

use super::theirs::{Theirs, without_a_route};

const DIRECT: &str = "\"EnableAutoDirectRouting\":true";
const NOT_DIRECT: &str = "\"EnableAutoDirectRouting\":false";
const ROUTES: &str = "routing::direct_route_to_every_peer";

/// Reasons and places of the findings against a case.
fn findings(report: &Report, name: &str) -> Vec<(Reason, String)> {
    let case = report.cases.iter().find(|case| case.name == name).unwrap_or_else(|| panic!("{name} was not run"));
    case.findings().iter().map(|(finding, _)| (finding.reason, finding.place.to_string())).collect()
}

fn outcome<'r>(report: &'r Report, name: &str) -> &'r CaseOutcome {
    &report.cases.iter().find(|case| case.name == name).unwrap().outcome
}

fn unobserved(report: &Report, name: &str) -> String {
    match outcome(report, name) {
        CaseOutcome::Unobserved { missing } => missing.clone(),
        other => panic!("{name} is {other:?}"),
    }
}

#[test]
fn a_direct_route_that_is_gone_is_named_on_its_node() {
    let theirs = Theirs::serve();
    theirs.change(|node, command, mut printed| {
        without_a_route(node, command, &mut printed);
        Some(printed)
    });
    let ended = theirs.verify(&[]).code(1);
    let report = theirs.lab.report();
    assert_eq!(findings(&report, ROUTES), [(Reason::RouteMissing, "kind-worker".to_owned())]);
    let case = report.cases.iter().find(|case| case.name == ROUTES).unwrap();
    assert!(
        case.observed.contains("kind-control-plane's 10.0.0.0/24: no route; 10.0.0.1 would leave through default"),
        "{case:?}"
    );
    assert_eq!(
        case.by_hand,
        [
            "kubectl --context kind-kind exec --namespace kube-system cilium-9f6rr --container cilium-agent -- ip route get 10.0.0.1"
        ]
    );
    assert!(
        ended.stderr.contains("kind-worker: no route to kind-control-plane's 10.0.0.0/24: 10.0.0.1 would leave"),
        "{ended}"
    );
    let page = std::fs::read_to_string(theirs.lab.only_run().join("report.md")).unwrap();
    assert!(page.contains("### Nodes, the worst first"), "{page}");
}

#[test]
fn what_an_agent_logs_of_a_route_that_it_could_not_make_is_told() {
    let theirs = Theirs::serve();
    theirs.change(|node, command, mut printed| {
        without_a_route(node, command, &mut printed);
        Some(printed)
    });
    let observed = |theirs: &Theirs| {
        theirs.verify(&[ROUTES]).code(1);
        let run = theirs
            .lab
            .run_names()
            .into_iter()
            .max_by_key(|run| std::fs::metadata(theirs.lab.runs().join(run)).unwrap().modified().unwrap());
        let folder = theirs.lab.runs().join(run.unwrap());
        let read = std::fs::read_to_string(folder.join("report.json")).unwrap();
        let report = lab_report::from_json(&read).unwrap();
        let evidence = folder.join("cases/routing__direct_route_to_every_peer/evidence.jsonl");
        (report.cases[0].observed.clone(), std::fs::read_to_string(evidence).unwrap())
    };
    // Without a log nothing is said of one, and that it could not be read is in the evidence.
    let (silent, evidence) = observed(&theirs);
    assert!(!silent.contains("logged"), "{silent}");
    assert!(evidence.contains("\"logs\":{\"kind-worker\":{\"Err\":"), "{evidence}");
    let (warning, to) = (lab_kube::cilium::WARNING, address_of(&theirs, "kind-control-plane"));
    let line = format!(
        "level=warning msg=\"{warning} {{}}\" error=\"route to destination {to} contains gateway 172.18.0.1, must be directly reachable\""
    );
    theirs.server.log("kube-system/cilium-9f6rr", &format!("level=info msg=started\n{line}\n"));
    let (told, evidence) = observed(&theirs);
    let words = format!(
        "its agent has logged `route to destination {to} contains gateway 172.18.0.1, must be directly reachable`"
    );
    assert!(told.contains(&words), "{told}");
    assert!(evidence.contains("Unable to install direct node route"), "{evidence}");
    // Nobody else lacks a route, and so no other log is read.
    let logs: Vec<String> = theirs.server.requests().into_iter().filter(|request| request.contains("/log?")).collect();
    assert!(logs.len() == 2 && logs.iter().all(|request| request.contains("cilium-9f6rr")), "{logs:?}");
}

/// A node's own address.
fn address_of(theirs: &Theirs, node: &str) -> String {
    let mut found = String::new();
    theirs.server.with(|objects| {
        objects.change("nodes", node, |object| {
            let addresses = object["status"]["addresses"].as_array().unwrap();
            let own = addresses.iter().find(|address| address["type"] == "InternalIP").unwrap();
            own["address"].as_str().unwrap().clone_into(&mut found);
        });
    });
    found
}

#[test]
fn a_node_that_does_not_answer_is_named_and_not_the_end() {
    let theirs = Theirs::serve();
    theirs.server.fault("pods/cilium-hpzx6/exec", Fault::Answer(500, "the kubelet is gone".to_owned()));
    let ended = theirs.verify(&[]).code(1);
    assert!(ended.stderr.contains("2 of 3 agents of kind-kind answered; kind-worker2 did not"), "{ended}");
    let told = "kind-worker2: the agent cilium-hpzx6 could not be asked: ";
    assert!(ended.stderr.contains(told), "{ended}");
    let report = theirs.lab.report();
    let silent: Vec<&str> =
        report.cases.iter().flat_map(|case| &case.found.silent).map(|silent| silent.node.0.as_str()).collect();
    assert_eq!(silent, ["kind-worker2"]);
    for name in ["cluster::three_nodes_run", ROUTES, "service::load_balancer_table_matches", "cilium::routes_natively"]
    {
        let missing = unobserved(&report, name);
        assert!(missing.contains("kind-worker2: the agent cilium-hpzx6 could not be asked"), "{name}: {missing}");
    }
    // What needs no answer of it is judged all the same.
    assert!(matches!(outcome(&report, "service::cluster_ip_has_both_backends"), CaseOutcome::Held { .. }));
}

#[test]
fn an_agent_that_does_not_run_is_named() {
    let theirs = Theirs::serve();
    theirs.server.with(|objects| {
        objects.change("pods", "cilium-9f6rr", |pod| {
            let waits = serde_json::json!({"waiting": {"reason": "CrashLoopBackOff"}});
            pod["status"]["containerStatuses"][0]["state"] = waits;
        });
        objects.change("daemonsets", "cilium", |set| set["status"]["numberReady"] = serde_json::json!(2));
    });
    theirs.verify(&[]).code(1);
    let report = theirs.lab.report();
    let reasons: Vec<Reason> =
        findings(&report, "cilium::components_are_ok").into_iter().map(|(reason, _)| reason).collect();
    assert_eq!(reasons, [Reason::AgentsNotReady]);
    assert!(
        unobserved(&report, ROUTES)
            .contains("kind-worker: the agent's pod cilium-9f6rr does not run: CrashLoopBackOff")
    );
}

#[test]
fn an_agent_that_was_not_restarted_and_a_table_that_lacks_a_backend_are_named() {
    let theirs = Theirs::serve();
    theirs.change(|node, command, mut printed| {
        if node == "kind-worker2" && command.contains("config --all") {
            printed.stdout = printed.stdout.replace(DIRECT, NOT_DIRECT);
        }
        if node == "kind-control-plane" && command.contains("bpf lb list") {
            printed.stdout = printed.stdout.replace("10.0.1.212:8080", "10.0.1.213:8080");
        }
        Some(printed)
    });
    theirs.verify(&[]).code(1);
    let report = theirs.lab.report();
    let own = |reason, node: &str| (reason, node.to_owned());
    assert_eq!(findings(&report, "cilium::routes_natively"), [own(Reason::WrongAgentConfig, "kind-worker2")]);
    assert_eq!(
        findings(&report, "service::load_balancer_table_matches"),
        [own(Reason::BackendMissing, "kind-control-plane"), own(Reason::BackendStale, "kind-control-plane")]
    );
}

#[test]
fn a_command_that_fails_is_told_with_what_it_said() {
    let theirs = Theirs::serve();
    theirs.change(|node, command, printed| {
        if node == "kind-worker" && command.contains("ip -details") {
            return Some(Printed { code: 127, stdout: String::new(), stderr: "sh: ip: not found\n".to_owned() });
        }
        Some(printed)
    });
    theirs.verify(&["routing::"]).code(1);
    let missing = unobserved(&theirs.lab.report(), ROUTES);
    assert!(missing.contains("kind-worker: `sh -c ip -details") && missing.contains("sh: ip: not found"), "{missing}");
}
