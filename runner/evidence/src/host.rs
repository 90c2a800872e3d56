//! Facts about the machine that a run runs on.

use std::{fs, thread};

use lab_model::host::HostFacts;

/// Reads the facts about this host that can influence what a run observes.
pub fn host_facts() -> HostFacts {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    HostFacts {
        kernel: release.trim().to_owned(),
        architecture: std::env::consts::ARCH.to_owned(),
        cpus: thread::available_parallelism().map_or(0, usize::from),
    }
}
