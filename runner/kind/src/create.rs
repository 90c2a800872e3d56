//! Runs `kind create cluster`, which makes the article's cluster, with a kubeconfig of its own.

use async_recursion::async_recursion as boxed;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use super::tool;
use lab_backend::state::{Life, ProcessId, StateDir};
use lab_backend::{Doing, LabError};
use lab_base::clock;
use lab_base::clock::Poll;
use lab_base::exec;
use lab_base::exec::{Finished, Invocation};
use lab_base::redact::redact;
use lab_model::stage::Stage;

/// The deadline for kind and kubeadm. On two shared cores they took up to two minutes.
const CREATE_DEADLINE: Duration = Duration::from_mins(10);
/// Name of the file in the state folder with the cluster's configuration.
const CONFIG_FILE: &str = "kind.yaml";
/// Name of the kubeconfig in the state folder.
const KUBECONFIG_FILE: &str = "kubeconfig";

/// Name of the file in the state folder that says which process kind is.
const PROCESS_FILE: &str = "kind.json";
/// Name of the file in the state folder with the output of kind and kubeadm.
const CREATION_LOG_FILE: &str = "kind-create.log";
/// How long a killed process may take to end.
const KILL_DEADLINE: Duration = Duration::from_secs(5);

/// The arguments of `kind create cluster`.
#[derive(Debug)]
pub struct Creation<'a> {
    /// The kind program.
    pub kind: &'a Path,
    /// The cluster's name.
    pub cluster: &'a str,
    /// Its configuration, as YAML.
    pub config: &'a str,
    /// The node image.
    pub image: &'a str,
    /// The lab's state folder.
    pub state: &'a Path,
    /// The environment variables with which kind uses the same Engine.
    pub environment: Vec<(String, String)>,
}

/// The path of the file with the output of kind and kubeadm.
pub fn creation_log_of(state: &Path) -> PathBuf {
    state.join(CREATION_LOG_FILE)
}

/// The path of a lab's kubeconfig.
pub fn kubeconfig_of(state: &Path) -> PathBuf {
    state.join(KUBECONFIG_FILE)
}

/// Ends the process of kind, with all that it has started, that an earlier, killed lab command has left running.
///
/// # Errors
/// When it does not end.
#[boxed(?Send)]
pub async fn end_left_behind(state: &StateDir) -> Result<(), String> {
    let noted = state.read_json::<Option<ProcessId>>(PROCESS_FILE).map_err(|error| error.to_string())?.flatten();
    // A command that was killed right after it had started kind has noted nothing.
    let left = noted.filter(|process| process.life() == Life::Runs).or_else(|| creating(&kubeconfig_of(state.path())));
    let Some(process) = left else { return Ok(()) };
    exec::kill_group_of(process.pid)
        .map_err(|error| format!("process {} (kind) cannot be ended: {error}", process.pid))?;
    let what = format!("the end of process {} (kind)", process.pid);
    let gone = clock::until(KILL_DEADLINE, Duration::from_millis(10), &what, async || {
        if process.life() == Life::Runs { Poll::NotYet("it still runs".to_owned()) } else { Poll::Ready(()) }
    });
    gone.await.map_err(|error| error.to_string())
}

/// A process of a `kind create cluster` that writes this kubeconfig: the first one, or where that has ended already, one that
/// it has forked; none where there is no such process.
fn creating(kubeconfig: &Path) -> Option<ProcessId> {
    let is_kind = |pid: i32| {
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let arguments: Vec<&[u8]> = arguments.split(|octet| *octet == 0).collect();
        arguments.windows(2).any(|pair| pair == [b"create".as_slice(), b"cluster"])
            && arguments.windows(2).any(|pair| pair == [b"--kubeconfig".as_slice(), kubeconfig.as_os_str().as_bytes()])
    };
    let numbers = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let processes = numbers.filter(|pid| is_kind(*pid)).filter_map(|pid| ProcessId::of(pid).ok());
    processes.min_by_key(|process| (process.start_ticks, process.pid))
}

impl Creation<'_> {
    /// The command. With `--retain`, a failed cluster remains for the artefacts; lab removes it afterwards.
    fn invocation(&self) -> Invocation {
        let mut invocation = Invocation::new(self.kind)
            .args(["create", "cluster", "--name", self.cluster, "--image", self.image, "--retain", "--config"])
            .args([self.state.join(CONFIG_FILE)])
            .args(["--kubeconfig"])
            .args([kubeconfig_of(self.state)]);
        for (name, value) in &self.environment {
            invocation = invocation.env(name, value);
        }
        invocation
    }

    /// Creates the cluster. It has no CNI yet, so its nodes are not ready.
    ///
    /// # Errors
    /// When kind fails; the error has the reason and what to do about it.
    #[boxed(?Send)]
    pub async fn run(&self, doing: &Doing) -> Result<(), LabError> {
        let written = fs::write(self.state.join(CONFIG_FILE), self.config).and_then(|()| self.reserve_kubeconfig());
        written.map_err(|source| LabError::Scratch { path: self.state.to_owned(), source })?;
        let what = "kind create cluster";
        doing.now(what);
        let running = self.invocation().open()?;
        // Noted, because kind continues if this program is killed. `lab down` then ends it.
        let process = running.id().and_then(|id| ProcessId::of(id.cast_signed()).ok());
        let noted = fs::write(self.state.join(PROCESS_FILE), serde_json::to_vec(&process).unwrap_or_default());
        noted.map_err(|source| LabError::Scratch { path: self.state.join(PROCESS_FILE), source })?;
        let finished = tool::follow(running, what, doing, CREATE_DEADLINE).await?;
        self.keep_output(&finished)?;
        if finished.success() {
            return Ok(());
        }
        let why = tool::failure(&finished);
        let remedy = remedy(&finished.stderr_text());
        Err(LabError::Stage { stage: Stage::ClusterCreated, why: format!("kind create cluster: {why}{remedy}") })
    }

    /// Keeps the whole output of kind and kubeadm, since an error quotes a few lines only.
    fn keep_output(&self, finished: &Finished) -> Result<(), LabError> {
        let (stderr, printed) = (finished.stderr_text(), finished.stdout_text());
        let printed =
            if printed.trim().is_empty() { String::new() } else { format!("\n# on standard output:\n{printed}") };
        let text = format!("# {}\n{stderr}{printed}\n# {}\n", finished.argv.join(" "), finished.exit);
        let path = creation_log_of(self.state);
        fs::write(&path, redact(&text)).map_err(|source| LabError::Scratch { path, source })
    }

    /// Makes the kubeconfig with mode 0600 beforehand, so that no other user can read it while kind writes it.
    fn reserve_kubeconfig(&self) -> io::Result<()> {
        let file = fs::File::create(kubeconfig_of(self.state))?;
        file.set_permissions(fs::Permissions::from_mode(0o600))
    }
}

/// Parts of error messages of kind and Docker, each with what to do.
const REMEDIES: &[(&str, &str)] = &[
    ("unable to apply caps", "this Docker Engine cannot run privileged containers: `lab doctor --on kind`"),
    ("no space left on device", "make room where Docker keeps its data: docker system df, docker system prune"),
    (
        "port is already allocated",
        "another program uses the port of the API server: run it again, kind will choose another port",
    ),
    ("non-overlapping IPv4 address pool", "Docker has no subnet left for another network: docker network prune"),
    (
        "already exist for a cluster with the name",
        "a cluster of this name exists that is not this lab's: choose another --name",
    ),
    ("too many open files", "sudo sysctl fs.inotify.max_user_instances=512 fs.inotify.max_user_watches=524288"),
    (
        "could not find a log line that matches",
        "a node's systemd did not start: NODE.console.log among the artefacts shows why; on cgroup v1 it needs a systemd \
         hierarchy",
    ),
    (
        "failed to pull image",
        "the node image is not on this host and could not be pulled: check the registry, or use `--kit FILE`",
    ),
    ("toomanyrequests", "the registry limits how often you may pull: docker login, or use `--kit FILE`"),
];

/// The advice for an error that is not in the list above.
const MORE: &str = "kind-create.log among the artefacts has the whole output of kind and kubeadm; the nodes' console.log and kubelet.log show more";

fn remedy(stderr: &str) -> String {
    let found = REMEDIES.iter().find(|(message, _)| stderr.contains(message));
    let advice = found.map_or(MORE, |known| known.1);
    format!("\n{advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cluster_is_named_marked_and_has_a_kubeconfig_of_its_own() {
        let creation = Creation {
            kind: Path::new("/bin/kind"),
            cluster: "kind",
            config: "",
            image: "kindest/node:v1.25.3@sha256:f5",
            state: Path::new("/state/lab/kind"),
            environment: Vec::new(),
        };
        assert_eq!(
            creation.invocation().argv().join(" "),
            "/bin/kind create cluster --name kind --image kindest/node:v1.25.3@sha256:f5 --retain \
             --config /state/lab/kind/kind.yaml --kubeconfig /state/lab/kind/kubeconfig"
        );
    }

    #[test]
    fn known_failures_come_with_their_remedy() {
        let caps =
            "docker: Error response from daemon: runc create failed: unable to apply caps: operation not permitted";
        assert!(remedy(caps).contains("privileged containers"));
        assert_eq!(remedy("?"), format!("\n{MORE}"));
    }
}
