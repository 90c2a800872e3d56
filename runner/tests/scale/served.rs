//! A generated cluster, served as an API server and kubelets serve one.

use lab_model::foreign::{ForeignNode, NodeTables};
use lab_model::observe::{Link, Route, RuleAction};
use lab_model::words;
use lab_stand_in::api::objects::{HELLO, Moment, Objects};
use lab_stand_in::api::server::{Printed, Server};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::generated;

/// The image of each agent.
const IMAGE: &str = "quay.io/cilium/cilium:v1.12.4";
/// The one Service, and its endpoint.
const SERVICE: (&str, &str) = ("10.96.0.1", "192.168.0.10");

/// Starts it, with this many nodes.
pub(super) async fn serve(nodes: usize) -> Arc<Server> {
    let server = Arc::new(Server::start(HELLO).await);
    let all: Vec<ForeignNode> = (0..nodes).map(generated::node).collect();
    server.with(|objects| fill(objects, &all));
    // What agents say beside routes is what one said.
    let status = HELLO.text("kind-worker.status.json");
    let config = Moment("7-native-wire").text("kind-worker.agent-config.json");
    let services = service_list();
    let by_pod: BTreeMap<String, usize> = (0..nodes).map(|at| (format!("kube-system/{}", agent(at)), at)).collect();
    server.commands(Box::new(move |pod, argv| {
        let at = by_pod[pod];
        Some(Printed::well(match argv.join(" ").as_str() {
            command if command.contains("ip -details") => tables(&generated::tables(&all[at], &all)),
            "cilium status -o json" => status.clone(),
            "cilium config --all -o json" => config.clone(),
            "cilium service list -o json" => services.0.clone(),
            "cilium bpf lb list -o json" => services.1.clone(),
            "iptables-legacy-save" => "*mangle\n:KUBE-KUBELET-CANARY - [0:0]\nCOMMIT\n".to_owned(),
            "iptables-nft-save" => String::new(),
            other => panic!("`{other}` is not served"),
        }))
    }));
    server
}

fn agent(at: usize) -> String {
    format!("cilium-{at:04}")
}

fn fill(objects: &mut Objects, nodes: &[ForeignNode]) {
    let ready = json!([{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "it is"}]);
    let address = |node: &ForeignNode| node.addresses[0].to_string();
    let node_objects = nodes.iter().map(|node| {
        json!({
            "metadata": {"name": node.name, "labels": {"topology.kubernetes.io/zone": node.zone}},
            "status": {
                "addresses": [{"type": "InternalIP", "address": address(node)}], "conditions": ready,
                "nodeInfo": {"kubeletVersion": "v1.25.3", "osImage": "Debian", "kernelVersion": "6.1", "containerRuntimeVersion":
                    "containerd://1.6.9", "architecture": "amd64", "bootID": "", "kubeProxyVersion": "", "machineID": "",
                    "operatingSystem": "linux", "systemUUID": ""}
            }
        })
    });
    objects.fill("nodes", node_objects.collect());
    let pod = |name: String, node: &ForeignNode, address: String, labels: Value, host: bool| {
        json!({
            "metadata": {"name": name, "namespace": "kube-system", "labels": labels},
            "spec": {"nodeName": node.name, "hostNetwork": host, "containers": []},
            "status": {
                "phase": "Running", "podIP": address, "conditions": ready,
                "containerStatuses": [{"name": "cilium-agent", "image": IMAGE, "imageID": "", "ready": true, "restartCount": 0,
                    "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}]
            }
        })
    };
    let mut pods = Vec::new();
    for (at, node) in nodes.iter().enumerate() {
        pods.push(pod(agent(at), node, address(node), json!({"k8s-app": "cilium"}), true));
        let own = generated::pods(node).into_iter().enumerate();
        pods.extend(own.map(|(n, address)| pod(format!("web-{at}-{n}"), node, address.to_string(), json!({}), false)));
    }
    objects.fill("pods", pods);
    let cilium_nodes = nodes.iter().map(|node| {
        let spec = json!({"addresses": [{"type": "InternalIP", "ip": address(node)}], "ipam": {"podCIDRs": node.pod_networks}});
        json!({"metadata": {"name": node.name}, "spec": spec})
    });
    objects.fill("ciliumnodes", cilium_nodes.collect());
    objects.change("daemonsets", "cilium", |set| {
        for count in ["desiredNumberScheduled", "numberReady", "numberAvailable", "updatedNumberScheduled"] {
            set["status"][count] = json!(nodes.len());
        }
    });
    let meta =
        json!({"name": "kubernetes", "namespace": "default", "labels": {"kubernetes.io/service-name": "kubernetes"}});
    let spec = json!({"clusterIP": SERVICE.0, "ports": [{"name": "https", "port": 443, "protocol": "TCP"}]});
    objects.fill("services", vec![json!({"metadata": meta, "spec": spec})]);
    let slice = json!({"metadata": meta, "addressType": "IPv4", "ports": [{"name": "https", "port": 6443, "protocol": "TCP"}],
        "endpoints": [{"addresses": [SERVICE.1], "conditions": {"ready": true}}]});
    objects.fill("endpointslices", vec![slice]);
}

/// What the agent and the datapath list.
fn service_list() -> (String, String) {
    let (frontend, backend) =
        (json!({"ip": SERVICE.0, "port": 443}), json!([{"ip": SERVICE.1, "port": 6443, "state": "active"}]));
    let list = json!([{"status": {"realized": {"frontend-address": frontend, "backend-addresses": backend}}}]);
    let entries = json!(["0.0.0.0:0 (1) (0) [ClusterIP, non-routable]", format!("{}:6443 (1) (1)", SERVICE.1)]);
    (list.to_string(), json!({ format!("{}:443", SERVICE.0): entries }).to_string())
}

/// What the four `ip` commands print of these tables.
fn tables(tables: &NodeTables) -> String {
    let flags = ["BROADCAST", "MULTICAST", "UP", "LOWER_UP"];
    let link = |link: &Link| {
        let mut told =
            json!({"ifindex": link.index, "ifname": link.name, "flags": flags, "mtu": 1500, "link_type": "ether"});
        for (key, value) in [("link_index", json!(link.peer_index)), ("link_netnsid", json!(link.peer_netns))] {
            if !value.is_null() {
                told[key] = value;
            }
        }
        if let Some(kind) = &link.kind {
            told["linkinfo"] = json!({"info_kind": kind});
        }
        told
    };
    let links: Vec<Value> = tables.links.iter().map(link).collect();
    let addresses = tables.addresses.iter().map(|one| {
        let own = json!([{"family": "inet", "local": one.address.addr(), "prefixlen": one.address.prefix_len()}]);
        json!({"ifname": one.device, "addr_info": own})
    });
    let rules = tables.rules.iter().map(|rule| {
        let RuleAction::Lookup(table) = rule.action else { panic!("{rule:?}") };
        json!({"priority": rule.priority, "src": "all", "table": words::table(table)})
    });
    let route = |route: &Route| {
        let (hop, table) = (&route.hops[0], words::table(route.table));
        let gateway = hop.gateway.map(|gateway| format!("\"gateway\":\"{gateway}\",")).unwrap_or_default();
        format!(
            "{{\"type\":\"{}\",\"dst\":\"{}\",{gateway}\"dev\":\"{}\",\"table\":\"{table}\",\"protocol\":\"boot\",\"scope\":\"global\",\
             \"flags\":[]}}",
            words::kind(route.kind),
            route.destination,
            hop.device.as_deref().unwrap_or_default()
        )
    };
    let routes: Vec<String> = tables.routes.read().unwrap().iter().map(route).collect();
    format!(
        "{}\n{}\n{}\n[{}]\n",
        Value::Array(links),
        Value::Array(addresses.collect()),
        Value::Array(rules.collect()),
        routes.join(",")
    )
}
