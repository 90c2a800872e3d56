//! Reads the state of a node with its own programs: its container runtime and its packet filters.

use std::collections::BTreeMap;
use std::time::Duration;

use lab_base::failure::chain;
use lab_engine::Engine;
use lab_kube::filter::{FILTERS, parse_filter};
use lab_model::observe::{FilterListing, NestedContainer, NodeImage, NodeName};

/// The deadline for one program in a node on a busy machine.
const DEADLINE: Duration = Duration::from_secs(15);
/// Programs that commands to look by hand use and that the image of kind's nodes does not have (kind v0.17.0:
/// `images/base/Dockerfile`).
pub const NOT_IN_NODES: [&str; 3] = ["arping", "ping", "tcpdump"];

/// Parses the output of `ctr containers ls`: a line of titles, then one line for each container. Tasks are listed by
/// another command.
///
/// # Errors
/// A text with the first line that has another form.
pub fn parse_containers(text: &str) -> Result<Vec<NestedContainer>, String> {
    rows(text, ["CONTAINER", "IMAGE", "RUNTIME"])?
        .map(|row| {
            let [id, image, runtime] = row?;
            Ok(NestedContainer { id: id.to_owned(), image: image.to_owned(), runtime: runtime.to_owned(), task: None })
        })
        .collect()
}

/// Parses the output of `ctr tasks ls`: the status of each container's task.
///
/// # Errors
/// A text with the first line that has another form.
pub fn parse_tasks(text: &str) -> Result<BTreeMap<String, String>, String> {
    rows(text, ["TASK", "PID", "STATUS"])?
        .map(|row| {
            let [id, _pid, status] = row?;
            Ok((id.to_owned(), status.to_owned()))
        })
        .collect()
}

/// The rows below a line with these titles.
fn rows<'a>(text: &'a str, titles: [&str; 3]) -> Result<impl Iterator<Item = Result<[&'a str; 3], String>>, String> {
    let three = |line: &'a str| <[&str; 3]>::try_from(line.split_whitespace().collect::<Vec<_>>()).ok();
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    if three(first) != Some(titles) {
        return Err(format!("expected the titles {}, found {first:?}", titles.join(", ")));
    }
    let row = move |line| three(line).ok_or_else(|| format!("expected three words, found {line:?}"));
    Ok(lines.filter(|line| !line.trim().is_empty()).map(row))
}

/// The containers in the namespace `k8s.io` of a node's containerd, with the status of their tasks.
///
/// # Errors
/// A text that says why they cannot be listed.
pub async fn nested(engine: &Engine, node: &NodeName) -> Result<Vec<NestedContainer>, String> {
    let list = async |what: &str| output_of(engine, node, &["ctr", "--namespace", "k8s.io", what, "ls"]).await;
    let (containers, tasks) = tokio::join!(list("containers"), list("tasks"));
    let mut tasks = parse_tasks(&tasks?)?;
    let mut containers = parse_containers(&containers?)?;
    for container in &mut containers {
        container.task = tasks.remove(&container.id);
    }
    Ok(containers)
}

/// The tables of a node's packet filters, one listing for each program.
pub async fn filters(engine: &Engine, node: &NodeName) -> Vec<FilterListing> {
    let list = async |program: &str| FilterListing {
        program: program.to_owned(),
        tables: output_of(engine, node, &[program]).await.and_then(|text| parse_filter(&text)),
    };
    futures_util::future::join_all(FILTERS.map(list)).await
}

/// The images that a node's container runtime has.
///
/// # Errors
/// A text that says why they cannot be listed.
pub async fn images_on(engine: &Engine, node: &NodeName) -> Result<Vec<NodeImage>, String> {
    let images = lab_images::node_images(engine, node, DEADLINE).await.map_err(|error| chain(&error))?;
    Ok(images.all().to_vec())
}

/// Runs a program in a node, and returns its standard output.
async fn output_of(engine: &Engine, node: &NodeName, argv: &[&str]) -> Result<String, String> {
    let ran = engine.exec(&node.0, argv.iter().copied(), Vec::new(), DEADLINE).await;
    let ran = ran.map_err(|error| chain(&error))?;
    if ran.success() {
        Ok(ran.stdout_text())
    } else {
        Err(format!("`{}` ended with exit code {}: {}", argv.join(" "), ran.code, ran.stderr_text().trim()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_and_tasks_are_read() {
        let text = "CONTAINER    IMAGE    RUNTIME    \n20e9    k8s.gcr.io/etcd:3.4.13-0    io.containerd.runc.v2    \n";
        let read = parse_containers(text).unwrap();
        assert_eq!(read.len(), 1);
        assert_eq!((read[0].id.as_str(), read[0].image.as_str()), ("20e9", "k8s.gcr.io/etcd:3.4.13-0"));
        assert_eq!(parse_containers("CONTAINER    IMAGE    RUNTIME    \n"), Ok(Vec::new()));
        let tasks = parse_tasks("TASK    PID    STATUS    \n20e9    716    RUNNING\n51d0    0    STOPPED\n").unwrap();
        assert_eq!(tasks["20e9"], "RUNNING");
        assert_eq!(tasks["51d0"], "STOPPED");
    }

    #[test]
    fn what_is_no_listing_is_refused() {
        for text in ["", "ctr: failed to dial\n", "TASK PID STATUS\n", "CONTAINER IMAGE RUNTIME\n20e9 etcd\n"] {
            assert!(parse_containers(text).is_err(), "{text:?}");
        }
        for text in ["", "CONTAINER IMAGE RUNTIME\n", "TASK PID STATUS\n20e9\n"] {
            assert!(parse_tasks(text).is_err(), "{text:?}");
        }
    }
}
