//! Builds the commands with which a user sees a finding by hand.

use crate::lab::Lab;
use lab_cluster::{ForeignCluster, sysdump};
use lab_kind::NOT_IN_NODES;
use lab_kind::racks::BIRD_SOCKET;
use lab_kube::access::IN_CLUSTER;
use lab_model::BackendKind;
use lab_model::observe::Place;
use lab_model::words;

/// Programs that talk to the API server, and so need the lab's own kubeconfig.
const ASK_THE_API: [&str; 3] = ["kubectl", "helm", "cilium"];

/// A command at a place of a lab; without the lab what only it tells is left out.
pub fn by_hand(backend: BackendKind, name: &str, lab: Option<&Lab>, place: &Place, command: &str) -> String {
    let program = command.split(' ').next().unwrap_or_default();
    match (backend, place) {
        (BackendKind::Cluster, place) => in_foreign(name, lab, place, command),
        // BIRD's control socket is in the lab's state folder, which stays reachable in the router's namespace.
        (BackendKind::Netns, Place::Router(router)) if program == "birdc" => {
            let socket = format!("\"${{XDG_STATE_HOME:-$HOME/.local/state}}/lab/{name}/{router}.ctl\"");
            format!("lab shell --name {name} {router} -- {}", command.replace(&format!("{router}.ctl"), &socket))
        }
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
        (BackendKind::Kind, Place::Router(router)) if NOT_IN_NODES.contains(&program) => {
            format!("lab shell --name {name} {router} -- {command}")
        }
        (BackendKind::Kind, Place::Router(router)) => {
            let command = command.replace(&format!("{router}.ctl"), BIRD_SOCKET);
            format!("docker exec {name}-{router} {command}")
        }
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

/// The same in a foreign cluster: what is to be run on a node is run in its agent.
fn in_foreign(context: &str, lab: Option<&Lab>, place: &Place, command: &str) -> String {
    let cluster = lab.and_then(|lab| lab.foreign().ok());
    let agent = match place {
        Place::Node(node) => cluster.and_then(|cluster| cluster.survey().agents.get(node)?.as_ref().ok()),
        _ => None,
    };
    if let Some(sysdump) = cluster.and_then(ForeignCluster::sysdump) {
        let pod = agent.map(|agent| agent.at.pod.as_str());
        return sysdump::by_hand(&sysdump.file().display().to_string(), pod, place, command);
    }
    let in_cluster = context == IN_CLUSTER;
    let context = if in_cluster { String::new() } else { format!(" --context {context}") };
    if let Some(rest) = command.strip_prefix("kubectl ") {
        return format!("kubectl{context} {rest}");
    }
    let Some(agent) = agent else { return command.to_owned() };
    let at = &agent.at;
    format!(
        "kubectl{context} exec --namespace {} {} --container {} -- {}",
        at.namespace,
        at.pod,
        at.container,
        words::of_agent(command)
    )
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
        let tor = || Place::Router("tor0".to_owned());
        assert_eq!(at(BackendKind::Netns, tor(), "ip route"), "lab shell --name kind tor0 -- ip route");
        assert_eq!(
            at(BackendKind::Netns, tor(), "birdc -s tor0.ctl show route 10.0.2.0/24"),
            "lab shell --name kind tor0 -- birdc -s \"${XDG_STATE_HOME:-$HOME/.local/state}/lab/kind/tor0.ctl\" show route \
             10.0.2.0/24"
        );
        assert_eq!(
            at(BackendKind::Kind, tor(), "birdc -s tor0.ctl show protocols all"),
            "docker exec kind-tor0 birdc -s /lab-bird/bird.ctl show protocols all"
        );
        assert_eq!(
            at(BackendKind::Kind, tor(), "tcpdump -nn -i up0"),
            "lab shell --name kind tor0 -- tcpdump -nn -i up0"
        );
        assert_eq!(
            at(BackendKind::Kind, tor(), "ip route get 10.0.2.1"),
            "docker exec kind-tor0 ip route get 10.0.2.1"
        );
        assert_eq!(
            at(BackendKind::Kind, node(), "tcpdump -nn -i eth0"),
            "sudo nsenter --net --target \"$(docker inspect --format '{{.State.Pid}}' kind-worker)\" tcpdump -nn -i eth0"
        );
        assert_eq!(at(BackendKind::Kind, pod(), "ip route"), "lab shell --name kind hello-app-1 -- ip route");
        assert_eq!(at(BackendKind::Kind, Place::Bridge, "docker ps"), "docker ps");
        assert_eq!(at(BackendKind::Kind, Place::Bridge, "kubectl get nodes"), "kubectl get nodes");
    }
}
