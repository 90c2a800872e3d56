//! `lab run`, and `lab report` of what it wrote.

use crate::counts::{elsewhere, here};
use lab_evidence::{CaseFile, RunFile, case_folder};
use lab_model::report::{CaseOutcome, Report, StageOutcome};
use lab_model::stage::Stage;
use std::fs;
use std::path::Path;

use super::process::Running;
use super::world::{Lab, report_in};

#[track_caller]
fn assert_all_held(report: &Report) {
    let tally = report.tally();
    assert_eq!((tally.held, tally.not_on_backend, report.cases.len()), (here(), elsewhere(), here() + elsewhere()));
    assert_eq!(report.exit_code(), 0);
    let stages: Vec<Stage> = report.stages.iter().map(|stage| stage.name).collect();
    assert_eq!(stages, Stage::ALL[1..]);
    assert!(report.stages.iter().all(|stage| stage.outcome == StageOutcome::Done));
}

/// Everything that the report names is there and is what it should be.
#[track_caller]
fn assert_evidence(report: &Report, folder: &Path) {
    let run: RunFile = serde_json::from_str(&fs::read_to_string(folder.join("run.json")).unwrap()).unwrap();
    assert_eq!(run.id, folder.file_name().unwrap().to_str().unwrap());
    let mut captures = 0;
    for case in report.cases.iter().filter(|case| case.outcome != CaseOutcome::NotOnBackend) {
        assert!(!case.evidence.is_empty(), "{} has none", case.name);
        for file in &case.evidence {
            let bytes = fs::read(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            let kind = Path::new(file).extension().and_then(|kind| kind.to_str());
            if kind == Some("jsonl") {
                let text = String::from_utf8(bytes).unwrap();
                let lines: Vec<serde_json::Value> =
                    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
                assert!(!lines.is_empty(), "{file} is empty");
            } else {
                assert_eq!(kind, Some("pcap"), "{file}");
                // Libpcap's magic, of microseconds or nanoseconds, and more than its header of 24 octets.
                assert!([0xa1b2_c3d4, 0xa1b2_3c4d].contains(&u32::from_ne_bytes(bytes[..4].try_into().unwrap())));
                assert!(bytes.len() > 24, "{file} has no frame");
                captures += 1;
            }
        }
        let kept = CaseFile::read(&folder.join(case_folder(&case.name))).unwrap();
        assert_eq!(kept.report.as_ref(), Some(case));
    }
    assert!(captures > 0, "no capture is kept");
}

#[test]
fn a_run_holds_and_keeps_what_it_saw() {
    let lab = Lab::new();
    let ended = lab.run(&["run"]).code(0).quiet();
    assert!(!ended.stdout.contains('\u{1b}'), "escape codes on a pipe: {ended}");
    assert!(!ended.stdout.contains('\r'), "progress on a pipe: {ended}");
    assert_eq!(ended.stdout.matches("\n  held  ").count(), here(), "{ended}");
    let folder = lab.only_run();
    let id = folder.file_name().unwrap().to_str().unwrap();
    assert!(ended.stdout.starts_with(&format!("lab {id} on netns: 3 nodes, 2 replicas, native routing\n")), "{ended}");
    assert!(ended.stdout.ends_with(&format!("\nReport: ./lab-runs/{id}/report.html\n")), "{ended}");
    assert!(
        ended.stdout.contains(&format!(
            "\n{} held; {} are about Kubernetes and Cilium and do not exist on netns ",
            here(),
            elsewhere()
        )),
        "{ended}"
    );

    let report = lab.report();
    assert_all_held(&report);
    assert_evidence(&report, &folder);
    let junit = fs::read_to_string(folder.join("junit.xml")).unwrap();
    let junit = quick_junit::Report::deserialize_from_str(&junit).unwrap();
    assert_eq!((junit.tests, junit.failures, junit.errors), (here() + elsewhere(), 0, 0));
    assert_eq!(junit.test_suites[0].skipped, elsewhere());

    let again = lab.run(&["report", id]).code(0).quiet();
    assert_eq!(again.stdout, ended.stdout);
    let json = lab.run(&["report", id, "--format", "json"]).code(0).quiet();
    assert_eq!(json.stdout, fs::read_to_string(folder.join("report.json")).unwrap());
    lab.assert_nothing_left();
}

#[test]
fn a_reader_that_goes_is_no_failure() {
    let lab = Lab::new();
    let mut run = lab.start(&["run"]);
    assert!(run.line().is_some_and(|line| line.starts_with("lab ")));
    run.stop_reading();
    run.finish().code(0).quiet();
    assert_all_held(&lab.report());
    lab.assert_nothing_left();
}

#[test]
fn standard_output_that_is_full_is_told_and_the_run_is_kept() {
    let lab = Lab::new();
    let mut command = lab.program("sh");
    command.args(["-c", "exec \"$LAB\" run l2:: >/dev/full"]).env("LAB", super::world::PROGRAM);
    Running::start(command).finish().code(3).mentions(&["writing to standard output: No space left on device"]);
    assert_eq!(lab.report().tally().held, 2);
    lab.assert_nothing_left();
}

#[test]
fn no_color_takes_colour_away() {
    let lab = Lab::new();
    let mut command = lab.lab(&["run", "l2::"]);
    command.env("CLICOLOR_FORCE", "1");
    let coloured = Running::start(command).finish().code(0).quiet();
    assert!(coloured.stdout.contains("\u{1b}["), "{coloured}");
    let mut command = lab.lab(&["run", "l2::"]);
    command.env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1");
    let plain = Running::start(command).finish().code(0).quiet();
    assert!(!plain.stdout.contains('\u{1b}'), "{plain}");
    lab.assert_nothing_left();
}

#[test]
fn more_nodes_and_replicas_hold_too() {
    let lab = Lab::new();
    lab.run(&["run", "--nodes", "6", "--replicas", "4"])
        .code(0)
        .quiet()
        .shows(": 6 nodes, 4 replicas, native routing\n");
    let report = lab.report();
    assert_all_held(&report);
    assert_eq!((report.head.nodes, report.head.replicas), (6, 4));
    lab.assert_nothing_left();
}

#[test]
fn a_kept_lab_is_found_under_the_name_that_is_told() {
    let lab = Lab::new();
    let ended = lab.run(&["run", "l2::", "--keep"]).code(0).quiet();
    let id = lab.report().head.id;
    let hint =
        format!("The lab is still up: `lab shell --name {id} NODE` looks around, `lab down --name {id}` ends it\n");
    assert!(ended.stdout.ends_with(&hint), "{ended}");
    assert_eq!(lab.holders().len(), 1);
    lab.run(&["shell", "--name", &id, "kind-worker", "--", "true"]).code(0).quiet();
    lab.run(&["down", "--name", &id]).code(0).quiet().prints(&format!("lab {id} is down\n"));
    lab.assert_nothing_left();
}

#[test]
fn a_lab_is_kept_on_failure_alone_if_so_asked() {
    let lab = Lab::new();
    lab.run(&["run", "l2::", "--keep-on-failure"]).code(0).quiet();
    lab.assert_nothing_left();
    let args = ["run", "routing::direct", "--routing", "none", "--keep-on-failure", "--name", "lab"];
    lab.run(&args)
        .code(1)
        .quiet()
        .shows("  REFUTED  routing::direct_route_to_every_peer\n")
        .shows("The lab is still up");
    lab.run(&["shell", "kind-worker", "--", "true"]).code(0).quiet();
    lab.run(&["down"]).code(0).quiet();
    lab.assert_nothing_left();
}

#[test]
fn a_dry_run_makes_nothing() {
    let lab = Lab::new();
    lab.run(&["run", "l2::", "--dry-run"]).code(0).quiet().prints(
        "would build a lab on netns: 3 nodes (kind-control-plane, kind-worker, kind-worker2), 2 replicas, native routing\n\
         would run 2 cases:\n  l2::nodes_share_one_bridge\n  l2::peers_are_adjacent\n\
         would keep evidence and reports in ./lab-runs\n",
    );
    lab.run(&["up", "--dry-run"]).code(0).quiet().shows("would build a lab named lab on netns: 3 nodes");
    assert!(!lab.runs().exists());
    lab.assert_nothing_left();
}

#[test]
fn a_report_that_cannot_be_read_names_its_file() {
    let lab = Lab::new();
    lab.run(&["report", "k3f2"]).code(3).mentions(&["./lab-runs/k3f2/report.json: No such file", "--runs-dir"]);
    let folder = lab.runs().join("k3f2");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("report.json"), "{\"schema\": 99}").unwrap();
    let message =
        "./lab-runs/k3f2/report.json: schema: expected 1, found 99: this report was written by another version of lab";
    lab.run(&["report", "k3f2"]).code(3).says(message);
    lab.run(&["run", "l2::"]).code(0);
    let made = lab.run_names().into_iter().find(|name| name != "k3f2").unwrap();
    assert_eq!(report_in(&lab.runs().join(&made)).head.id, made);
    // A folder does as well as an id.
    lab.run(&["report", &format!("lab-runs/{made}")]).code(0).quiet().shows("\n2 held");
    lab.assert_nothing_left();
}
