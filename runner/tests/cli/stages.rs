//! A stage that dies: its cause in every report, and the cases that it blocks.

use crate::counts::{elsewhere, here};
use lab_harness::cases;
use lab_model::report::{CaseOutcome, StageOutcome};
use lab_model::stage::Stage;
use quick_junit::{TestCaseStatus, XmlString};
use std::fs;

use super::process::{Ended, Running};
use super::world::{Lab, PROGRAM};

/// With so few open files that so many nodes cannot be made.
fn starved(lab: &Lab, args: &[&str]) -> Ended {
    let mut command = lab.program("prlimit");
    command.args(["--nofile=40", PROGRAM]).args(args);
    Running::start(command).finish()
}

#[test]
fn a_stage_that_dies_is_in_every_report() {
    let lab = Lab::new();
    let ended = starved(&lab, &["run", "--nodes", "60"]).code(5).quiet();
    let stage = ended.stdout.lines().find(|line| line.starts_with("  topology        FAILED: "));
    assert!(stage.is_some_and(|line| line.contains("Too many open files")), "{ended}");
    let blocked = format!("\n  BLOCKED  {} cases: stage topology failed: ", here());
    assert!(ended.stdout.contains(&blocked), "{ended}");
    let counted = format!("\n{} BLOCKED; {} are about Kubernetes and Cilium", here(), elsewhere());
    assert!(ended.stdout.contains(&counted), "{ended}");

    let report = lab.report();
    assert_eq!(report.exit_code(), 5);
    let [failed] = &report.stages[..] else { panic!("{:?}", report.stages) };
    assert_eq!((failed.name, failed.outcome), (Stage::ClusterCreated, StageOutcome::Failed));
    assert!(failed.summary.contains("Too many open files"), "{failed:?}");
    let blocked = report.cases.iter().filter(|case| {
        matches!(&case.outcome, CaseOutcome::Blocked { stage, cause } if *stage == failed.name && *cause == failed.summary)
    });
    assert_eq!(blocked.count(), here());

    let junit = fs::read_to_string(lab.only_run().join("junit.xml")).unwrap();
    let junit = quick_junit::Report::deserialize_from_str(&junit).unwrap();
    // The stage is a case of its own there.
    assert_eq!((junit.tests, junit.failures, junit.errors), (cases::ALL.len() + 1, 0, here() + 1));
    let first = &junit.test_suites[0].test_cases[0];
    assert_eq!(first.name.as_str(), "stage::cluster_created");
    let TestCaseStatus::NonSuccess { message, .. } = &first.status else { panic!("{first:?}") };
    assert_eq!(message.as_ref().map(XmlString::as_str), Some(failed.summary.as_str()));
    lab.assert_nothing_left();
}

#[test]
fn a_lab_that_cannot_be_built_is_not_left_half_built() {
    let lab = Lab::new();
    let ended = starved(&lab, &["up", "--nodes", "60"]).code(5);
    assert!(ended.stdout.contains("  topology        FAILED: "), "{ended}");
    ended.mentions(&["cluster_created: ", "Too many open files"]);
    lab.assert_nothing_left();
    let ended = starved(&lab, &["run", "--nodes", "60", "--keep-on-failure"]).code(5).quiet();
    let id = lab.report().head.id;
    assert!(ended.stdout.contains(&format!("`lab down --name {id}` ends it")), "{ended}");
    lab.run(&["down", "--name", &id]).code(0).quiet();
    lab.assert_nothing_left();
}

#[test]
fn a_machine_without_room_for_processes_is_told() {
    let lab = Lab::new();
    for args in [&["run", "l2::"][..], &["up"]] {
        let mut command = lab.program("prlimit");
        command.args(["--nofile=12", PROGRAM]).args(args);
        let ended = Running::start(command).finish();
        assert!(matches!(ended.status.code(), Some(3..=5)), "{ended}");
        assert!((ended.stdout.clone() + &ended.stderr).contains("Too many open files"), "{ended}");
        lab.assert_nothing_left();
    }
}
