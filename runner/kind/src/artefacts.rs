//! Artefacts: what is kept of a lab in which something failed, to find the cause without the lab.

use async_recursion::async_recursion as boxed;
use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::StreamExt;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::api::ApiError;
use super::cilium::agents::AGENT_LABEL;
use super::create::creation_log_of;
use super::lab::KindLab;
use super::racks::BIRD_SOCKET;
use lab_base::redact::redact;
use lab_model::observe::NodeName;

/// Name of the folder for artefacts within a run's folder.
pub const FOLDER: &str = "artefacts";
/// The deadline for one command in a node.
const COMMAND_DEADLINE: Duration = Duration::from_secs(20);
/// The most bytes that are kept of a text. The end is kept, since that is where a failure is reported.
const KEPT_BYTES: usize = 512 * 1024;

/// The file with the output of `docker logs` of a node, which says why its systemd did not start.
const CONSOLE: &str = "console.log";

/// The file with the output of kind and kubeadm.
const CREATION: &str = "kind-create.log";

/// How many lines of each container's log are kept.
const LOG_LINES: u32 = 2000;

/// The commands whose output is kept from every node, each with the name of its file.
const COMMANDS: &[(&str, &[&str])] = &[
    ("kubelet.log", &["journalctl", "--no-pager", "--lines", "3000", "--unit", "kubelet"]),
    ("containerd.log", &["journalctl", "--no-pager", "--lines", "1500", "--unit", "containerd"]),
    ("containers.txt", &["crictl", "ps", "--all"]),
    ("images.txt", &["crictl", "images"]),
    ("addresses.txt", &["ip", "-details", "address"]),
    ("routes.txt", &["ip", "route", "show", "table", "all"]),
    ("rules.txt", &["ip", "rule"]),
    ("neighbours.txt", &["ip", "neighbour"]),
];

/// The commands whose output is kept from every router between racks.
const OF_ROUTERS: &[(&str, &[&str])] = &[
    ("sessions.txt", &["birdc", "-s", BIRD_SOCKET, "show", "protocols", "all"]),
    ("learnt.txt", &["birdc", "-s", BIRD_SOCKET, "show", "route"]),
    ("addresses.txt", &["ip", "-details", "address"]),
    ("routes.txt", &["ip", "route", "show", "table", "all"]),
];

/// The names of the files with answers of the API server.
const FROM_API: [&str; 4] = ["api-server.txt", "events.txt", "nodes.json", "pods.json"];

/// Whether [`gather`] can have written a file of this name.
pub fn is_artefact(name: &str) -> bool {
    let plain = |part: &str| {
        (1..=128).contains(&part.len())
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    if name == CREATION || FROM_API.contains(&name) {
        return true;
    }
    let Some((of, file)) = name.split_once('.') else { return false };
    // A file of a node, or the log of a container or of the one that ran before it.
    let of_node = file == CONSOLE || COMMANDS.iter().chain(OF_ROUTERS).any(|(known, _)| *known == file);
    let of_container =
        || file.strip_suffix(".log").map(|container| container.strip_suffix(".previous").unwrap_or(container));
    plain(of) && (of_node || of_container().is_some_and(plain))
}

/// Writes all artefacts into `FOLDER` below this folder. An artefact that cannot be obtained has the error in its file, so
/// that it is not mistaken for an empty output.
///
/// # Errors
/// When the folder cannot be written.
#[boxed(?Send)]
pub async fn gather(lab: &KindLab, folder: &Path) -> io::Result<Vec<String>> {
    let folder = folder.join(FOLDER);
    fs::create_dir_all(&folder)?;
    let mut kept = Vec::new();
    kept.push(write(&folder, CREATION, &creation(lab))?);
    let nodes = lab.nodes().iter().map(|(node, _)| (node.clone(), COMMANDS));
    let routers = lab.router_containers().into_iter().map(|router| (router, OF_ROUTERS));
    for (node, commands) in nodes.chain(routers) {
        let node = &node;
        lab.doing().now(format!("keeping the console of {node}"));
        kept.push(write(&folder, &format!("{node}.{CONSOLE}"), &console(lab, node).await)?);
        for (file, argv) in commands {
            lab.doing().now(format!("keeping {} of {node}", argv.join(" ")));
            let text = run(lab, node, argv).await;
            kept.push(write(&folder, &format!("{node}.{file}"), &text)?);
        }
    }
    for (file, text) in from_api(lab).await {
        kept.push(write(&folder, &file, &text)?);
    }
    Ok(kept)
}

/// The output of kind and kubeadm; if kind has not ended, a text that says so.
fn creation(lab: &KindLab) -> String {
    let file = match lab.state() {
        Ok(state) => creation_log_of(state.path()),
        Err(error) => return format!("# {error}\n"),
    };
    fs::read_to_string(&file).unwrap_or_else(|error| format!("# kind create cluster has not ended: {error}\n"))
}

/// Conditions, events, and the logs of Cilium's agents and operators, from the API server.
async fn from_api(lab: &KindLab) -> Vec<(String, String)> {
    let api = match lab.api() {
        Ok(api) => api,
        Err(error) => return vec![(FROM_API[0].to_owned(), format!("# {error}\n"))],
    };
    lab.doing().now("keeping events, nodes and pods from the API server");
    let events = api.events().await.map(|events| events.join("\n") + "\n");
    let mut kept = vec![
        (FROM_API[1].to_owned(), events.unwrap_or_else(|error| format!("# {error}\n"))),
        (FROM_API[2].to_owned(), as_json(api.nodes().await)),
    ];
    let pods = api.pods().await;
    for pod in pods.as_deref().unwrap_or_default() {
        let is_cilium = pod.labels.get(AGENT_LABEL.0).is_some_and(|app| app == AGENT_LABEL.1)
            || pod.labels.get("name").is_some_and(|name| name == "cilium-operator");
        for container in pod.containers.iter().filter(|_| is_cilium) {
            for previous in [false, true].into_iter().take(if container.restarts > 0 { 2 } else { 1 }) {
                let log = api.log(&pod.namespace, &pod.name, &container.name, previous, LOG_LINES).await;
                let which = if previous { ".previous" } else { "" };
                let file = format!("{}.{}{which}.log", pod.name, container.name);
                kept.push((file, log.unwrap_or_else(|error| format!("# {error}\n"))));
            }
        }
    }
    kept.push((FROM_API[3].to_owned(), as_json(pods)));
    kept
}

fn as_json<T: serde::Serialize>(seen: Result<T, ApiError>) -> String {
    match seen.map(|seen| serde_json::to_string_pretty(&seen)) {
        Ok(Ok(text)) => text + "\n",
        Ok(Err(error)) => format!("# {error}\n"),
        Err(error) => format!("# {error}\n"),
    }
}

async fn run(lab: &KindLab, node: &NodeName, argv: &[&str]) -> String {
    let command = argv.join(" ");
    match lab.engine().exec(&node.0, argv.iter().copied(), Vec::new(), COMMAND_DEADLINE).await {
        Ok(ran) => {
            let stderr = ran.stderr_text();
            let errors =
                if stderr.trim().is_empty() { String::new() } else { format!("\n# on standard error:\n{stderr}") };
            let code = if ran.success() { String::new() } else { format!("\n# exit code {}\n", ran.code) };
            format!("# {node}: {command}\n{}{errors}{code}", ran.stdout_text())
        }
        Err(error) => format!("# {node}: {command}\n# could not be run: {error}\n"),
    }
}

/// The output of a container's own program, from its beginning.
pub(crate) async fn console(lab: &KindLab, node: &NodeName) -> String {
    let options = LogsOptionsBuilder::default().stdout(true).stderr(true).tail(&LOG_LINES.to_string()).build();
    let mut lines = Box::pin(lab.engine().client().logs(&node.0, Some(options)));
    let doing = format!("show the log of {node}");
    let mut text = format!("# docker logs {node}\n");
    loop {
        match lab.engine().call(&doing, COMMAND_DEADLINE, async { lines.next().await.transpose() }).await {
            Ok(Some(line)) => text.push_str(&String::from_utf8_lossy(&line.into_bytes())),
            Ok(None) => return text,
            Err(error) => return format!("{text}# {error}\n"),
        }
    }
}

fn write(folder: &Path, name: &str, text: &str) -> io::Result<String> {
    let text = redact(text);
    let from = text.len().saturating_sub(KEPT_BYTES);
    let from = (from..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len());
    let cut = if from == 0 { String::new() } else { format!("# the first {from} bytes were left out\n") };
    fs::write(folder.join(name), cut + &text[from..])?;
    Ok(format!("{FOLDER}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_artefacts_are_known_again() {
        for name in [
            "kind-worker2.console.log",
            "kind-control-plane.kubelet.log",
            "kind-worker.routes.txt",
            "kind-tor0.sessions.txt",
            "cilium-x7k2p.cilium-agent.log",
            "cilium-x7k2p.cilium-agent.previous.log",
            "kind-create.log",
            "events.txt",
            "api-server.txt",
            "pods.json",
        ] {
            assert!(is_artefact(name), "{name}");
        }
        for name in
            ["kubeconfig", "admin.conf", ".routes.txt", "kind-worker.kubeconfig", "a.b.c.log", "../x.log", "x.log", ""]
        {
            assert!(!is_artefact(name), "{name}");
        }
    }
}
