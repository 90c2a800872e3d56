//! What `kubectl get nodes -o wide` shows.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{GET_NODES, kubernetes_version};
use crate::of_cluster;
use crate::weighing::{Weighing, unobserved};
use lab_model::expect::Expectations;
use lab_model::observe::{KubeNode, NodeContainer, NodeName, Place, Role};
use lab_model::seen::NodesShownSeen;
use lab_model::{Judgement, Proof, Reason};

/// Labels that make a control plane; before Kubernetes 1.24 both are there.
const CONTROL_PLANE: [&str; 2] = ["control-plane", "master"];
/// How a runtime that is containerd reports itself.
const CONTAINERD: &str = "containerd://";

/// Each node has the pinned version, OS image and container runtime, the role and the address of its container, and the
/// host's kernel. Where the node image is not the pinned one, OS image and runtime are what it brings: all nodes have the
/// same, and the runtime is containerd.
///
/// # Errors
/// [`Reason::WrongNodeCount`], and for a node [`Reason::WrongVersion`], [`Reason::NodeDiffers`] or
/// [`Reason::NodesDiffer`]. Unobserved where one of these was not seen on one side of its comparison.
pub fn nodes_are_what_the_article_shows(seen: &NodesShownSeen, expect: &Expectations) -> Judgement {
    let cluster = of_cluster(expect)?;
    if seen.nodes.is_empty() {
        return unobserved("no node objects were seen");
    }
    let mut weighing = Weighing::default();
    weighing.each_once("node", seen.nodes.iter().map(|node| &node.name));
    weighing.each_once("container", seen.containers.iter().map(|container| &container.name));
    count(seen, expect, &mut weighing);
    let version = kubernetes_version(cluster, seen.server_version.as_ref(), &mut weighing);
    if let (Some(version), Some(server)) = (&version, &seen.server_version)
        && version != server
    {
        let show = Some("kubectl version".to_owned());
        weighing.refute(
            Reason::WrongVersion,
            Place::Bridge,
            format!("API server: {version}"),
            format!("API server: {server}"),
            show,
        );
    }
    let containers: BTreeMap<&NodeName, &NodeContainer> =
        seen.containers.iter().map(|container| (&container.name, container)).collect();
    if seen.host_kernel.is_none() {
        weighing.miss("the Engine does not tell the host's kernel");
    }
    let first = &seen.nodes[0];
    for node in &seen.nodes {
        let mut against = Against { node, weighing: &mut weighing };
        if let Some(version) = &version {
            against.compare(Reason::WrongVersion, "version", version, &node.kubelet_version);
        }
        match containers.get(&node.name) {
            Some(container) => against.container(container, expect.network_of(&node.name)),
            None => against.weighing.miss(format!("{}: the Engine lists no container of that name", node.name)),
        }
        if let Some(kernel) = &seen.host_kernel {
            against.compare(Reason::NodeDiffers, "kernel", kernel, &node.kernel);
        }
        against.of_image("OS image", cluster.os_image.as_ref(), &first.os_image, &node.os_image);
        against.of_image("runtime", cluster.container_runtime.as_ref(), &first.runtime, &node.runtime);
        if cluster.container_runtime.is_none() && !node.runtime.is_empty() && !node.runtime.starts_with(CONTAINERD) {
            against.refute(Reason::NodeDiffers, "containerd", &format!("runtime {}", node.runtime));
        }
    }
    let total = seen.nodes.len();
    let by = match (&cluster.os_image, &cluster.container_runtime) {
        (Some(_), Some(_)) => "",
        _ => "; not pinned, and the same on all",
    };
    weighing.conclude(|| {
        Proof::new(format!(
            "{total} of {total} nodes: {}, {}, Linux {}, {}{by}",
            first.kubelet_version, first.os_image, first.kernel, first.runtime
        ))
        .with_details(seen.nodes.iter().map(line))
    })
}

fn is_control_plane(node: &KubeNode) -> bool {
    node.roles.iter().any(|role| CONTROL_PLANE.contains(&role.as_str()))
}

fn count(seen: &NodesShownSeen, expect: &Expectations, weighing: &mut Weighing) {
    let control_planes = seen.nodes.iter().filter(|node| is_control_plane(node)).count();
    let workers = seen.nodes.len() - control_planes;
    for (word, found, wanted) in
        [("control planes", control_planes, expect.control_planes), ("workers", workers, expect.workers)]
    {
        if found != wanted {
            weighing.refute(
                Reason::WrongNodeCount,
                Place::Bridge,
                format!("{wanted} {word}"),
                format!("{found} {word}"),
                Some(GET_NODES.to_owned()),
            );
        }
    }
}

/// A node while it is compared.
struct Against<'a> {
    node: &'a KubeNode,
    weighing: &'a mut Weighing,
}

impl Against<'_> {
    fn refute(&mut self, reason: Reason, expected: &str, observed: &str) {
        let name = &self.node.name;
        let show = Some(GET_NODES.to_owned());
        self.weighing.refute(reason, Place::Bridge, format!("{name}: {expected}"), format!("{name}: {observed}"), show);
    }

    /// What is empty was not told.
    fn compare(&mut self, reason: Reason, what: &str, expected: &str, observed: &str) {
        if observed.is_empty() || expected.is_empty() {
            self.weighing.miss(format!("{} does not tell its {what}", self.node.name));
        } else if expected != observed {
            self.refute(reason, &format!("{what} {expected}"), &format!("{what} {observed}"));
        }
    }

    /// What comes with the nodes' image: as it is pinned, else the same on all nodes.
    fn of_image(&mut self, what: &str, pinned: Option<&String>, first: &str, observed: &str) {
        match pinned {
            Some(pinned) => self.compare(Reason::NodeDiffers, what, pinned, observed),
            None => self.compare(Reason::NodesDiffer, what, first, observed),
        }
    }

    fn container(&mut self, container: &NodeContainer, network: &str) {
        let is_control_plane = is_control_plane(self.node);
        let roles = if self.node.roles.is_empty() { "no role".to_owned() } else { self.node.roles.join(", ") };
        match container.role {
            Some(Role::ControlPlane) if !is_control_plane => {
                self.refute(Reason::NodeDiffers, "role control-plane, as its container", &roles);
            }
            Some(Role::Worker) if !self.node.roles.is_empty() => {
                self.refute(Reason::NodeDiffers, "no role, as its container is a worker", &roles);
            }
            Some(_) => {}
            None => self.weighing.miss(format!("{}: its container has no role", self.node.name)),
        }
        let Some(address) = container.address_on(network) else {
            self.weighing.miss(format!("{}: its container has no address on network {network}", self.node.name));
            return;
        };
        if self.node.internal_ips.is_empty() {
            self.weighing.miss(format!("{} tells no internal address", self.node.name));
        } else if !self.node.internal_ips.contains(&IpAddr::V4(address)) {
            let found: Vec<String> = self.node.internal_ips.iter().map(ToString::to_string).collect();
            self.refute(
                Reason::NodeDiffers,
                &format!("internal address {address}, as its container"),
                &format!("internal address {}", found.join(", ")),
            );
        }
    }
}

fn line(node: &KubeNode) -> String {
    let roles = if node.roles.is_empty() { "no role".to_owned() } else { node.roles.join(", ") };
    let addresses: Vec<String> = node.internal_ips.iter().map(ToString::to_string).collect();
    format!("{}: {roles}, {}, {}", node.name, node.kubelet_version, addresses.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::kind::{expectations, shown};
    use lab_model::NotHeld;
    use lab_model::observe::Attachment;

    fn judged(change: impl FnOnce(&mut NodesShownSeen)) -> Judgement {
        let mut seen = shown();
        change(&mut seen);
        nodes_are_what_the_article_shows(&seen, &expectations())
    }

    fn reasons(change: impl FnOnce(&mut NodesShownSeen)) -> Vec<Reason> {
        judged(change).expect_err("should not hold").reasons()
    }

    #[test]
    fn accepts_what_the_article_shows() {
        let proof = judged(|_seen| {}).expect("held");
        assert_eq!(proof.summary, "3 of 3 nodes: v1.25.3, Ubuntu 22.04.1 LTS, Linux 6.18.44, containerd://1.6.9");
        assert_eq!(proof.details[0], "kind-control-plane: control-plane, v1.25.3, 172.18.0.2");
        assert_eq!(proof.details[1], "kind-worker: no role, v1.25.3, 172.18.0.3");
        // Kubernetes before 1.24 has both labels.
        assert!(judged(|seen| seen.nodes[0].roles.push("master".to_owned())).is_ok());
    }

    #[test]
    fn refutes_another_version() {
        let node = reasons(|seen| "v1.20.2".clone_into(&mut seen.nodes[2].kubelet_version));
        assert_eq!(node, [Reason::WrongVersion]);
        let server = reasons(|seen| seen.server_version = Some("v1.25.4".to_owned()));
        assert_eq!(server, [Reason::WrongVersion]);
    }

    #[test]
    fn with_another_node_image_nodes_have_the_api_servers_version() {
        let mut expect = expectations();
        let Some(cluster) = &mut expect.cluster else { panic!("a cluster is expected") };
        cluster.kubernetes = None;
        let mut seen = shown();
        seen.server_version = Some("v1.20.2".to_owned());
        let judgement = nodes_are_what_the_article_shows(&seen, &expect);
        assert_eq!(judgement.expect_err("other versions").reasons(), [Reason::WrongVersion; 3]);
        seen.nodes.iter_mut().for_each(|node| "v1.20.2".clone_into(&mut node.kubelet_version));
        assert!(nodes_are_what_the_article_shows(&seen, &expect).is_ok());
        seen.server_version = None;
        assert!(matches!(nodes_are_what_the_article_shows(&seen, &expect), Err(NotHeld::Unobserved(_))));
    }

    #[test]
    fn refutes_other_roles_and_counts() {
        let none = reasons(|seen| seen.nodes[0].roles.clear());
        assert_eq!(none, [Reason::WrongNodeCount, Reason::WrongNodeCount, Reason::NodeDiffers]);
        let swapped = reasons(|seen| {
            let roles = std::mem::take(&mut seen.nodes[0].roles);
            seen.nodes[1].roles = roles;
        });
        assert_eq!(swapped, [Reason::NodeDiffers; 2]);
        let another = reasons(|seen| seen.nodes[1].roles.push("database".to_owned()));
        assert_eq!(another, [Reason::NodeDiffers]);
        assert_eq!(reasons(|seen| drop(seen.nodes.pop())), [Reason::WrongNodeCount]);
    }

    /// The Engine knows two addresses of each node; what Kubernetes calls the node's own is that in its rack.
    #[test]
    fn in_racks_a_nodes_address_is_that_in_its_rack_and_not_that_for_management() {
        let racks = crate::fixture::racks::layout_on_kind();
        let expect = Expectations { racks: Some(racks.clone()), ..expectations() };
        let mut seen = shown();
        let judged = |seen: &NodesShownSeen| nodes_are_what_the_article_shows(seen, &expect);
        assert!(matches!(judged(&seen), Err(NotHeld::Unobserved(_))), "no container is in a rack");
        for container in &mut seen.containers {
            let own = racks.address_of(&container.name).expect("a place in a rack");
            let network = expect.network_of(&container.name).to_owned();
            let attached = container.networks[0].clone();
            container.networks.push(Attachment { network, address: Some(own.addr()), ..attached });
        }
        assert_eq!(
            judged(&seen).expect_err("management's").reasons(),
            [Reason::NodeDiffers; 1],
            "kind-worker2 is elsewhere"
        );
        for node in &mut seen.nodes {
            let own = racks.address_of(&node.name).expect("a place in a rack");
            node.internal_ips = vec![IpAddr::V4(own.addr())];
        }
        assert!(judged(&seen).is_ok());
    }

    #[test]
    fn refutes_other_addresses_kernels_and_systems() {
        let moved = reasons(|seen| seen.nodes[1].internal_ips = vec!["172.18.0.9".parse().expect("an address")]);
        assert_eq!(moved, [Reason::NodeDiffers]);
        assert_eq!(reasons(|seen| "5.15.0".clone_into(&mut seen.nodes[1].kernel)), [Reason::NodeDiffers]);
        let image = reasons(|seen| "Debian GNU/Linux 12".clone_into(&mut seen.nodes[1].os_image));
        assert_eq!(image, [Reason::NodeDiffers]);
        // All nodes report the same, and it is not what the pinned image brings.
        let alike = judged(|seen| {
            for node in &mut seen.nodes {
                "Alpine".clone_into(&mut node.os_image);
                "containerd://0.0.1".clone_into(&mut node.runtime);
            }
        });
        let Err(NotHeld::Refuted(findings)) = alike else { panic!("not refuted: {alike:?}") };
        assert_eq!(findings.len(), 6);
        assert!(findings.iter().all(|finding| finding.reason == Reason::NodeDiffers), "{findings:?}");
        assert_eq!(findings[0].expected, "kind-control-plane: OS image Ubuntu 22.04.1 LTS");
        assert_eq!(findings[1].observed, "kind-control-plane: runtime containerd://0.0.1");
    }

    #[test]
    fn with_another_node_image_nodes_have_one_system_and_containerd() {
        let mut expect = expectations();
        let Some(cluster) = &mut expect.cluster else { panic!("a cluster is expected") };
        (cluster.os_image, cluster.container_runtime) = (None, None);
        let judged = |change: fn(&mut KubeNode), nodes: usize| {
            let mut seen = shown();
            seen.nodes.iter_mut().take(nodes).for_each(change);
            nodes_are_what_the_article_shows(&seen, &expect)
        };
        let debian: fn(&mut KubeNode) = |node| "Debian GNU/Linux 12".clone_into(&mut node.os_image);
        assert_eq!(
            judged(debian, 3).expect("all alike").summary,
            "3 of 3 nodes: v1.25.3, Debian GNU/Linux 12, Linux 6.18.44, containerd://1.6.9; not pinned, and the same on all"
        );
        assert_eq!(judged(debian, 1).expect_err("two differ").reasons(), [Reason::NodesDiffer; 2]);
        let newer: fn(&mut KubeNode) = |node| "containerd://1.7.0".clone_into(&mut node.runtime);
        assert_eq!(judged(newer, 1).expect_err("two differ").reasons(), [Reason::NodesDiffer; 2]);
        let docker: fn(&mut KubeNode) = |node| "docker://20.10".clone_into(&mut node.runtime);
        assert_eq!(judged(docker, 3).expect_err("no containerd").reasons(), [Reason::NodeDiffers; 3]);
    }

    #[test]
    fn what_was_not_told_is_unobserved() {
        let changes: [fn(&mut NodesShownSeen); 7] = [
            |seen| seen.nodes.clear(),
            |seen| seen.containers.clear(),
            |seen| seen.host_kernel = None,
            |seen| seen.nodes[1].internal_ips.clear(),
            |seen| seen.nodes[2].os_image.clear(),
            |seen| seen.nodes[0].runtime.clear(),
            |seen| seen.containers[0].networks.clear(),
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let judgement = judged(change);
            assert!(matches!(judgement, Err(NotHeld::Unobserved(_))), "{number}: {judgement:?}");
        }
    }
}
