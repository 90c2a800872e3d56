//! `lab sabotage --on kind`, where the cluster is stood in for: no case of Cilium's can hold, so that nothing may be
//! broken. Faults themselves are made in real clusters alone.

use lab_sabotage::{Wrong, from_json};
use nix::sys::signal::Signal;
use std::fs;

use super::process::Running;
use super::world::{World, in_world};

/// The folder of the one run.
#[track_caller]
fn only_run(world: &World) -> std::path::PathBuf {
    let runs: Vec<_> =
        fs::read_dir(world.path("work").join("lab-runs")).unwrap().map(|run| run.unwrap().path()).collect();
    assert_eq!(runs.len(), 1, "{runs:?}");
    runs[0].clone()
}

#[test]
fn a_cluster_that_does_not_hold_is_not_broken_and_what_its_cases_saw_is_kept() {
    in_world("a_cluster_that_does_not_hold_is_not_broken_and_what_its_cases_saw_is_kept", |world| {
        let mut command = world.made_by("sabotage");
        command.args(["--exact", "tunnel-device"]);
        let ended = Running::start(command).finish().code(1);
        let ended = ended.shows("\nNOT SOUND  before any fault: service::answers_from_each_pod\n");
        let ended = ended.shows(&format!(
            "\n0 faults, 0 killed, 1 not made; 0 of {} cases kill at least one; ",
            lab_harness::cases::ALL.len()
        ));
        assert!(ended.stdout.contains("\n  deviation: "), "{ended}");
        let run = only_run(world);
        let report = from_json(&fs::read_to_string(run.join("sabotage.json")).unwrap()).unwrap();
        assert_eq!((report.exit_code(), report.head.whole_table), (1, false));
        let seen = report.before.iter().filter(|wrong| matches!(wrong, Wrong::Broken { .. }));
        let kept = seen.filter(|wrong| {
            let case = wrong.case().unwrap().replace("::", "-");
            let file = run.join(format!("before.after.{case}.json"));
            fs::read_to_string(file).is_ok_and(|text| serde_json::from_str::<serde_json::Value>(&text).is_ok())
        });
        assert!(kept.count() > 0, "{report:?}");
        assert!(!world.steps().iter().any(|step| step.starts_with("helm upgrade")), "{:?}", world.steps());
    });
}

#[test]
fn ctrl_c_takes_the_cluster_down() {
    in_world("ctrl_c_takes_the_cluster_down", |world| {
        world.fake("at-nodes", "sleep 1000\n");
        let mut lab = Running::start(world.made_by("sabotage"));
        lab.stop_reading();
        world.wait_for("kind nodes");
        lab.signal_group(Signal::SIGINT);
        let ended = lab.finish().code(130);
        assert!(ended.stderr.contains("… interrupted; taking the lab down\n"), "{ended}");
        let report = from_json(&fs::read_to_string(only_run(world).join("sabotage.json")).unwrap()).unwrap();
        assert!(report.interrupted && report.faults.is_empty(), "{report:?}");
    });
}
