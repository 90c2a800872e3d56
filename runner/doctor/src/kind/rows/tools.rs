//! Rows about the programs that a lab on kind starts, and about environment variables that change what kind does.

use std::path::Path;

use super::docker::numbers;
use crate::kind::facts::{DockerSeen, HostSeen, ToolSeen};
use crate::kind::input::ToolPin;
use crate::{Outcome, Row};

/// How to get this version of the program.
fn get(pin: &ToolPin) -> String {
    let version = pin.version.as_deref().unwrap_or_default();
    let goarch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    match pin.name.as_str() {
        "kind" => format!("go install sigs.k8s.io/kind@v{version}, or nix develop"),
        "helm" => {
            format!("curl -fL https://get.helm.sh/helm-v{version}-linux-{goarch}.tar.gz | tar xz, or nix develop")
        }
        "kubectl" => {
            format!("curl -fLO https://dl.k8s.io/release/v{version}/bin/linux/{goarch}/kubectl, or nix develop")
        }
        "cilium" => format!(
            "curl -fL https://github.com/cilium/cilium-cli/releases/download/v{version}/cilium-linux-{goarch}.tar.gz \
             | tar xz, or nix develop"
        ),
        _ => "on Ubuntu: sudo apt-get install docker-ce-cli; https://docs.docker.com/engine/install/".to_owned(),
    }
}

/// `tools.NAME`.
pub(in crate::kind) fn tool(pin: &ToolPin, seen: Option<&ToolSeen>, docker: Option<&DockerSeen>) -> Row {
    let id = format!("tools.{}", pin.name);
    let (why, without) = if pin.builds {
        ("a lab on kind is built with it", Outcome::Refusal)
    } else {
        ("the article's own commands are run with it; cases are judged without it", Outcome::Warning)
    };
    let Some(ToolSeen { path: Some(path), version, reaches, .. }) = seen else {
        return Row::bad(without, &id, format!("{} is not in PATH", pin.name), why, get(pin));
    };
    let path = path.display();
    let version = match version {
        Ok(version) => version,
        Err(reason) => return Row::bad(without, &id, format!("{path}: {reason}"), why, get(pin)),
    };
    if let Some(wanted) = &pin.version
        && wanted != version
    {
        let found = format!("{version} ({path}); {wanted} is pinned");
        let major = |version: &str| version.split('.').next().map(str::to_owned);
        if major(wanted) != major(version) {
            return Row::bad(without, &id, found, why, get(pin));
        }
        let why = format!("{why}; nothing is known to break with another version, and none has been tried");
        return Row::bad(Outcome::Warning, &id, found, &why, get(pin));
    }
    match (reaches, docker) {
        (Some(Err(message)), Some(_)) => {
            let found = format!("{version} ({path}) does not reach the Engine that answered lab: {message}");
            Row::bad(without, &id, found, why, "docker version shows it; update it if it is older than the Engine")
        }
        (Some(Ok(reached)), Some(docker)) if docker.id.as_ref().is_some_and(|id| id != reached) => {
            let found = format!("{version} ({path}) reaches another Engine than {}", docker.engine.endpoint);
            Row::bad(
                without,
                &id,
                found,
                why,
                "docker context ls shows them; unset DOCKER_HOST and DOCKER_CONTEXT, or set one of them",
            )
        }
        _ => Row::ok(&id, format!("{version} ({path})"), why),
    }
}

/// `kind.environment`: variables that make kind do something else than the lab expects.
/// `api_min` is the oldest API of the Engine that kind's options for the docker program need.
pub(in crate::kind) fn environment(host: &HostSeen, api_min: &str) -> Row {
    const ID: &str = "kind.environment";
    const WHY: &str = "kind would use another provider, network, snapshotter or API than the lab looks at";
    let enough = |value: &str| numbers(value).is_some_and(|given| numbers(api_min).is_some_and(|least| given >= least));
    let bad: Vec<(&str, &str)> = host
        .kind_variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, value)| match *name {
            _ if value.is_empty() => false,
            "KIND_EXPERIMENTAL_PROVIDER" => *value != "docker",
            // The docker program then leaves out options that this version does not have.
            "DOCKER_API_VERSION" => !enough(value),
            _ => true,
        })
        .collect();
    if bad.is_empty() {
        return Row::ok(ID, "no variable changes what kind does", WHY);
    }
    let found: Vec<String> = bad.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let names: Vec<&str> = bad.iter().map(|(name, _value)| *name).collect();
    Row::bad(Outcome::Refusal, ID, found.join(", "), WHY, format!("unset {}", names.join(" ")))
}

/// The version in a program's output, without a `v`.
///
/// # Errors
/// A text with the output, if there is no version in it.
pub(in crate::kind) fn version_in(name: &str, printed: &str) -> Result<String, String> {
    let after = |line: &str, before: &str| line.strip_prefix(before).map(|rest| rest.trim_start().to_owned());
    let first = printed.lines().next().unwrap_or_default();
    let found = match name {
        // `Docker version 28.2.2, build e6534b4`
        "docker" => after(first, "Docker version "),
        // `kind v0.17.0 go1.19.2 linux/amd64`
        "kind" => after(first, "kind v"),
        // `v3.10.2+g50f003e`
        "helm" => after(first, "v"),
        // `cilium-cli: v0.12.11 compiled with go1.19.8 on linux/amd64`, then lines about the cluster.
        "cilium" => after(first, "cilium-cli: v"),
        // A JSON object.
        "kubectl" => serde_json::from_str::<serde_json::Value>(printed)
            .ok()
            .and_then(|all| all.pointer("/clientVersion/gitVersion")?.as_str()?.strip_prefix('v').map(str::to_owned)),
        _ => None,
    };
    let version = found.map(|rest| {
        let end = rest.find(|c: char| c == ',' || c == '+' || c.is_whitespace()).unwrap_or(rest.len());
        rest[..end].to_owned()
    });
    match version {
        Some(version) if version.starts_with(|c: char| c.is_ascii_digit()) => Ok(version),
        _ => {
            let shown: String = first.chars().take(80).collect();
            Err(format!("its output has no version of {name}: {shown:?}"))
        }
    }
}

/// Whether a program of this name was found at an absolute path.
pub(in crate::kind) fn is_found(seen: &[ToolSeen], name: &str) -> bool {
    seen.iter().any(|tool| tool.name == name && tool.path.as_deref().is_some_and(Path::is_absolute))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::fixture::{docker, host, input};

    fn seen(name: &str, version: &str) -> ToolSeen {
        let path = Some(format!("/usr/bin/{name}").into());
        ToolSeen { name: name.to_owned(), path, version: Ok(version.to_owned()), reaches: None }
    }

    fn pin(name: &str) -> ToolPin {
        input().tools.into_iter().find(|pin| pin.name == name).unwrap()
    }

    #[test]
    fn the_pinned_versions_are_taken() {
        for (name, version) in [("kind", "0.17.0"), ("helm", "3.10.2"), ("kubectl", "1.25.3"), ("cilium", "0.12.11")] {
            let row = tool(&pin(name), Some(&seen(name, version)), Some(&docker()));
            assert_eq!((row.outcome, row.id), (Outcome::Ok, format!("tools.{name}")));
        }
        assert_eq!(tool(&pin("docker"), Some(&seen("docker", "28.2.2")), None).outcome, Outcome::Ok, "any will do");
    }

    #[test]
    fn another_version_and_none_at_all() {
        for (name, outcome) in [
            ("docker", Outcome::Refusal),
            ("kind", Outcome::Refusal),
            ("helm", Outcome::Refusal),
            ("kubectl", Outcome::Warning),
            ("cilium", Outcome::Warning),
        ] {
            let missing = tool(&pin(name), None, None);
            assert_eq!((missing.outcome, missing.found), (outcome, format!("{name} is not in PATH")));
            let mut broken = seen(name, "");
            broken.version = Err("did not end within 3s".to_owned());
            let broken = tool(&pin(name), Some(&broken), None);
            assert_eq!((broken.outcome, broken.found), (outcome, format!("/usr/bin/{name}: did not end within 3s")));
            assert!(!broken.remedy.is_empty());
        }
        for (name, version, outcome) in [
            ("kind", "0.20.0", Outcome::Warning),
            ("helm", "3.14.0", Outcome::Warning),
            ("kind", "1.0.0", Outcome::Refusal),
            ("helm", "2.17.0", Outcome::Refusal),
            ("helm", "4.0.0", Outcome::Refusal),
            ("cilium", "0.15.0", Outcome::Warning),
        ] {
            let row = tool(&pin(name), Some(&seen(name, version)), None);
            assert_eq!((row.outcome, row.found.contains(" is pinned")), (outcome, true), "{name} {version}: {row:?}");
        }
        let other = tool(&pin("kind"), Some(&seen("kind", "0.31.0")), None);
        assert_eq!(other.outcome, Outcome::Warning);
        assert!(other.why.ends_with("and none has been tried"), "{other:?}");
        assert_eq!(other.found, "0.31.0 (/usr/bin/kind); 0.17.0 is pinned");
        assert!(other.remedy.starts_with("go install sigs.k8s.io/kind@v0.17.0"));
    }

    #[test]
    fn docker_must_reach_the_engine_that_answered() {
        let mut program = seen("docker", "28.2.2");
        program.reaches = Some(Ok("MNEL:EDXX".to_owned()));
        assert_eq!(tool(&pin("docker"), Some(&program), Some(&docker())).outcome, Outcome::Ok);
        program.reaches = Some(Ok("ABCD:EFGH".to_owned()));
        let row = tool(&pin("docker"), Some(&program), Some(&docker()));
        assert_eq!(row.outcome, Outcome::Refusal);
        assert!(row.found.contains("reaches another Engine than unix:///var/run/docker.sock"), "{row:?}");
        let words = "client version 1.41 is too old. Minimum supported API version is 1.44";
        program.reaches = Some(Err(words.to_owned()));
        let row = tool(&pin("docker"), Some(&program), Some(&docker()));
        assert_eq!(row.outcome, Outcome::Refusal);
        assert!(row.found.ends_with(words), "{row:?}");
        assert_eq!(tool(&pin("docker"), Some(&program), None).outcome, Outcome::Ok, "no Engine: told elsewhere");
    }

    #[test]
    fn versions_are_read_from_what_programs_really_print() {
        let kubectl = r#"{"clientVersion": {"major": "1", "gitVersion": "v1.25.3"}, "kustomizeVersion": "v4.5.7"}"#;
        for (name, printed, version) in [
            ("docker", "Docker version 28.2.2, build e6534b4\n", "28.2.2"),
            ("docker", "Docker version 20.10.24+dfsg1, build 297e128\n", "20.10.24"),
            ("kind", "kind v0.17.0 go1.19.2 linux/amd64\n", "0.17.0"),
            ("kind", "kind v0.18.0-alpha+15cb3b75f9f5d3 go1.19.2 linux/amd64\n", "0.18.0-alpha"),
            ("helm", "v3.10.2+g50f003e\n", "3.10.2"),
            ("helm", "v3.10.2\n", "3.10.2"),
            (
                "cilium",
                "cilium-cli: v0.12.11 compiled with go1.19.8 on linux/amd64\ncilium image (default): v1.12.2\n",
                "0.12.11",
            ),
            ("kubectl", kubectl, "1.25.3"),
        ] {
            assert_eq!(version_in(name, printed), Ok(version.to_owned()), "{printed}");
        }
        for (name, printed) in [
            ("docker", "podman version 4.3.1"),
            ("docker", "Docker version "),
            ("kind", "kind version 0.1.0"),
            ("helm", "Client: &version.Version{SemVer:\"v2.17.0\"}"),
            ("kubectl", "Client Version: v1.25.3"),
            ("kubectl", "{}"),
            ("cilium", "Client: 1.12.4 6eaecaf 2022-11-16"),
            ("cilium", ""),
            ("other", "v1"),
        ] {
            let refused = version_in(name, printed).unwrap_err();
            assert!(refused.starts_with(&format!("its output has no version of {name}")), "{refused}");
        }
    }

    #[test]
    fn variables_that_turn_kind_are_named() {
        let mut host = host();
        assert_eq!(environment(&host, "1.41").outcome, Outcome::Ok);
        host.kind_variables.insert("KIND_EXPERIMENTAL_PROVIDER".to_owned(), "docker".to_owned());
        host.kind_variables.insert("KIND_EXPERIMENTAL_DOCKER_NETWORK".to_owned(), String::new());
        assert_eq!(environment(&host, "1.41").outcome, Outcome::Ok);
        host.kind_variables.insert("KIND_EXPERIMENTAL_PROVIDER".to_owned(), "podman".to_owned());
        let row = environment(&host, "1.41");
        assert_eq!(row.outcome, Outcome::Refusal);
        assert_eq!(row.found, "KIND_EXPERIMENTAL_PROVIDER=podman");
        assert_eq!(row.remedy, "unset KIND_EXPERIMENTAL_PROVIDER");
        host.kind_variables.clear();
        host.kind_variables.insert("DOCKER_API_VERSION".to_owned(), "1.43".to_owned());
        assert_eq!(environment(&host, "1.41").outcome, Outcome::Ok);
        host.kind_variables.insert("DOCKER_API_VERSION".to_owned(), "1.24".to_owned());
        let row = environment(&host, "1.41");
        assert_eq!((row.outcome, row.found.as_str()), (Outcome::Refusal, "DOCKER_API_VERSION=1.24"));
    }
}
