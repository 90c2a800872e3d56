//! `lab sabotage`: what is asked for, what is written, and its end at any time.

use crate::counts::here;
use lab_base::clock;
use lab_base::clock::Poll;
use lab_harness::cases;
use lab_sabotage::{ALL, ON_KIND, from_json};
use nix::sys::signal::Signal;
use std::fs;
use std::time::Duration;

use super::process::{DEADLINE, Running, block_on};
use super::world::Lab;

#[test]
fn a_fault_that_there_is_not_is_told_with_the_nearest() {
    let lab = Lab::new();
    let table: [(&[&str], &str); 4] = [
        (
            &["sabotage", "direct-rute"],
            "no fault is called \"direct-rute\"; did you mean direct-route-deleted?; `lab sabotage --list` shows them all",
        ),
        (
            &["sabotage", "--list", "mtu-lowered", "qqqq"],
            "no fault is called \"qqqq\"; `lab sabotage --list` shows them all",
        ),
        (
            &["sabotage", "--exact", "mtu"],
            "no fault is called \"mtu\" exactly; did you mean mtu-lowered?; `lab sabotage --list` shows them all",
        ),
        (
            &["sabotage", "mtu", "--skip", "lowered"],
            "no fault is selected: --skip leaves none; `lab sabotage --list` shows them all",
        ),
    ];
    for (args, message) in table {
        lab.run(args).code(2).prints("").says(message);
    }
    assert!(!lab.runs().exists());
    lab.assert_nothing_left();
}

#[test]
fn the_list_and_a_dry_run_make_nothing() {
    let lab = Lab::new();
    let listed = lab.run(&["sabotage", "--list"]).code(0).quiet().stdout;
    for fault in ALL {
        assert!(listed.contains(&format!("{} ({})\n  {}\n  killed by: ", fault.name, fault.when(), fault.what)));
    }
    lab.run(&["sabotage", "--list", "--exact", "mtu-lowered"]).code(0).quiet().prints(
        "mtu-lowered (on a running lab)\n  On kind-worker2 the MTU of eth0 is 1400.\n  killed by: wire::full_mtu_fits\n  \
         undone:    the state from before is restored, and learned path MTUs are forgotten\n",
    );
    lab.run(&["sabotage", "--dry-run", "mtu", "vxlan"]).code(0).quiet().prints(&format!(
        "would build sound labs on netns, in which {0} of {0} cases must hold\n\
         would make and undo, one at a time in each lab, 2 of {1} faults:\n  \
         vxlan (built at routing_installed)\n  mtu-lowered (on a running lab)\n\
         would keep the report in ./lab-runs\n",
        here(),
        ALL.len()
    ));
    assert!(!lab.runs().exists());
    lab.assert_nothing_left();
}

#[test]
fn a_fault_is_made_and_undone_and_its_report_kept() {
    let lab = Lab::new();
    let ended = lab.run(&["sabotage", "not-masqueraded"]).code(0).quiet();
    let folder = lab.only_run();
    let id = folder.file_name().unwrap().to_str().unwrap();
    assert!(
        ended.stdout.starts_with(&format!("lab {id} on netns: 1 fault, judged by {} cases each", here())),
        "{ended}"
    );
    let ended = ended.shows(&format!("\n1 fault, 1 killed; 1 of {} cases kill at least one  ", here()));
    assert!(ended.stdout.ends_with(&format!("\nReport: ./lab-runs/{id}/sabotage.json\n")), "{ended}");
    let text = fs::read_to_string(folder.join("sabotage.json")).unwrap();
    let report = from_json(&text).unwrap();
    assert_eq!((report.faults.len(), report.killed(), report.exit_code()), (1, 1, 0));
    let phases = report.faults[0].phases;
    let of_all: Duration = phases.named().map(|(_name, time)| time).iter().sum();
    assert!(
        phases.judged > Duration::ZERO && of_all <= report.faults[0].seconds + Duration::from_millis(1),
        "{:?}",
        report.faults[0]
    );
    assert!(folder.join("run.json").is_file());
    lab.run(&["report", id]).code(0).quiet().prints(&ended.stdout);
    lab.run(&["report", id, "--format", "json"]).code(0).quiet().prints(&text);
    let refused = lab.run(&["bundle", id]).code(2).prints("");
    refused.mentions(&[id, "this is a run of `lab sabotage`", &format!("`lab report {id}`")]);
    lab.assert_nothing_left();
}

#[test]
fn json_is_what_is_kept() {
    let lab = Lab::new();
    let ended = lab.run(&["sabotage", "--exact", "masqueraded-inside", "--format", "json"]).code(0).quiet();
    assert_eq!(ended.stdout, fs::read_to_string(lab.only_run().join("sabotage.json")).unwrap());
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&json["exit_code"], &json["killed"]), (&serde_json::json!(0), &serde_json::json!(1)));
    lab.assert_nothing_left();
}

#[test]
fn a_signal_takes_all_labs_down() {
    for holders in [1, 4] {
        let lab = Lab::new();
        let run = lab.start(&["sabotage"]);
        let waited = block_on(clock::until(DEADLINE, Duration::from_millis(5), "labs", async || {
            let there = lab.holders().len();
            if there >= holders { Poll::Ready(()) } else { Poll::NotYet(format!("{there} labs")) }
        }));
        waited.unwrap_or_else(|error| panic!("{error}"));
        run.signal(Signal::SIGINT);
        let ended =
            run.finish().code(130).quiet().shows(&format!("interrupted: 0 faults, 0 killed, {} not made", ALL.len()));
        let report = from_json(&fs::read_to_string(lab.only_run().join("sabotage.json")).unwrap()).unwrap();
        assert!(report.interrupted && report.before.is_empty(), "{ended}");
        lab.assert_nothing_left();
    }
}

#[test]
fn faults_on_kind_are_others_and_a_dry_run_of_them_makes_nothing() {
    let lab = Lab::new();
    let listed = lab.run(&["sabotage", "--on", "kind", "--list"]).code(0).quiet().stdout;
    for fault in ON_KIND {
        assert!(listed.contains(&format!("{} (on a running lab)\n  {}\n  killed by: ", fault.name, fault.what)));
    }
    lab.run(&["sabotage", "--on", "kind", "--dry-run", "node-", "--name", "mine"]).code(0).quiet().prints(&format!(
        "would build the sound lab mine on kind, in which {0} of {0} cases must hold\n\
         would make and undo, one at a time in each lab, 1 of {1} faults:\n  \
         node-paused (on a running lab)\n\
         would keep the report in ./lab-runs\n",
        cases::ALL.len(),
        ON_KIND.len()
    ));
    lab.run(&["sabotage", "--on", "kind", "mtu-lowered"]).code(2).prints("");
    assert!(!lab.runs().exists());
    lab.assert_nothing_left();
}

#[test]
fn what_is_for_kind_alone_is_refused_on_netns() {
    let lab = Lab::new();
    for option in [["--name", "mine"], ["--pod-pool", "10.64.0.0/16"]] {
        let ended = lab.run(&["sabotage", option[0], option[1]]).code(2).prints("");
        ended.mentions(&[option[0], "sabotage builds its labs with the article's values", "`--on kind`"]);
    }
    let ended = lab.run(&["sabotage", "--node-image", "node:v1"]).code(2).prints("");
    ended.mentions(&["--node-image", "netns", "`--on kind`"]);
    lab.assert_nothing_left();
}

#[test]
fn no_docker_is_told_before_anything_is_made() {
    let lab = Lab::new();
    let mut command = lab.lab(&["sabotage", "--on", "kind"]);
    command.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
    let ended = Running::start(command).finish().code(4).prints("");
    assert!(ended.stderr.contains("/nowhere/docker.sock"), "{ended}");
    assert!(!lab.runs().exists());
    lab.assert_nothing_left();
}
