//! What is read of a recorded cluster.

use lab_manifest::Labels;
use lab_model::observe::{ContainerState, KubePod, NodeName};
use serde_json::{Value, json};
use std::net::SocketAddrV4;

use super::objects::{BEFORE_CNI, CILIUM, HELLO, WRONG_HOST};
use super::server::{Server, block_on};

fn app() -> Labels {
    Labels::from([("app".to_owned(), "hello-app".to_owned())])
}

/// Addresses with ports.
pub(crate) fn sockets(texts: &[&str]) -> Vec<SocketAddrV4> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn nodes_tell_versions_roles_addresses_and_why_they_are_not_ready() {
    block_on(async {
        let server = Server::start(BEFORE_CNI).await;
        let api = server.api().await;
        assert_eq!(api.version().await.unwrap(), "v1.20.2");
        let nodes = api.nodes().await.unwrap();
        assert_eq!(nodes.len(), 3);
        let first = &nodes[0];
        assert_eq!(first.name, NodeName::from("kind-control-plane"));
        assert_eq!(first.roles, ["control-plane", "master"]);
        assert_eq!(first.kubelet_version, "v1.20.2");
        assert_eq!(first.os_image, "Debian GNU/Linux 12 (bookworm)");
        assert_eq!((first.kernel.as_str(), first.runtime.as_str()), ("6.18.44", "containerd://1.6.20"));
        assert!(nodes[1].roles.is_empty());
        for node in &nodes {
            let ready = node.ready().unwrap();
            assert_eq!((ready.status.as_str(), ready.reason.as_str()), ("False", "KubeletNotReady"));
            assert!(ready.message.ends_with("cni plugin not initialized"), "{}", ready.message);
            assert_eq!(node.internal_ips.len(), 1);
        }
        let transition = nodes[1].ready().unwrap().last_transition.unwrap();
        assert_eq!(transition.to_rfc3339(), "2026-11-23T05:45:03+00:00");
    });
}

#[test]
fn nodes_are_ready_once_cilium_is() {
    block_on(async {
        let server = Server::start(CILIUM).await;
        let nodes = server.api().await.nodes().await.unwrap();
        let ready: Vec<&str> = nodes.iter().map(|node| node.ready().unwrap().status.as_str()).collect();
        assert_eq!(ready, ["True", "True", "True"]);
    });
}

fn agent<'p>(pods: &'p [KubePod], node: &str) -> &'p KubePod {
    let agents = |pod: &&KubePod| pod.labels.get("k8s-app").is_some_and(|app| app == "cilium");
    let on = |pod: &&KubePod| pod.node == Some(NodeName::from(node));
    pods.iter().filter(agents).find(on).unwrap()
}

#[test]
fn pods_tell_their_containers_images_and_states() {
    block_on(async {
        let server = Server::start(CILIUM).await;
        let pods = server.api().await.pods().await.unwrap();
        assert_eq!(pods.len(), 12);
        let agent = agent(&pods, "kind-worker");
        assert_eq!(agent.full_name(), "kube-system/cilium-9f6rr");
        assert!(agent.host_network && agent.ready && !agent.terminating);
        assert_eq!(agent.phase, "Running");
        let container = agent.container("cilium-agent").unwrap();
        assert_eq!(container.container_id.len(), 64);
        assert!(container.image_id.starts_with("sha256:"), "{}", container.image_id);
        let Some(ContainerState::Running { started: Some(started) }) = container.state else { panic!("{container:?}") };
        assert_eq!(started.to_rfc3339(), "2026-11-23T05:46:33+00:00");
    });
}

#[test]
fn an_agent_that_ended_tells_how() {
    block_on(async {
        let server = Server::start(WRONG_HOST).await;
        let pods = server.api().await.pods().await.unwrap();
        let ended = agent(&pods, "kind-control-plane");
        assert!(!ended.ready);
        let state = ended.container("cilium-agent").unwrap().state.clone();
        let Some(ContainerState::Terminated { exit_code: 1, message, .. }) = state else { panic!("{state:?}") };
        assert!(message.contains("Unable to initialize Kubernetes subsystem"), "{message}");
        let operator = pods.iter().find(|pod| pod.name == "cilium-operator-66d74658b9-n4rs5").unwrap();
        let operator = operator.container("cilium-operator").unwrap();
        assert_eq!(operator.restarts, 1);
        assert!(matches!(operator.last_state, Some(ContainerState::Terminated { exit_code: 1, .. })));
    });
}

#[test]
fn what_runs_pods_is_counted() {
    block_on(async {
        let server = Server::start(WRONG_HOST).await;
        let api = server.api().await;
        let sets = api.daemon_sets().await.unwrap();
        let [cilium] = &sets[..] else { panic!("{sets:?}") };
        assert_eq!((cilium.namespace.as_str(), cilium.name.as_str()), ("kube-system", "cilium"));
        assert_eq!((cilium.desired, cilium.ready, cilium.available, cilium.updated), (3, 1, 1, 2));
        let deployments = api.deployments().await.unwrap();
        let hello = deployments.iter().find(|deployment| deployment.name == "hello-app").unwrap();
        assert_eq!((hello.desired, hello.ready, hello.available, hello.updated), (2, 2, 2, 2));
        let map = api.config_map("kube-system", "cilium-config").await.unwrap().unwrap();
        assert_eq!(map["auto-direct-node-routes"], "true");
        assert_eq!(api.config_map("kube-system", "cilium").await, Ok(None));
    });
}

#[test]
fn a_workload_that_is_not_there_has_no_pods_and_no_service() {
    block_on(async {
        let server = Server::start(CILIUM).await;
        let api = server.api().await;
        assert_eq!(api.workload_pods("default", &app()).await, Ok(Vec::new()));
        let service = api.service("default", "hello-app").await.unwrap();
        assert_eq!((service.cluster_ip, service.endpoints), (None, Vec::new()));
    });
}

#[test]
fn the_workload_is_two_ready_pods_and_the_service_before_them() {
    block_on(async {
        let server = Server::start(HELLO).await;
        let api = server.api().await;
        let pods = api.workload_pods("default", &app()).await.unwrap();
        let seen: Vec<(String, String, String, bool)> = pods
            .iter()
            .map(|pod| {
                let node = pod.node.as_ref().unwrap().to_string();
                (pod.name.to_string(), node, pod.address.unwrap().to_string(), pod.ready)
            })
            .collect();
        let pod = |name: &str, node: &str, address: &str| (name.into(), node.into(), address.into(), true);
        assert_eq!(
            seen,
            [
                pod("hello-app-55549b8679-4gvdj", "kind-worker2", "10.0.1.212"),
                pod("hello-app-55549b8679-gwmgv", "kind-worker", "10.0.2.38")
            ]
        );
        assert_eq!(api.pods_with("default", &app()).await.unwrap().len(), 2);
        let service = api.service("default", "hello-app").await.unwrap();
        assert_eq!(service.source, "v1 Service, discovery.k8s.io/v1beta1 EndpointSlice");
        assert_eq!(service.cluster_ip, "10.96.53.248:8080".parse().ok());
        assert_eq!(service.endpoints, sockets(&["10.0.1.212:8080", "10.0.2.38:8080"]));
    });
}

#[test]
fn a_pod_that_is_being_deleted_is_not_ready() {
    block_on(async {
        let server = Server::start(HELLO).await;
        server.with(|objects| {
            objects.change("pods", "hello-app-55549b8679-gwmgv", |pod| {
                pod["metadata"]["deletionTimestamp"] = json!("2026-11-23T05:55:00Z");
            });
        });
        let pods = server.api().await.workload_pods("default", &app()).await.unwrap();
        let ready: Vec<bool> = pods.iter().map(|pod| pod.ready).collect();
        assert_eq!(ready, [true, false]);
    });
}

#[test]
fn pod_cidrs_are_ciliums() {
    block_on(async {
        let server = Server::start(HELLO).await;
        let api = server.api().await;
        let cidrs = api.pod_cidrs().await.unwrap();
        assert_eq!(cidrs.source, "CiliumNode.spec.ipam.podCIDRs");
        let by_node: Vec<(String, String)> =
            cidrs.by_node.iter().map(|(node, cidr)| (node.to_string(), cidr.to_string())).collect();
        let pair = |node: &str, cidr: &str| (node.to_owned(), cidr.to_owned());
        assert_eq!(
            by_node,
            [
                pair("kind-control-plane", "10.0.0.0/24"),
                pair("kind-worker", "10.0.2.0/24"),
                pair("kind-worker2", "10.0.1.0/24")
            ]
        );
        let two = json!(["10.0.1.0/24", "10.0.9.0/24"]);
        for (cidrs, words) in [(two, "has 2 CIDRs, expected one"), (json!(["fd00::/64"]), "which is not an IPv4 CIDR")]
        {
            server.with(|objects| {
                objects.change("ciliumnodes", "kind-worker2", |node| node["spec"]["ipam"]["podCIDRs"] = cidrs);
            });
            let error = api.pod_cidrs().await.unwrap_err().to_string();
            assert!(error.starts_with("CiliumNode kind-worker2 at http://127.0.0.1:"), "{error}");
            assert!(error.ends_with(words), "{error}");
        }
        for none in [json!([]), Value::Null] {
            server.with(|objects| {
                objects.change("ciliumnodes", "kind-worker2", |node| node["spec"]["ipam"]["podCIDRs"] = none);
            });
            assert_eq!(api.pod_cidrs().await.unwrap().by_node.len(), 2);
        }
    });
}

#[test]
fn events_are_told_in_their_order() {
    block_on(async {
        let server = Server::start(CILIUM).await;
        let event = |name: &str, time: &str, count: Option<u32>, message: &str| {
            json!({"metadata": {"namespace": "kube-system", "name": name}, "type": "Warning", "reason": "BackOff",
                "involvedObject": {"kind": "Pod", "namespace": "kube-system", "name": "cilium-9f6rr"},
                "count": count, "message": message, "lastTimestamp": time})
        };
        let mut single = event("single", "2026-11-23T05:46:40Z", None, "first\nof all");
        single["eventTime"] = json!("2026-11-23T05:46:39.123456Z");
        single["lastTimestamp"] = Value::Null;
        server.with(|objects| {
            objects.put("events", event("later", "2026-11-23T05:47:10Z", Some(3), "Back-off restarting"));
            objects.put("events", single);
            objects.put("events", json!({"metadata": {"namespace": "default", "name": "bare"}, "involvedObject": {}}));
        });
        assert_eq!(
            server.api().await.events().await.unwrap(),
            [
                "no time - - - -: ",
                "2026-11-23T05:46:39.000Z Warning Pod kube-system/cilium-9f6rr BackOff: first of all",
                "2026-11-23T05:47:10.000Z Warning Pod kube-system/cilium-9f6rr BackOff: Back-off restarting (3 times)",
            ]
        );
    });
}

#[test]
fn logs_are_those_of_the_container_or_of_the_one_before_it() {
    block_on(async {
        let server = Server::start(CILIUM).await;
        server.log("kube-system/cilium-9f6rr", "now\n");
        server.log("kube-system/cilium-9f6rr previous", "before\n");
        let api = server.api().await;
        let log = async |pod, previous| api.log("kube-system", pod, "cilium-agent", previous, 7).await;
        assert_eq!(log("cilium-9f6rr", false).await.unwrap(), "now\n");
        assert_eq!(log("cilium-9f6rr", true).await.unwrap(), "before\n");
        let missing = log("cilium-aaaaa", false).await.unwrap_err().to_string();
        let words = "could not get the log of cilium-agent in kube-system/cilium-aaaaa: there is no such object";
        assert_eq!(missing, format!("{} {words}", server.url()));
        let asked = server.requests().join("\n");
        assert!(asked.contains("cilium-9f6rr/log?&container=cilium-agent&previous=true&tailLines=7"), "{asked}");
    });
}

#[test]
fn before_cilium_there_are_none_of_its_objects() {
    block_on(async {
        let server = Server::start(BEFORE_CNI).await;
        let api = server.api().await;
        assert!(api.pod_cidrs().await.unwrap().by_node.is_empty());
        assert_eq!(api.cilium_endpoints().await, Ok(Vec::new()));
    });
}

#[test]
fn every_pod_on_the_pod_network_has_a_cilium_endpoint() {
    block_on(async {
        let server = Server::start(HELLO).await;
        let api = server.api().await;
        let endpoints = api.cilium_endpoints().await.unwrap();
        assert!(endpoints.iter().all(|endpoint| endpoint.state == "ready"));
        let pods = api.pods().await.unwrap();
        let mut managed: Vec<String> = pods.iter().filter(|pod| !pod.host_network).map(KubePod::full_name).collect();
        let mut found: Vec<String> = endpoints
            .iter()
            .map(|endpoint| {
                let pod = pods.iter().find(|pod| pod.name == endpoint.name).unwrap();
                assert_eq!(pod.address.unwrap().to_string(), endpoint.address.unwrap().to_string());
                format!("{}/{}", endpoint.namespace, endpoint.name)
            })
            .collect();
        managed.sort();
        found.sort();
        assert_eq!(found, managed);
        assert_eq!(found.len(), 5);
    });
}
