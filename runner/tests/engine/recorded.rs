//! What a real Engine told of a real kind cluster, told again: recording 3, as `docker inspect` printed it.

use std::path::Path;

use lab_engine::{Engine, NodeProbe};
use lab_model::observe::{NodeContainer, Place, Role};
use lab_model::request::Request;
use serde_json::{Value, json};

use super::strangers::{Stranger, http};

const NODES: [&str; 3] = ["kind-worker", "kind-worker2", "kind-control-plane"];
const VERSION: &str = r#"{"Version":"20.10.24+dfsg1","ApiVersion":"1.41","MinAPIVersion":"1.12","Arch":"amd64"}"#;

fn recorded(file: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/recordings/3-hello-native/docker");
    let path = folder.join(file);
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap()
}

fn containers() -> Vec<Value> {
    NODES.map(|node| recorded(&format!("inspect-{node}.json"))).to_vec()
}

/// What is made of these containers, told by an Engine of their time; the image of all of them has these digests.
fn nodes(containers: &[Value], digests: Option<&[&str]>) -> Vec<NodeContainer> {
    let listed: Vec<Value> = containers.iter().map(|container| json!({"Id": container["Id"], "New": [{}]})).collect();
    let list = json!(listed).to_string();
    let inspected: Vec<(String, String)> = containers
        .iter()
        .map(|container| {
            (format!("/v1.41/containers/{}/json", container["Id"].as_str().unwrap()), container.to_string())
        })
        .collect();
    let image = digests.map(|digests| json!({"Id": "sha256:0", "RepoDigests": digests}).to_string());
    let reply = move |path: &str| {
        let path = path.split('?').next().unwrap_or_default();
        let container = inspected.iter().find(|(at, _)| at == path).map(|(_, body)| body.clone());
        let body = match path {
            "/version" => Some(VERSION.to_owned()),
            "/v1.41/containers/json" => Some(list.clone()),
            path if path.starts_with("/v1.41/images/") => image.clone(),
            _ => container,
        };
        body.map_or_else(|| http("404 Not Found", r#"{"message":"No such object"}"#), |body| http("200 OK", &body))
    };
    lab_base::runtime().unwrap().block_on(async {
        let stranger = Stranger::serve(reply);
        Engine::connect_to(stranger.endpoint.clone()).await.unwrap().nodes("kind").await.unwrap()
    })
}

#[test]
fn a_real_clusters_nodes_are_read() {
    let seen = nodes(&containers(), Some(&["kindest/node@sha256:1234"]));
    let roles: Vec<(&str, Option<Role>)> = seen.iter().map(|node| (node.name.0.as_str(), node.role)).collect();
    let (control_plane, worker) = (Some(Role::ControlPlane), Some(Role::Worker));
    assert_eq!(roles, [("kind-control-plane", control_plane), ("kind-worker", worker), ("kind-worker2", worker)]);
    let addresses = seen.iter().map(|node| node.address_on("kind").unwrap().to_string());
    assert_eq!(addresses.collect::<Vec<_>>(), ["172.18.0.2", "172.18.0.3", "172.18.0.4"]);
    for node in &seen {
        assert!(node.is_running() && node.privileged && node.cluster == "kind");
        assert_eq!(node.image, "kindest/node:v1.20.2-local");
        assert_eq!(node.image_id, "sha256:61fbbf519e4e73d34fb4e7089b0adb8e29856b64ac4bbcf9a6535d12254df6ab");
        assert_eq!(node.repo_digests, ["kindest/node@sha256:1234"]);
        assert_eq!((node.networks[0].prefix_len, node.networks[0].gateway), (Some(16), "172.18.0.1".parse().ok()));
    }
    assert_eq!((seen[0].pid, seen[1].pid), (Some(14690), Some(14774)));
    assert_eq!(seen[1].networks[0].mac, "02:42:ac:12:00:03".parse().ok());
    let [api] = &seen[0].ports[..] else { panic!("{:?}", seen[0].ports) };
    let published = (api.container_port, api.protocol.as_str(), api.host_ip.to_string(), api.host_port);
    assert_eq!(published, (6443, "tcp", "127.0.0.1".to_owned(), 41541));
    assert!(seen[1].ports.is_empty() && seen[2].ports.is_empty());
}

#[test]
fn what_is_missing_is_none_and_never_something_better() {
    let mut containers = containers();
    let worker = containers[0].as_object_mut().unwrap();
    for left_out in ["State", "NetworkSettings", "HostConfig"] {
        assert!(worker.remove(left_out).is_some());
    }
    containers[1]["Config"]["Labels"]["io.x-k8s.kind.role"] = json!("external-load-balancer");
    containers[1]["NetworkSettings"]["Networks"]["kind"]["IPAddress"] = json!("");
    // Every address, and one that cannot be read: neither is taken for the loopback.
    let everywhere = json!([{"HostIp": "", "HostPort": "1"}, {"HostIp": "localhost", "HostPort": "2"}, {"HostIp": "::", "HostPort": "3"}]);
    containers[2]["NetworkSettings"]["Ports"] = json!({"6443/tcp": everywhere, "80/tcp": null});
    let seen = nodes(&containers, None);
    let [control_plane, worker, worker2] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!((worker.state.as_str(), worker.pid, worker.networks.len(), worker.privileged), ("", None, 0, false));
    assert!(!worker.is_running() && worker.repo_digests.is_empty());
    assert_eq!((worker2.role, worker2.networks[0].address, worker2.networks[0].prefix_len), (None, None, None));
    let published: Vec<_> = control_plane.ports.iter().map(|port| (port.host_ip.to_string(), port.host_port)).collect();
    assert_eq!(published, [("0.0.0.0".to_owned(), 1), ("0.0.0.0".to_owned(), 2), ("::".to_owned(), 3)]);
}

#[test]
fn a_container_without_kinds_label_is_no_node() {
    let mut containers = containers();
    containers[1]["Config"]["Labels"].as_object_mut().unwrap().remove("io.x-k8s.kind.cluster");
    containers[2].as_object_mut().unwrap().remove("Name");
    let seen = nodes(&containers, None);
    assert_eq!(seen.iter().map(|node| node.name.0.as_str()).collect::<Vec<_>>(), ["kind-worker"]);
}

#[test]
fn a_real_clusters_network_is_read() {
    lab_base::runtime().unwrap().block_on(async {
        let body = recorded("network-kind.json").to_string();
        let stranger = Stranger::serve(move |path| match path {
            "/version" => http("200 OK", VERSION),
            "/v1.41/networks/kind" => http("200 OK", &body),
            _ => http("404 Not Found", r#"{"message":"network not found"}"#),
        });
        let engine = Engine::connect_to(stranger.endpoint.clone()).await.unwrap();
        let network = engine.network("kind").await.unwrap().unwrap();
        assert_eq!((network.name.as_str(), network.driver.as_str()), ("kind", "bridge"));
        let mut subnets: Vec<String> = network.subnets.iter().map(|subnet| subnet.subnet.to_string()).collect();
        subnets.sort();
        assert_eq!(subnets, ["172.18.0.0/16", "fc00:f853:ccd:e793::/64"]);
        let ipv4 = network.subnets.iter().find(|subnet| subnet.subnet.addr().is_ipv4()).unwrap();
        assert_eq!(ipv4.gateway, "172.18.0.1".parse().ok());
        let members: Vec<(&str, String)> = network
            .members
            .iter()
            .map(|member| (member.name.as_str(), member.address.map(|address| address.to_string()).unwrap_or_default()))
            .collect();
        let expected = [
            ("kind-control-plane", "172.18.0.2/16"),
            ("kind-worker", "172.18.0.3/16"),
            ("kind-worker2", "172.18.0.4/16"),
        ];
        assert_eq!(members, expected.map(|(name, address)| (name, address.to_owned())));
        assert_eq!(engine.network("other").await.unwrap(), None);
    });
}

#[test]
fn a_host_of_another_architecture_gets_no_probe() {
    lab_base::runtime().unwrap().block_on(async {
        let version = VERSION.replace("amd64", "s390x");
        let worker = recorded("inspect-kind-worker.json").to_string();
        let stranger = Stranger::serve(move |path| match path {
            "/version" => http("200 OK", &version),
            "/v1.41/containers/kind-worker/json" => http("200 OK", &worker),
            _ => http("500 Internal Server Error", "{}"),
        });
        let engine = Engine::connect_to(stranger.endpoint.clone()).await.unwrap();
        let probe = NodeProbe::new(&engine, "kind").unwrap();
        let asks = vec![(Place::Node("kind-worker".into()), Request::View)];
        let answers = probe.ask(asks, &|_| Err("no pods".to_owned())).await;
        let why = answers[0].answer.as_ref().unwrap_err();
        assert!(why.starts_with("kind-worker cannot be asked: the probe is a program for "), "{why}");
        assert!(
            why.contains(", and the Engine's host is s390x: set LAB_PROBE to the path of a probe for s390x"),
            "{why}"
        );
        assert_eq!(stranger.asked().last().map(String::as_str), Some("/v1.41/containers/kind-worker/json"));
    });
}
