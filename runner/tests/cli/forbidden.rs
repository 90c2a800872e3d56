//! Machines that do not allow what a lab needs, made of namespaces: the doctor finds it and says what to do.

use crate::counts::here;
use lab_doctor::{Outcome, Row};

use super::process::{Ended, Running};
use super::world::{Lab, PROGRAM};

/// In a user namespace that allows no further one, as a user of it who is not its root.
fn without_user_namespaces(lab: &Lab, args: &[&str]) -> Ended {
    let script = "echo 0 >/proc/sys/user/max_user_namespaces; test \"$(id -u)\" = 1000; echo forbidden; \
        exec setpriv --ambient-caps=-all --inh-caps=-all \"$LAB\" \"$@\"";
    let mut command = lab.program("unshare");
    command.args(["--map-user=1000", "--map-group=1000", "--keep-caps", "sh", "-ec", script, "sh"]);
    command.args(args).env("LAB", PROGRAM);
    let mut ended = Running::start(command).finish();
    let rest = ended.stdout.strip_prefix("forbidden\n").map(str::to_owned);
    ended.stdout = rest.unwrap_or_else(|| panic!("user namespaces could not be forbidden for this test: {ended}"));
    ended
}

fn with_read_only_sysctls(lab: &Lab, args: &str) -> Ended {
    let script = format!(
        "mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys; echo forbidden; exec \"$LAB\" {args}"
    );
    let mut ended = lab.as_inner_root(&script);
    let rest = ended.stdout.strip_prefix("forbidden\n").map(str::to_owned);
    ended.stdout = rest.unwrap_or_else(|| panic!("/proc/sys could not be made read-only for this test: {ended}"));
    ended
}

#[track_caller]
fn rows(json: &Ended) -> Vec<Row> {
    serde_json::from_str(&json.stdout).unwrap_or_else(|error| panic!("{error}: {json}"))
}

#[track_caller]
fn refused<'a>(rows: &'a [Row], id: &str) -> &'a Row {
    let refused: Vec<&Row> = rows.iter().filter(|row| row.outcome == Outcome::Refusal).collect();
    let [row] = refused[..] else { panic!("not one refusal: {refused:?}") };
    assert_eq!(row.id, id);
    assert!(!row.why.is_empty() && !row.found.is_empty());
    row
}

#[test]
fn this_machine_is_good_enough_for_these_tests() {
    let lab = Lab::new();
    let json = lab.run(&["doctor", "--format", "json"]).code(0).quiet();
    let rows = rows(&json);
    for row in &rows {
        assert!(row.outcome != Outcome::Refusal && !row.id.is_empty() && !row.found.is_empty(), "{row:?}");
        assert_eq!(row.outcome == Outcome::Ok, row.remedy.is_empty(), "{row:?}");
    }
    let text = lab.run(&["doctor"]).code(0).quiet();
    assert!(!text.stdout.contains("REFUSED"), "{text}");
    assert!(rows.iter().all(|row| text.stdout.contains(&row.id) && text.stdout.contains(&row.found)), "{text}");
    assert!(!lab.runs().exists(), "the doctor makes no folder of runs");
    lab.assert_nothing_left();
}

#[test]
fn forbidden_user_namespaces_are_named_with_their_sysctl() {
    const REMEDY: &str = "sudo sysctl user.max_user_namespaces=15000, or run lab as root";
    let lab = Lab::new();
    let json = without_user_namespaces(&lab, &["doctor", "--format", "json"]).code(4).quiet();
    let found = rows(&json);
    let row = refused(&found, "netns.namespaces");
    assert_eq!(row.found, "making a user namespace: No space left on device (os error 28)");
    assert_eq!(row.remedy, REMEDY);
    let text = without_user_namespaces(&lab, &["doctor"]).code(4).quiet();
    assert!(text.stdout.contains("  REFUSED  netns.namespaces  making a user namespace: "), "{text}");
    assert!(text.stdout.contains(REMEDY), "{text}");

    let run = without_user_namespaces(&lab, &["run"]).code(4).quiet();
    let stage = run.stdout.lines().find(|line| line.starts_with("  doctor          FAILED: netns.namespaces: "));
    assert!(stage.is_some_and(|line| line.contains(REMEDY)), "{run}");
    assert_eq!((lab.report().exit_code(), lab.report().tally().blocked), (4, here()));
    without_user_namespaces(&lab, &["up"]).code(4).prints("").mentions(&["netns.namespaces: ", REMEDY]);
    let verify = without_user_namespaces(&lab, &["verify", "l2::"]).code(4);
    assert!(verify.stderr.starts_with("lab: doctor failed: netns.namespaces: "), "{verify}");
    lab.assert_nothing_left();
}

#[test]
fn read_only_sysctls_are_named_with_what_to_do() {
    const REMEDY: &str = "mount /proc/sys writable: in a container, run it with --security-opt systempaths=unconfined";
    let lab = Lab::new();
    let json = with_read_only_sysctls(&lab, "doctor --format json").code(4).quiet();
    let found = rows(&json);
    let row = refused(&found, "netns.proc_sys");
    assert_eq!((row.found.as_str(), row.remedy.as_str()), ("Read-only file system (os error 30)", REMEDY));
    let run = with_read_only_sysctls(&lab, "run l2::").code(4).quiet();
    assert!(run.stdout.contains("netns.proc_sys: Read-only file system"), "{run}");
    with_read_only_sysctls(&lab, "up").code(4).prints("").mentions(&["netns.proc_sys: ", REMEDY]);
    lab.assert_nothing_left();
}

/// In a user namespace that allows so many network namespaces.
fn with_network_namespaces(lab: &Lab, most: usize, args: &str) -> Ended {
    lab.as_inner_root(&format!("echo {most} >/proc/sys/user/max_net_namespaces; exec \"$LAB\" {args}"))
}

#[test]
fn a_limit_of_network_namespaces_counts_nodes_and_replicas() {
    let lab = Lab::new();
    // The holder's, three nodes' and two pods', and the one that was tried, which the kernel takes away later.
    with_network_namespaces(&lab, 7, "run").code(0).quiet();
    let json = with_network_namespaces(&lab, 6, "doctor --format json").code(4).quiet();
    let found = rows(&json);
    let row = refused(&found, "netns.namespaces");
    assert_eq!(row.found, "user.max_net_namespaces is 6; 3 nodes and 2 pods need 7 with those of lab itself");
    assert_eq!(row.remedy, "sudo sysctl user.max_net_namespaces=15000");
    with_network_namespaces(&lab, 7, "doctor --nodes 4 --replicas 2").code(4);
    with_network_namespaces(&lab, 6, "up").code(4).prints("").mentions(&["netns.namespaces: "]);
    lab.assert_nothing_left();
}

#[test]
fn an_outer_limit_is_found_by_trying() {
    let lab = Lab::new();
    // The inner user namespace has a limit of its own, which is high; the outer one's is 6.
    let script = "echo 6 >/proc/sys/user/max_net_namespaces; exec unshare --user --map-root-user \"$LAB\" doctor --nodes 4 --format json";
    let found = rows(&lab.as_inner_root(script).code(4).quiet());
    let row = refused(&found, "netns.namespaces");
    assert!(row.found.starts_with("making network namespace 6 of 6: No space left on device"), "{row:?}");
    assert!(row.remedy.starts_with("a limit of namespaces is reached: "), "{row:?}");
    lab.assert_nothing_left();
}

#[test]
fn no_network_namespaces_at_all_are_a_limit_and_no_privilege() {
    let lab = Lab::new();
    let json = with_network_namespaces(&lab, 0, "doctor --format json").code(4).quiet();
    let found = rows(&json);
    let row = refused(&found, "netns.namespaces");
    assert_eq!(row.found, "making a network namespace: No space left on device (os error 28)");
    assert_eq!(row.remedy, "sudo sysctl user.max_net_namespaces=15000");
    lab.assert_nothing_left();
}

#[test]
fn a_missing_capability_is_named_and_no_module() {
    let lab = Lab::new();
    let json =
        lab.as_inner_root("exec setpriv --bounding-set=-net_raw --inh-caps=-net_raw \"$LAB\" doctor --format json");
    let found = rows(&json.code(4).quiet());
    let row = refused(&found, "netns.packet_socket");
    assert_eq!(row.found, "Operation not permitted (os error 1)");
    assert!(row.remedy.contains("CAP_NET_RAW") && row.remedy.ends_with("--cap-add NET_RAW"), "{row:?}");
    lab.assert_nothing_left();
}

/// `lab`, as a user who may have so many processes and threads. Root has no such limit, so as root it is nobody.
fn with_processes(lab: &Lab, most: u32, args: &[&str]) -> Ended {
    let script = "ulimit -u \"$1\"; shift; exec \"$@\"";
    let program = lab.work().join("lab");
    if !program.exists() {
        std::fs::copy(PROGRAM, &program).unwrap();
    }
    let mut command = if nix::unistd::geteuid().is_root() {
        for folder in [lab.work(), lab.state(), lab.home(), lab.temporary()] {
            std::os::unix::fs::chown(&folder, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let mut command = lab.program("setpriv");
        command.args([&format!("--reuid={NOBODY}"), &format!("--regid={NOBODY}"), "--clear-groups", "bash"]);
        command
    } else {
        lab.program("bash")
    };
    command.args(["-c", script, "bash", &most.to_string()]).arg(program).args(args);
    Running::start(command).finish()
}

/// A user with no processes of its own, and who is not the one that other tests may be run as.
const NOBODY: u32 = 64_999;

#[test]
fn a_limit_of_processes_is_found_before_anything_is_built_and_is_no_panic() {
    let lab = Lab::new();
    lab.open_to_all();
    let json = with_processes(&lab, 12, &["doctor", "--format", "json"]).code(4).quiet();
    let found = rows(&json);
    let row = found.iter().find(|row| row.id == "netns.processes").unwrap();
    assert_eq!(row.outcome, Outcome::Refusal);
    assert!(row.found.starts_with("the limit of processes of this user (ulimit -u) is 12, of which "), "{row:?}");
    assert!(row.found.ends_with("; a run has 20 processes and threads at a time"), "{row:?}");
    assert!(row.remedy.starts_with("ulimit -u unlimited"), "{row:?}");
    for most in 1..12 {
        let ended = with_processes(&lab, most, &["run"]).code(4);
        assert!(!format!("{ended}").contains("panicked"), "{most}: {ended}");
    }
}
