//! How many processes, threads and open files a lab needs at a time, and what limits them.

use std::fs;
use std::path::{Path, PathBuf};

use lab_netns::plan::Spec;
use nix::sys::resource::{Resource, getrlimit};
use nix::unistd::{geteuid, getuid};

use super::{Outcome, Row};

const ID: &str = "netns.processes";
const WHY: &str =
    "lab, the lab's holder and probes with a thread for each capture run at a time, and a limit stops them halfway";

/// A limit of processes and threads.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Limit {
    /// What it is, in words.
    name: String,
    /// How many there may be.
    most: u64,
    /// How many there are.
    now: u64,
    /// What to do where that leaves too few.
    remedy: String,
}

impl Limit {
    /// How many a run may have: this process, which is counted already, is one of them.
    fn left(&self) -> u64 {
        (self.most + 1).saturating_sub(self.now)
    }
}

/// `netns.processes`.
pub(super) fn processes(spec: &Spec) -> Row {
    // A router is a process, and has captures on its links: two at a ToR, one at the router for each ToR.
    let racks = spec.racks.as_ref().map_or(0, |racks| 4 * racks.layout.racks.len() as u64 + 1);
    row(needed(spec.nodes.len() as u64, spec.replicas as u64) + racks, &limits())
}

/// The most processes and threads that a run has at a time. Measured with the smallest `ulimit -u` of a user with which
/// every case held: 19 for 3 nodes with 2 replicas, 31 for 10 with 4, 55 for 20
/// with 10.
fn needed(nodes: u64, replicas: u64) -> u64 {
    12 + nodes * 5 / 4 + replicas * 5 / 2
}

fn row(needed: u64, limits: &[Limit]) -> Row {
    let short: Vec<&Limit> = limits.iter().filter(|limit| limit.left() < needed).collect();
    if short.is_empty() {
        return Row::ok(ID, format!("no limit of processes is below the {needed} that a run has at a time"), WHY);
    }
    let found: Vec<String> = short
        .iter()
        .map(|limit| format!("{} is {}, of which {} are in use", limit.name, limit.most, limit.now))
        .collect();
    let remedies: Vec<&str> = short.iter().map(|limit| limit.remedy.as_str()).collect();
    let found = format!("{}; a run has {needed} processes and threads at a time", found.join(", and "));
    // What was measured varies by a few, with the times at which threads end.
    let certain = short.iter().any(|limit| limit.left() < needed - needed / 10);
    let outcome = if certain { Outcome::Refusal } else { Outcome::Warning };
    Row::bad(outcome, ID, found, WHY, remedies.join("\n"))
}

/// `netns.files`: the most that one process of a run has open at a time. Measured as the other: 33 for 3 nodes with 2
/// replicas, 77 for 10 with 4, 158 for 20 with 10.
pub(super) fn files(spec: &Spec) -> Option<Row> {
    let routers = spec.racks.as_ref().map_or(0, |racks| 12 * (racks.layout.racks.len() as u64 + 1));
    let needed = 10 + 5 * spec.nodes.len() as u64 + 6 * spec.replicas as u64 + routers;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    Some(open_files(needed, soft, hard))
}

fn open_files(needed: u64, soft: u64, hard: u64) -> Row {
    const ID: &str = "netns.files";
    const WHY: &str = "lab holds the namespaces and captures of all nodes and pods open, and a limit stops it halfway";
    let found = format!("a process may have {soft} files open; a run has about {needed} open at a time");
    if soft >= needed {
        return Row::ok(ID, found, WHY);
    }
    let least = needed.next_power_of_two();
    let remedy = if hard >= least {
        format!("ulimit -n {least}")
    } else {
        format!(
            "as root: prlimit --nofile={least} lab run …, or a higher nofile for this user in /etc/security/limits.conf"
        )
    };
    Row::bad(Outcome::Warning, ID, found, WHY, remedy)
}

fn limits() -> Vec<Limit> {
    let mut limits = cgroups();
    // Root is not limited by its number of processes (fork(2): CAP_SYS_ADMIN and CAP_SYS_RESOURCE).
    if let Ok((most, _hard)) = getrlimit(Resource::RLIMIT_NPROC)
        && !geteuid().is_root()
    {
        limits.push(Limit {
            name: "the limit of processes of this user (ulimit -u)".to_owned(),
            most,
            now: of_user(getuid().as_raw()),
            remedy: "ulimit -u unlimited, or a higher nproc for this user in /etc/security/limits.conf".to_owned(),
        });
    }
    limits
}

/// How many threads of this user there are.
fn of_user(user: u32) -> u64 {
    let number = |status: &str, key: &str| -> Option<u64> {
        status.lines().find_map(|line| line.strip_prefix(key)?.split_whitespace().next()?.parse().ok())
    };
    let statuses = fs::read_dir("/proc").into_iter().flatten().filter_map(|entry| {
        let entry = entry.ok()?;
        entry.file_name().to_str()?.parse::<u32>().ok()?;
        fs::read_to_string(entry.path().join("status")).ok()
    });
    statuses
        .filter(|status| number(status, "Uid:") == Some(user.into()))
        .filter_map(|status| number(&status, "Threads:"))
        .sum()
}

/// The limits of this process's control group and of those around it.
fn cgroups() -> Vec<Limit> {
    let of = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let folder = of.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (_number, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let root = match controllers {
            "" => Path::new("/sys/fs/cgroup"),
            controllers if controllers.split(',').any(|name| name == "pids") => Path::new("/sys/fs/cgroup/pids"),
            _ => return None,
        };
        let folder = root.join(path.trim_start_matches('/'));
        folder
            .join("pids.max")
            .exists()
            .then_some(folder)
            .or_else(|| root.join("pids.max").exists().then(|| root.into()))
    });
    folder.iter().flat_map(|folder: &PathBuf| folder.ancestors()).filter_map(of_cgroup).collect()
}

fn of_cgroup(folder: &Path) -> Option<Limit> {
    let read = |file: &str| fs::read_to_string(folder.join(file)).ok()?.trim().parse().ok();
    Some(Limit {
        name: format!("pids.max of the control group {}", folder.display()),
        most: read("pids.max")?,
        now: read("pids.current")?,
        remedy: "raise TasksMax= of the systemd unit (systemctl status $$ names it), or --pids-limit of the container"
            .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(most: u64, now: u64) -> Limit {
        Limit { name: "the limit".to_owned(), most, now, remedy: "raise it".to_owned() }
    }

    #[test]
    fn what_is_left_counts_and_not_the_limit() {
        assert_eq!(row(20, &[]).outcome, Outcome::Ok);
        assert_eq!(row(20, &[limit(1000, 981)]).outcome, Outcome::Ok);
        assert_eq!(row(20, &[limit(1000, 982)]).outcome, Outcome::Warning);
        let refused = row(20, &[limit(1000, 984), limit(1000, 0)]);
        assert_eq!(refused.outcome, Outcome::Refusal);
        assert_eq!(
            refused.found,
            "the limit is 1000, of which 984 are in use; a run has 20 processes and threads at a time"
        );
        assert_eq!(refused.remedy, "raise it");
    }

    #[test]
    fn open_files_are_raised_as_far_as_the_user_may() {
        assert_eq!(open_files(1104, 2048, 4096).outcome, Outcome::Ok);
        let row = open_files(1104, 1024, 4096);
        assert_eq!((row.outcome, row.remedy.as_str()), (Outcome::Warning, "ulimit -n 2048"));
        assert!(open_files(1104, 1024, 1024).remedy.starts_with("as root: prlimit --nofile=2048"));
    }

    #[test]
    fn a_control_groups_limit_is_read_from_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| fs::write(folder.path().join(file), text).unwrap();
        write("pids.max", "max\n");
        write("pids.current", "7\n");
        assert_eq!(of_cgroup(folder.path()), None);
        write("pids.max", "100\n");
        let limit = of_cgroup(folder.path()).unwrap();
        assert_eq!((limit.most, limit.now), (100, 7));
    }

    #[test]
    fn this_users_threads_are_counted() {
        let before = of_user(getuid().as_raw());
        let (go, gone) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || gone.recv());
        let during = of_user(getuid().as_raw());
        assert!(before >= 1 && during >= 2, "{before}, {during}");
        drop(go);
        assert!(thread.join().unwrap().is_err());
    }
}
