//! Signals at every point of what takes a while: exit code 130, a report that says so, and no lab.
//!
//! The output of a program is read a line behind (see `process`): a signal that is sent after a line was read comes
//! before the line after the next is written, however fast the program is.

use crate::counts::here;
use lab_model::stage::Stage;
use nix::sys::signal::Signal;
use std::fs;

use super::process::{Ended, Running};
use super::world::Lab;

/// Signals after each of these lines in turn.
#[track_caller]
fn after(lab: &Lab, args: &[&str], line: &str, send: impl FnOnce(&Running)) -> Ended {
    let mut running = lab.start(args);
    running.line_with(line);
    send(&running);
    running.finish()
}

/// An interrupted run: its report is whole, and says that it is not.
#[track_caller]
fn assert_interrupted(lab: &Lab, ended: Ended, last: Stage) {
    let ended = ended.code(130);
    let report = lab.report();
    assert!(report.interrupted, "{ended}");
    let stages: Vec<Stage> = report.stages.iter().map(|stage| stage.name).collect();
    assert!(stages.iter().all(|stage| *stage <= last), "it went on to {stages:?}: {ended}");
    assert!(report.tally().not_reached > 0, "{ended}");
    let junit = fs::read_to_string(lab.only_run().join("junit.xml")).unwrap();
    let junit = quick_junit::Report::deserialize_from_str(&junit).unwrap();
    assert_eq!(junit.errors, 1, "{ended}");
    lab.assert_nothing_left();
}

/// A piece of the line that a stage ends with, and the last stage that can still end before a signal sent then.
const STAGES: [(&str, Stage); 6] = [
    ("lab ", Stage::ClusterCreated),
    ("  topology ", Stage::RoutingInstalled),
    ("  base routes ", Stage::NodesReady),
    ("  routing ", Stage::WorkloadReady),
    ("  nodes ", Stage::TrafficObserved),
    ("  workload ", Stage::TrafficObserved),
];

#[test]
fn a_run_is_interrupted_in_each_stage() {
    for (line, last) in STAGES {
        let lab = Lab::new();
        let ended = after(&lab, &["run"], line, |run| run.signal(Signal::SIGINT)).quiet();
        assert!(ended.stdout.contains("\ninterrupted: "), "{ended}");
        assert_interrupted(&lab, ended, last);
    }
}

#[test]
fn a_run_is_interrupted_during_its_cases() {
    for line in [" traffic ", " l2::nodes_share", " routing::no_tunnel", " service::load_balancer", " wire::pods_reach"]
    {
        let lab = Lab::new();
        let ended = after(&lab, &["run"], line, |run| run.signal(Signal::SIGINT)).quiet();
        assert!(ended.stdout.contains("\ninterrupted: ") && ended.stdout.contains(" not reached"), "{ended}");
        assert_interrupted(&lab, ended, Stage::TrafficObserved);
    }
}

#[test]
fn a_terminal_signals_the_whole_group() {
    for line in ["lab ", "  routing ", " routing::no_tunnel"] {
        let lab = Lab::new();
        let ended = after(&lab, &["run"], line, |run| run.signal_group(Signal::SIGINT)).quiet();
        assert_interrupted(&lab, ended, Stage::TrafficObserved);
        let up = after(&lab, &["up"], if line == "lab " { line } else { "  topology " }, |up| {
            up.signal_group(Signal::SIGINT);
        });
        // The holder may have been in the group still, and gone before it was one.
        let said = ["lab: interrupted; the lab was taken down\n", "lab: interrupted; nothing was built\n"];
        assert!(said.contains(&&*up.stderr), "{up}");
        up.code(130);
        lab.assert_nothing_left();
    }
}

#[test]
fn other_ends_are_the_same_end() {
    for signal in [Signal::SIGTERM, Signal::SIGHUP] {
        for (line, last) in [STAGES[0], STAGES[3], (" routing::no_tunnel", Stage::TrafficObserved)] {
            let lab = Lab::new();
            let ended = after(&lab, &["run"], line, |run| run.signal(signal)).quiet();
            assert_interrupted(&lab, ended, last);
        }
        let lab = Lab::new();
        after(&lab, &["up"], "  topology ", |up| up.signal(signal))
            .code(130)
            .says("interrupted; the lab was taken down");
        lab.assert_nothing_left();
    }
}

#[test]
fn a_lab_that_is_to_stay_does_not_when_it_is_interrupted() {
    for line in ["lab ", "  topology ", "  base routes ", "  routing "] {
        let lab = Lab::new();
        let ended = after(&lab, &["up"], line, |up| up.signal(Signal::SIGINT)).code(130);
        let ended = ended.says("interrupted; the lab was taken down");
        assert!(!ended.stdout.contains("The lab stays"), "{ended}");
        lab.assert_nothing_left();
        // Its name is free at once.
        lab.run(&["up"]).code(0).quiet();
        lab.run(&["down"]).code(0).quiet();
        lab.assert_nothing_left();
    }
}

#[test]
fn a_kept_run_is_not_kept_when_it_is_interrupted() {
    for option in ["--keep", "--keep-on-failure"] {
        let lab = Lab::new();
        let ended = after(&lab, &["run", option], "  routing ", |run| run.signal(Signal::SIGINT)).quiet();
        assert_interrupted(&lab, ended, Stage::WorkloadReady);
    }
}

#[test]
fn a_verification_is_interrupted_with_its_lab() {
    let first = format!("running {} tests", here());
    for line in [&first, "test l2::nodes_share", "test routing::no_tunnel", "test service::answers_from_the"] {
        let lab = Lab::new();
        let ended = after(&lab, &["verify"], line, |verify| verify.signal(Signal::SIGINT));
        assert!(ended.stderr.starts_with("lab: interrupted: "), "{ended}");
        assert_interrupted(&lab, ended, Stage::TrafficObserved);
    }
}

#[test]
fn a_verification_that_is_interrupted_leaves_a_lab_that_was_up() {
    let lab = Lab::new();
    lab.run(&["up"]).code(0);
    let before = lab.processes();
    let files = fs::read_dir(lab.of("lab")).unwrap().count();
    let ended = after(&lab, &["verify"], "test l2::nodes_share", |verify| verify.signal(Signal::SIGINT)).code(130);
    assert!(ended.stderr.starts_with("lab: interrupted: "), "{ended}");
    super::left::wait_for_none("the end of what it started", || {
        lab.processes().into_iter().filter(|process| !before.contains(process)).collect()
    });
    assert_eq!(lab.processes(), before);
    assert_eq!(fs::read_dir(lab.of("lab")).unwrap().count(), files, "files in the lab's folder");
    lab.run(&["verify", "l2::"]).code(0);
    lab.run(&["down"]).code(0);
    lab.assert_nothing_left();
}

#[test]
fn a_second_signal_does_not_stop_the_taking_down() {
    let lab = Lab::new();
    let ended = after(&lab, &["run"], "  routing ", |run| {
        run.signal(Signal::SIGINT);
        run.signal(Signal::SIGTERM);
        run.signal(Signal::SIGINT);
    });
    assert_interrupted(&lab, ended.quiet(), Stage::WorkloadReady);
}
