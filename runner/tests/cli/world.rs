//! A user's world for one test: a home, a state folder, a folder for temporary files and one to work in, all empty.

use lab_model::report::Report;
use lab_report::from_json;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

use super::left::{Process, below, mounts, processes, wait_for_none};
use super::process::{Ended, Running};

/// The program.
pub(super) const PROGRAM: &str = env!("CARGO_BIN_EXE_lab");

/// A user's world, with labs in it perhaps.
#[derive(Debug)]
pub(super) struct Lab {
    folder: TempDir,
}

impl Lab {
    pub(super) fn new() -> Self {
        let lab = Self { folder: tempfile::Builder::new().prefix("lab-cli-").tempdir().unwrap() };
        for folder in [lab.home(), lab.state(), lab.temporary(), lab.work()] {
            fs::create_dir(folder).unwrap();
        }
        lab
    }

    /// Lets every user in, for tests that start `lab` as another one.
    pub(super) fn open_to_all(&self) {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(self.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(super) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub(super) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub(super) fn temporary(&self) -> PathBuf {
        self.folder.path().join("tmp")
    }

    pub(super) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    pub(super) fn runs(&self) -> PathBuf {
        self.work().join("lab-runs")
    }

    /// The folder of a lab that is up.
    pub(super) fn of(&self, name: &str) -> PathBuf {
        self.state().join("lab").join(name)
    }

    /// Any program, in this world.
    #[expect(clippy::disallowed_methods, reason = "the one place in which these tests start processes")]
    pub(super) fn program(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(self.work());
        // Coverage and sanitizers are told where to write by the environment.
        let kept = |name: &str| matches!(name, "PATH" | "LD_LIBRARY_PATH" | "LLVM_PROFILE_FILE" | "RUST_BACKTRACE");
        command.envs(std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(kept)));
        command.env("HOME", self.home()).env("XDG_STATE_HOME", self.state()).env("TMPDIR", self.temporary());
        command
    }

    /// `lab`, with these arguments.
    pub(super) fn lab(&self, args: &[&str]) -> Command {
        let mut command = self.program(PROGRAM);
        command.args(args);
        command
    }

    /// `lab` to its end.
    #[track_caller]
    pub(super) fn run(&self, args: &[&str]) -> Ended {
        Running::start(self.lab(args)).finish()
    }

    pub(super) fn start(&self, args: &[&str]) -> Running {
        Running::start(self.lab(args))
    }

    /// A script in a user and a mount namespace of its own, as that one's root, whoever runs the tests. `$LAB` is the
    /// program.
    #[track_caller]
    pub(super) fn as_inner_root(&self, script: &str) -> Ended {
        let mut command = self.program("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-ec", script]).env("LAB", PROGRAM);
        Running::start(command).finish()
    }

    /// This world's processes that run.
    pub(super) fn processes(&self) -> Vec<Process> {
        processes(&self.home())
    }

    /// The holders among them: one for each lab that is up.
    pub(super) fn holders(&self) -> Vec<Process> {
        self.processes().into_iter().filter(|process| process.args.first().is_some_and(|arg| arg == "hold")).collect()
    }

    /// The names in the folder of runs.
    pub(super) fn run_names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.runs()).into_iter().flatten();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// The folder of the one run that was made, finished.
    #[track_caller]
    pub(super) fn only_run(&self) -> PathBuf {
        let names = self.run_names();
        assert!(matches!(&names[..], [name] if !name.ends_with(".partial")), "{names:?}");
        self.runs().join(&names[0])
    }

    /// The report of the one run.
    #[track_caller]
    pub(super) fn report(&self) -> Report {
        report_in(&self.only_run())
    }

    /// Asserts that nothing is left but runs, and those whole.
    #[track_caller]
    pub(super) fn assert_nothing_left(&self) {
        self.assert_left(&[]);
    }

    /// Asserts that nothing is left but runs, and as many of them unfinished ones as the killed left behind.
    #[track_caller]
    pub(super) fn assert_left_partial_runs(&self, killed: usize) {
        let partial: Vec<String> = self.run_names().into_iter().filter(|name| name.ends_with(".partial")).collect();
        assert!(partial.len() <= killed, "{killed} runs were killed, these are left: {partial:?}");
        self.assert_left(&partial.iter().map(String::as_str).collect::<Vec<_>>());
    }

    #[track_caller]
    fn assert_left(&self, partial: &[&str]) {
        wait_for_none("the end of all processes", || self.processes());
        let states = || below(&self.state().join("lab")).into_iter().map(|path| path.display().to_string()).collect();
        wait_for_none("an empty folder of labs", states);
        for folder in [self.home(), self.temporary()] {
            let left = below(&folder);
            assert!(left.is_empty(), "{left:?}");
        }
        assert_eq!(mounts(self.folder.path()), [""; 0], "mounts");
        for name in self.run_names() {
            if partial.contains(&&*name) {
                continue;
            }
            assert!(!name.ends_with(".partial"), "{name} is left unfinished");
            let temporary = |path: &PathBuf| path.extension().is_some_and(|end| end == "tmp" || end == "partial");
            let left: Vec<PathBuf> = below(&self.runs().join(name)).into_iter().filter(temporary).collect();
            assert!(left.is_empty(), "half-written: {left:?}");
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // Only a test that fails leaves any: they are this world's own.
        for process in self.processes() {
            let _ended_meanwhile = kill(Pid::from_raw(process.pid), Signal::SIGKILL);
        }
    }
}

/// The report in a run's folder.
#[track_caller]
pub(super) fn report_in(run: &Path) -> Report {
    let file = run.join("report.json");
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    from_json(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The id of this process's network namespace, as `Process::netns` shows others'.
pub(super) fn own_netns() -> PathBuf {
    fs::read_link("/proc/self/ns/net").unwrap()
}
