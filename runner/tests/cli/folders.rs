//! Folders that cannot be written: full, missing, read-only, no folder at all.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, chown};

use super::left::below;
use super::process::Running;
use super::world::{Lab, PROGRAM};

/// Makes a file system of this size at `lab-runs`, and runs there; says first that it could.
fn full(lab: &Lab, size: &str, args: &str) -> super::process::Ended {
    fs::create_dir(lab.runs()).unwrap();
    let script = format!("mount -t tmpfs -o size={size} none lab-runs; echo mounted; exec \"$LAB\" {args}");
    let ended = lab.as_inner_root(&script);
    assert!(ended.stdout.starts_with("mounted\n"), "a tmpfs in a user namespace is needed: {ended}");
    ended
}

#[test]
fn a_folder_that_fills_up_ends_the_run_and_the_lab() {
    for (size, args) in [("64k", "run"), ("256k", "run"), ("64k", "verify")] {
        let lab = Lab::new();
        let ended = full(&lab, size, args).code(3);
        let message = ended.stderr.lines().filter(|line| line.starts_with("lab: ")).collect::<Vec<_>>();
        let [message] = &message[..] else { panic!("not one message: {ended}") };
        assert!(message.contains("lab-runs/") && message.contains("No space left on device"), "{ended}");
        lab.assert_nothing_left();
    }
}

#[test]
fn a_folder_that_is_full_from_the_start_is_told_before_anything_is_built() {
    let lab = Lab::new();
    fs::create_dir(lab.runs()).unwrap();
    let script = "mount -t tmpfs -o size=4k none lab-runs; head -c 4096 /dev/zero >lab-runs/full; \
        code=0; \"$LAB\" run || code=$?; ls lab-runs; exit $code";
    let ended = lab.as_inner_root(script).code(3).prints("full\n");
    ended.mentions(&["lab-runs/", "run.json", "No space left on device"]);
    lab.assert_nothing_left();
}

#[test]
fn a_lab_is_not_kept_when_nobody_can_be_told_of_it() {
    let lab = Lab::new();
    let ended = full(&lab, "64k", "run --keep").code(3);
    assert!(!ended.stdout.contains("still up"), "{ended}");
    ended.mentions(&["lab-runs/", "No space left on device"]);
    lab.assert_nothing_left();

    // Only the report cannot be written: something else is in its place.
    let lab = Lab::new();
    let mut run = lab.start(&["run", "l2::", "--keep"]);
    let head = run.line_with("lab ");
    let id = head.split(' ').nth(1).unwrap();
    let partial = lab.runs().join(format!("{id}.partial"));
    fs::create_dir(partial.join("report.json")).unwrap();
    let ended = run.finish().code(3);
    assert!(ended.stdout.contains("  held  l2::") && !ended.stdout.contains("still up"), "{ended}");
    ended.mentions(&[&format!("lab-runs/{id}.partial/report.json: "), "Is a directory"]);
    lab.assert_left_partial_runs(1);
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let lab = Lab::new();
    fs::write(lab.work().join("file"), "").unwrap();
    for (folder, why) in [("file", "File exists"), ("file/runs", "Not a directory"), ("/proc/runs", "No such file")] {
        for command in ["run", "verify"] {
            lab.run(&[command, "--runs-dir", folder]).code(3).prints("").mentions(&[folder, why]);
        }
    }
    lab.assert_nothing_left();
}

#[test]
fn a_read_only_folder_is_named() {
    let lab = Lab::new();
    fs::create_dir(lab.runs()).unwrap();
    let script = "mount --bind lab-runs lab-runs; mount -o remount,bind,ro lab-runs; exec \"$LAB\" run";
    lab.as_inner_root(script).code(3).prints("").mentions(&["lab-runs", "Read-only file system"]);
    let script = "mount --bind lab-runs lab-runs; mount -o remount,bind,ro lab-runs; exec \"$LAB\" doctor";
    lab.as_inner_root(script).code(4).quiet().shows("  REFUSED  files.runs ").shows("--runs-dir DIR");
    lab.assert_nothing_left();
}

#[test]
fn a_state_folder_that_cannot_be_written_is_refused() {
    let lab = Lab::new();
    fs::write(lab.state().join("lab"), "a file in its place").unwrap();
    let file = lab.state().join("lab");
    lab.run(&["up"]).code(4).prints("").mentions(&["files.state: ", file.to_str().unwrap(), "set XDG_STATE_HOME"]);
    lab.run(&["doctor"]).code(4).quiet().shows("  REFUSED  files.state ");
    let ended = lab.run(&["run", "l2::"]).code(4).quiet();
    assert!(ended.stdout.contains(file.to_str().unwrap()), "{ended}");
    fs::remove_file(file).unwrap();
    lab.assert_nothing_left();
}

#[test]
fn no_home_at_all_is_told() {
    let lab = Lab::new();
    let message =
        "neither XDG_STATE_HOME nor HOME is set: there is no place for a lab's state; set XDG_STATE_HOME to a folder";
    for args in [&["status"][..], &["down"], &["up"], &["shell", "kind-worker"]] {
        let mut command = lab.lab(args);
        command.env_remove("HOME").env_remove("XDG_STATE_HOME");
        Running::start(command).finish().code(3).prints("").says(message);
    }
    lab.assert_nothing_left();
}

#[test]
fn the_home_is_used_where_no_state_folder_is_named() {
    let lab = Lab::new();
    let run = |args: &[&str]| {
        let mut command = lab.lab(args);
        command.env_remove("XDG_STATE_HOME");
        Running::start(command).finish()
    };
    run(&["up"]).code(0);
    let states = lab.home().join(".local/state/lab");
    assert!(states.join("lab/state.json").is_file());
    run(&["down"]).code(0).quiet();
    assert_eq!(fs::read_dir(states).unwrap().count(), 0);
    fs::remove_dir_all(lab.home().join(".local")).unwrap();
    lab.assert_nothing_left();
}

#[test]
fn a_long_path_is_no_obstacle() {
    let lab = Lab::new();
    let long = lab.work().join("f".repeat(200));
    fs::create_dir(&long).unwrap();
    let run = |args: &[&str]| {
        let mut command = lab.lab(args);
        command.env("XDG_STATE_HOME", &long);
        Running::start(command).finish()
    };
    run(&["up"]).code(0);
    run(&["verify", "l2::"]).code(0);
    run(&["down"]).code(0).quiet();
    assert_eq!(fs::read_dir(long.join("lab")).unwrap().count(), 0);
    lab.assert_nothing_left();
}

/// `sudo` by its variables. Only root can give files away.
#[test]
fn what_root_makes_for_a_user_through_sudo_is_the_users() {
    if !nix::unistd::geteuid().is_root() {
        // Not captured, so that it is seen of a test that passes.
        let line =
            b"not run here: what_root_makes_for_a_user_through_sudo_is_the_users: only root can give files away\n";
        return std::io::stderr().write_all(line).unwrap();
    }
    let owners = |lab: &Lab| -> Vec<u32> {
        let mut owners: Vec<u32> =
            below(&lab.work()).iter().map(|path| path.symlink_metadata().unwrap().uid()).collect();
        owners.sort_unstable();
        owners.dedup();
        owners
    };
    let by_sudo = |lab: &Lab| {
        let mut command = lab.lab(&["run", "l2::"]);
        command.env("SUDO_UID", "1000").env("SUDO_GID", "1000");
        Running::start(command).finish().code(0)
    };
    let lab = Lab::new();
    chown(lab.work(), Some(1000), Some(1000)).unwrap();
    by_sudo(&lab);
    assert_eq!(owners(&lab), [1000]);
    // A second time, in the folder that is the user's by now.
    by_sudo(&lab);
    assert_eq!((owners(&lab), lab.run_names().len()), (vec![1000], 2));

    // In a folder of root's own it stays root's.
    let lab = Lab::new();
    by_sudo(&lab);
    assert_eq!(owners(&lab), [0]);

    // And one of root's that is met is named, with what to do, before anything is built.
    for folder in [lab.home(), lab.state(), lab.temporary(), lab.work()] {
        chown(&folder, Some(1000), Some(1000)).unwrap();
    }
    let outer = lab.work();
    fs::set_permissions(outer.parent().unwrap(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = lab.program("setpriv");
    command.args(["--reuid=1000", "--regid=1000", "--clear-groups", "--", PROGRAM, "run", "l2::"]);
    let before = below(&lab.runs());
    Running::start(command).finish().code(3).prints("").says(
        "./lab-runs: the folder of runs belongs to root, as after `sudo lab run`, and only that user can write there; \
         `sudo chown -R \"$(id -u):$(id -g)\" ./lab-runs` makes it yours, or give another folder with --runs-dir",
    );
    assert_eq!(below(&lab.runs()), before);

    // Nor is the folder of labs' states root's without a word.
    let states = lab.state().join("lab");
    fs::remove_dir_all(&states).or_else(|error| if states.exists() { Err(error) } else { Ok(()) }).unwrap();
    fs::create_dir(&states).unwrap();
    let mut command = lab.program("setpriv");
    command.args(["--reuid=1000", "--regid=1000", "--clear-groups", "--", PROGRAM, "up"]);
    Running::start(command).finish().code(4).prints("").says(&format!(
        "files.state: {states}: Permission denied (os error 13); lab records there which labs are up: it is root's, as \
         `sudo -E lab up` leaves it: sudo chown -R \"$(id -u):$(id -g)\" {states}, or set XDG_STATE_HOME to a folder that you may \
         write to",
        states = states.display()
    ));
    assert_eq!(fs::read_dir(&states).unwrap().count(), 0);
}
