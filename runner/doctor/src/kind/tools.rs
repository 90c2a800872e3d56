//! Starting the programs, to be told their versions.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::join_all;

use super::facts::ToolSeen;
use super::input::{KindDoctorInput, ToolPin};
use super::rows::tools::version_in;
use lab_base::exec::{ExecError, Finished, Invocation};
use lab_base::failure::chain;

/// For each program; they are asked at the same time. None takes half a second on a host that has nothing else to do.
const DEADLINE: Duration = Duration::from_secs(5);

/// Where programs of root's are, for users in whose `PATH` they are not.
const SYSTEM: [&str; 3] = ["/usr/sbin", "/sbin", "/run/current-system/sw/bin"];

/// Nobody listens there: RFC 863's port, which nothing serves.
const NOBODY: &str = "http://127.0.0.1:9";

/// A cluster that is not there: `cilium version` ends unless it is given one.
const NO_CLUSTER: &str = "{apiVersion: v1, kind: Config, current-context: none, \
    clusters: [{name: none, cluster: {server: 'https://127.0.0.1:9'}}], users: [{name: none, user: {}}], \
    contexts: [{name: none, context: {cluster: none, user: none}}]}\n";

/// Asks every program; `environment` leads those that talk to the Engine to the one that answered.
pub(super) async fn seen(input: &KindDoctorInput, environment: &[(String, String)]) -> Vec<ToolSeen> {
    let path = &input.search_path;
    join_all(input.tools.iter().map(|pin| one(pin, path, environment))).await
}

fn find(name: &str, path: &OsString) -> Option<PathBuf> {
    // A relative folder in PATH is relative to where this runs, as for a shell.
    which::which_in(name, Some(path), std::env::current_dir().unwrap_or_default()).ok()
}

async fn one(pin: &ToolPin, path: &OsString, environment: &[(String, String)]) -> ToolSeen {
    let name = pin.name.clone();
    let Some(program) = find(&name, path) else {
        return ToolSeen { name, path: None, version: Err("not found".to_owned()), reaches: None };
    };
    let (version, reaches) = match name.as_str() {
        "docker" => {
            let (version, reaches) = tokio::join!(asked(&name, &program), reached(&program, environment));
            (version, Some(reaches))
        }
        _ => (asked(&name, &program).await, None),
    };
    ToolSeen { name, path: Some(program), version, reaches }
}

/// What it says its version is.
async fn asked(name: &str, program: &Path) -> Result<String, String> {
    let invocation = Invocation::new(program);
    let finished = match name {
        "docker" => finished(invocation.args(["--version"])).await,
        "helm" => finished(invocation.args(["version", "--short"])).await,
        "kubectl" => finished(invocation.args(["version", "--client", "--output=json"])).await,
        "cilium" => cilium(invocation).await,
        _ => finished(invocation.args(["version"])).await,
    }?;
    if !finished.success() {
        return Err(said(&finished));
    }
    version_in(name, &finished.stdout_text())
}

/// The command-line program of v0.12 asks GitHub and a cluster before it ends: both are made to refuse at once.
async fn cilium(invocation: Invocation) -> Result<Finished, String> {
    let kubeconfig = tempfile::NamedTempFile::new().map_err(|error| format!("no place for a file: {error}"))?;
    std::fs::write(kubeconfig.path(), NO_CLUSTER).map_err(|error| format!("no place for a file: {error}"))?;
    let alone = invocation
        .args(["version"])
        .env("KUBECONFIG", kubeconfig.path())
        .env("HTTPS_PROXY", NOBODY)
        .env("HTTP_PROXY", NOBODY)
        .env("NO_PROXY", "");
    finished(alone).await
}

/// Which Engine the docker program reaches, as the lab starts it.
async fn reached(program: &Path, environment: &[(String, String)]) -> Result<String, String> {
    let mut invocation = Invocation::new(program).args(["info", "--format", "{{.ID}}"]);
    for (name, value) in environment {
        invocation = invocation.env(name, value);
    }
    let finished = finished(invocation).await?;
    // Without an Engine, some versions end with code 0 and print nothing but errors.
    let id = finished.stdout_text().trim().to_owned();
    if finished.success() && !id.is_empty() { Ok(id) } else { Err(said(&finished)) }
}

async fn finished(invocation: Invocation) -> Result<Finished, String> {
    invocation.run(DEADLINE).await.map_err(|error| match error {
        ExecError::Deadline { deadline, .. } => format!("did not tell its version within {} s", deadline.as_secs()),
        other => chain(&other),
    })
}

/// How it ended, and its last words.
fn said(finished: &Finished) -> String {
    let stderr = finished.stderr_text();
    let last = stderr.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it said nothing");
    format!("`{}` ended with {}: {last}", finished.argv.join(" "), finished.exit)
}

/// What the host's iptables prints as its version; none where there is none.
pub(super) async fn iptables(input: &KindDoctorInput) -> Option<Result<String, String>> {
    let folders = std::env::split_paths(&input.search_path).chain(SYSTEM.into_iter().map(PathBuf::from));
    let program = find("iptables", &std::env::join_paths(folders).ok()?)?;
    let finished = match finished(Invocation::new(program).args(["--version"])).await {
        Ok(finished) => finished,
        Err(why) => return Some(Err(why)),
    };
    Some(if finished.success() { Ok(finished.stdout_text()) } else { Err(said(&finished)) })
}
