//! Control groups: each node needs a cgroup namespace of its own, for its pods' cgroups and Cilium's socket programs.

use crate::kind::facts::{Cgroups, DockerSeen, HostSeen};
use crate::{Outcome, Row};

/// The controllers that kubelet v1.25 needs; if one is missing it ends (`pkg/kubelet/cm/container_manager_linux.go`).
const CONTROLLERS: [&str; 4] = ["cpu", "cpuset", "memory", "pids"];

const ID: &str = "host.cgroups";
const WHY: &str =
    "kubelet makes cgroups for pods, and Cilium attaches its socket load balancer to a node's root cgroup";

/// `host.cgroups`.
pub(in crate::kind) fn cgroups(docker: &DockerSeen, host: &HostSeen) -> Row {
    let Some(version) = docker.engine.cgroup_version.as_deref() else {
        let remedy = "docker info --format '{{.CgroupVersion}}'";
        return Row::bad(Outcome::Warning, ID, "the Engine does not report its cgroup version", WHY, remedy);
    };
    let driver = docker.engine.cgroup_driver.as_deref().unwrap_or("driver not reported");
    // The Engine's default for containers applies to privileged ones only with cgroup v2 (moby, `daemon_unix.go`:
    // `adaptContainerSettings`).
    let mode = match &docker.tried.cgroupns {
        Some(mode) => Some(mode.as_str()),
        None if docker.private_cgroups && version == "2" => Some("private"),
        None => None,
    };
    let found =
        format!("cgroup v{version} ({driver}), namespace of a privileged container: {}", mode.unwrap_or("not known"));
    if !host.cgroup_namespaces {
        let found = format!("{found}; the kernel has no cgroup namespaces");
        return Row::bad(Outcome::Refusal, ID, found, WHY, "boot a kernel of Linux 4.6 or later with CONFIG_CGROUPS=y");
    }
    if let Some(Cgroups::V1(controllers) | Cgroups::V2(controllers)) = &host.cgroups {
        let missing: Vec<&str> =
            CONTROLLERS.into_iter().filter(|&wanted| !controllers.iter().any(|there| there == wanted)).collect();
        if !missing.is_empty() {
            let found = format!("{found}; the host lacks the controllers {}", missing.join(", "));
            let remedy = "add cgroup_enable=memory cgroup_memory=1 to the kernel's command line and boot again \
                          (cgroup_disable= there turns one off)";
            return Row::bad(Outcome::Refusal, ID, found, WHY, remedy);
        }
    }
    let own = "let containers have cgroup namespaces of their own: no \"default-cgroupns-mode\": \"host\" in \
               /etc/docker/daemon.json, then sudo systemctl restart docker";
    let unified = "boot with one hierarchy: systemd.unified_cgroup_hierarchy=1 on the kernel's command line \
                   (with cgroup v1, Docker gives no privileged container a namespace of its own)";
    match (version, mode) {
        (_, Some("private")) => Row::ok(ID, found, WHY),
        // One cluster of three nodes was seen to work: each agent attaches the same programs to the same root cgroup.
        ("1", _) => Row::bad(
            Outcome::Warning,
            ID,
            format!("{found}: all nodes share the host's root cgroup, so only one such lab may be up at a time"),
            WHY,
            unified,
        ),
        (_, Some(_)) => Row::bad(
            Outcome::Refusal,
            ID,
            format!("{found}: agents would attach to the host's root cgroup, and ClusterIPs would not be translated"),
            WHY,
            own,
        ),
        (_, None) => Row::bad(Outcome::Warning, ID, found, WHY, own),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::fixture::{docker, host};

    fn seen(version: &str, mode: Option<&str>) -> DockerSeen {
        let mut seen = docker();
        seen.engine.cgroup_version = Some(version.to_owned());
        seen.tried.cgroupns = mode.map(str::to_owned);
        seen
    }

    #[test]
    fn a_namespace_of_its_own_is_what_a_node_needs() {
        for (version, mode, outcome) in [
            ("2", Some("private"), Outcome::Ok),
            ("1", Some("private"), Outcome::Ok),
            ("2", Some("host"), Outcome::Refusal),
            ("1", Some("host"), Outcome::Warning),
            ("2", None, Outcome::Warning),
            ("1", None, Outcome::Warning),
        ] {
            let row = cgroups(&seen(version, mode), &host());
            assert_eq!(row.outcome, outcome, "{version} {mode:?}: {row:?}");
            let remedy = if version == "1" { "systemd.unified_cgroup_hierarchy=1" } else { "default-cgroupns-mode" };
            assert_eq!(row.remedy.contains(remedy), outcome != Outcome::Ok, "{row:?}");
        }
    }

    #[test]
    fn the_engines_own_word_counts_where_nothing_was_tried() {
        let mut engine = seen("2", None);
        engine.private_cgroups = true;
        assert_eq!(cgroups(&engine, &host()).outcome, Outcome::Ok);
        engine.engine.cgroup_version = Some("1".to_owned());
        assert_eq!(cgroups(&engine, &host()).outcome, Outcome::Warning, "not a privileged one's");
        engine.engine.cgroup_version = None;
        assert_eq!(cgroups(&engine, &host()).outcome, Outcome::Warning);
    }

    #[test]
    fn a_controller_that_is_turned_off_is_named() {
        let mut host = host();
        let without = ["cpu", "cpuset", "pids", "io"].map(str::to_owned).to_vec();
        host.cgroups = Some(Cgroups::V2(without));
        let row = cgroups(&seen("2", Some("private")), &host);
        assert_eq!(row.outcome, Outcome::Refusal);
        assert!(row.found.ends_with("the host lacks the controllers memory"), "{row:?}");
    }

    #[test]
    fn a_kernel_without_cgroup_namespaces_is_refused() {
        let mut host = host();
        host.cgroup_namespaces = false;
        let row = cgroups(&seen("2", Some("private")), &host);
        assert_eq!(row.outcome, Outcome::Refusal);
        assert!(row.found.ends_with("no cgroup namespaces"), "{row:?}");
    }
}
