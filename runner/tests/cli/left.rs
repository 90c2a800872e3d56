//! What is left behind: processes, namespaces, folders, mounts.

use lab_base::clock;
use lab_base::clock::Poll;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::process::{DEADLINE, block_on};
use super::world::PROGRAM;

/// A process of a lab's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: i32,
    /// Its arguments, without the program.
    pub(super) args: Vec<String>,
    /// `net:[4026531840]`.
    pub(super) netns: PathBuf,
}

impl std::fmt::Display for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "process {} in {}: {}", self.pid, self.netns.display(), self.args.join(" "))
    }
}

/// All processes whose environment has this home. What a lab starts inherits it.
pub(super) fn processes(home: &Path) -> Vec<Process> {
    let variable = format!("HOME={}", home.display()).into_bytes();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap() {
        let path = entry.unwrap().path();
        let Some(pid) = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok()) else {
            continue;
        };
        // One that has ended since, and one that is another user's, is no process of this lab's.
        let Some(environment) = environment(&path) else { continue };
        if !environment.split(|&byte| byte == 0).any(|entry| entry == variable) {
            continue;
        }
        let line = fs::read_to_string(path.join("cmdline")).unwrap_or_default();
        let args = line.trim_end_matches('\0').split('\0').skip(1).map(str::to_owned).collect();
        found.push(Process { pid, args, netns: fs::read_link(path.join("ns/net")).unwrap_or_default() });
    }
    found
}

/// A process's environment. While the kernel is putting this program in another's place (execve(2)) it has none yet.
fn environment(process: &Path) -> Option<Vec<u8>> {
    let begun = clock::now();
    loop {
        let environment = fs::read(process.join("environ")).ok()?;
        let ours = || fs::read_link(process.join("exe")).is_ok_and(|program| program == Path::new(PROGRAM));
        if !environment.is_empty() || !ours() || begun.elapsed() > DEADLINE {
            return Some(environment);
        }
        std::thread::yield_now();
    }
}

/// Everything below a folder, itself not counted.
pub(super) fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let entry = entry.unwrap();
        found.push(entry.path());
        if entry.file_type().unwrap().is_dir() {
            found.extend(below(&entry.path()));
        }
    }
    found
}

/// Mounts below a folder that this process sees.
pub(super) fn mounts(folder: &Path) -> Vec<String> {
    let all = fs::read_to_string("/proc/self/mountinfo").unwrap();
    all.lines().filter(|line| line.contains(&*folder.to_string_lossy())).map(str::to_owned).collect()
}

/// Waits until a list is empty. What a killed program leaves is taken away by others, soon after.
#[track_caller]
pub(super) fn wait_for_none<T: ToString>(what: &str, mut list: impl FnMut() -> Vec<T>) {
    let waited = block_on(clock::until(DEADLINE, Duration::from_millis(2), what, async || match list() {
        left if left.is_empty() => Poll::Ready(()),
        left => Poll::NotYet(left.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }));
    if let Err(error) = waited {
        panic!("{error}");
    }
}
