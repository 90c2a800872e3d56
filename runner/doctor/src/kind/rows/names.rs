//! Rows about names that the lab will use and that may be taken: the cluster's, the nodes', the network's.

use std::path::Path;

use super::segment::network;
use crate::kind::facts::{ContainerSeen, DockerSeen};
use crate::kind::input::KindDoctorInput;
use crate::{Outcome, Row};

/// Whether the container is a node of a lab with this state folder. Such nodes have a file of that folder mounted, because
/// kind lets no other labels be given to containers.
fn is_node_of_lab(container: &ContainerSeen, state: Option<&Path>) -> bool {
    state.is_some_and(|state| container.mounts.iter().any(|mount| mount.starts_with(state)))
}

fn listed(containers: &[&ContainerSeen]) -> String {
    let texts: Vec<String> = containers.iter().map(|seen| format!("{} ({})", seen.name, seen.state)).collect();
    texts.join(", ")
}

/// `cluster.name`.
pub(in crate::kind) fn cluster(input: &KindDoctorInput, docker: &DockerSeen) -> Row {
    const ID: &str = "cluster.name";
    const WHY: &str = "kind tells clusters and their containers apart by name alone";
    let name = &input.cluster;
    let state = input.state_root.as_ref().map(|root| root.join(name));
    let of_cluster: Vec<&ContainerSeen> =
        docker.containers.iter().filter(|seen| seen.cluster.as_ref() == Some(name)).collect();
    if of_cluster.is_empty() {
        let routers = input.racks.as_ref().map(|racks| racks.routers.as_slice()).unwrap_or_default();
        let all = [input.nodes.as_slice(), routers].concat();
        let named: Vec<&ContainerSeen> =
            docker.containers.iter().filter(|seen| all.iter().any(|name| name.0 == seen.name)).collect();
        if named.is_empty() {
            return Row::ok(ID, format!("no cluster and no container has the name {name}"), WHY);
        }
        let found =
            format!("containers that belong to no cluster have the names of the lab's nodes: {}", listed(&named));
        return Row::bad(
            Outcome::Refusal,
            ID,
            found,
            WHY,
            "choose another name: lab up --name NAME, or rename them: docker rename",
        );
    }
    let there = listed(&of_cluster);
    if of_cluster.iter().all(|seen| is_node_of_lab(seen, state.as_deref())) {
        let found = format!("a lab has the name {name} already: {there}");
        let remedy =
            format!("look at it: lab status; remove it: lab down --name {name}; or choose another: lab up --name NAME");
        return Row::bad(Outcome::Refusal, ID, found, WHY, remedy);
    }
    let found = format!("a cluster that lab did not make has the name {name}: {there}");
    let remedy =
        format!("choose another name: lab up --name NAME; or, if nobody needs it: kind delete cluster --name {name}");
    Row::bad(Outcome::Refusal, ID, found, WHY, remedy)
}

/// `network.kind`: all clusters of kind share this network, so one that exists is used if it fits.
pub(in crate::kind) fn kind_network(input: &KindDoctorInput, docker: &DockerSeen) -> Row {
    const ID: &str = "network.kind";
    const WHY: &str = "all nodes must reach each other on it at layer 2, and lab never removes what it did not make";
    let name = &input.network;
    let Some(seen) = network(docker, name) else {
        return Row::ok(ID, format!("there is no Docker network {name}; kind will make it"), WHY);
    };
    let driver = &seen.network.driver;
    // Docker 28 and later.
    let mode = seen.network.options.get("com.docker.network.bridge.gateway_mode_ipv4").map(String::as_str);
    let unfit = [
        (driver != "bridge", format!("its driver is {driver}, not bridge")),
        (seen.internal, "it is internal: nothing on it reaches the outside".to_owned()),
        (
            seen.denies("com.docker.network.bridge.enable_icc"),
            "its containers may not talk to each other (enable_icc=false)".to_owned(),
        ),
        (
            seen.denies("com.docker.network.bridge.enable_ip_masquerade"),
            "it is not masqueraded (enable_ip_masquerade=false)".to_owned(),
        ),
        (mode == Some("isolated"), "its bridge has no address, so no gateway (gateway_mode_ipv4=isolated)".to_owned()),
        (mode == Some("routed"), "it is not masqueraded (gateway_mode_ipv4=routed)".to_owned()),
    ];
    let reasons: Vec<String> = unfit.into_iter().filter(|(unfit, _)| *unfit).map(|(_, reason)| reason).collect();
    let members: Vec<&str> = seen.network.members.iter().map(|member| member.name.as_str()).collect();
    let members = if members.is_empty() {
        "without containers".to_owned()
    } else {
        format!("containers: {}", members.join(", "))
    };
    if !reasons.is_empty() {
        let found = format!("the Docker network {name} does not fit: {}; {members}", reasons.join("; "));
        return Row::bad(Outcome::Refusal, ID, found, WHY, format!("docker network rm {name}, if nobody needs it"));
    }
    let copies = docker.networks.iter().filter(|other| other.network.name == *name).count();
    if copies > 1 {
        let found = format!("{copies} Docker networks have the name {name}; kind will remove all of them but one");
        let remedy = format!("docker network ls --filter name={name}, then docker network rm those that nobody needs");
        return Row::bad(Outcome::Warning, ID, found, WHY, remedy);
    }
    let found = format!("the Docker network {name} exists already ({members}); the lab will use it and not remove it");
    let remedy = if seen.network.members.is_empty() {
        format!("nothing needs to be done; docker network rm {name} removes it")
    } else {
        "nothing needs to be done: labs and clusters can share it".to_owned()
    };
    Row::bad(Outcome::Warning, ID, found, WHY, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::facts::NetworkSeen;
    use crate::kind::fixture::{docker, input, network as made};

    type Change = fn(&mut NetworkSeen);

    fn node(name: &str, cluster: Option<&str>, mount: &str) -> ContainerSeen {
        let state = "running".to_owned();
        ContainerSeen { name: name.to_owned(), cluster: cluster.map(str::to_owned), state, mounts: vec![mount.into()] }
    }

    fn with(containers: &[ContainerSeen]) -> DockerSeen {
        DockerSeen { containers: containers.to_vec(), ..docker() }
    }

    #[test]
    fn a_free_name_is_free() {
        let others = [node("web", None, "/srv"), node("other-worker", Some("other"), "/lib/modules")];
        assert_eq!(cluster(&input(), &with(&others)).outcome, Outcome::Ok);
    }

    #[test]
    fn a_lab_of_ours_and_a_foreign_cluster_are_told_apart() {
        let mark = "/home/me/.local/state/lab/kind/mark";
        let ours = [node("kind-control-plane", Some("kind"), mark), node("kind-worker", Some("kind"), mark)];
        let row = cluster(&input(), &with(&ours));
        assert_eq!(row.outcome, Outcome::Refusal);
        assert!(row.found.starts_with("a lab has the name kind already"), "{row:?}");
        assert!(row.remedy.contains("lab down --name kind"), "{row:?}");
        // One node without the mount, or with the mount of a lab of another name: not this lab's.
        for mount in ["/lib/modules", "/home/me/.local/state/lab/kind2/mark"] {
            let mut mixed = ours.clone();
            mixed[1].mounts = vec![mount.into()];
            let row = cluster(&input(), &with(&mixed));
            assert!(row.found.starts_with("a cluster that lab did not make"), "{row:?}");
            assert!(!row.remedy.contains("lab down"), "{row:?}");
        }
        let homeless = KindDoctorInput { state_root: None, ..input() };
        assert!(cluster(&homeless, &with(&ours)).found.starts_with("a cluster that lab did not make"));
    }

    #[test]
    fn a_container_with_a_nodes_name_is_named() {
        let row = cluster(&input(), &with(&[node("kind-worker2", None, "/srv")]));
        assert_eq!(row.outcome, Outcome::Refusal);
        assert!(row.found.ends_with("kind-worker2 (running)"), "{row:?}");
    }

    #[test]
    fn a_network_that_fits_is_used_with_a_warning() {
        let row = kind_network(&input(), &docker());
        assert_eq!(row.outcome, Outcome::Warning);
        assert!(row.found.contains("(containers: other-worker)"), "{row:?}");
        let mut docker = docker();
        docker.networks.retain(|seen| seen.network.name != "kind");
        assert_eq!(kind_network(&input(), &docker).outcome, Outcome::Ok);
        docker.networks.extend([made("kind", "172.18.0.0/16"), made("kind", "172.19.0.0/16")]);
        assert!(kind_network(&input(), &docker).found.starts_with("2 Docker networks have the name kind"));
    }

    #[test]
    fn a_network_that_does_not_fit_is_refused_for_each_reason() {
        let change: [(&str, Change); 6] = [
            ("its bridge has no address", |seen| {
                let option = "com.docker.network.bridge.gateway_mode_ipv4";
                seen.network.options.insert(option.to_owned(), "isolated".to_owned());
            }),
            ("gateway_mode_ipv4=routed", |seen| {
                let option = "com.docker.network.bridge.gateway_mode_ipv4";
                seen.network.options.insert(option.to_owned(), "routed".to_owned());
            }),
            ("its driver is macvlan", |seen| seen.network.driver = "macvlan".to_owned()),
            ("it is internal", |seen| seen.internal = true),
            ("may not talk to each other", |seen| {
                seen.network.options.insert("com.docker.network.bridge.enable_icc".to_owned(), "false".to_owned());
            }),
            ("not masqueraded", |seen| {
                let option = "com.docker.network.bridge.enable_ip_masquerade";
                seen.network.options.insert(option.to_owned(), "false".to_owned());
            }),
        ];
        for (reason, change) in change {
            let mut docker = docker();
            change(docker.networks.iter_mut().find(|seen| seen.network.name == "kind").unwrap());
            let row = kind_network(&input(), &docker);
            assert_eq!(row.outcome, Outcome::Refusal);
            assert!(row.found.contains(reason), "{row:?}");
        }
    }
}
