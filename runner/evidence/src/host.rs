//! The machine that a run runs on, read.

use std::{fs, thread};

use lab_model::host::HostFacts;

/// Reads what about this host can change what a run sees.
pub fn host_facts() -> HostFacts {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    HostFacts {
        kernel: release.trim().to_owned(),
        architecture: std::env::consts::ARCH.to_owned(),
        cpus: thread::available_parallelism().map_or(0, usize::from),
    }
}
