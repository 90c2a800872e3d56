//! The Engine itself.

use crate::of_cluster;
use crate::weighing::Weighing;
use lab_model::expect::Expectations;
use lab_model::observe::{EngineFacts, Place, Privileged};
use lab_model::seen::EngineSeen;
use lab_model::{Judgement, Proof, Reason};

/// Storage drivers that share an image's layers between containers. The others (`vfs`) copy them whole for each.
/// <https://docs.docker.com/engine/storage/drivers/select-storage-driver/>
const SHARING: [&str; 5] = ["overlay2", "overlayfs", "fuse-overlayfs", "btrfs", "zfs"];

/// The Engine answers, speaks an API that is new enough, shares layers, has cgroups, is root, and runs privileged
/// containers.
///
/// # Errors
/// [`Reason::EngineDoesNotAnswer`] alone, or [`Reason::EngineApiTooOld`], [`Reason::WrongStorage`],
/// [`Reason::WrongCgroupVersion`], [`Reason::EngineRootless`] and [`Reason::PrivilegedRefused`]. Unobserved where the
/// Engine does not tell one of these, or no privileged container was tried.
pub fn docker_engine_answers(seen: &EngineSeen, expect: &Expectations) -> Judgement {
    let api_min = &of_cluster(expect)?.engine_api_min;
    let mut weighing = Weighing::default();
    let facts = match &seen.engine {
        Ok(facts) => facts,
        Err(why) => {
            let show = Some("docker version".to_owned());
            weighing.refute(
                Reason::EngineDoesNotAnswer,
                Place::Bridge,
                "a Docker Engine that answers",
                why.as_str(),
                show,
            );
            return weighing.conclude(|| Proof::new(""));
        }
    };
    api(facts, api_min, &mut weighing);
    host(facts, &mut weighing);
    let mut tried = "";
    match &seen.privileged {
        Privileged::Runs(which) => tried = which,
        Privileged::Refused(why) => weighing.refute(
            Reason::PrivilegedRefused,
            Place::Bridge,
            "privileged containers, which nodes are",
            format!("the Engine refuses one: {why}"),
            Some("docker run --rm --privileged IMAGE".to_owned()),
        ),
        Privileged::NotTried(why) => weighing.miss(format!("no privileged container was tried: {why}")),
    }
    weighing.conclude(|| {
        let told = |fact: &Option<String>| fact.clone().unwrap_or_default();
        Proof::new(format!(
            "Engine {}, API {} ({api_min} or newer), {}, cgroup v{}; privileged containers run: {tried}",
            facts.version,
            facts.api,
            told(&facts.storage_driver),
            told(&facts.cgroup_version),
        ))
        .with_details([format!(
            "{}: {}, Linux {}, {}",
            facts.endpoint,
            told(&facts.operating_system),
            told(&facts.kernel),
            told(&facts.architecture)
        )])
    })
}

fn api(facts: &EngineFacts, least: &str, weighing: &mut Weighing) {
    match (version(&facts.api), version(least)) {
        (Some(api), Some(least_known)) if api < least_known => weighing.refute(
            Reason::EngineApiTooOld,
            Place::Bridge,
            format!("API {least} or newer"),
            format!("API {} (Engine {} speaks up to {})", facts.api, facts.version, facts.api_max),
            Some("docker version --format '{{.Server.APIVersion}}'".to_owned()),
        ),
        (Some(_), Some(_)) => {}
        (None, _) => weighing.miss(format!("the Engine's API version cannot be read: {:?}", facts.api)),
        (_, None) => weighing.miss(format!("the oldest API version that will do cannot be read: {least:?}")),
    }
}

/// `1.41` as numbers: as text, 1.9 would be newer.
fn version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn host(facts: &EngineFacts, weighing: &mut Weighing) {
    let mut refute = |reason, expected: &str, observed: String, field: &str| {
        let show = format!("docker info --format '{{{{.{field}}}}}'");
        weighing.refute(reason, Place::Bridge, expected, observed, Some(show));
    };
    let mut missing = Vec::new();
    match facts.storage_driver.as_deref() {
        Some(driver) if SHARING.contains(&driver) => {}
        Some(driver) => refute(
            Reason::WrongStorage,
            "a storage driver that shares layers: overlay2, overlayfs, fuse-overlayfs, btrfs or zfs",
            format!("storage driver {driver}"),
            "Driver",
        ),
        None => missing.push("its storage driver"),
    }
    match facts.cgroup_version.as_deref() {
        Some("1" | "2") => {}
        Some(other) => {
            refute(Reason::WrongCgroupVersion, "cgroup v1 or v2", format!("cgroup v{other}"), "CgroupVersion");
        }
        None => missing.push("its cgroup version"),
    }
    match facts.rootless {
        Some(false) => {}
        Some(true) => refute(
            Reason::EngineRootless,
            "an Engine that runs as root: Cilium mounts a BPF filesystem in the nodes",
            "a rootless Engine".to_owned(),
            "SecurityOptions",
        ),
        None => missing.push("whether it is rootless"),
    }
    for what in missing {
        weighing.miss(format!("the Engine does not tell {what}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::kind::{engine, expectations};
    use lab_model::NotHeld;

    fn judged(change: impl FnOnce(&mut EngineSeen)) -> Judgement {
        let mut seen = EngineSeen { engine: Ok(engine()), privileged: Privileged::Runs("kind-worker".to_owned()) };
        change(&mut seen);
        docker_engine_answers(&seen, &expectations())
    }

    fn told(change: impl FnOnce(&mut EngineFacts)) -> Judgement {
        judged(|seen| {
            let mut facts = engine();
            change(&mut facts);
            seen.engine = Ok(facts);
        })
    }

    fn reasons(judgement: Judgement) -> Vec<Reason> {
        judgement.expect_err("should not hold").reasons()
    }

    #[test]
    fn accepts_an_engine_that_a_lab_was_built_on() {
        let proof = judged(|_seen| {}).expect("held");
        assert_eq!(
            proof.summary,
            "Engine 20.10.24+dfsg1, API 1.41 (1.41 or newer), overlay2, cgroup v1; privileged containers run: kind-worker"
        );
        assert!(told(|facts| facts.api = "1.52".to_owned()).is_ok());
        assert!(told(|facts| facts.storage_driver = Some("overlayfs".to_owned())).is_ok());
    }

    #[test]
    fn refutes_a_missing_socket() {
        let judgement = judged(|seen| seen.engine = Err("unix:///var/run/docker.sock: no such file".to_owned()));
        match judgement {
            Err(NotHeld::Refuted(findings)) => {
                assert_eq!(findings.len(), 1);
                assert_eq!(findings[0].reason, Reason::EngineDoesNotAnswer);
                assert_eq!(findings[0].observed, "unix:///var/run/docker.sock: no such file");
            }
            other => panic!("not refuted: {other:?}"),
        }
    }

    #[test]
    fn refutes_what_a_lab_cannot_be_built_on() {
        let refused = "OCI runtime create failed: unable to apply caps: operation not permitted";
        let privileged = judged(|seen| seen.privileged = Privileged::Refused(refused.to_owned()));
        assert_eq!(reasons(privileged), [Reason::PrivilegedRefused]);
        // As text, 1.9 would be newer than 1.41.
        for api in ["1.40", "1.9", "0.99"] {
            assert_eq!(reasons(told(|facts| facts.api = api.to_owned())), [Reason::EngineApiTooOld], "{api}");
        }
        let vfs = told(|facts| facts.storage_driver = Some("vfs".to_owned()));
        assert_eq!(reasons(vfs), [Reason::WrongStorage]);
        let cgroup = told(|facts| facts.cgroup_version = Some("0".to_owned()));
        assert_eq!(reasons(cgroup), [Reason::WrongCgroupVersion]);
        assert_eq!(reasons(told(|facts| facts.rootless = Some(true))), [Reason::EngineRootless]);
    }

    #[test]
    fn what_the_engine_does_not_tell_is_unobserved() {
        let missing = |judgement: Judgement, words: &str| match judgement {
            Err(NotHeld::Unobserved(why)) => assert!(why.contains(words), "{why}"),
            other => panic!("not unobserved: {other:?}"),
        };
        missing(told(|facts| facts.storage_driver = None), "storage driver");
        missing(told(|facts| facts.cgroup_version = None), "cgroup version");
        missing(told(|facts| facts.rootless = None), "rootless");
        missing(told(|facts| facts.api = "new".to_owned()), "API version");
        let untried = judged(|seen| seen.privileged = Privileged::NotTried("no image is at hand".to_owned()));
        missing(untried, "no image is at hand");
        let seen = EngineSeen { engine: Ok(engine()), privileged: Privileged::Runs(String::new()) };
        missing(docker_engine_answers(&seen, &crate::fixture::expectations()), "kind cluster");
    }
}
