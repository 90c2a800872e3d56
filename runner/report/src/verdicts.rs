//! What runs as a whole come to, on the samples of reports.

use std::fs::{self, File};

use crate::samples::{
    blocked, deadline, head, held, not_on_backend, overridden, refuted, report_with, run_file, stage_failed, unobserved,
};
use crate::{from_json, write_files};
use lab_evidence::RunFolder;
use lab_model::report::Report;
use lab_model::stage::Stage;
use lab_model::verdict::Tally;

#[test]
fn every_mixture_has_its_exit_code() {
    let table = [
        ("nothing", vec![], 2),
        ("nothing that exists here", vec![not_on_backend()], 2),
        ("held", vec![held()], 0),
        ("held, the rest elsewhere", vec![held(), not_on_backend()], 0),
        ("refuted", vec![held(), refuted(1)], 1),
        ("unobserved", vec![held(), unobserved()], 1),
        ("blocked", vec![held(), blocked(Stage::WorkloadReady)], 5),
        ("blocked by the doctor", vec![blocked(Stage::Doctor)], 4),
        ("deadline", vec![held(), deadline()], 6),
        ("refuted before blocked", vec![blocked(Stage::NodesReady), refuted(1)], 1),
        ("unobserved before deadline", vec![deadline(), unobserved()], 1),
        ("blocked before deadline", vec![deadline(), blocked(Stage::NodesReady)], 5),
        ("all", vec![held(), deadline(), blocked(Stage::NodesReady), unobserved(), refuted(1)], 1),
    ];
    for (mixture, cases, code) in table {
        assert_eq!(report_with(cases).exit_code(), code, "{mixture}");
    }
}

#[test]
fn an_interrupted_run_says_so_whatever_it_saw() {
    for cases in [vec![], vec![held()], vec![refuted(1), blocked(Stage::NodesReady)]] {
        let mut report = report_with(cases);
        report.interrupted = true;
        assert_eq!(report.exit_code(), 130);
    }
}

#[test]
fn a_selected_case_without_a_verdict_is_not_green() {
    let mut report = report_with(vec![held()]);
    report.head.selected = 3;
    assert_eq!(report.exit_code(), 1);
    assert_eq!(report.incomplete().as_deref(), Some("2 of 3 selected cases were not reached"));
    report.interrupted = true;
    assert_eq!(report.incomplete().as_deref(), Some("interrupted: 2 of 3 selected cases were not reached"));
}

#[test]
fn a_stage_that_failed_counts_without_cases() {
    let mut report = report_with(vec![]);
    report.stages.push(stage_failed(Stage::ClusterCreated));
    assert_eq!(report.exit_code(), 5);
    report.stages.push(stage_failed(Stage::Doctor));
    assert_eq!(report.exit_code(), 4);
}

#[test]
fn only_what_held_is_counted_as_held_against_overridden_pins() {
    let mut report = report_with(vec![held(), refuted(1), held(), unobserved()]);
    assert_eq!((report.tally().held_overridden, report.overridden()), (0, None));
    overridden(&mut report, &[1, 2, 3]);
    assert_eq!(report.tally().held_overridden, 1);
    assert_eq!(report.overridden().as_deref(), Some("2 held, 1 of them against overridden pins"));
    report.cases.clear();
    report.head.selected = 9;
    assert_eq!(report.overridden().as_deref(), Some("3 of 9 cases are judged against overridden pins"));
}

#[test]
fn the_tally_counts_every_outcome_once() {
    let mut report = report_with(vec![
        held(),
        held(),
        refuted(2),
        unobserved(),
        blocked(Stage::NodesReady),
        deadline(),
        not_on_backend(),
    ]);
    report.head.selected = 11;
    let expected = Tally {
        held: 2,
        refuted: 1,
        unobserved: 1,
        blocked: 1,
        deadline: 1,
        not_on_backend: 1,
        not_in_topology: 0,
        not_reached: 4,
        held_overridden: 0,
    };
    assert_eq!(report.tally(), expected);
}

#[test]
fn reports_are_written_whole_and_again() {
    let runs = tempfile::tempdir().unwrap();
    let run = RunFolder::create(runs.path(), &run_file("k3f2")).unwrap();
    let mut report = Report::new(head(1));
    write_files(&run, &report).unwrap();
    let before = fs::read_to_string(run.path().join("report.json")).unwrap();
    // A reader who has the old file open keeps the old file: it is replaced, not written over.
    let old = File::open(run.path().join("report.json")).unwrap();
    report.cases.push(held());
    write_files(&run, &report).unwrap();
    assert_eq!(std::io::read_to_string(old).unwrap(), before);
    let folder = run.finish().unwrap();
    let read = from_json(&fs::read_to_string(folder.join("report.json")).unwrap()).unwrap();
    assert_eq!(read, report);
    let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["cases", "junit.xml", "report.html", "report.json", "report.md", "run.json"]);
}
