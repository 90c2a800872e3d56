//! `kind create cluster`: the article's cluster, with a kubeconfig of its own.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use super::tool;
use lab_backend::state::{ProcessId, StateDir};
use lab_backend::{Doing, LabError};
use lab_base::clock;
use lab_base::clock::Poll;
use lab_base::exec;
use lab_base::exec::{Finished, Invocation};
use lab_base::redact::redact;
use lab_model::stage::Stage;

/// For kind and kubeadm; the slowest that was seen on two shared cores took two minutes.
const CREATE_DEADLINE: Duration = Duration::from_mins(10);
/// The cluster's configuration within the state folder.
const CONFIG_FILE: &str = "kind.yaml";
/// The kubeconfig within the state folder.
const KUBECONFIG_FILE: &str = "kubeconfig";

/// Which process kind is, within the state folder.
const PROCESS_FILE: &str = "kind.json";
/// All that kind and the kubeadm within it have said, within the state folder.
const SAID_FILE: &str = "kind-create.log";
/// For a process that was killed to be gone.
const KILL_DEADLINE: Duration = Duration::from_secs(5);

/// What `kind create cluster` is given.
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
    /// What kind needs in its environment to reach the same Engine.
    pub environment: Vec<(String, String)>,
}

/// Where all that kind and kubeadm have said is.
pub fn said_of(state: &Path) -> PathBuf {
    state.join(SAID_FILE)
}

/// Where a lab's kubeconfig is.
pub fn kubeconfig_of(state: &Path) -> PathBuf {
    state.join(KUBECONFIG_FILE)
}

/// Ends the kind that a killed program of ours has left at work, with all that it has started.
///
/// # Errors
/// When it does not end.
pub async fn end_left_behind(state: &StateDir) -> Result<(), String> {
    let noted = state.read_json::<Option<ProcessId>>(PROCESS_FILE);
    let Some(process) = noted.map_err(|error| error.to_string())?.flatten().filter(ProcessId::is_alive) else {
        return Ok(());
    };
    exec::kill_group(process.pid)
        .map_err(|error| format!("process {} (kind) cannot be ended: {error}", process.pid))?;
    let what = format!("the end of process {} (kind)", process.pid);
    let gone = clock::until(KILL_DEADLINE, Duration::from_millis(10), &what, async || {
        if process.is_alive() { Poll::NotYet("it runs".to_owned()) } else { Poll::Ready(()) }
    });
    gone.await.map_err(|error| error.to_string())
}

impl Creation<'_> {
    /// The command. What failed is left for the artefacts (`--retain`); the lab takes it away itself.
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

    /// Creates the cluster. It has no CNI then, and its nodes are not ready.
    ///
    /// # Errors
    /// When kind fails, with its reason and what to do about it.
    pub async fn run(&self, doing: &Doing) -> Result<(), LabError> {
        let written = fs::write(self.state.join(CONFIG_FILE), self.config).and_then(|()| self.reserve_kubeconfig());
        written.map_err(|source| LabError::Scratch { path: self.state.to_owned(), source })?;
        let what = "kind create cluster";
        doing.now(what);
        let running = self.invocation().open()?;
        // Should this program be killed, kind goes on making what `lab down` then takes away.
        let process = running.id().and_then(|id| ProcessId::of(id.cast_signed()).ok());
        let noted = fs::write(self.state.join(PROCESS_FILE), serde_json::to_vec(&process).unwrap_or_default());
        noted.map_err(|source| LabError::Scratch { path: self.state.join(PROCESS_FILE), source })?;
        let finished = tool::follow(running, what, doing, CREATE_DEADLINE).await?;
        self.keep_words(&finished)?;
        if finished.success() {
            return Ok(());
        }
        let why = tool::failure(&finished);
        let remedy = remedy(&finished.stderr_text());
        Err(LabError::Stage { stage: Stage::ClusterCreated, why: format!("kind create cluster: {why}{remedy}") })
    }

    /// What kubeadm has said is told nowhere else: an error quotes a few lines of it.
    fn keep_words(&self, finished: &Finished) -> Result<(), LabError> {
        let (said, printed) = (finished.stderr_text(), finished.stdout_text());
        let printed =
            if printed.trim().is_empty() { String::new() } else { format!("\n# on standard output:\n{printed}") };
        let text = format!("# {}\n{said}{printed}\n# {}\n", finished.argv.join(" "), finished.exit);
        let path = said_of(self.state);
        fs::write(&path, redact(&text)).map_err(|source| LabError::Scratch { path, source })
    }

    /// Nobody else may read it, not even while kind writes it.
    fn reserve_kubeconfig(&self) -> io::Result<()> {
        let file = fs::File::create(kubeconfig_of(self.state))?;
        file.set_permissions(fs::Permissions::from_mode(0o600))
    }
}

/// What kind's and Docker's words mean, and what to do.
const REMEDIES: &[(&str, &str)] = &[
    ("unable to apply caps", "this Docker Engine cannot run privileged containers: `lab doctor --on kind`"),
    ("no space left on device", "make room where Docker keeps its data: docker system df, docker system prune"),
    ("port is already allocated", "another program has the port of the API server: run it again, kind takes another"),
    ("non-overlapping IPv4 address pool", "Docker has no subnet left for another network: docker network prune"),
    (
        "already exist for a cluster with the name",
        "a cluster of this name is there, and is not this lab's: choose another --name",
    ),
    ("too many open files", "sudo sysctl fs.inotify.max_user_instances=512 fs.inotify.max_user_watches=524288"),
    (
        "could not find a log line that matches",
        "a node's systemd did not start: NODE.console.log among the artefacts tells why; on cgroup v1 it needs a systemd \
         hierarchy",
    ),
    (
        "failed to pull image",
        "the node image is not on this host and could not be pulled: check the registry, or use `--kit FILE`",
    ),
    ("toomanyrequests", "the registry limits how often you may pull: docker login, or use `--kit FILE`"),
];

/// Where a failure that is not known is told.
const MORE: &str = "kind-create.log among the artefacts has all that kind and kubeadm said; the nodes' console.log and kubelet.log tell more";

fn remedy(said: &str) -> String {
    let found = REMEDIES.iter().find(|(words, _)| said.contains(words));
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
