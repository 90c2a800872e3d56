//! The probe tier: what is made in somebody's cluster, what is said of it, and that it is taken away.

use lab_model::Reason;
use lab_model::observe::HttpOutcome;
use lab_model::report::{CaseOutcome, Report};
use lab_model::request::Answer;
use lab_stand_in::api::server::{Fault, Printed, Step};
use serde_json::{Value, json};

use super::anonymised::handed_over;
use super::process::Ended;
use super::theirs::{CONTEXT, Theirs};
use lab_judge::foreign::table::{CASES, PROBED};

const WIRE: &str = "wire::pods_reach_each_other_directly";

/// What is told on standard error has all these parts.
#[track_caller]
pub(super) fn tells(ended: &Ended, parts: &[&str]) {
    for part in parts {
        assert!(ended.stderr.contains(part), "{part:?} is not in: {ended}");
    }
}

pub(super) fn held(report: &Report) -> Vec<&str> {
    let held = |case: &&lab_model::report::CaseReport| matches!(case.outcome, CaseOutcome::Held { .. });
    report.cases.iter().filter(held).map(|case| case.name.as_str()).collect()
}

pub(super) fn unobserved(report: &Report, name: &str) -> String {
    match &report.cases.iter().find(|case| case.name == name).unwrap().outcome {
        CaseOutcome::Unobserved { missing } => missing.clone(),
        other => panic!("{name} is {other:?}"),
    }
}

/// Requests that change something, but the questions about rights.
pub(super) fn changing(theirs: &Theirs) -> Vec<String> {
    let changes = |request: &String| !request.starts_with("GET ") && !request.contains("selfsubjectaccessreviews");
    theirs.server.requests().into_iter().filter(changes).collect()
}

#[test]
fn a_sound_cluster_holds_by_what_is_sent_in_it_and_is_left_as_it_was() {
    let theirs = Theirs::serve();
    let ended = theirs.probe(&[]).code(0);
    assert_eq!(held(&theirs.lab.report()), CASES, "{ended}");
    tells(
        &ended,
        &[
            "the probe tier: makes 2 pods on each of 3 nodes and a Service in a namespace of its own, lab-probe-",
            "6 pods on 3 nodes, 3 of them behind the Service; they end by themselves after 30 min",
            "6 requests between pods, 6 of 6 ordered pairs of nodes",
            "removed the namespace lab-probe-",
        ],
    );
    assert!(theirs.namespaces().is_empty());
    // Whatever is changed is the probe's own.
    for request in changing(&theirs) {
        let (method, path) = request.split_once(' ').unwrap();
        let own = path.starts_with("/api/v1/namespaces/lab-probe-");
        assert!(own || (method == "POST" && path.starts_with("/api/v1/namespaces?")), "{request}");
    }
    let left = theirs.server.with(|objects| {
        let own =
            |object: &&Value| object["metadata"]["namespace"].as_str().is_some_and(|at| at.starts_with("lab-probe"));
        ["pods", "services"].iter().map(|plural| objects.all(plural).iter().filter(own).count()).sum::<usize>()
    });
    assert_eq!(left, 0);
    theirs.lab.assert_nothing_left();
    // Its bundle is judged again elsewhere, by the same judges, and with other names too.
    handed_over(&theirs);
}

#[test]
fn what_does_not_come_is_refuted_at_its_place_and_so_is_its_bundle_with_other_names() {
    let theirs = Theirs::serve();
    theirs.answers(|pod, answers| {
        for answered in answers.iter_mut().filter(|_| pod == "client-kind-worker") {
            if let Ok(Answer::Http(replies)) = &mut answered.answer {
                for reply in replies.iter_mut().filter(|reply| reply.url.contains("10.0.4.77")) {
                    reply.outcome = HttpOutcome::NotConnected("connection timed out".to_owned());
                }
            }
        }
    });
    theirs.probe(&[]).code(1);
    let report = theirs.lab.report();
    let case = report.cases.iter().find(|case| case.name == WIRE).unwrap();
    let CaseOutcome::Refuted { findings } = &case.outcome else { panic!("{:?}", case.outcome) };
    let [finding] = &findings[..] else { panic!("{findings:#?}") };
    assert_eq!(finding.reason, Reason::PodUnreachable);
    assert!(finding.observed.contains("connection timed out"), "{finding:?}");
    handed_over(&theirs);
}

#[test]
fn without_the_rights_it_is_read_alone_and_says_so_before() {
    let theirs = Theirs::serve();
    theirs.server.forbid("create pods");
    let ended = theirs.by(&[], &[]).code(0);
    tells(
        &ended,
        &[
            "it is read alone: it may not create pods: ",
            "`lab doctor --on cluster --context kind-kind --tier probe` shows what is missing",
        ],
    );
    assert!(changing(&theirs).is_empty());
    let report = theirs.lab.report();
    let wire = report.cases.iter().find(|case| case.name == WIRE).unwrap();
    assert_eq!(
        (&wire.outcome, wire.observed.as_str()),
        (&CaseOutcome::NotOnBackend, "it is of the probe tier, and this run reads alone")
    );
    theirs.probe(&[]).code(5).mentions(&["--tier probe: it may not create pods"]);
    let doctor = theirs.lab(&["doctor", "--context", CONTEXT]).code(0);
    assert!(doctor.stdout.contains("warning  probe.pods_create"), "{doctor}");
    let wanted = theirs.lab(&["doctor", "--context", CONTEXT, "--tier", "probe"]).code(4);
    assert!(wanted.stdout.contains("REFUSED  probe.pods_create"), "{wanted}");
    assert!(wanted.stdout.contains("{apiGroups: [\"\"], resources: [pods], verbs: [create]}"), "{wanted}");
    assert!(wanted.stdout.contains("lab doctor --on cluster --tier probe --rbac-for USER | kubectl"), "{wanted}");
    assert!(changing(&theirs).is_empty());
}

#[test]
fn cases_that_send_nothing_make_nothing() {
    let theirs = Theirs::serve();
    let ended = theirs.by(&[], &["routing::"]).code(0);
    assert!(!ended.stderr.contains("probe tier"), "{ended}");
    let reviews = |request: &String| request.contains("selfsubjectaccessreviews");
    assert!(changing(&theirs).is_empty() && !theirs.server.requests().iter().any(reviews));
}

#[test]
fn a_node_of_another_architecture_is_named_and_not_the_end() {
    let theirs = Theirs::serve();
    theirs.server.with(|objects| {
        objects.change("nodes", "kind-worker2", |node| node["status"]["nodeInfo"]["architecture"] = json!("arm64"));
    });
    theirs.probe(&[]).code(1);
    let report = theirs.lab.report();
    for name in PROBED {
        let missing = unobserved(&report, name);
        let expected = "kind-worker2: it is linux/arm64, and the probe is for linux/amd64; of the other nodes: ";
        assert!(missing.starts_with(expected), "{name}: {missing}");
    }
    assert!(theirs.namespaces().is_empty());
}

#[test]
fn a_node_whose_pod_does_not_run_or_answer_is_named_and_not_the_end() {
    let theirs = Theirs::serve();
    theirs.server.fault("pods/client-kind-worker2/exec", Fault::Answer(500, "the kubelet is gone".to_owned()));
    theirs.probe(&["wire::"]).code(1);
    let missing = unobserved(&theirs.lab.report(), WIRE);
    assert!(missing.starts_with("kind-worker2: the probe cannot be put into client-kind-worker2: "), "{missing}");
    assert!(missing.contains("the kubelet is gone") && missing.contains("2 of 2 requests between pods"), "{missing}");
    assert!(theirs.namespaces().is_empty());
}

#[test]
fn a_probe_that_came_altered_is_not_run() {
    let theirs = Theirs::serve();
    theirs.step(|pod, command| {
        let altered = Printed { code: 9, stdout: "0badc0de\n".to_owned(), stderr: String::new() };
        (pod == "node-kind-worker" && command.contains("head -c")).then_some(Step::End(altered))
    });
    theirs.probe(&["wire::"]).code(1);
    let missing = unobserved(&theirs.lab.report(), WIRE);
    assert!(
        missing.contains(
            "kind-worker: the probe cannot be put into node-kind-worker: what came there has the SHA-256 0badc0de, not "
        ),
        "{missing}"
    );
    let asked =
        theirs.server.requests().into_iter().filter(|request| request.contains("pods/node-kind-worker/exec")).count();
    assert_eq!(asked, 1, "nothing else is run there");
    assert!(theirs.namespaces().is_empty());
}

#[test]
fn a_policy_that_forbids_its_pods_is_told_in_its_own_words() {
    let theirs = Theirs::serve();
    let words = "pods \"node-kind-worker\" is forbidden: violates PodSecurity \"baseline:latest\": host namespaces (hostNetwork=true)";
    theirs.server.refuse("create pods", words);
    let ended = theirs.probe(&[]).code(5);
    tells(
        &ended,
        &["workload_ready failed: ", "violates PodSecurity \"baseline:latest\"", "`--tier read` does without them"],
    );
    let report = theirs.lab.report();
    let blocked = report.cases.iter().filter(|case| matches!(case.outcome, CaseOutcome::Blocked { .. }));
    let blocked: Vec<&str> = blocked.map(|case| case.name.as_str()).collect();
    assert_eq!(blocked, PROBED);
    // What only reads is judged all the same, and nothing is left.
    assert!(held(&report).contains(&"routing::direct_route_to_every_peer"));
    assert!(theirs.namespaces().is_empty());
}

#[test]
fn a_signal_in_the_middle_takes_everything_away() {
    let theirs = Theirs::serve();
    theirs.step(|pod, command| (pod.starts_with("client-") && command.contains("IFS=")).then_some(Step::Hang));
    let file = theirs.kubeconfig().display().to_string();
    let args = ["verify", "--on", "cluster", "--kubeconfig", &file, "--context", CONTEXT, "--tier", "probe", "wire::"];
    let mut running = theirs.lab.start(&args);
    running.line_with("running");
    let asks = |request: &String| request.contains("pods/client-") && request.contains("IFS");
    while !theirs.server.requests().iter().any(asks) {
        std::thread::yield_now();
    }
    assert_eq!(theirs.namespaces().len(), 1);
    running.signal(nix::sys::signal::Signal::SIGINT);
    running.finish().code(130);
    assert!(theirs.namespaces().is_empty());
    theirs.lab.assert_nothing_left();
}

#[test]
fn what_cannot_be_taken_away_is_told_with_how_to_do_it_later() {
    let theirs = Theirs::serve();
    theirs.server.refuse("delete namespaces", "namespaces is forbidden: the right was taken away meanwhile");
    let ended = theirs.probe(&["wire::"]).code(5);
    let namespace = theirs.namespaces().remove(0);
    let run = namespace.strip_prefix("lab-probe-").unwrap();
    tells(
        &ended,
        &[
            "not everything is taken away: ",
            "the right was taken away meanwhile",
            "Its pods end by themselves; ",
            &format!("`lab down --on cluster --context kind-kind --name {run}` takes away the rest"),
        ],
    );
    theirs.server.allow();
    // Another one may be using it: it is named, and left.
    let all = theirs.lab(&["down", "--context", CONTEXT]).code(0);
    assert!(
        all.stdout.contains(&format!("left the namespace {namespace} of run {run}, which may be in use until ")),
        "{all}"
    );
    let one = theirs.lab(&["down", "--context", CONTEXT, "--name", run]).code(0);
    assert!(one.stdout.contains(&format!("removed the namespace {namespace} of run {run}")), "{one}");
    assert!(theirs.namespaces().is_empty());
    theirs.lab(&["down", "--context", CONTEXT, "--all"]).code(0).shows("nothing to do");
}

#[test]
fn what_has_expired_is_taken_away_and_nothing_that_is_not_its_own() {
    let theirs = Theirs::serve();
    let put = |name: &str, labels: Value| {
        let meta =
            json!({"name": name, "labels": labels, "annotations": {"lab.owner/expires": "2026-01-01T00:00:00.000Z"}});
        theirs.server.with(|objects| objects.put("namespaces", json!({"metadata": meta})));
    };
    put("lab-probe-old", json!({"app.kubernetes.io/managed-by": "lab", "lab.owner/run": "old"}));
    put("theirs", json!({"app.kubernetes.io/managed-by": "lab"}));
    put("lab-probe-likeness", json!({}));
    let ended = theirs.lab(&["down", "--context", CONTEXT]).code(0);
    assert_eq!(ended.stdout, "removed the namespace lab-probe-old of run old\n");
    assert_eq!(theirs.namespaces(), ["theirs", "lab-probe-likeness"]);
}

#[test]
fn in_a_namespace_that_is_there_nothing_is_asked_for_beyond_it_and_it_stays() {
    let theirs = Theirs::serve();
    theirs.server.with(|objects| objects.put("namespaces", json!({"metadata": {"name": "probes"}})));
    for right in ["create namespaces", "delete namespaces", "get namespaces", "list namespaces"] {
        theirs.server.forbid(right);
    }
    let ended = theirs.by(&["--probe-namespace", "probes"], &["wire::"]).code(0);
    tells(
        &ended,
        &["in the namespace probes, and takes them away", "removed 6 pods and 1 Service of the probe's from probes"],
    );
    assert_eq!(theirs.namespaces(), ["probes"]);
    let left = theirs
        .server
        .with(|objects| objects.all("pods").iter().filter(|pod| pod["metadata"]["namespace"] == "probes").count());
    assert_eq!(left, 0);
    theirs.by(&["--tier", "read", "--probe-namespace", "probes"], &["wire::"]).code(2).mentions(&["--probe-namespace"]);
}

#[test]
fn a_dry_run_prints_the_objects_and_makes_none() {
    let theirs = Theirs::serve();
    let ended = theirs.by(&["--tier", "probe", "--dry-run"], &[]).code(0).quiet();
    for part in [
        "\"kind\": \"Namespace\"",
        "\"kind\": \"Service\"",
        "\"activeDeadlineSeconds\": 1800",
        "\"hostNetwork\": true",
        "would take away the namespace with all that is in it at the end; the pods end by themselves after 30 min",
        "  wire::full_mtu_fits\n",
    ] {
        assert!(ended.stdout.contains(part), "{part:?} is not in: {ended}");
    }
    assert!(theirs.server.requests().is_empty());
}

#[test]
fn the_manifest_for_it_is_for_one_namespace_where_that_is_named() {
    let theirs = Theirs::serve();
    let one = theirs.lab(&["doctor", "--rbac-for", "jane", "--probe-namespace", "probes"]).code(0).quiet();
    let expected =
        lab_cluster::tier::manifest("kube-system", "jane") + &lab_cluster::tier::probe_manifest(Some("probes"), "jane");
    assert_eq!(one.stdout, expected);
    let all = theirs.lab(&["doctor", "--rbac-for", "jane", "--tier", "probe"]).code(0).quiet();
    assert!(all.stdout.ends_with(&lab_cluster::tier::probe_manifest(None, "jane")), "{all}");
}

#[test]
fn an_agent_of_which_nothing_is_read_beside_what_is_sent_is_asked_all_the_same() {
    let theirs = Theirs::serve();
    theirs.server.fault("pods/cilium-hpzx6/exec", Fault::Answer(500, "the kubelet is gone".to_owned()));
    let others = ["no_kube_proxy", "l2::", "cilium::", "routing::", "service::"];
    theirs.probe(&others.map(|other| ["--skip", other]).concat()).code(1);
    let missing = unobserved(&theirs.lab.report(), "cluster::three_nodes_run");
    assert!(missing.contains("kind-worker2: the agent cilium-hpzx6 could not be asked"), "{missing}");
}
