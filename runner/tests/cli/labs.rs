//! Labs that stay: `lab up`, `status`, `shell`, `down`.

use crate::counts::here;
use serde_json::Value;
use std::fs;

use super::world::{Lab, own_netns};

#[test]
fn what_runs_is_seen_by_these_tests() {
    let lab = Lab::new();
    assert_eq!(lab.processes(), []);
    lab.run(&["up"]).code(0).quiet().shows("\nThe lab stays until `lab down --name lab`.");
    let processes = lab.processes();
    let [holder] = &processes[..] else { panic!("{processes:?}") };
    assert_eq!(holder.args[0], "hold");
    assert_ne!(holder.netns, own_netns());
    assert!(lab.of("lab").join("state.json").is_file());
    lab.run(&["down"]).code(0).quiet().prints("lab lab is down\n");
    lab.assert_nothing_left();
}

#[test]
fn a_second_lab_of_one_name_is_refused_and_the_first_untouched() {
    let lab = Lab::new();
    lab.run(&["up"]).code(0);
    let (before, state) = (lab.processes(), fs::read(lab.of("lab").join("state.json")).unwrap());
    let message = format!(
        "a lab named lab exists already ({}); enter it with `lab shell --name lab NODE`, remove it with `lab down --name lab`, or choose another `--name`",
        lab.of("lab").display()
    );
    lab.run(&["up"]).code(2).prints("").says(&message);
    lab.run(&["up", "--routing", "vxlan"]).code(2).prints("").says(&message);
    lab.run(&["run", "--name", "lab"]).code(2).prints("").says(&message);
    assert_eq!(lab.run_names(), [""; 0], "a refused run leaves no folder");
    assert_eq!(lab.processes(), before);
    assert_eq!(fs::read(lab.of("lab").join("state.json")).unwrap(), state);
    lab.run(&["shell", "kind-worker", "--", "true"]).code(0).quiet();
    lab.run(&["down"]).code(0).quiet();
    lab.assert_nothing_left();
}

#[test]
fn two_labs_live_side_by_side() {
    let lab = Lab::new();
    lab.run(&["up", "--name", "one"]).code(0).quiet();
    lab.run(&["up", "--name", "two", "--nodes", "2", "--replicas", "1", "--routing", "none"]).code(0).quiet();
    let holders = lab.holders();
    assert_eq!(holders.len(), 2);
    assert_ne!(holders[0].netns, holders[1].netns);
    let status = lab.run(&["status"]).code(0).quiet();
    let lines: Vec<&str> = status.stdout.lines().collect();
    assert!(
        matches!(lines[..], [one, two]
        if one.starts_with("one on netns, native routing") && two.starts_with("two on netns, none routing")),
        "{status}"
    );
    assert!(lines.iter().all(|line| line.contains(": up, kept alive by process ")), "{status}");

    // At once: what one does to its routes is nothing to the other.
    let one = lab.start(&["verify", "--name", "one"]);
    let two = lab.start(&["verify", "--name", "two", "routing::"]);
    one.finish().code(0).shows(&format!("{} passed; 0 failed", here()));
    two.finish().code(1).shows("routing::direct_route_to_every_peer ... FAILED").shows("3 passed; 1 failed");
    assert_eq!(lab.holders(), holders, "verifying leaves labs up");

    lab.run(&["down", "--name", "two"]).code(0).quiet().prints("lab two is down\n");
    lab.run(&["verify", "--name", "one", "l2::"]).code(0);
    lab.run(&["down", "--all"]).code(0).quiet().prints("lab one is down\n");
    lab.assert_nothing_left();
}

#[test]
fn down_may_be_repeated_and_takes_all() {
    let lab = Lab::new();
    lab.run(&["down"]).code(0).quiet().prints("no lab is up; nothing to do\n");
    lab.run(&["down", "--all"]).code(0).quiet().prints("no lab is up; nothing to do\n");
    lab.run(&["up", "--name", "b"]).code(0).quiet();
    lab.run(&["up", "--name", "a"]).code(0).quiet();
    lab.run(&["down", "--all"]).code(0).quiet().prints("lab a is down\nlab b is down\n");
    lab.run(&["down", "--name", "a"]).code(0).quiet().prints("there is no lab named a; nothing to do\n");
    lab.run(&["status"]).code(0).quiet().prints("no lab is up; `lab up` makes one\n");
    lab.assert_nothing_left();
}

#[test]
fn a_shell_runs_host_programs_in_each_place() {
    let lab = Lab::new();
    lab.run(&["up"]).code(0);
    let inside = |place: &str, script: &str| lab.run(&["shell", place, "--", "sh", "-c", script]);
    let mut seen = vec![own_netns()];
    for place in ["bridge", "kind-control-plane", "kind-worker", "kind-worker2", "hello-app-1", "hello-app-2"] {
        let ended = inside(place, "readlink /proc/self/ns/net; cat /proc/net/dev; exit 7").code(7).quiet();
        let netns = ended.stdout.lines().next().unwrap().into();
        assert!(!seen.contains(&netns), "{place} is another place's namespace: {ended}");
        seen.push(netns);
        let device = if place == "bridge" { "kind:" } else { "eth0:" };
        assert!(ended.stdout.lines().any(|line| line.trim_start().starts_with(device)), "{place}: {ended}");
    }
    // The environment and the folder are the caller's, a signal is the program's own.
    inside("kind-worker", "pwd").code(0).prints(&format!("{}\n", lab.work().display()));
    inside("kind-worker", "kill -TERM $$").signal(nix::sys::signal::Signal::SIGTERM);

    let there = "it has bridge, kind-control-plane, kind-worker, kind-worker2, hello-app-1, hello-app-2";
    lab.run(&["shell", "kind-worker3", "--", "true"])
        .code(2)
        .says(&format!("there is no kind-worker3 in the lab lab; {there}"));
    lab.run(&["shell", "kind-worker", "--", "lab-no-such-program"]).code(127).mentions(&["lab-no-such-program"]);
    lab.run(&["down"]).code(0);
    lab.assert_nothing_left();
}

#[test]
fn a_lab_that_is_not_there_is_named() {
    let lab = Lab::new();
    let message = format!(
        "there is no lab named other ({} does not exist); `lab up --name other` makes one, `lab status` lists the labs that exist",
        lab.of("other").display()
    );
    lab.run(&["shell", "--name", "other", "kind-worker", "--", "true"]).code(2).prints("").says(&message);
    lab.run(&["verify", "--name", "other"]).code(2).prints("").says(&message);
    lab.run(&["status", "--name", "other"]).code(2).prints("").says(&message);
    lab.assert_nothing_left();
}

#[test]
fn status_is_for_machines_too_and_survives_what_it_cannot_read() {
    let lab = Lab::new();
    lab.run(&["up", "--name", "fine"]).code(0);
    for name in ["starting", "unreadable"] {
        fs::create_dir(lab.of(name)).unwrap();
    }
    fs::write(lab.of("unreadable").join("state.json"), "{\"schema\": 0}").unwrap();
    fs::write(lab.of("no-lab"), "").unwrap();
    let json: Value = serde_json::from_str(&lab.run(&["status", "--format", "json"]).code(0).quiet().stdout).unwrap();
    let states: Vec<(&str, &str)> = json
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["name"].as_str().unwrap(), row["state"].as_str().unwrap()))
        .collect();
    assert_eq!(states, [("fine", "up"), ("starting", "starting"), ("unreadable", "unreadable")]);
    assert_eq!(json[0]["lab"]["holder"]["pid"], lab.holders()[0].pid);
    lab.run(&["status"]).code(0).quiet().shows("unreadable  unreadable: ").shows("starting  starting, or was killed");
    fs::remove_file(lab.of("no-lab")).unwrap();
    lab.run(&["down", "--all"]).code(0).quiet();
    lab.assert_nothing_left();
}

#[test]
fn a_state_that_cannot_be_read_does_not_hide_its_process_from_down() {
    let lab = Lab::new();
    lab.run(&["up"]).code(0);
    fs::write(lab.of("lab").join("state.json"), "{}").unwrap();
    lab.run(&["shell", "kind-worker", "--", "true"]).code(3).mentions(&["state.json ", "`lab down` still removes it"]);
    lab.run(&["down"]).code(0).quiet().prints("lab lab is down\n");
    lab.assert_nothing_left();
}
