//! Identifies a process beyond its number, which the kernel reuses, and which means another process in another
//! namespace.

use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

/// A process, told apart from any other that has had or will have its number.
///
/// A number and a start time mean this process only where they were read: in a PID namespace and a time namespace of one
/// kernel. Where neither namespace nor machine was recorded, those of whoever asks are meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessId {
    /// Process id, as `pid_namespace` numbers it.
    pub pid: i32,
    /// When it started, in clock ticks since boot, as `time_namespace` counts them (proc(5), `/proc/PID/stat` field 22).
    pub start_ticks: u64,
    /// `/proc/sys/kernel/random/boot_id`: another one after a reboot, and on another machine.
    pub boot_id: String,
    /// The inode of `/proc/self/ns/pid` where this was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid_namespace: Option<u64>,
    /// The inode of `/proc/self/ns/time` where this was recorded; none on a kernel without time namespaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_namespace: Option<u64>,
    /// The host's name where this was recorded: after a reboot the same, on another machine another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

/// Whether a process runs, as far as that can be told from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Life {
    /// It runs.
    Runs,
    /// It has ended.
    Ended,
    /// That cannot be told from here; with the reason, as the end of a sentence that begins with the process.
    Untold(String),
}

impl ProcessId {
    /// Identifies a running process.
    ///
    /// # Errors
    /// When no process of this number runs, or /proc shows those of another PID namespace.
    pub fn of(pid: i32) -> io::Result<Self> {
        if !proc_is_own() {
            return Err(io::Error::other(
                "/proc shows the processes of another PID namespace; mount it anew, as `unshare --mount-proc` does",
            ));
        }
        Ok(Self {
            pid,
            start_ticks: start_ticks(pid)?,
            boot_id: boot_id()?,
            pid_namespace: namespace("pid"),
            time_namespace: namespace("time"),
            host: host(),
        })
    }

    /// Whether exactly this process still runs. A zombie does not.
    pub fn life(&self) -> Life {
        let differs = |recorded: Option<u64>, name| recorded.is_some() && recorded != namespace(name);
        if boot_id().is_ok_and(|boot| boot != self.boot_id) {
            let here = host();
            return match (&self.host, here) {
                (Some(there), Some(here)) if *there != here => {
                    Life::Untold(format!("was started on the machine {there}, and this is {here}"))
                }
                _ => Life::Ended,
            };
        }
        if differs(self.pid_namespace, "pid") || !proc_is_own() {
            return Life::Untold("was started in another PID namespace".to_owned());
        }
        // The kernel shifts start times by the namespace of whoever reads them.
        if differs(self.time_namespace, "time") {
            return Life::Untold("was started in another time namespace".to_owned());
        }
        if start_ticks(self.pid).is_ok_and(|ticks| ticks == self.start_ticks) { Life::Runs } else { Life::Ended }
    }
}

fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

fn host() -> Option<String> {
    Some(fs::read_to_string("/proc/sys/kernel/hostname").ok()?.trim().to_owned())
}

/// The inode of one of this process's namespaces; none if the kernel has none of this kind.
fn namespace(name: &str) -> Option<u64> {
    fs::metadata(format!("/proc/self/ns/{name}")).ok().map(|namespace| namespace.ino())
}

/// Whether /proc shows the PID namespace that this process is in. One that shows a namespace above it has two numbers
/// or more for it (proc(5), `NSpid`).
fn proc_is_own() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    numbers.is_none_or(|numbers| numbers.split_whitespace().count() == 1)
}

fn start_ticks(pid: i32) -> io::Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let garbled = || io::Error::new(io::ErrorKind::InvalidData, format!("/proc/{pid}/stat has no start time"));
    // The command's name, field 2, is in parentheses and may hold anything.
    let (_, rest) = stat.rsplit_once(')').ok_or_else(garbled)?;
    let mut fields = rest.split_whitespace();
    if matches!(fields.next(), Some("Z" | "X")) {
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("process {pid} has ended")));
    }
    fields.nth(18).and_then(|ticks| ticks.parse().ok()).ok_or_else(garbled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> ProcessId {
        ProcessId::of(std::process::id().cast_signed()).unwrap()
    }

    #[test]
    fn this_process_is_alive_and_another_start_or_boot_is_another_process() {
        let own = own();
        assert_eq!(own.life(), Life::Runs);
        assert_eq!(ProcessId { start_ticks: own.start_ticks + 1, ..own.clone() }.life(), Life::Ended);
        assert_eq!(ProcessId { boot_id: "another".to_owned(), ..own }.life(), Life::Ended);
    }

    #[test]
    fn of_a_process_of_another_namespace_or_machine_nothing_is_told() {
        let own = own();
        let untold = |process: ProcessId| match process.life() {
            Life::Untold(why) => why,
            told => panic!("{told:?}"),
        };
        // Both for a number that another process has here, and for one that none has.
        for pid in [own.pid, i32::MAX] {
            let own = ProcessId { pid, ..own.clone() };
            let why = untold(ProcessId { pid_namespace: Some(1), ..own.clone() });
            assert_eq!(why, "was started in another PID namespace");
            if own.time_namespace.is_some() {
                let why = untold(ProcessId { time_namespace: Some(1), ..own.clone() });
                assert_eq!(why, "was started in another time namespace");
            }
            let other = Some("other".to_owned());
            let why = untold(ProcessId { boot_id: "another".to_owned(), host: other.clone(), ..own.clone() });
            assert!(why.starts_with("was started on the machine other, and this is "), "{why}");
            // A machine may be given another name while it runs.
            let renamed = ProcessId { host: other, ..own.clone() };
            assert_eq!(renamed.life(), if pid == i32::MAX { Life::Ended } else { Life::Runs });
        }
    }

    #[test]
    fn what_an_older_program_recorded_is_read_and_taken_for_this_namespaces() {
        let own = own();
        let text =
            format!(r#"{{"pid": {}, "start_ticks": {}, "boot_id": "{}"}}"#, own.pid, own.start_ticks, own.boot_id);
        let older: ProcessId = serde_json::from_str(&text).unwrap();
        assert_eq!(older.life(), Life::Runs);
        assert_eq!(ProcessId { pid: i32::MAX, ..older.clone() }.life(), Life::Ended);
        assert_eq!(ProcessId { boot_id: "another".to_owned(), ..older }.life(), Life::Ended);
    }
}
