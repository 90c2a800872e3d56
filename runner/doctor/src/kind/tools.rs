//! Runs the programs that a lab needs, to read their versions.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::join_all;

use super::facts::ToolSeen;
use super::input::{KindDoctorInput, ToolPin};
use super::rows::tools::version_in;
use lab_base::exec::{ExecError, Finished, Invocation};
use lab_base::failure::chain;

/// The deadline for each program; all run at the same time. On an idle host, none takes half a second.
const DEADLINE: Duration = Duration::from_secs(5);

/// Folders with programs for root, which are not in every user's `PATH`.
const SYSTEM: [&str; 3] = ["/usr/sbin", "/sbin", "/run/current-system/sw/bin"];

/// A proxy address at which nothing listens: RFC 863's port.
const UNREACHABLE_PROXY: &str = "http://127.0.0.1:9";

/// A kubeconfig of a cluster that does not exist, since `cilium version` fails without a kubeconfig.
const NO_CLUSTER: &str = "{apiVersion: v1, kind: Config, current-context: none, \
    clusters: [{name: none, cluster: {server: 'https://127.0.0.1:9'}}], users: [{name: none, user: {}}], \
    contexts: [{name: none, context: {cluster: none, user: none}}]}\n";

/// Finds every program and its version. `environment` makes the docker program use the Engine that answered.
pub(super) async fn find_all(input: &KindDoctorInput, environment: &[(String, String)]) -> Vec<ToolSeen> {
    let path = &input.search_path;
    join_all(input.tools.iter().map(|pin| find_one(pin, path, environment))).await
}

fn find(name: &str, path: &OsString) -> Option<PathBuf> {
    // A relative folder in PATH is relative to the current directory, as for a shell.
    which::which_in(name, Some(path), std::env::current_dir().unwrap_or_default()).ok()
}

async fn find_one(pin: &ToolPin, path: &OsString, environment: &[(String, String)]) -> ToolSeen {
    let name = pin.name.clone();
    let Some(program) = find(&name, path) else {
        return ToolSeen { name, path: None, version: Err("not found".to_owned()), reaches: None };
    };
    let (version, reaches) = match name.as_str() {
        "docker" => {
            let (version, reaches) = tokio::join!(version_of(&name, &program), engine_reached(&program, environment));
            (version, Some(reaches))
        }
        _ => (version_of(&name, &program).await, None),
    };
    ToolSeen { name, path: Some(program), version, reaches }
}

/// Runs the program to read its version.
async fn version_of(name: &str, program: &Path) -> Result<String, String> {
    let invocation = Invocation::new(program);
    let finished = match name {
        "docker" => finished(invocation.args(["--version"])).await,
        "helm" => finished(invocation.args(["version", "--short"])).await,
        "kubectl" => finished(invocation.args(["version", "--client", "--output=json"])).await,
        "cilium" => cilium(invocation).await,
        _ => finished(invocation.args(["version"])).await,
    }?;
    if !finished.success() {
        return Err(failure_text(&finished));
    }
    version_in(name, &finished.stdout_text())
}

/// `cilium version` of v0.12 contacts GitHub and a cluster before it ends. Both are replaced by addresses that refuse at
/// once.
async fn cilium(invocation: Invocation) -> Result<Finished, String> {
    let kubeconfig =
        tempfile::NamedTempFile::new().map_err(|error| format!("cannot write a temporary file: {error}"))?;
    std::fs::write(kubeconfig.path(), NO_CLUSTER).map_err(|error| format!("cannot write a temporary file: {error}"))?;
    let alone = invocation
        .args(["version"])
        .env("KUBECONFIG", kubeconfig.path())
        .env("HTTPS_PROXY", UNREACHABLE_PROXY)
        .env("HTTP_PROXY", UNREACHABLE_PROXY)
        .env("NO_PROXY", "");
    finished(alone).await
}

/// The id of the Engine that the docker program reaches when lab starts it.
async fn engine_reached(program: &Path, environment: &[(String, String)]) -> Result<String, String> {
    let mut invocation = Invocation::new(program).args(["info", "--format", "{{.ID}}"]);
    for (name, value) in environment {
        invocation = invocation.env(name, value);
    }
    let finished = finished(invocation).await?;
    // Without an Engine, some versions end with code 0 and print nothing but errors.
    let id = finished.stdout_text().trim().to_owned();
    if finished.success() && !id.is_empty() { Ok(id) } else { Err(failure_text(&finished)) }
}

pub(super) async fn finished(invocation: Invocation) -> Result<Finished, String> {
    invocation.run(DEADLINE).await.map_err(|error| match error {
        ExecError::Deadline { deadline, .. } => format!("did not print its version within {} s", deadline.as_secs()),
        other => chain(&other),
    })
}

/// A text with the command, how it ended, and the last line of its standard error.
pub(super) fn failure_text(finished: &Finished) -> String {
    let stderr = finished.stderr_text();
    let last = stderr.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it printed no error message");
    format!("`{}` ended with {}: {last}", finished.argv.join(" "), finished.exit)
}

/// A program in `PATH` or in the folders with programs for root.
pub(super) fn find_in_system(name: &str, input: &KindDoctorInput) -> Option<PathBuf> {
    let folders = std::env::split_paths(&input.search_path).chain(SYSTEM.into_iter().map(PathBuf::from));
    find(name, &std::env::join_paths(folders).ok()?)
}

/// The output of the host's `iptables --version`; none if there is no iptables.
pub(super) async fn iptables(input: &KindDoctorInput) -> Option<Result<String, String>> {
    let program = find_in_system("iptables", input)?;
    let finished = match finished(Invocation::new(program).args(["--version"])).await {
        Ok(finished) => finished,
        Err(why) => return Some(Err(why)),
    };
    Some(if finished.success() { Ok(finished.stdout_text()) } else { Err(failure_text(&finished)) })
}
