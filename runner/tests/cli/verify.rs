//! `lab verify`: a libtest program, on a lab that is up or one of its own.

use crate::counts::here;
use lab_harness::cases;
use lab_model::report::Report;
use std::collections::BTreeSet;

use super::process::Running;
use super::world::{Lab, PROGRAM, report_in};

const EXACT: &str = "l2::peers_are_adjacent";

fn listed(lab: &Lab, args: &[&str]) -> Vec<String> {
    let mut all = vec!["verify", "--list", "--format", "terse"];
    all.extend(args);
    let ended = lab.run(&all).code(0).quiet();
    let name = |line: &str| line.strip_suffix(": test").unwrap_or_else(|| panic!("{line:?} in {ended}")).to_owned();
    ended.stdout.lines().map(name).collect()
}

fn reports(lab: &Lab) -> Vec<Report> {
    lab.run_names().iter().map(|name| report_in(&lab.runs().join(name))).collect()
}

#[test]
fn the_list_is_libtests_and_touches_nothing() {
    let lab = Lab::new();
    let names = listed(&lab, &[]);
    assert_eq!(names.len(), here());
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), here(), "{names:?}");
    assert!(names.contains(&EXACT.to_owned()));
    assert_eq!(listed(&lab, &["l2::"]), ["l2::nodes_share_one_bridge", EXACT]);
    assert_eq!(listed(&lab, &["--exact", EXACT]), [EXACT]);
    // nextest asks for these by themselves.
    assert_eq!(listed(&lab, &["--ignored"]), [""; 0]);

    let all = lab.run(&["verify", "--list"]).code(0).quiet();
    assert_eq!(all.stdout.lines().count(), cases::ALL.len(), "{all}");
    assert!(names.iter().all(|name| all.stdout.contains(name)), "{all}");
    assert!(!lab.runs().exists() && !lab.state().join("lab").exists(), "nothing was asked for but names");
    lab.assert_nothing_left();
}

#[test]
fn one_lab_is_made_for_the_selected_cases_and_taken_down() {
    let lab = Lab::new();
    let ended = lab.run(&["verify", "--exact", EXACT]).code(0);
    assert!(ended.stdout.contains(&format!("\ntest {EXACT} ... ok\n")), "{ended}");
    assert!(ended.stdout.contains("1 passed; 0 failed; 0 ignored"), "{ended}");
    let id = lab.report().head.id;
    assert_eq!(ended.stderr, format!("Report: ./lab-runs/{id}/report.html\n"));
    lab.assert_nothing_left();

    lab.run(&["verify", "l2::", "--skip", "bridge"]).code(0).shows("running 1 test\n");
    lab.run(&["verify", "--include-ignored", "--exact", EXACT]).code(0).shows("running 1 test\n");
    let ended = lab.run(&["verify", "--routing", "none", "routing::direct"]).code(1);
    assert!(ended.stdout.contains("\ntest routing::direct_route_to_every_peer ... FAILED\n"), "{ended}");
    assert!(
        ended.stdout.contains("\nrefuted\nexpected  ") && ended.stdout.contains("\nby hand   lab shell "),
        "{ended}"
    );
    lab.assert_nothing_left();
}

#[test]
fn nothing_run_is_never_success() {
    let lab = Lab::new();
    lab.run(&["verify", "--ignored"])
        .code(2)
        .prints("")
        .says("--ignored selects nothing, because no case is ever ignored; leave it out");
    let message =
        "no case is selected by \"tunel\"; did you mean routing::no_tunnel_device?; `lab verify --list` shows them all";
    lab.run(&["verify", "tunel"]).code(2).prints("").says(message);
    lab.run(&["verify", "--list", "tunel"]).code(2).prints("").says(message);
    let listed = lab.run(&["verify", "--list", "tunnel"]).code(0).stdout;
    assert!(listed.starts_with("routing::no_tunnel_device ") && listed.lines().count() == 1, "{listed}");
    let message =
        "none of the selected cases exists on netns: cilium::routes_natively is about Kubernetes, Helm or Cilium";
    lab.run(&["verify", "cilium::routes_natively"]).code(2).prints("").says(message);
    assert!(!lab.runs().exists());
    lab.assert_nothing_left();
}

#[test]
fn a_lab_that_is_up_is_verified_as_it_is_and_stays() {
    let lab = Lab::new();
    lab.run(&["up", "--nodes", "4", "--replicas", "3"]).code(0);
    let before = lab.processes();
    // The lab is what it is: another would have to be built.
    for (options, why) in [
        (&["--nodes", "2"][..], "--nodes 2: the lab lab is up already, and was built with 4; leave it out"),
        (&["--replicas", "2"], "--replicas 2: the lab lab is up already, and was built with 3; leave it out"),
        (
            &["--routing", "vxlan"],
            "--routing vxlan: the lab lab is up already, and was built with native; leave it out",
        ),
        (
            &["--topology", "racks"],
            "--topology racks: the lab lab is up already, and was built with flat; leave it out",
        ),
    ] {
        lab.run(&[&["verify"], options].concat()).code(2).prints("").says(why);
    }
    lab.run(&["verify", "--nodes", "4"]).code(0).shows(&format!("{} passed; 0 failed", here()));
    lab.run(&["verify", "--name", "lab", "l2::"]).code(0).shows("2 passed; 0 failed");
    assert_eq!(lab.processes(), before);
    for report in reports(&lab) {
        assert_eq!((report.head.lab.as_str(), report.head.nodes, report.head.replicas), ("lab", 4, 3));
        let built: Vec<&str> = report.stages.iter().map(|stage| stage.name.name()).collect();
        assert!(built.iter().all(|name| *name == "traffic_observed"), "built again: {built:?}");
    }

    // Its own change shows: somebody takes a route away.
    let fault = r#"[{"netns": "/proc/self/ns/net", "act": {"delete_route": "10.0.2.0/24"}}]"#;
    let script = "echo \"$0\" | \"$1\" tamper";
    lab.run(&["shell", "kind-worker", "--", "sh", "-c", script, fault, PROGRAM]).code(0);
    lab.run(&["verify", "routing::"]).code(1).shows("routing::direct_route_to_every_peer ... FAILED");
    lab.run(&["down"]).code(0);
    lab.assert_nothing_left();
}

#[test]
fn output_that_nobody_reads_or_that_is_full_ends_no_verification() {
    let lab = Lab::new();
    let mut verify = lab.start(&["verify"]);
    verify.line_with(&format!("running {} tests", here()));
    verify.stop_reading();
    let ended = verify.finish().code(0);
    assert_eq!(ended.stderr, format!("Report: ./lab-runs/{}/report.html\n", lab.report().head.id));
    assert_eq!(lab.report().tally().held, here());
    lab.assert_nothing_left();

    let lab = Lab::new();
    let mut command = lab.program("sh");
    command.args(["-c", "exec \"$LAB\" verify l2:: >/dev/full"]).env("LAB", PROGRAM);
    let ended = Running::start(command).finish().code(3);
    let (report, message) = ended.stderr.split_once('\n').unwrap();
    assert_eq!(report, format!("Report: ./lab-runs/{}/report.html", lab.report().head.id));
    assert_eq!(message, "lab: writing to standard output: No space left on device (os error 28)\n");
    assert_eq!(lab.report().tally().held, 2);
    lab.run(&["verify", "--logfile", "no/file"])
        .code(3)
        .prints("")
        .says("no/file: No such file or directory (os error 2)");
    lab.assert_nothing_left();
}

#[test]
fn a_stage_that_failed_is_told_once_and_blocks() {
    let lab = Lab::new();
    let mut command = lab.program("prlimit");
    command.args(["--nofile=40", PROGRAM, "verify", "--nodes", "60", "l2::"]);
    let ended = Running::start(command).finish().code(5);
    let (told, report) = ended.stderr.split_once('\n').unwrap();
    assert!(told.starts_with("lab: cluster_created failed: ") && told.contains("Too many open files"), "{ended}");
    assert!(report.starts_with("Report: ") && report.lines().count() == 1, "{ended}");
    assert_eq!(ended.stdout.matches("\nblocked\n").count(), 2, "{ended}");
    assert_eq!(lab.report().tally().blocked, 2);
    lab.assert_nothing_left();
}
