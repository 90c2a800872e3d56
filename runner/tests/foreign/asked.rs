//! Which cluster is meant, what is asked of it, and that nothing of it is changed.

use super::theirs::Theirs;
use lab_judge::foreign::table::{CASES, PROBED};
use lab_model::report::CaseOutcome;

#[test]
fn a_sound_cluster_holds_and_is_only_read() {
    let theirs = Theirs::serve();
    let ended = theirs.verify(&[]).code(0);
    assert!(ended.stderr.contains("kind-kind: 3 nodes\n"), "{ended}");
    assert!(ended.stderr.contains("Cilium 1.12.4, native routing, routes by the agents, IPAM cluster-pool"), "{ended}");
    assert!(ended.stderr.contains("3 of 3 agents of kind-kind answered"), "{ended}");
    let report = theirs.lab.report();
    let held: Vec<&str> = report
        .cases
        .iter()
        .filter(|case| matches!(case.outcome, CaseOutcome::Held { .. }))
        .map(|case| case.name.as_str())
        .collect();
    let read: Vec<&str> = CASES.into_iter().filter(|case| !PROBED.contains(case)).collect();
    assert_eq!(held, read);
    // All others are there, and say why they do not exist.
    assert_eq!(report.cases.len(), lab_harness::cases::ALL.len());
    let engine = report.cases.iter().find(|case| case.name == "cluster::docker_engine_answers").unwrap();
    assert_eq!(engine.outcome, CaseOutcome::NotOnBackend);
    assert_eq!(
        engine.observed,
        "it is about what this program builds, or needs a destination of its own outside of the cluster"
    );
    for request in theirs.server.requests() {
        assert!(request.starts_with("GET "), "{request}");
    }
    // Beside what was judged is what it was read from.
    let folder = theirs.lab.only_run().join(lab_evidence::case_folder("cilium::components_are_ok"));
    let evidence = lab_evidence::Evidence::read(&folder).unwrap();
    let printed: Vec<&str> =
        evidence.records.iter().filter(|record| record.place.is_some()).map(|record| record.source.as_str()).collect();
    assert_eq!(printed, ["cilium status -o json"; 3]);
    theirs.lab.assert_nothing_left();
}

#[test]
fn what_is_not_selected_is_not_read() {
    let theirs = Theirs::serve();
    theirs.verify(&["routing::"]).code(0);
    let requests = theirs.server.requests();
    let commands: Vec<&String> = requests.iter().filter(|request| request.contains("/exec")).collect();
    assert_eq!(commands.len(), 3, "{commands:?}");
    assert!(requests.iter().all(|request| !request.contains("endpointslices")));
}

#[test]
fn no_cluster_is_taken_that_was_not_said() {
    let theirs = Theirs::serve();
    let ended = theirs.lab(&["verify"]).code(2);
    ended.mentions(&["not said which cluster is meant", "it has kind-kind", "`--current-context` for kind-kind"]);
    theirs.lab(&["verify", "--context", "other"]).code(2).mentions(&["--context other", "it has kind-kind"]);
    theirs.lab.run(&["verify", "--on", "cluster", "--in-cluster"]).code(2).mentions(&["--in-cluster"]);
    theirs.lab.run(&["verify", "--context", "kind-kind"]).code(2).mentions(&["--context is for `--on cluster` alone"]);
    theirs.lab.run(&["run", "--on", "cluster"]).code(2).mentions(&["neither built nor changed"]);
    theirs.lab.run(&["up", "--on", "cluster"]).code(2).mentions(&["neither built nor changed"]);
    theirs.lab.run(&["sabotage", "--on", "cluster"]).code(2).mentions(&["never a cluster of somebody's own"]);
    theirs.verify(&["--nodes", "5"]).code(2).mentions(&["--nodes: it says how a lab is built"]);
    assert!(theirs.server.requests().is_empty(), "nobody was asked");
    theirs.lab(&["verify", "--current-context", "cluster::three_nodes_run"]).code(0);
}

#[test]
fn a_dry_run_says_what_would_be_read_and_asks_nobody() {
    let theirs = Theirs::serve();
    let ended = theirs.verify(&["--dry-run"]).code(0).quiet();
    for part in [
        "in the cluster of kind-kind (http://127.0.0.1:",
        "it\nwould create, change and remove nothing\n",
        "list ciliumnodes.cilium.io: ",
        "get configmaps cilium-config in kube-system: ",
        "  ip -4 -details -json route show table all\n",
        "  cilium bpf lb list -o json\n",
        "  routing::direct_route_to_every_peer\n",
    ] {
        assert!(ended.stdout.contains(part), "{part:?} is not in: {ended}");
    }
    let few = theirs.verify(&["--dry-run", "routing::"]).code(0);
    assert!(!few.stdout.contains("bpf lb list"), "{few}");
    assert!(theirs.server.requests().is_empty());
    assert!(!theirs.lab.runs().exists());
}

#[test]
fn a_run_is_handed_over_and_judged_again() {
    let theirs = Theirs::serve();
    theirs.verify(&[]).code(0);
    let id = theirs.lab.run_names().remove(0);
    theirs.lab.run(&["bundle", &id, "-o", "run.tar.zst"]).code(0);
    let again = theirs.lab.run(&["replay", "run.tar.zst"]).code(0);
    assert!(again.stdout.contains('9'), "{again}");
    theirs.lab.run(&["report", &id]).code(0).shows("routing::direct_route_to_every_peer");
}

#[test]
fn a_signal_ends_it_and_leaves_nothing() {
    let theirs = Theirs::serve();
    theirs.change(|_node, _command, _printed| None);
    let file = theirs.kubeconfig().display().to_string();
    let mut running = theirs.lab.start(&[
        "verify",
        "--on",
        "cluster",
        "--kubeconfig",
        &file,
        "--context",
        "kind-kind",
        "--tier",
        "read",
    ]);
    // It writes no further ahead than it is read.
    running.line_with("running");
    while theirs.server.requests().iter().all(|request| !request.contains("/exec")) {
        std::thread::yield_now();
    }
    running.signal(nix::sys::signal::Signal::SIGINT);
    running.finish().code(130);
    theirs.lab.assert_nothing_left();
}
