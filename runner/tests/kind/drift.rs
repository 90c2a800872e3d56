//! A whole lab: what it is made of and keeps, what `lab status` tells of its nodes as they go, and its end.

use bollard::models::{NetworkConnectRequest, NetworkDisconnectRequest};
use lab_kind::ownership::Member;
use lab_stand_in::{Cluster, NodePlan, Plan};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::scripts;
use super::world::{NETWORK, World, in_world};

const DEADLINE: Duration = Duration::from_secs(30);

impl World {
    /// What a node's image lacks is run from this host, in the node's network.
    fn pings_from(&self, node: &str) {
        let inside = |command: &[&str]| {
            let ended = self.run(&[&["shell", "--name", &self.name, node, "--"], command].concat());
            ended.code(0).stdout
        };
        let netns = inside(&["perl", "-e", "print readlink '/proc/self/ns/net'"]);
        assert!(netns.starts_with("net:["), "{netns}");
        assert_eq!(inside(&["ping", "-c", "1", "127.0.0.1"]), format!("ping -c 1 127.0.0.1\n{netns}\n"));
    }

    fn call<T>(&self, call: impl Future<Output = Result<T, bollard::errors::Error>>) -> T {
        self.ask(self.engine.call("be changed", DEADLINE, call)).unwrap()
    }

    /// `lab status` has these lines, and those, after its first.
    #[track_caller]
    fn status_tells(&self, found: &[&str]) {
        let status = self.run(&["status", "--name", &self.name]).code(0).quiet();
        let first = status.stdout.lines().next().unwrap_or_default();
        let word = if found.is_empty() { ": up, kept alive by Docker" } else { ": not as it was built" };
        assert!(first.starts_with(&format!("{} on kind, native routing, made ", self.name)), "{status}");
        assert!(first.ends_with(word), "{status}");
        let told: Vec<&str> =
            status.stdout.lines().filter(|line| line.starts_with("  ") && !line.starts_with("    ")).collect();
        assert_eq!(told.len(), found.len(), "{status}");
        for (told, found) in told.iter().zip(found) {
            assert!(told.contains(found), "{found:?} is not what is told: {status}");
        }
    }

    /// Gives both nodes another address. Docker hands out the lowest one that is free, so that the one with the highest
    /// comes first.
    fn reconnect(&self, nodes: [&str; 2]) {
        let docker = self.engine.client();
        let members = self.members();
        let address = |node: &&str| members.iter().find(|member| member.name == **node).unwrap().addresses[NETWORK];
        let mut nodes = nodes;
        nodes.sort_by_key(address);
        for node in nodes {
            let request = NetworkDisconnectRequest { container: node.to_owned(), force: Some(true) };
            self.call(docker.disconnect_network(NETWORK, request));
        }
        for node in nodes.into_iter().rev() {
            let request = NetworkConnectRequest { container: node.to_owned(), ..NetworkConnectRequest::default() };
            self.call(docker.connect_network(NETWORK, request));
        }
    }
}

#[test]
fn a_lab_is_built_drifts_and_goes() {
    in_world("a_lab_is_built_drifts_and_goes", |world| {
        let (control_plane, worker, worker2) =
            (world.node("control-plane"), world.node("worker"), world.node("worker2"));
        world.up().code(0).shows(" 3 of 3 nodes are Ready").shows("\nThe lab stays until `lab down --name ");
        // Only its user can read the key to the cluster, and no other cluster's is touched.
        let kubeconfig = world.state().join("kubeconfig");
        assert_eq!(fs::metadata(&kubeconfig).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&kubeconfig).unwrap(), world.api.kubeconfig());
        assert!(!fs::exists(world.path("home").join(".kube")).unwrap());
        let installed = fs::read_to_string(world.path("fakes").join("helm-install")).unwrap();
        assert!(installed.contains(&format!("--kubeconfig {}", kubeconfig.display())), "{installed}");
        // Each node carries the mark; its volume is to go with it.
        let members = world.members();
        assert_eq!(members.len(), 3);
        assert!(members.iter().all(|member| member.is_marked(&world.state().join("mark"))), "{members:?}");
        let volumes: Vec<String> = members.iter().map(|member| world.volume(&member.id)).collect();
        world.status_tells(&[]);
        world.keeps_what_was_ready_first();
        world.pings_from(&worker);

        let docker = world.engine.client();
        world.call(docker.pause_container(&worker));
        world.status_tells(&[&format!("{worker} is paused")]);
        world.call(docker.unpause_container(&worker));
        world.status_tells(&[]);
        world.call(docker.kill_container(&worker2, None));
        world.status_tells(&[&format!("{worker2} does not run (exited)")]);
        world.call(docker.start_container(&worker2, None));
        let was =
            |name: &str| members.iter().find(|member| member.name == name).unwrap().addresses[NETWORK].to_string();
        world.reconnect([&control_plane, &worker]);
        let stale = format!(
            "the agents are configured with the API server at {} (k8sServiceHost); it is at ",
            was(&control_plane)
        );
        let moved = |name: &str| format!("{name} has the address ");
        // Docker gives a container that is started again whichever address is free.
        let address = |member: &Member| member.addresses.get(NETWORK).map(ToString::to_string);
        let second = world.members().iter().find(|member| member.name == worker2).and_then(address);
        let second_moved = (second != Some(was(&worker2))).then(|| moved(&worker2));
        let status_tells = |first: &str, of_worker: &str| {
            let told: Vec<&str> =
                [first, of_worker].into_iter().chain(second_moved.as_deref()).chain([stale.as_str()]).collect();
            world.status_tells(&told);
        };
        status_tells(&moved(&control_plane), &moved(&worker));
        world.call(
            docker
                .disconnect_network(NETWORK, NetworkDisconnectRequest { container: worker.clone(), force: Some(true) }),
        );
        let none = format!("{worker} has no address on the network {NETWORK} now; it had {}", was(&worker));
        status_tells(&moved(&control_plane), &none);
        let options = bollard::query_parameters::RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        world.call(docker.remove_container(&worker, Some(options)));
        status_tells(&moved(&control_plane), &format!("{worker} is gone: there is no container of this name"));
        let json = world.run(&["status", "--format", "json"]).code(0).quiet();
        let rows: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
        assert_eq!(
            (&rows[0]["state"], rows[0]["drift"].as_array().unwrap().len()),
            (&"drifted".into(), 3 + usize::from(second_moved.is_some())),
            "{json}"
        );

        // Somebody else's container with the cluster's label, and without the mark.
        let nodes = Some(vec![NodePlan::new("worker9", "worker")]);
        let plan = Plan { name: Some(world.name.clone()), nodes, ..scripts::one() };
        let foreign = world.ask(Cluster::make(&world.engine, plan));
        let stays = world.node("worker9");
        let down = world.run(&["down", "--name", &world.name]).code(0).quiet();
        for part in [
            format!("removed the containers {control_plane}, {worker2} with their volumes"),
            format!("the container {stays} of a cluster {} does not belong to this lab and is kept", world.name),
        ] {
            assert!(down.stdout.contains(&part), "{part} is not in: {down}");
        }
        let left: Vec<String> = world.members().into_iter().map(|member| member.name).collect();
        assert_eq!(left, [stays]);
        drop(foreign);
        for volume in volumes {
            let gone = world.ask(docker.inspect_volume(&volume));
            assert!(gone.is_err(), "the volume {volume} is left");
        }
        world
            .run(&["down", "--name", &world.name])
            .code(0)
            .quiet()
            .prints(&format!("there is no lab named {}; nothing to do\n", world.name));
        world.run(&["status"]).code(0).quiet().prints("no lab is up; `lab up` makes one\n");
    });
}

impl World {
    /// The name of the volume that Docker made for a node.
    fn volume(&self, id: &str) -> String {
        let container = self.ask(self.engine.container(id)).unwrap().unwrap();
        let volumes: Vec<String> = container.mounts.into_iter().flatten().filter_map(|mount| mount.name).collect();
        assert_eq!(volumes.len(), 1, "{id}: {volumes:?}");
        volumes[0].clone()
    }
}
