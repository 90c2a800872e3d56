//! Commands that show a finding by hand, as a reader types them.

use crate::backend::{BackendKind, Lab};
use crate::observe::Place;

/// Programs that ask the API server, and so need the run's own kubeconfig.
const ASK_THE_API: [&str; 3] = ["kubectl", "helm", "cilium"];

/// A command at a place of a lab.
pub(super) fn by_hand(backend: BackendKind, name: &str, lab: Option<&Lab>, place: &Place, command: &str) -> String {
    match (backend, place) {
        // A pod of hello-app has no programs of its own: its namespace is entered.
        (BackendKind::Netns, _) | (BackendKind::Kind, Place::Pod(_)) => {
            format!("lab shell --name {name} {place} -- {command}")
        }
        (BackendKind::Kind, Place::Node(node)) => format!("docker exec {node} {command}"),
        // The Docker host itself.
        (BackendKind::Kind, Place::Bridge) => {
            let program = command.split(' ').next().unwrap_or_default();
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
        assert_eq!(at(BackendKind::Kind, pod(), "ip route"), "lab shell --name kind hello-app-1 -- ip route");
        assert_eq!(at(BackendKind::Kind, Place::Bridge, "docker ps"), "docker ps");
        assert_eq!(at(BackendKind::Kind, Place::Bridge, "kubectl get nodes"), "kubectl get nodes");
    }
}
