//! What the Engine tells of itself, of nodes and of networks.

use lab_engine::Engine;
use lab_model::observe::Role;
use lab_stand_in::{Cluster, NodePlan, Plan, with_engine};

#[test]
fn the_engine_tells_of_itself() {
    with_engine("the_engine_tells_of_itself", async |engine| {
        let facts = engine.facts().await.unwrap();
        assert_eq!(facts.endpoint, engine.endpoint());
        assert!(!facts.version.is_empty());
        assert_eq!(facts.api, engine.api().to_string());
        assert!(facts.api.starts_with("1."), "{}", facts.api);
        assert!(facts.storage_driver.is_some_and(|driver| !driver.is_empty()));
        assert!(facts.cgroup_version.is_some_and(|version| version == "1" || version == "2"));
        assert!(facts.rootless.is_some());
        assert!(facts.default_runtime.is_some_and(|default| facts.runtimes.contains(&default)));
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        assert_eq!(facts.kernel.as_deref(), Some(kernel.trim()), "the Engine is not on this machine");
        assert_eq!(facts.architecture.as_deref(), Some(std::env::consts::ARCH));
    });
}

#[test]
fn nodes_of_a_cluster_are_found_and_no_other_containers() {
    with_engine("nodes_of_a_cluster_are_found_and_no_other_containers", async |engine| {
        let mut cluster = Cluster::make(&engine, Plan::default()).await;
        let stranger = NodePlan { suffix: "stranger".to_owned(), role: None, image: None };
        let stranger = cluster.add(&stranger).await;
        let balancer = cluster.add(&NodePlan::new("balancer", "external-load-balancer")).await;
        let nodes = engine.nodes(cluster.name()).await.unwrap();
        let roles: Vec<_> = nodes.iter().map(|node| (node.name.clone(), node.role)).collect();
        let [control_plane, worker, worker2] = &cluster.nodes()[..3] else { panic!("three nodes were made") };
        let expected = [
            (balancer, None),
            (control_plane.clone(), Some(Role::ControlPlane)),
            (worker.clone(), Some(Role::Worker)),
            (worker2.clone(), Some(Role::Worker)),
        ];
        assert_eq!(roles, expected);
        assert!(nodes.iter().all(|node| node.name != stranger));
        let network = engine.network(cluster.network()).await.unwrap().unwrap();
        for node in &nodes {
            assert_eq!(node.cluster, cluster.name());
            assert_eq!(node.image, cluster.image().reference());
            assert!(node.image_id.starts_with("sha256:"), "{}", node.image_id);
            assert!(node.is_running() && node.pid.is_some() && !node.privileged);
            let [attached] = &node.networks[..] else { panic!("{:?}", node.networks) };
            assert_eq!((&attached.network, &attached.network_id), (&network.name, &network.id));
            // The network's own list of members says the same.
            let member = network.members.iter().find(|member| member.container == node.id).unwrap();
            assert_eq!((&member.name, member.mac), (&node.name.0, attached.mac));
            let own = attached.address.zip(attached.prefix_len);
            assert_eq!(member.address.map(|address| (address.addr(), address.prefix_len())), own);
            assert_eq!(attached.gateway.map(Into::into), network.subnets[0].gateway);
        }
        let [port] = &nodes[1].ports[..] else { panic!("{:?}", nodes[1].ports) };
        assert_eq!((port.container_port, port.protocol.as_str()), (6443, "tcp"));
        assert_eq!(port.host_ip.to_string(), "127.0.0.1");
        assert!(port.host_port > 0 && nodes[2].ports.is_empty());
    });
}

#[test]
fn a_stopped_node_is_told_as_stopped_and_a_missing_cluster_has_none() {
    with_engine("a_stopped_node_is_told_as_stopped_and_a_missing_cluster_has_none", async |engine| {
        let cluster = Cluster::make(&engine, Plan::default()).await;
        let worker = cluster.nodes()[1].clone();
        cluster.stop(&worker).await;
        let nodes = engine.nodes(cluster.name()).await.unwrap();
        let stopped = nodes.iter().find(|node| node.name == worker).unwrap();
        assert_eq!((stopped.state.as_str(), stopped.pid), ("exited", None));
        assert_eq!(stopped.address_on(cluster.network()), None);
        assert_eq!(nodes.iter().filter(|node| node.is_running()).count(), 2);
        assert_eq!(engine.clusters().await.unwrap()[cluster.name()], nodes);
        assert_eq!(engine.nodes(&format!("{}-x", cluster.name())).await.unwrap(), []);
    });
}

#[test]
fn networks_are_told_with_their_subnets() {
    with_engine("networks_are_told_with_their_subnets", async |engine| {
        let cluster = Cluster::make(&engine, Plan::default()).await;
        let networks = engine.networks().await.unwrap();
        let names: Vec<&str> = networks.iter().map(|network| network.name.as_str()).collect();
        assert!(names.contains(&"host"), "{names:?}");
        let own = networks.iter().find(|network| network.name == cluster.network()).unwrap();
        assert_eq!((own.driver.as_str(), own.members.len(), own.subnets.len()), ("bridge", 3, 1));
        let gateway = own.subnets[0].gateway.unwrap();
        assert!(own.subnets[0].subnet.contains(&gateway));
        assert!(own.labels.contains_key(lab_stand_in::OWNER_LABEL));
        assert_eq!(engine.network("lab-no-such-network").await.unwrap(), None);
        assert_eq!(engine.container("lab-no-such-container").await.unwrap(), None);
    });
}

#[test]
fn connecting_takes_well_below_a_second() {
    with_engine("connecting_takes_well_below_a_second", async |_engine| {
        // The best of a few: this machine may be busy with other things.
        let mut best = std::time::Duration::MAX;
        for _ in 0..5 {
            let begun = lab_base::clock::now();
            Engine::connect().await.unwrap();
            best = best.min(begun.elapsed());
        }
        assert!(best < std::time::Duration::from_millis(300), "{best:?}");
    });
}
