//! Rows about the Engine itself.

use crate::kind::facts::{DockerSeen, Product, Remedy, Unreachable};
use crate::{Outcome, Row};
use lab_model::observe::Privileged;

const ENGINE: &str = "docker.engine";
const WHY_ENGINE: &str = "the nodes of a lab on kind are its containers";
const API: &str = "docker.api";
const WHY_API: &str = "with an older API, containers cannot have a cgroup namespace of their own";

/// The commands that the article gives for Ubuntu, with Docker's packages.
const INSTALL_UBUNTU: &str = "\
sudo apt-get remove docker docker-engine docker.io containerd runc
sudo apt-get update
sudo apt-get install ca-certificates curl gnupg lsb-release
sudo mkdir -p /etc/apt/keyrings
curl -fsSL https://download.docker.com/linux/ubuntu/gpg | sudo gpg --dearmor -o /etc/apt/keyrings/docker.gpg
echo \"deb [arch=$(dpkg --print-architecture) signed-by=/etc/apt/keyrings/docker.gpg] https://download.docker.com/linux/ubuntu $(lsb_release -cs) stable\" | sudo tee /etc/apt/sources.list.d/docker.list > /dev/null
sudo apt-get update
sudo apt-get install docker-ce docker-ce-cli containerd.io";

/// The article's commands for joining the group `docker`.
const JOIN: &str = "sudo usermod -aG docker $USER\nthen log in again";

/// How Docker is installed or upgraded on this distribution.
fn install(distribution: &[String]) -> String {
    match distribution.first().map(String::as_str) {
        Some("ubuntu") => INSTALL_UBUNTU.to_owned(),
        Some("debian") => "sudo apt-get install docker.io, or Docker's own packages: \
                           https://docs.docker.com/engine/install/debian/"
            .to_owned(),
        Some("nixos") => "virtualisation.docker.enable = true; in the system's configuration".to_owned(),
        _ => "install Docker Engine: https://docs.docker.com/engine/install/".to_owned(),
    }
}

/// `docker.engine` if the Engine did not answer, or `docker.api` if it supports no usable API version. `installed` says
/// whether the program `docker` exists.
pub(in crate::kind) fn unreachable(seen: &Unreachable, distribution: &[String], installed: bool) -> Row {
    let remedy = match &seen.remedy {
        Remedy::Install if installed => "sudo systemctl start docker".to_owned(),
        Remedy::Install => format!("{}\n{JOIN}", install(distribution)),
        Remedy::Join => JOIN.to_owned(),
        Remedy::Other(remedy) => remedy.clone(),
    };
    let (id, why) = if seen.wrong_api { (API, WHY_API) } else { (ENGINE, WHY_ENGINE) };
    Row::bad(Outcome::Refusal, id, seen.why.clone(), why, remedy)
}

/// `docker.engine` of an Engine that answered.
pub(in crate::kind) fn engine(seen: &DockerSeen) -> Row {
    let engine = &seen.engine;
    let mut found = format!("{}, API {}", engine.version, engine.api);
    if let Some(driver) = &engine.storage_driver {
        found = format!("{found}, {driver}");
    }
    if let Some(version) = &engine.cgroup_version {
        found = format!("{found}, cgroup v{version}");
    }
    Row::ok(ENGINE, format!("{found}, at {}", engine.endpoint), WHY_ENGINE)
}

/// The two numbers of an API version.
pub(super) fn numbers(version: &str) -> Option<(u32, u32)> {
    let (major, minor) = version.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// `docker.api`: the API version that was agreed on is not older than a lab needs.
pub(in crate::kind) fn api(seen: &DockerSeen, least: &str, distribution: &[String]) -> Row {
    let engine = &seen.engine;
    let oldest = engine.api_min.as_deref().map(|oldest| format!("{oldest} to ")).unwrap_or_default();
    let found = format!("API {} was agreed on; the Engine supports {oldest}{}", engine.api, engine.api_max);
    match (numbers(&engine.api), numbers(least)) {
        (Some(agreed), Some(needed)) if agreed >= needed => Row::ok(API, found, WHY_API),
        _ => {
            let found = format!("{found}; a lab needs {least} at least");
            Row::bad(Outcome::Refusal, API, found, WHY_API, format!("update Docker: {}", install(distribution)))
        }
    }
}

/// `docker.rootless`: the Engine runs as root, and is Docker.
pub(in crate::kind) fn rootless(seen: &DockerSeen) -> Row {
    const ID: &str = "docker.rootless";
    const WHY: &str = "Cilium's agent mounts a BPF file system in its node, which only the host's root may";
    let remedy = "use an Engine that runs as root: docker context use default, \
                  or export DOCKER_HOST=unix:///var/run/docker.sock";
    let version = &seen.engine.version;
    if seen.product == Product::Podman {
        return Row::bad(Outcome::Refusal, ID, format!("this is Podman {version}, not Docker"), WHY, remedy);
    }
    match seen.engine.rootless {
        Some(false) => Row::ok(ID, "the Engine runs as root", WHY),
        Some(true) => Row::bad(Outcome::Refusal, ID, "the Engine runs without root", WHY, remedy),
        None => Row::bad(
            Outcome::Warning,
            ID,
            "the Engine does not report whether it runs as root (no SecurityOptions in `docker info`)",
            WHY,
            "docker info --format '{{.SecurityOptions}}'",
        ),
    }
}

/// `docker.storage`: the storage driver is one on which nodes can keep images.
pub(in crate::kind) fn storage(seen: &DockerSeen) -> Row {
    const ID: &str = "docker.storage";
    const WHY: &str = "every node unpacks all images again, on the Engine's storage";
    let Some(driver) = &seen.engine.storage_driver else {
        let remedy = "docker info --format '{{.Driver}}'";
        return Row::bad(Outcome::Warning, ID, "the Engine does not report its storage driver", WHY, remedy);
    };
    let mut found = driver.clone();
    if let Some(below) = &seen.backing_filesystem {
        found = format!("{found} on {below}");
    }
    if seen.containerd_store {
        found = format!("{found}, images in containerd's store");
    }
    let choose = "choose overlay2: {\"storage-driver\": \"overlay2\"} in /etc/docker/daemon.json, \
                  then sudo systemctl restart docker (images of the other driver are not seen then)";
    match driver.as_str() {
        "overlay2" | "overlayfs" | "fuse-overlayfs" => Row::ok(ID, found, WHY),
        "vfs" => {
            let found = format!("{found}: it copies every layer whole, for every container");
            Row::bad(Outcome::Warning, ID, found, WHY, choose)
        }
        // kind v0.17.0 gives nodes /dev/mapper for the first three, and containerd's slow `native` snapshotter on zfs.
        _ => {
            let found = format!("{found}: nodes on it are slower, and no lab has been tried on it");
            Row::bad(Outcome::Warning, ID, found, WHY, choose)
        }
    }
}

/// `docker.privileged`: whether a privileged container ran.
pub(in crate::kind) fn privileged(seen: &DockerSeen) -> Row {
    const ID: &str = "docker.privileged";
    const WHY: &str = "nodes are privileged containers: systemd, containerd and Cilium run in them";
    match &seen.tried.privileged {
        Privileged::Runs(which) => Row::ok(ID, format!("a privileged container ran: {which}"), WHY),
        Privileged::Refused(message) => {
            let says = |words: &[&str]| words.iter().any(|word| message.to_lowercase().contains(word));
            let remedy = if says(&["unable to apply caps"]) {
                "the Engine itself lacks capabilities that a privileged container gets: run it outside of the \
                 container or sandbox that took them (grep CapBnd /proc/$(pidof dockerd)/status)"
            } else if says(&["authorization", "authz"]) {
                "the Engine's authorization plugin forbids it: docker info --format '{{.Plugins.Authorization}}' names it"
            } else if says(&["no space left"]) {
                "free some room where the Engine keeps its data: docker system df"
            } else if says(&["unknown runtime", "executable file not found", "no such file"]) {
                "the Engine's runtime is not there: docker info --format '{{.DefaultRuntime}} {{.Runtimes}}'"
            } else {
                "docker run --rm --privileged hello-world shows it again; the Engine's log says more: journalctl -u docker"
            };
            Row::bad(Outcome::Refusal, ID, format!("a privileged container does not run: {message}"), WHY, remedy)
        }
        Privileged::NotTried(why) => Row::bad(
            Outcome::Warning,
            ID,
            format!("not tried: {why}"),
            WHY,
            "docker run --rm --privileged hello-world tries it",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::fixture::docker;

    fn ubuntu() -> Vec<String> {
        vec!["ubuntu".to_owned(), "debian".to_owned()]
    }

    #[test]
    fn an_engine_that_answers_is_named() {
        let row = engine(&docker());
        assert_eq!(row.outcome, Outcome::Ok);
        assert_eq!(row.found, "20.10.24+dfsg1, API 1.41, overlay2, cgroup v1, at unix:///var/run/docker.sock");
    }

    #[test]
    fn the_remedy_is_what_is_missing() {
        let seen = |remedy| Unreachable {
            wrong_api: false,
            why: "no socket at unix:///var/run/docker.sock".to_owned(),
            remedy,
        };
        let none = unreachable(&seen(Remedy::Install), &ubuntu(), false);
        assert_eq!((none.id.as_str(), none.outcome), ("docker.engine", Outcome::Refusal));
        assert!(none.remedy.contains("sudo apt-get install docker-ce docker-ce-cli containerd.io\n"), "{none:?}");
        assert!(none.remedy.ends_with("sudo usermod -aG docker $USER\nthen log in again"), "{none:?}");
        assert_eq!(unreachable(&seen(Remedy::Install), &ubuntu(), true).remedy, "sudo systemctl start docker");
        assert_eq!(unreachable(&seen(Remedy::Join), &[], true).remedy, JOIN);
        assert!(!unreachable(&seen(Remedy::Install), &["arch".to_owned()], false).remedy.contains("apt-get"));
        let other = unreachable(&seen(Remedy::Other("unset DOCKER_HOST".to_owned())), &[], true);
        assert_eq!(other.remedy, "unset DOCKER_HOST");
        let old = Unreachable { wrong_api: true, ..seen(Remedy::Other("upgrade Docker".to_owned())) };
        assert_eq!(unreachable(&old, &[], true).id, "docker.api");
    }

    #[test]
    fn versions_of_the_api_are_compared_as_numbers() {
        let mut seen = docker();
        assert_eq!(api(&seen, "1.41", &[]).outcome, Outcome::Ok);
        seen.engine.api = "1.100".to_owned();
        assert_eq!(api(&seen, "1.41", &[]).outcome, Outcome::Ok);
        for old in ["1.40", "1.9", "", "one"] {
            seen.engine.api = old.to_owned();
            let row = api(&seen, "1.41", &ubuntu());
            assert_eq!(row.outcome, Outcome::Refusal, "{old:?}");
            assert!(row.found.ends_with("a lab needs 1.41 at least"), "{row:?}");
        }
    }

    #[test]
    fn rootless_and_podman_are_refused_and_silence_is_no_proof() {
        let mut seen = docker();
        assert_eq!(rootless(&seen).outcome, Outcome::Ok);
        seen.engine.rootless = None;
        assert_eq!(rootless(&seen).outcome, Outcome::Warning);
        seen.engine.rootless = Some(true);
        assert_eq!(rootless(&seen).found, "the Engine runs without root");
        assert_eq!(rootless(&seen).outcome, Outcome::Refusal);
        seen.engine.rootless = Some(false);
        seen.product = Product::Podman;
        assert_eq!(rootless(&seen).outcome, Outcome::Refusal);
    }

    #[test]
    fn storage_that_copies_is_warned_of() {
        let mut seen = docker();
        assert_eq!(storage(&seen).found, "overlay2 on extfs");
        assert_eq!(storage(&seen).outcome, Outcome::Ok);
        for (driver, outcome) in [
            ("overlayfs", Outcome::Ok),
            ("fuse-overlayfs", Outcome::Ok),
            ("vfs", Outcome::Warning),
            ("zfs", Outcome::Warning),
        ] {
            seen.engine.storage_driver = Some(driver.to_owned());
            assert_eq!(storage(&seen).outcome, outcome, "{driver}");
        }
        seen.engine.storage_driver = None;
        assert_eq!(storage(&seen).outcome, Outcome::Warning);
    }

    #[test]
    fn a_privileged_container_ran_or_did_not() {
        let mut seen = docker();
        assert_eq!(privileged(&seen).outcome, Outcome::Ok);
        seen.tried.privileged = Privileged::Refused("runc: unable to apply caps: operation not permitted".to_owned());
        let row = privileged(&seen);
        assert_eq!(row.outcome, Outcome::Refusal);
        assert!(row.remedy.contains("CapBnd"), "{row:?}");
        for (words, remedy) in [
            ("authorization denied by plugin opa: no", "authorization plugin forbids"),
            ("failed to create shim task: no space left on device", "docker system df"),
            ("unknown or invalid runtime name: sysbox; unknown runtime", "runtime is not there"),
            ("cgroups: cannot find cgroup mount destination", "journalctl -u docker"),
        ] {
            seen.tried.privileged = Privileged::Refused(words.to_owned());
            assert!(privileged(&seen).remedy.contains(remedy), "{words}");
        }
        seen.tried.privileged = Privileged::NotTried("no program of ours runs on riscv64".to_owned());
        assert_eq!(privileged(&seen).outcome, Outcome::Warning);
    }
}
