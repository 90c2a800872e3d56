//! Memory and processors of the Engine's host, which all nodes share.

use super::disk::gib;
use crate::kind::facts::{DockerSeen, HostSeen};
use crate::{Outcome, Row};

const MIB: u64 = 1 << 20;
/// The least memory of a machine with a control plane (kubeadm v1.25, `cmd/kubeadm/app/constants`: `ControlPlaneMem`). kind
/// skips that check.
const CONTROL_PLANE: u64 = 1700 * MIB;
/// The memory of a node with no control plane: systemd, containerd, kubelet and an agent. Taken, not measured.
const WORKER: u64 = 1024 * MIB;
/// The least processors of a machine with a control plane (kubeadm v1.25: `ControlPlaneNumCPU`).
const PROCESSORS: u64 = 2;

/// `docker.memory`. `here` says whether the Engine's host is this one.
pub(in crate::kind) fn memory(docker: &DockerSeen, host: &HostSeen, nodes: usize, here: bool) -> Row {
    const ID: &str = "docker.memory";
    const WHY: &str =
        "all nodes share the memory of the Engine's host; with too little the kernel ends processes in them";
    const REMEDY: &str = "give the Engine's machine more memory and processors (in Docker Desktop: Settings, Resources), or \
                          build fewer nodes: --nodes 2";
    let Some(memory) = docker.memory else {
        let found = "the Engine does not report its host's memory";
        return Row::bad(Outcome::Warning, ID, found, WHY, "docker info --format '{{.MemTotal}} {{.NCPU}}'");
    };
    let wanted = CONTROL_PLANE + WORKER * (nodes as u64).saturating_sub(1);
    let processors = docker.processors.unwrap_or(PROCESSORS);
    let free = host.memory.filter(|_| here);
    let mut found = format!("{} and {processors} processors", gib(memory));
    if let Some(free) = free {
        found = format!("{found}, {} of it available", gib(free));
    }
    let found =
        format!("{found}; {nodes} nodes take about {}, a control plane alone {}", gib(wanted), gib(CONTROL_PLANE));
    if memory < CONTROL_PLANE {
        Row::bad(Outcome::Refusal, ID, found, WHY, REMEDY)
    } else if memory < wanted || processors < PROCESSORS {
        Row::bad(Outcome::Warning, ID, found, WHY, REMEDY)
    } else if free.is_some_and(|free| free < wanted) {
        Row::bad(
            Outcome::Warning,
            ID,
            found,
            WHY,
            "end what takes the memory (ps aux --sort -rss), or build fewer nodes: --nodes 2",
        )
    } else {
        Row::ok(ID, found, WHY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::fixture::{docker, host};

    fn row(memory: u64, processors: u64, free: u64, nodes: usize) -> Row {
        let (mut docker, mut host) = (docker(), host());
        docker.memory = Some(memory);
        docker.processors = Some(processors);
        host.memory = Some(free);
        super::memory(&docker, &host, nodes, true)
    }

    #[test]
    fn too_little_is_refused_and_little_warned_of() {
        let plenty = 64 << 30;
        assert_eq!(row(plenty, 4, plenty, 3).outcome, Outcome::Ok);
        let refused = row(1 << 30, 1, plenty, 3);
        assert_eq!(refused.outcome, Outcome::Refusal);
        assert!(refused.found.starts_with("1.0 GiB and 1 processors, "), "{refused:?}");
        assert!(refused.found.ends_with("; 3 nodes take about 3.6 GiB, a control plane alone 1.6 GiB"), "{refused:?}");
        assert_eq!(row(CONTROL_PLANE, 4, plenty, 3).outcome, Outcome::Warning);
        assert_eq!(row(CONTROL_PLANE + 2 * WORKER, 4, plenty, 3).outcome, Outcome::Ok);
        assert_eq!(row(CONTROL_PLANE + 2 * WORKER, 4, plenty, 4).outcome, Outcome::Warning, "four nodes take more");
        assert_eq!(row(plenty, 1, plenty, 3).outcome, Outcome::Warning);
        assert_eq!(row(plenty, 4, 1 << 30, 3).outcome, Outcome::Warning, "others have it");
        let mut silent = docker();
        silent.memory = None;
        assert_eq!(super::memory(&silent, &host(), 3, true).outcome, Outcome::Warning);
    }
}
