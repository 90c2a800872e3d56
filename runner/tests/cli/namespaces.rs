//! A lab that is met from another PID or time namespace, as from a container or a toolbox that mounts the state folder:
//! there its process has another number or none, and another start time.

use std::fs;
use std::path::Path;

use super::left::wait_for_none;
use super::process::{Ended, Running};
use super::world::{Lab, PROGRAM};

/// Options of `unshare` for another PID namespace, and for another time namespace.
const PID: &[&str] = &["--pid", "--fork", "--mount-proc"];
const TIME: &[&str] = &["--time", "--boottime", "100000000", "--fork"];

#[track_caller]
fn within(lab: &Lab, options: &[&str], args: &[&str]) -> Ended {
    let mut command = lab.program("unshare");
    if !nix::unistd::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.args(options).arg(PROGRAM).args(args);
    Running::start(command).finish()
}

/// Kernels before 5.6, and those that are built without it, have no time namespaces.
fn has_time_namespaces() -> bool {
    Path::new("/proc/self/ns/time").exists()
}

#[test]
fn a_lab_is_taken_down_from_another_pid_namespace() {
    let lab = Lab::new();
    lab.run(&["up"]).code(0);
    within(&lab, PID, &["status"]).code(0).quiet().shows(": up, kept alive by process ");
    let taken = within(&lab, PID, &["up"]).code(2).prints("");
    taken.mentions(&["a lab named lab exists already"]);
    let out_of_sight = "the lab lab is up, but its process is in a PID namespace that cannot be seen from here; run this \
                        command where the lab was made (`lab down --name lab` takes it down from here too)";
    within(&lab, PID, &["verify", "--name", "lab"]).code(2).prints("").says(out_of_sight);
    within(&lab, PID, &["verify"]).code(2).prints("").says(out_of_sight);
    within(&lab, PID, &["shell", "kind-worker", "--", "true"]).code(2).prints("").says(out_of_sight);
    assert_eq!(lab.holders().len(), 1);

    within(&lab, PID, &["down"]).code(0).quiet().prints("lab lab is down\n");
    wait_for_none("the end of the holder", || lab.processes());
    lab.assert_nothing_left();
}

#[test]
fn a_lab_is_looked_at_and_taken_down_from_another_time_namespace() {
    if !has_time_namespaces() {
        return;
    }
    let lab = Lab::new();
    lab.run(&["up"]).code(0);
    within(&lab, TIME, &["status"]).code(0).quiet().shows(": up, kept alive by process ");
    // In a user namespace of its own, an ordinary user may not enter the lab's.
    if nix::unistd::geteuid().is_root() {
        within(&lab, TIME, &["verify", "l2::"]).code(0).shows("2 passed; 0 failed");
    }
    assert_eq!(lab.holders().len(), 1);
    within(&lab, TIME, &["down"]).code(0).quiet().prints("lab lab is down\n");
    wait_for_none("the end of the holder", || lab.processes());
    lab.assert_nothing_left();
}

#[test]
fn a_lab_of_which_nothing_can_be_told_is_left_alone() {
    let lab = Lab::new();
    lab.run(&["up"]).code(0);
    let (holders, state) = (lab.holders(), fs::read(lab.of("lab").join("state.json")).unwrap());
    // As through a shared folder that has no sockets.
    let (socket, aside) = (lab.of("lab").join("control.sock"), lab.of("lab").join("aside"));
    fs::rename(&socket, &aside).unwrap();
    let mut places = vec![(PID, "was started in another PID namespace")];
    if has_time_namespaces() {
        places.push((TIME, "was started in another time namespace"));
    }
    for (options, why) in places {
        let untold = format!(
            "whether the lab lab is up cannot be told from here, and nothing was changed: its process {why}, and does not \
             answer on {folder}/control.sock; run this command where the lab was made; if that place is gone for good, \
             remove {folder}",
            folder = lab.of("lab").display()
        );
        for command in [&["down"][..], &["down", "--all"], &["verify"], &["verify", "--name", "lab"]] {
            within(&lab, options, command).code(2).prints("").says(&untold);
        }
        within(&lab, options, &["shell", "kind-worker", "--", "true"]).code(2).prints("").says(&untold);
        let status = within(&lab, options, &["status"]).code(0).quiet();
        assert_eq!(status.stdout, format!("lab  untold: {untold}\n"));
        // A name that may be in use is not given away.
        within(&lab, options, &["up"]).code(2).prints("").mentions(&["a lab named lab exists already"]);
        assert_eq!(lab.holders(), holders);
        assert_eq!(fs::read(lab.of("lab").join("state.json")).unwrap(), state);
    }
    fs::rename(&aside, &socket).unwrap();
    lab.run(&["verify", "l2::"]).code(0);
    lab.run(&["down"]).code(0).quiet();
    lab.assert_nothing_left();
}

#[test]
fn a_state_that_an_older_program_wrote_is_read() {
    let lab = Lab::new();
    lab.run(&["up"]).code(0);
    let file = lab.of("lab").join("state.json");
    let mut state: serde_json::Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let holder = state["holder"].as_object_mut().unwrap();
    holder.retain(|key, _| ["pid", "start_ticks", "boot_id"].contains(&key.as_str()));
    assert_eq!(holder.len(), 3);
    fs::write(&file, state.to_string()).unwrap();
    lab.run(&["status"]).code(0).quiet().shows(": up, kept alive by process ");
    lab.run(&["verify", "l2::"]).code(0);
    lab.run(&["down"]).code(0).quiet().prints("lab lab is down\n");
    lab.assert_nothing_left();
}
