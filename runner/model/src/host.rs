//! The machine that a run ran on.

use serde::{Deserialize, Serialize};

/// What about the host can change what a run sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFacts {
    /// Release of the running kernel (proc(5), `/proc/sys/kernel/osrelease`); empty if it cannot be read.
    pub kernel: String,
    /// The architecture that this program was built for, in Rust's spelling: `x86_64`, `aarch64`.
    pub architecture: String,
    /// Processors that this process may use; 0 if the kernel does not tell.
    pub cpus: usize,
}
