//! SIGKILL: nobody is told, and still nothing is left that nobody knows of.

use lab_base::clock;
use lab_base::clock::Poll;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::time::Duration;

use super::left::wait_for_none;
use super::process::{DEADLINE, Running, block_on};
use super::world::Lab;

#[track_caller]
fn kill_after(lab: &Lab, args: &[&str], line: &str) {
    let mut running = lab.start(args);
    running.line_with(line);
    running.signal(Signal::SIGKILL);
    running.finish().signal(Signal::SIGKILL);
}

/// Kills the one holder that there is, and waits until it is gone.
#[track_caller]
fn kill_holder(lab: &Lab) -> i32 {
    let holders = lab.holders();
    let [holder] = &holders[..] else { panic!("{holders:?}") };
    kill(Pid::from_raw(holder.pid), Signal::SIGKILL).unwrap();
    wait_for_none("the end of the holder", || threads(holder.pid));
    holder.pid
}

/// The threads of a process that have not ended. The kernel takes a killed one's memory, and its environment with it,
/// before it closes its sockets.
fn threads(pid: i32) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten();
    let stats = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("stat")).ok());
    stats.filter(|stat| !stat.contains(") Z ") && !stat.contains(") X ")).collect()
}

#[test]
fn the_lab_of_a_killed_run_ends_by_itself() {
    // Not after the first line: a runner killed between claiming the name and starting the holder leaves its folder to
    // `lab down`, since nobody is there yet to clear it away.
    let lines = ["  topology ", "  base routes ", "  workload ", " l2::nodes_share", " service::cluster_ip"];
    for line in lines {
        let lab = Lab::new();
        kill_after(&lab, &["run"], line);
        lab.assert_left_partial_runs(1);
        // What it saw until then is kept, under a name that says that it is not whole.
        let names = lab.run_names();
        assert!(matches!(&names[..], [name] if name.ends_with(".partial")), "{names:?}");
        assert!(lab.runs().join(&names[0]).join("run.json").is_file());
        assert!(!lab.runs().join(&names[0]).join("report.json").exists());
    }
}

#[test]
fn the_lab_of_a_killed_run_that_was_to_be_kept_ends_too() {
    let lab = Lab::new();
    kill_after(&lab, &["run", "--keep", "--name", "kept"], "  workload ");
    lab.assert_left_partial_runs(1);
    lab.run(&["up", "--name", "kept"]).code(0).quiet();
    lab.run(&["down", "--name", "kept"]).code(0).quiet();
    lab.assert_left_partial_runs(1);
}

#[test]
fn the_lab_of_a_killed_verification_ends_and_one_that_was_up_does_not() {
    let lab = Lab::new();
    kill_after(&lab, &["verify"], "test l2::nodes_share");
    lab.assert_left_partial_runs(1);
    lab.run(&["up"]).code(0);
    let up = lab.processes();
    kill_after(&lab, &["verify"], "test l2::nodes_share");
    wait_for_none("the end of what it started", || {
        lab.processes().into_iter().filter(|process| !up.contains(process)).collect()
    });
    assert_eq!(lab.processes(), up);
    lab.run(&["verify", "l2::"]).code(0);
    lab.run(&["down"]).code(0).quiet();
    lab.assert_left_partial_runs(2);
}

#[test]
fn a_lab_whose_up_was_killed_ends_by_itself() {
    for line in ["  topology ", "  base routes ", "  routing "] {
        let lab = Lab::new();
        kill_after(&lab, &["up"], line);
        // Nobody takes it down: it was never said to stay.
        wait_for_none("the end of the holder", || lab.processes());
        lab.run(&["down"]).code(0).quiet();
        lab.run(&["status"]).code(0).quiet().prints("no lab is up; `lab up` makes one\n");
        lab.assert_nothing_left();
    }
}

#[test]
fn no_holder_is_left_that_nobody_knows_of() {
    // Killed as soon as its folder exists, as its holder appears, as its state is written.
    let moments: [fn(&Lab) -> bool; 3] = [
        |lab| lab.of("lab").exists(),
        |lab| lab.of("lab").join("control.sock").exists(),
        |lab| lab.of("lab").join("state.json").exists(),
    ];
    for moment in moments {
        let lab = Lab::new();
        let mut up = lab.start(&["up"]);
        // All that it says before the lab is begun; with more unread, it would not go on.
        for said in ["lab lab on netns", "  (kind was not taken", ""] {
            let line = up.line().unwrap();
            assert!(line.starts_with(said), "{line}");
        }
        let reached = clock::until(DEADLINE, Duration::ZERO, "the moment to kill", async || {
            if moment(&lab) { Poll::Ready(()) } else { Poll::NotYet("not yet") }
        });
        block_on(reached).unwrap();
        up.signal(Signal::SIGKILL);
        up.finish().signal(Signal::SIGKILL);
        wait_for_none("the end of the holder", || lab.processes());
        // At most an empty claim is left, which keeps its name until it is told to go. Whoever removes it may still be
        // at it.
        let status = lab.run(&["status"]).code(0).quiet();
        if lab.of("lab").exists() {
            status.shows("lab  starting, or was killed as it started; `lab down --name lab`");
            lab.run(&["up"]).code(2).mentions(&["a lab named lab exists already", "`lab down --name lab`"]);
        }
        lab.run(&["down"]).code(0).quiet();
        lab.run(&["up"]).code(0).quiet();
        lab.run(&["down"]).code(0).quiet();
        lab.assert_nothing_left();
    }
}

#[test]
fn a_lab_whose_process_was_killed_is_gone_and_says_so() {
    let lab = Lab::new();
    lab.run(&["up"]).code(0);
    let pid = kill_holder(&lab);
    let status = lab.run(&["status"]).code(0).quiet();
    assert!(status.stdout.starts_with("lab on netns, native routing, made "), "{status}");
    assert!(
        status
            .stdout
            .ends_with(" ago: gone, because its process has ended; `lab down --name lab` removes what is left\n")
    );
    let message = format!(
        "the lab lab is gone: the process that held it (pid {pid}) has ended; `lab down --name lab` removes what is left"
    );
    lab.run(&["shell", "kind-worker", "--", "true"]).code(5).prints("").says(&message);
    lab.run(&["verify", "--name", "lab"]).code(5).prints("").says(&message);
    assert!(!lab.runs().exists(), "a verification that cannot begin leaves no folder");
    // Without a name, one is made for it; and one that is gone does not keep its name.
    lab.run(&["verify", "l2::"]).code(0);
    lab.run(&["up"]).code(0).quiet();
    kill_holder(&lab);
    lab.run(&["down"]).code(0).quiet().prints("lab lab is down\n");
    lab.assert_nothing_left();
}

#[test]
fn a_run_whose_lab_dies_is_not_green_and_names_the_cause() {
    let cause = "FAILED: the lab ";
    for (line, seen) in [("  base routes ", cause), ("  nodes ", cause), (" routing::only_base", "  UNOBSERVED  ")] {
        let lab = Lab::new();
        let mut run: Running = lab.start(&["run"]);
        run.line_with(line);
        kill_holder(&lab);
        let ended = run.finish().code(1).quiet();
        assert!(ended.stdout.contains(seen), "{ended}");
        assert!(lab.report().tally().refuted + lab.report().tally().unobserved > 0, "{ended}");
        lab.assert_nothing_left();
    }
}

#[test]
fn folders_of_labs_from_before_a_reboot_are_known_as_gone() {
    let lab = Lab::new();
    lab.run(&["up"]).code(0);
    let file = lab.of("lab").join("state.json");
    let (text, mut state) = (fs::read_to_string(&file).unwrap(), serde_json::Value::Null);
    state.clone_from(&serde_json::from_str(&text).unwrap());
    state["holder"]["boot_id"] = "another boot".into();
    fs::write(&file, state.to_string()).unwrap();
    // Nobody listens there after a reboot.
    fs::remove_file(lab.of("lab").join("control.sock")).unwrap();
    // The number is another process's by then: whoever has it now is not touched.
    let holder = lab.holders();
    lab.run(&["status"]).code(0).quiet().shows(": gone, because its process has ended");
    lab.run(&["down"]).code(0).quiet().prints("lab lab is down\n");
    assert_eq!(lab.holders(), holder);
    kill_holder(&lab);
    lab.assert_nothing_left();
}
