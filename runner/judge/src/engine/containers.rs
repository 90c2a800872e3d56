//! The containers that are nodes.

use std::net::{IpAddr, Ipv4Addr};

use super::image;
use crate::of_cluster;
use crate::weighing::{Weighing, unobserved};
use lab_model::expect::Expectations;
use lab_model::observe::{NodeContainer, Place, PublishedPort, Role};
use lab_model::seen::ContainersSeen;
use lab_model::{Judgement, Proof, Reason};

/// Where the API server listens in a control plane's container (kind v0.17.0: `common.APIServerInternalPort`).
const API_PORT: u16 = 6443;

/// As many control planes and workers as there should be run as containers, all of the pinned image; each control
/// plane's API server is published on 127.0.0.1, and nothing is published elsewhere.
///
/// # Errors
/// [`Reason::WrongNodeCount`] for a role, and for a container [`Reason::NodeNotRunning`], [`Reason::AnotherImage`],
/// [`Reason::PublishedBeyondLoopback`] or [`Reason::ApiNotPublished`]. Unobserved when the cluster has no containers at
/// all, or the image has no digest to compare and where it came from was not recorded.
pub fn three_node_containers_run(seen: &ContainersSeen, expect: &Expectations) -> Judgement {
    let cluster = of_cluster(expect)?;
    let nodes: Vec<&NodeContainer> =
        seen.containers.iter().filter(|container| container.cluster == cluster.name).collect();
    if nodes.is_empty() {
        return unobserved(format!("the Engine lists no containers of cluster {}", cluster.name));
    }
    let mut weighing = Weighing::default();
    weighing.each_once("container", nodes.iter().map(|container| &container.name));
    count(&nodes, expect, &mut weighing);
    let mut lines = Vec::new();
    for node in &nodes {
        image::weigh(node, seen, cluster, &mut weighing);
        if node.is_running() {
            ports(node, &mut weighing);
        } else {
            let name = &node.name;
            weighing.refute(
                Reason::NodeNotRunning,
                Place::Bridge,
                format!("{name}: running"),
                format!("{name}: {}", node.state),
                Some(format!("docker ps --all --filter name={name}")),
            );
        }
        lines.push(line(node));
    }
    let total = nodes.len();
    weighing.conclude(|| {
        let published: Vec<String> =
            nodes.iter().flat_map(|node| &node.ports).filter(|port| is_api(port)).map(published).collect();
        Proof::new(format!(
            "{total} of {total} containers run, {} of {} control planes and {} of {} workers, from {}; API server on {}",
            expect.control_planes,
            expect.control_planes,
            expect.workers,
            expect.workers,
            cluster.node_image.reference,
            published.join(", "),
        ))
        .with_details(lines)
    })
}

fn count(nodes: &[&NodeContainer], expect: &Expectations, weighing: &mut Weighing) {
    let named = |role: Option<Role>| -> Vec<&str> {
        nodes.iter().filter(|node| node.role == role).map(|node| node.name.0.as_str()).collect()
    };
    for (role, word, wanted) in [
        (Some(Role::ControlPlane), "control planes", expect.control_planes),
        (Some(Role::Worker), "workers", expect.workers),
        (None, "containers of another role", 0),
    ] {
        let found = named(role);
        if found.len() != wanted {
            weighing.refute(
                Reason::WrongNodeCount,
                Place::Bridge,
                format!("{wanted} {word}"),
                format!("{} {word}: {}", found.len(), found.join(", ")),
                Some("docker ps --all --filter label=io.x-k8s.kind.cluster".to_owned()),
            );
        }
    }
}

fn ports(node: &NodeContainer, weighing: &mut Weighing) {
    let name = &node.name;
    let mut refute = |reason, expected: String, observed: String| {
        weighing.refute(
            reason,
            Place::Bridge,
            format!("{name}: {expected}"),
            format!("{name}: {observed}"),
            Some(format!("docker port {name}")),
        );
    };
    let mut beyond = false;
    for port in node.ports.iter().filter(|port| !port.host_ip.is_loopback()) {
        beyond |= is_api(port);
        refute(Reason::PublishedBeyondLoopback, "published on 127.0.0.1 only".to_owned(), published(port));
    }
    let on_loopback = node.ports.iter().any(|port| is_api(port) && port.host_ip == IpAddr::V4(Ipv4Addr::LOCALHOST));
    // One that is published elsewhere has been named.
    if node.role == Some(Role::ControlPlane) && !on_loopback && !beyond {
        let ports: Vec<String> = node.ports.iter().map(published).collect();
        let ports = if ports.is_empty() { "no port is".to_owned() } else { ports.join(", ") };
        refute(Reason::ApiNotPublished, format!("{API_PORT}/tcp published on 127.0.0.1"), format!("{ports} published"));
    }
}

fn is_api(port: &PublishedPort) -> bool {
    port.container_port == API_PORT && port.protocol == "tcp"
}

/// As `docker ps` writes it: `127.0.0.1:41541->6443/tcp`.
fn published(port: &PublishedPort) -> String {
    format!("{}:{}->{}/{}", port.host_ip, port.host_port, port.container_port, port.protocol)
}

fn line(node: &NodeContainer) -> String {
    let id = node.id.get(..12).unwrap_or(&node.id);
    let ports: Vec<String> = node.ports.iter().map(published).collect();
    format!("{}: {id} {} {} {}", node.name, node.image, node.state, ports.join(", ")).trim_end().to_owned()
}

#[cfg(test)]
mod tests;
