use chrono::DateTime;
use serde_json::json;

use super::steps::Shape;
use super::*;
use crate::samples::run_file;
use lab_evidence::{RunFile, Seen};
use lab_model::observe::Place;
use lab_model::said::Said;

const BEFORE: &str = include_str!("../../../tests/data/recordings/1-before-cni/kube/nodes-wide.txt");
const DOCKER_PS: &str = include_str!("../../../tests/data/recordings/1-before-cni/docker/ps.txt");
const NESTED: &str =
    include_str!("../../../tests/data/recordings/1-before-cni/node/kind-control-plane.ctr-containers.txt");
const BASE: &str = include_str!("../../../tests/data/recordings/1-before-cni/node/kind-control-plane.ip-route.txt");
const STATUS: &str = include_str!("../../../tests/data/recordings/2-cilium-native/cilium/cli-status.txt");
const STATUS_LATER: &str = include_str!("../../../tests/data/recordings/3-hello-native/cilium/cli-status.txt");
const STATUS_WRONG: &str =
    include_str!("../../../tests/data/recordings/6-wrong-k8s-service-host/cilium/cli-status.txt");
const NODES: &str = include_str!("../../../tests/data/recordings/3-hello-native/kube/nodes-wide.txt");
const SERVICES: &str =
    include_str!("../../../tests/data/recordings/3-hello-native/cilium/kind-worker.service-list.txt");
const SERVICES_WRONG: &str =
    include_str!("../../../tests/data/recordings/6-wrong-k8s-service-host/cilium/kind-worker.service-list.txt.err");
const ROUTES: &str = include_str!("../../../tests/data/recordings/3-hello-native/node/kind-control-plane.ip-route.txt");

fn step(id: &str) -> &'static Step {
    STEPS.iter().find(|step| step.id == id).expect(id)
}

fn run(deviates: bool) -> Run {
    let deviations = if deviates { vec![json!("another node image")] } else { Vec::new() };
    let expectations = serde_json::from_value(json!({ "native_cidr": "10.0.0.0/8" })).unwrap();
    Run { backend: BackendKind::Kind, lab: "kind".to_owned(), deviations, expectations }
}

fn printed(text: &str) -> Shown {
    let text = text.to_owned();
    Shown { place: "host".to_owned(), command: "as the article".to_owned(), code: Some(0), rendered: false, text }
}

fn compared(id: &str, text: &str, deviates: bool) -> StepBeside {
    of_step(step(id), &run(deviates), Ok(printed(text)))
}

fn outcome(id: &str, text: &str) -> Outcome {
    compared(id, text, true).outcome
}

/// The lines that are marked so, as article and lab.
fn marked(step: &StepBeside, mark: Mark) -> Vec<(Option<&str>, Option<&str>)> {
    let lines = step.lines.iter().filter(|pair| pair.mark == mark);
    lines.map(|pair| (pair.article.as_deref(), pair.lab.as_deref())).collect()
}

#[test]
fn what_the_article_printed_is_the_same_as_itself() {
    for step in STEPS {
        for deviates in [false, true] {
            assert_eq!(compared(step.id, step.article, deviates).outcome, Outcome::Same, "{}", step.id);
        }
    }
}

#[test]
fn a_good_lab_differs_in_the_declared_ways_alone() {
    for (id, text, expected) in [
        ("docker ps", DOCKER_PS, Outcome::Declared),
        ("nodes before Cilium", BEFORE, Outcome::Declared),
        ("nested containers", NESTED, Outcome::Declared),
        ("base routes", BASE, Outcome::Same),
        ("cilium status", STATUS, Outcome::Declared),
        ("cilium status", STATUS_LATER, Outcome::Declared),
        ("nodes after Cilium", NODES, Outcome::Declared),
        ("cilium service list", SERVICES, Outcome::Same),
        ("curl", "Hello, world!\nVersion: 1.0.0\nHostname: hello-app-55549b8679-gwmgv\n", Outcome::Same),
    ] {
        let step = compared(id, text, true);
        assert_eq!(step.outcome, expected, "{id}: {:#?}", step.lines);
        for pair in &step.lines {
            assert_eq!(pair.mark == Mark::Declared, !pair.why.is_empty(), "{id}: {pair:?}");
        }
    }
    let nodes = compared("nodes after Cilium", NODES, true);
    assert_eq!(nodes.lines[1].why, ["the kernel is this machine's", "another node image was asked for"]);
    let services = compared("cilium service list", SERVICES, true);
    assert_eq!(services.left_out, 8);
    assert_eq!(
        services.lines.iter().filter_map(|pair| pair.lab.as_deref()).skip(1).collect::<Vec<_>>(),
        [
            "ID  CLUSTER-IP-1:8080  ClusterIP  1 => POD-ADDRESS-1:8080 (active)",
            "-  -  -  2 => POD-ADDRESS-2:8080 (active)"
        ]
    );
}

/// Services that were asked for elsewhere are where the lab's own run says.
#[test]
fn a_cluster_ip_is_known_by_the_lab_s_own_network_of_services() {
    let moved = SERVICES.replace("10.96.", "172.31.");
    assert_ne!(moved, SERVICES);
    let mut elsewhere = run(false);
    let unknown = of_step(step("cilium service list"), &elsewhere, Ok(printed(&moved)));
    assert_eq!(unknown.outcome, Outcome::Differs);
    elsewhere.expectations.service_cidr = "172.31.0.0/16".parse().unwrap();
    let known = of_step(step("cilium service list"), &elsewhere, Ok(printed(&moved)));
    assert_eq!(known.outcome, Outcome::Same, "{:#?}", known.lines);
}

#[test]
fn what_nobody_declared_is_a_difference() {
    for (id, text) in [
        ("docker ps", DOCKER_PS),
        ("nodes before Cilium", BEFORE),
        ("nested containers", NESTED),
        ("nodes after Cilium", NODES),
    ] {
        assert_eq!(compared(id, text, false).outcome, Outcome::Differs, "{id}");
    }
    let other = step("cilium status").article.replace("@sha256:4b07", "@sha256:4b08");
    let status = compared("cilium status", &other, true);
    assert_eq!(status.outcome, Outcome::Declared, "another image is declared");
    assert_eq!(compared("cilium status", &other, false).outcome, Outcome::Differs, "another digest is not");
}

#[test]
fn a_broken_lab_shows_the_difference() {
    let status = compared("cilium status", STATUS_WRONG, true);
    assert_eq!(status.outcome, Outcome::Differs);
    let differs = marked(&status, Mark::Differs);
    let lab: Vec<&str> = differs.iter().filter_map(|(_, lab)| *lab).collect();
    assert!(lab.contains(&"Cilium:  3 errors"), "{lab:?}");
    assert!(lab.iter().any(|line| line.contains("Ready: 1/3")), "{lab:?}");
    assert!(lab.iter().any(|line| line.contains("2 pods of DaemonSet cilium are not ready")), "{lab:?}");

    assert_eq!(outcome("cilium service list", SERVICES_WRONG), Outcome::Differs);
    assert_eq!(outcome("curl", "curl: (28) Connection timed out after 5001 milliseconds\n"), Outcome::Differs);
    assert_eq!(outcome("nodes after Cilium", BEFORE), Outcome::Differs);
    assert_eq!(outcome("nodes before Cilium", NODES), Outcome::Differs);
    let routes = compared("base routes", ROUTES, true);
    let only_lab = marked(&routes, Mark::Differs);
    assert_eq!(routes.outcome, Outcome::Differs);
    assert!(only_lab.contains(&(None, Some("POD-CIDR-2 via ADDRESS-1 dev eth0"))), "{only_lab:?}");
}

/// Whatever word of an output is changed, however often, and whatever line is missing or there twice: it is never the same.
#[test]
fn outputs_that_differ_in_a_fact_are_never_the_same() {
    for step in STEPS {
        let lines: Vec<&str> = step.article.lines().collect();
        let with = |index: usize, line: Option<String>| {
            let mut changed: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            match line {
                Some(line) => changed[index] = line,
                None => drop(changed.remove(index)),
            }
            changed.join("\n") + "\n"
        };
        for (index, line) in lines.iter().enumerate() {
            let says_nothing = line.trim().is_empty() || matches!(step.shape, Shape::Status) && line.trim() == "\\__/";
            if says_nothing || (matches!(step.shape, Shape::Status) && line.trim() == "/¯¯\\") {
                continue;
            }
            let is_same = |text: &str| outcome(step.id, text) == Outcome::Same;
            assert!(!is_same(&with(index, None)), "{}: without {line:?}", step.id);
            if index > 0 {
                assert!(!is_same(&with(index, Some(format!("{line}\n{line}")))), "{}: {line:?} twice", step.id);
            }
            for word in line.split(' ').filter(|word| !word.is_empty() && !word.contains(['¯', '\\'])) {
                let changed = line.replacen(word, &format!("{word}x"), 1);
                assert!(!is_same(&with(index, Some(changed.clone()))), "{}: {changed:?}", step.id);
            }
        }
        assert_ne!(outcome(step.id, ""), Outcome::Same, "{}", step.id);
    }
}

#[test]
fn facts_that_look_like_what_is_drawn_are_not_taken_for_it() {
    for (id, from, to) in [
        ("docker ps", "127.0.0.1:37391", "0.0.0.0:37391"),
        ("docker ps", "->6443", "->6444"),
        (
            "docker ps",
            "Up 3 hours                               kind-worker2",
            "Exited (137) 3 hours ago                 kind-worker2",
        ),
        ("docker ps", "Up 3 hours  ", "Up 3 hours (Paused)  "),
        ("base routes", "via 172.18.0.1", "via 172.18.0.9"),
        ("base routes", "via 172.18.0.1", "via 192.168.0.1"),
        ("base routes", "src 172.18.0.4", "src 172.18.0.1"),
        ("base routes", "src 172.18.0.4", ""),
        ("base routes", "scope link", "scope host"),
        ("base routes", "172.18.0.0/16", "172.18.0.0/0"),
        ("nodes after Cilium", "172.18.0.3", "172.18.0.2"),
        ("pods", "10.0.0.25", "10.0.2.199"),
        ("pods", "10.0.0.25", "172.18.0.9"),
        ("pods", "hello-app-646c68546-xdh5w", "hello-app-646c68546-tcjhs"),
        ("pods", "kind-worker    <none>", "kind-worker2   <none>"),
        ("service", "10.96.37.61", "10.1.37.61"),
        ("cilium service list", "10.0.0.25", "10.0.2.199"),
        ("cilium service list", "10.96.37.61", "<none>"),
        ("curl", "hello-app-646c68546-xdh5w", "hello-app"),
        ("curl", "1.0.0", "2.0.0"),
    ] {
        let text = step(id).article.replacen(from, to, 1);
        assert_ne!(text, step(id).article, "{id} has no {from}");
        assert_eq!(compared(id, &text, false).outcome, Outcome::Differs, "{id}: {from} is {to}");
    }
}

#[test]
fn what_is_drawn_anew_makes_no_difference() {
    for (id, changes) in [
        ("docker ps", &[("edd389143928", "0d1389143920"), ("3 hours", "5 weeks"), ("37391", "41541")][..]),
        ("docker network ls", &[("c063432ee4ad", "a063432ee4a1")]),
        ("nodes after Cilium", &[("172.18.0.2", "172.18.0.7"), ("172.18.0.4", "172.18.0.2"), ("54m", "5m21s")]),
        ("base routes", &[("172.18.", "172.29."), ("src 172.29.0.4", "src 172.29.0.2")]),
        ("pods", &[("646c68546", "55549b8679"), ("tcjhs", "4gvdj"), ("10.0.2.199", "10.0.1.5"), ("54s", "2d")]),
        ("service", &[("10.96.37.61", "10.96.5.6"), ("4s", "17m")]),
        ("cilium service list", &[("5   ", "12  "), ("10.96.37.61", "10.96.99.88"), ("10.0.0.25", "10.0.7.2")]),
        ("curl", &[("xdh5w", "tcjhs")]),
    ] {
        let text = changes.iter().fold(step(id).article.to_owned(), |text, (from, to)| text.replace(from, to));
        assert_ne!(text, step(id).article, "{id}");
        let compared = compared(id, &text, false);
        assert_eq!(compared.outcome, Outcome::Same, "{id}: {:#?}", compared.lines);
    }
}

#[test]
fn a_cluster_of_another_name_is_read_as_the_articles() {
    let text = step("pods").article.replace("kind-worker", "second-worker");
    let second = Run { lab: "second".to_owned(), ..run(false) };
    assert_eq!(of_step(step("pods"), &second, Ok(printed(&text))).outcome, Outcome::Same);
    assert_eq!(compared("pods", &text, false).outcome, Outcome::Differs);
}

#[test]
fn what_was_not_printed_is_not_seen_and_never_the_same() {
    let folder = tempfile::tempdir().unwrap();
    for step in STEPS {
        for backend in [BackendKind::Kind, BackendKind::Netns] {
            let missing = of_step(step, &run(false), lab::shown(step, backend, folder.path()));
            assert_eq!((missing.outcome, missing.lines.len()), (Outcome::NotSeen, 0), "{}", step.id);
            assert!(!missing.missing.is_empty());
        }
    }
}

/// A run with what `ip route` said in two nodes before Cilium.
fn run_with_routes(runs: &Path, code: Option<i64>) -> RunFolder {
    let file = RunFile { backend: BackendKind::Kind, lab: "kind".to_owned(), ..run_file("k3f2") };
    let folder = RunFolder::create(runs, &file).unwrap();
    let mut case = folder.case("routing::only_base_routes_before", DateTime::UNIX_EPOCH).unwrap();
    let seen = |source| Seen { at: DateTime::UNIX_EPOCH, source, place: None };
    case.record(&seen("probe"), &json!("what was judged")).unwrap();
    for (node, stdout) in [("kind-worker", ROUTES), ("kind-control-plane", BASE)] {
        let place = Place::Node(node.into());
        let at = Seen { place: Some(&place), ..seen("ip route") };
        let (command, stdout, stderr) = ("ip route".to_owned(), stdout.to_owned(), "no such program".to_owned());
        case.record(&at, &Said { place: place.clone(), command, code, stdout, stderr }).unwrap();
    }
    folder
}

fn base_routes(folder: &RunFolder) -> StepBeside {
    let beside = of_run(folder.path()).unwrap();
    beside.steps.into_iter().find(|step| step.step == "base routes").unwrap()
}

#[test]
fn a_run_is_compared_by_its_evidence() {
    let runs = tempfile::tempdir().unwrap();
    let folder = run_with_routes(runs.path(), Some(0));
    let routes = base_routes(&folder);
    assert_eq!(routes.outcome, Outcome::Same, "{routes:?}");
    let shown = routes.lab.unwrap();
    assert_eq!((shown.place.as_str(), shown.text.as_str(), shown.rendered), ("kind-control-plane", BASE, false));

    write(&folder).unwrap();
    let read: Beside = serde_json::from_slice(&fs::read(folder.path().join(FILE)).unwrap()).unwrap();
    assert_eq!(read, of_run(folder.path()).unwrap());
    let printed = text(&read, crate::Style::PLAIN);
    assert!(printed.contains(" base routes: ip route  the same\n   kind-control-plane: ip route\n"), "{printed}");
    assert!(printed.ends_with("11 steps of the article print something: 1 the same, 10 not seen\n"), "{printed}");

    let evidence = folder.path().join("cases/routing__only_base_routes_before/evidence.jsonl");
    let altered = fs::read_to_string(&evidence).unwrap().replace("172.18.0.1 ", "172.18.0.9 ");
    fs::write(&evidence, altered).unwrap();
    let altered = base_routes(&folder);
    assert_eq!(altered.outcome, Outcome::NotSeen);
    assert!(altered.missing.contains("evidence.jsonl"), "{}", altered.missing);
}

#[test]
fn a_command_that_could_not_be_run_is_not_seen_and_one_that_failed_is_shown_with_its_error() {
    let runs = tempfile::tempdir().unwrap();
    let not_run = base_routes(&run_with_routes(&runs.path().join("a"), None));
    assert_eq!(not_run.outcome, Outcome::NotSeen);
    assert_eq!(not_run.missing, "`ip route` could not be run: no such program");
    let failed = base_routes(&run_with_routes(&runs.path().join("b"), Some(1)));
    assert_eq!(failed.outcome, Outcome::Differs);
    assert!(failed.lab.unwrap().text.ends_with("no such program"));
}

#[test]
fn a_folder_that_is_no_runs_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let error = of_run(folder.path()).unwrap_err();
    assert!(error.to_string().contains("run.json"), "{error}");
    fs::write(folder.path().join("run.json"), "{}").unwrap();
    let error = of_run(folder.path()).unwrap_err();
    assert!(matches!(error, BesideError::Shape { .. }), "{error}");
}
