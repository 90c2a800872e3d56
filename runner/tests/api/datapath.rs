//! Whether the agents' programs are loaded, as recorded agents told it: refused where one has yet to load its own.

use lab_kind::cilium::agents::{Agents, NodeCommands, Output};
use lab_kind::cilium::{missing, parse_endpoints};
use lab_model::observe::{KubePod, NodeName};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::server::block_on;

const NODES: [&str; 3] = ["kind-control-plane", "kind-worker", "kind-worker2"];
/// The host's endpoint on kind-worker.
const HOST: i64 = 1964;

/// What the agent on a node told while everything held.
fn recorded(node: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/recordings/3-hello-native/cilium");
    serde_json::from_slice(&fs::read(folder.join(format!("{node}.endpoint-list.json"))).unwrap()).unwrap()
}

/// The same of kind-worker, with something of it changed.
fn changed(change: impl Fn(&mut Vec<Value>)) -> String {
    let mut list = recorded("kind-worker");
    change(list.as_array_mut().unwrap());
    list.to_string()
}

fn endpoint(list: &mut [Value], id: i64) -> &mut Value {
    list.iter_mut().find(|endpoint| endpoint["id"] == id).unwrap()
}

/// As an agent tells of its host before it has compiled the programs for it: it has no revision then.
fn not_yet(list: &mut [Value]) {
    let status = &mut endpoint(list, HOST)["status"];
    status["state"] = json!("waiting-to-regenerate");
    status["policy"]["realized"].as_object_mut().unwrap().remove("policy-revision").unwrap();
}

fn missing_in(text: &str) -> Option<String> {
    missing(&parse_endpoints(text).unwrap())
}

#[test]
fn agents_that_have_loaded_all_programs_lack_nothing() {
    for node in NODES {
        let endpoints = parse_endpoints(&recorded(node).to_string()).unwrap();
        assert_eq!(endpoints.iter().filter(|endpoint| endpoint.is_host).count(), 1, "{node}");
        assert!(endpoints.len() >= 2, "{endpoints:?}");
        assert_eq!(missing(&endpoints), None, "{node}");
    }
    let worker = parse_endpoints(&recorded("kind-worker").to_string()).unwrap();
    assert!(worker.iter().all(|endpoint| endpoint.enforced == "none"), "{worker:?}");
    let isolated =
        changed(|list| endpoint(list, 1921)["status"]["policy"]["realized"]["policy-enabled"] = json!("egress"));
    let enforced =
        parse_endpoints(&isolated).unwrap().into_iter().find(|endpoint| endpoint.id == 1921).unwrap().enforced;
    assert_eq!(enforced, "egress");
    let names: Vec<&str> = worker.iter().map(|endpoint| endpoint.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "default/hello-app-55549b8679-gwmgv",
            "reserved:host",
            "reserved:health",
            "kube-system/coredns-74ff55c5b-mzgl4"
        ]
    );
}

#[test]
fn an_agent_lacks_what_is_not_loaded_and_nothing_else() {
    let waiting = "endpoint 1964 (reserved:host) is waiting-to-regenerate, its program is not loaded";
    assert_eq!(missing_in(&changed(|list| not_yet(list))).unwrap(), waiting);
    let restored = changed(|list| endpoint(list, HOST)["status"]["policy"]["realized"]["policy-revision"] = json!(0));
    let ready = "endpoint 1964 (reserved:host) is ready, its program is not loaded";
    assert_eq!(missing_in(&restored).unwrap(), ready);
    let again = changed(|list| endpoint(list, HOST)["status"]["state"] = json!("regenerating"));
    assert_eq!(missing_in(&again).unwrap(), "endpoint 1964 (reserved:host) is regenerating");
    let hostless = changed(|list| list.retain(|endpoint| endpoint["id"] != HOST));
    assert_eq!(missing_in(&hostless).unwrap(), "no endpoint of the node itself (reserved:host)");
    let pod = changed(|list| endpoint(list, 1921)["status"]["state"] = json!("waiting-for-identity"));
    let words = "endpoint 1921 (default/hello-app-55549b8679-gwmgv) is waiting-for-identity";
    assert_eq!(missing_in(&pod).unwrap(), words);
    let bare = changed(|list| drop(endpoint(list, 2688).as_object_mut().unwrap().remove("status")));
    let words = "endpoint 2688 (without a name) is without a state, its program is not loaded";
    assert_eq!(missing_in(&bare).unwrap(), words);
    assert_eq!(missing_in("null").unwrap(), "no endpoint of the node itself (reserved:host)");
}

#[test]
fn what_is_no_list_of_endpoints_is_refused() {
    for (text, words) in [("", "EOF"), ("{}", "invalid type: map"), (r#"[{"status": {}}]"#, "missing field `id`")] {
        let error = parse_endpoints(text).unwrap_err();
        assert!(error.starts_with("`cilium endpoint list -o json`: ") && error.contains(words), "{text}: {error}");
    }
}

/// Agents of which the one on kind-worker has its host's programs after some looks, if ever.
struct Compiling {
    left: Cell<u32>,
    asked: RefCell<Vec<String>>,
}

impl NodeCommands for &Compiling {
    async fn run_in_node(&self, node: &NodeName, argv: Vec<String>, _deadline: Duration) -> Result<Output, String> {
        assert_eq!(argv, ["crictl", "exec", "c0ffee", "cilium", "endpoint", "list", "-o", "json"]);
        self.asked.borrow_mut().push(node.0.clone());
        let mut list = recorded(&node.0);
        if node.0 == "kind-worker" && self.left.get() > 0 {
            self.left.set(self.left.get() - 1);
            not_yet(list.as_array_mut().unwrap());
        }
        Ok(Output { code: 0, stdout: list.to_string().into_bytes(), stderr: Vec::new() })
    }
}

fn agents(nodes: &[&str]) -> Vec<KubePod> {
    let agent = |node: &&str| {
        let container = json!({ "name": "cilium-agent", "image": "", "image_id": "", "container_id": "c0ffee",
            "ready": true, "restarts": 0, "state": { "running": { "started": null } }, "last_state": null });
        serde_json::from_value(json!({ "namespace": "kube-system", "name": format!("cilium-{node}"),
            "labels": { "k8s-app": "cilium" }, "node": node, "host_network": true, "phase": "Running",
            "address": null, "ready": true, "terminating": false, "containers": [container] }))
        .unwrap()
    };
    nodes.iter().map(agent).collect()
}

fn names() -> Vec<NodeName> {
    NODES.map(NodeName::from).to_vec()
}

#[test]
fn what_is_loaded_last_is_waited_for_and_told() {
    block_on(async {
        let compiling = Compiling { left: Cell::new(2), asked: RefCell::default() };
        let told = RefCell::new(Vec::new());
        let agents = Agents::of(&compiling, &agents(&NODES));
        let say = |seen| told.borrow_mut().push(seen);
        agents.until_loaded(&names(), Duration::from_secs(20), &say).await.unwrap();
        assert_eq!(compiling.asked.borrow().len(), 9, "each of three agents is asked three times");
        let words = "BPF programs of the agents: kind-worker: endpoint 1964 (reserved:host) is \
                     waiting-to-regenerate, its program is not loaded";
        assert_eq!(*told.borrow(), [words, words]);
    });
}

#[test]
fn a_deadline_that_passes_tells_what_each_agent_lacks() {
    block_on(async {
        let compiling = Compiling { left: Cell::new(u32::MAX), asked: RefCell::default() };
        let agents = Agents::of(&compiling, &agents(&["kind-control-plane", "kind-worker"]));
        let error = agents.until_loaded(&names(), Duration::from_millis(900), &|_seen| ()).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "loading the BPF programs of all agents did not happen within 900ms: kind-worker: endpoint 1964 \
             (reserved:host) is waiting-to-regenerate, its program is not loaded; kind-worker2: `cilium endpoint list -o \
             json` in kind-worker2's agent: no agent's pod is on this node"
        );
    });
}
