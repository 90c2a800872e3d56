//! Tests that need a host of their own: this test program starts itself again, in namespaces that a script has prepared.

use std::time::Duration;

use lab_base::exec::Invocation;

/// The deadline of one test.
const DEADLINE: Duration = Duration::from_mins(3);

/// Set where this program is started again.
const INSIDE: &str = "LAB_DOCTOR_INSIDE";

/// Runs the test of this name in new namespaces: `unshare` makes them, `script` prepares them. Root's are of the first
/// user namespace; a user's are of a new one, in which the user is root.
#[track_caller]
pub(crate) fn inside(name: &str, unshare: &[&str], script: &str, test: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return test();
    }
    let root = nix::unistd::geteuid().is_root();
    // The lock of the legacy iptables is root's.
    let lock = std::env::temp_dir().join(format!("lab-doctor-{}.lock", std::process::id()));
    let started = Invocation::new("unshare")
        // In two steps: files of a network namespace are its root's only if that user was mapped before it was made.
        .args(if root { &[][..] } else { &["--user", "--map-root-user", "unshare"] })
        .args(unshare)
        .args(["sh", "-ec", &format!("{script}\nexec \"$@\""), "sh"])
        .args([std::env::current_exe().unwrap()])
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1")
        .env("XTABLES_LOCKFILE", &lock);
    let ended =
        lab_base::runtime().unwrap().block_on(started.run(DEADLINE)).expect("this test needs the program unshare");
    let _not_made = std::fs::remove_file(lock);
    let stdout = ended.stdout_text();
    let passed = ended.success() && stdout.contains("test result: ok. 1 passed");
    assert!(passed, "{}\n{stdout}\n{}", ended.exit, ended.stderr_text());
}
