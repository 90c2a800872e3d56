//! Builds the commands with which a user sees a finding by hand.

use crate::lab::Lab;
use lab_kind::NOT_IN_NODES;
use lab_model::BackendKind;
use lab_model::observe::Place;

/// Programs that talk to the API server, and so need the lab's own kubeconfig.
const ASK_THE_API: [&str; 3] = ["kubectl", "helm", "cilium"];

/// A command at a place of a lab.
pub(super) fn by_hand(backend: BackendKind, name: &str, lab: Option<&Lab>, place: &Place, command: &str) -> String {
    let program = command.split(' ').next().unwrap_or_default();
    match (backend, place) {
        // A pod of hello-app has no programs, so its namespace is entered with those of its node, or of this host.
        (BackendKind::Netns, _) | (BackendKind::Kind, Place::Pod(_)) => {
            format!("lab shell --name {name} {place} -- {command}")
        }
        // A node's image has few programs; its namespace can be entered with those of the Docker host.
        (BackendKind::Kind, Place::Node(node)) if NOT_IN_NODES.contains(&program) => {
            let pid = format!("docker inspect --format '{{{{.State.Pid}}}}' {node}");
            format!("sudo nsenter --net --target \"$({pid})\" {command}")
        }
        (BackendKind::Kind, Place::Node(node)) => format!("docker exec {node} {command}"),
        // The Docker host itself.
        (BackendKind::Kind, Place::Bridge) => {
            let asks = ASK_THE_API.contains(&program);
            let cluster = lab.filter(|_| asks).and_then(|lab| lab.cluster().ok());
            match cluster.and_then(|cluster| cluster.kubeconfig().ok()) {
                Some(file) => format!("KUBECONFIG={} {command}", file.display()),
                None => command.to_owned(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_run_where_it_was_looked() {
        let at = |backend, place: Place, command: &str| by_hand(backend, "kind", None, &place, command);
        let node = || Place::Node("kind-worker".into());
        let pod = || Place::Pod("hello-app-1".into());
        assert_eq!(at(BackendKind::Netns, node(), "ip route"), "lab shell --name kind kind-worker -- ip route");
        assert_eq!(at(BackendKind::Kind, node(), "ip route"), "docker exec kind-worker ip route");
        assert_eq!(
            at(BackendKind::Kind, node(), "tcpdump -nn -i eth0"),
            "sudo nsenter --net --target \"$(docker inspect --format '{{.State.Pid}}' kind-worker)\" tcpdump -nn -i eth0"
        );
        assert_eq!(at(BackendKind::Kind, pod(), "ip route"), "lab shell --name kind hello-app-1 -- ip route");
        assert_eq!(at(BackendKind::Kind, Place::Bridge, "docker ps"), "docker ps");
        assert_eq!(at(BackendKind::Kind, Place::Bridge, "kubectl get nodes"), "kubectl get nodes");
    }
}
