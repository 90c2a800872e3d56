//! Identifies a process beyond its number, which the kernel reuses.

use serde::{Deserialize, Serialize};
use std::fs;
use std::io;

/// A process, told apart from any other that has had or will have its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessId {
    /// Process id, as the host numbers it.
    pub pid: i32,
    /// When it started, in clock ticks since boot (proc(5), `/proc/PID/stat` field 22).
    pub start_ticks: u64,
    /// `/proc/sys/kernel/random/boot_id`: another one after a reboot.
    pub boot_id: String,
}

impl ProcessId {
    /// Identifies a running process.
    ///
    /// # Errors
    /// When no process of this number runs.
    pub fn of(pid: i32) -> io::Result<Self> {
        Ok(Self { pid, start_ticks: start_ticks(pid)?, boot_id: boot_id()? })
    }

    /// Whether exactly this process still runs. A zombie does not.
    pub fn is_alive(&self) -> bool {
        boot_id().is_ok_and(|boot| boot == self.boot_id)
            && start_ticks(self.pid).is_ok_and(|ticks| ticks == self.start_ticks)
    }
}

fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
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

    #[test]
    fn this_process_is_alive_and_another_start_or_boot_is_another_process() {
        let own = ProcessId::of(std::process::id().cast_signed()).unwrap();
        assert!(own.is_alive());
        assert!(!ProcessId { start_ticks: own.start_ticks + 1, ..own.clone() }.is_alive());
        assert!(!ProcessId { boot_id: "another".to_owned(), ..own }.is_alive());
    }
}
