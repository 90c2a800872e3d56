//! What agents say, as it was recorded: read, kept in their own words, and refused where it says nothing.

use lab_kind::cilium::agents::{Agents, NodeCommands, Output};
use lab_kind::cilium::{parse_config, parse_services, parse_status, parse_table};
use lab_model::observe::{BackendState, KubePod, NodeName};
use serde_json::json;
use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::objects::{HELLO, Moment, WRONG_HOST};
use super::server::{Server, block_on};

const NATIVE_WIRE: Moment = Moment("7-native-wire");
const VXLAN_WIRE: Moment = Moment("8-vxlan-wire");
const NODES: [&str; 3] = ["kind-control-plane", "kind-worker", "kind-worker2"];

/// Answers as the recorded agents did, and notes down what it was asked.
struct Recorded {
    moment: Moment,
    asked: RefCell<Vec<(String, Vec<String>)>>,
}

impl Recorded {
    fn of(moment: Moment) -> Self {
        Self { moment, asked: RefCell::new(Vec::new()) }
    }

    fn file(&self, node: &str, argv: &[String]) -> PathBuf {
        let name = match argv.get(4..).map(|args| args.join(" ")).as_deref() {
            Some("status -o json") => "status",
            Some("config --all -o json") => "agent-config",
            Some("service list -o json") => "service-list",
            Some("bpf lb list -o json") => "bpf-lb-list",
            Some("endpoint list -o json") => "endpoint-list",
            other => panic!("not recorded: {other:?}"),
        };
        let file = self.moment.path(&format!("{node}.{name}.json"));
        // Where everything holds, the maps are among the recordings that judges read.
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/recordings").join(self.moment.0);
        let other = folder.join(format!("cilium/{node}.{name}.json"));
        if other.exists() { other } else { file }
    }
}

impl NodeCommands for &Recorded {
    async fn run_in_node(&self, node: &NodeName, argv: Vec<String>, _deadline: Duration) -> Result<Output, String> {
        let file = self.file(&node.0, &argv);
        self.asked.borrow_mut().push((node.0.clone(), argv));
        if let Ok(stdout) = fs::read(&file) {
            return Ok(Output { code: 0, stdout, stderr: Vec::new() });
        }
        let stderr = fs::read(file.with_extension("err")).map_err(|_| format!("container of {node} not found"))?;
        Ok(Output { code: 1, stdout: Vec::new(), stderr })
    }
}

async fn pods(moment: Moment) -> Vec<KubePod> {
    Server::start(moment).await.api().await.pods().await.unwrap()
}

fn names() -> Vec<NodeName> {
    NODES.map(NodeName::from).to_vec()
}

#[test]
fn the_tables_of_all_nodes_have_the_service_with_its_backends() {
    block_on(async {
        let recorded = Recorded::of(HELLO);
        let pods = pods(HELLO).await;
        let agents = Agents::of(&recorded, &pods);
        let (tables, said) = agents.tables(&names()).await;
        assert_eq!(tables.len(), 3);
        for (node, table) in &tables {
            let table = table.as_ref().unwrap();
            assert_eq!(table.frontends.len(), 5);
            let address = "10.96.53.248:8080".parse().unwrap();
            let frontend = table.frontends.iter().find(|frontend| frontend.address == address).unwrap();
            let backends: Vec<String> = frontend.backends.iter().map(|backend| backend.address.to_string()).collect();
            assert_eq!(backends, ["10.0.1.212:8080", "10.0.2.38:8080"], "{node}");
            let all = table.frontends.iter().flat_map(|frontend| &frontend.backends);
            assert!(all.into_iter().all(|backend| backend.state == BackendState::Active), "{node}: {table:?}");
        }
        // The agents' own words are kept, one command after the other for each node.
        let commands: Vec<(&str, &str)> =
            said.iter().map(|said| (said.node.0.as_str(), said.command.as_str())).collect();
        assert_eq!(
            commands[..2],
            [
                ("kind-control-plane", "cilium service list -o json"),
                ("kind-control-plane", "cilium bpf lb list -o json")
            ]
        );
        assert!(said.iter().all(|said| said.code == Some(0) && said.stdout.contains("10.96.0.1")));
        // Each in the container that the API server names.
        for (node, argv) in recorded.asked.borrow().iter() {
            let pod = pods.iter().find(|pod| {
                pod.labels.get("k8s-app").is_some_and(|app| app == "cilium") && pod.node == Some(node.as_str().into())
            });
            let id = &pod.unwrap().container("cilium-agent").unwrap().container_id;
            assert_eq!(argv[..4], ["crictl", "exec", id.as_str(), "cilium"]);
        }
    });
}

#[test]
fn a_backend_that_the_agent_does_not_know_is_not_active() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/recordings/3-hello-native/cilium");
    let read = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
    let mut states = parse_services(&read("kind-worker.service-list.json")).unwrap();
    let service = "10.96.53.248:8080".parse().unwrap();
    states.get_mut(&service).unwrap().remove(&"10.0.2.38:8080".parse().unwrap());
    let table = parse_table(&read("kind-worker.bpf-lb-list.json"), &states).unwrap();
    let frontend = table.frontends.iter().find(|frontend| frontend.address == service).unwrap();
    let states: Vec<&BackendState> = frontend.backends.iter().map(|backend| &backend.state).collect();
    assert_eq!(states, [&BackendState::Active, &BackendState::Other("not in the service list".to_owned())]);
}

#[test]
fn the_status_of_an_agent_that_is_well() {
    let status = parse_status(&HELLO.text("kind-worker2.status.json")).unwrap();
    let states: Vec<(&str, &str)> =
        status.components.iter().map(|part| (part.name.as_str(), part.state.as_str())).collect();
    assert_eq!(
        states,
        [
            ("cilium", "Ok"),
            ("cluster.ciliumHealth", "Ok"),
            ("hubble", "Ok"),
            ("hubble.metrics", "Disabled"),
            ("kubernetes", "Ok"),
            ("kvstore", "Ok")
        ]
    );
    assert_eq!(status.component("kubernetes").unwrap().message, "1.20 (v1.20.2) [linux/amd64]");
    assert_eq!(status.failing, []);
    assert!(status.controllers > 20, "{}", status.controllers);
    assert_eq!(status.kube_proxy_replacement.as_deref(), Some("Strict"));
    assert_eq!(status.direct_routing_device.as_deref(), Some("eth0"));
    assert_eq!(status.host_routing.as_deref(), Some("BPF"));
    assert_eq!(status.masquerading.as_deref(), Some("BPF"));
    assert_eq!(status.snat_exclusion, "10.0.0.0/8".parse().ok());
}

#[test]
fn the_configurations_tell_native_and_vxlan_apart() {
    let native = parse_config(&NATIVE_WIRE.text("kind-worker.agent-config.json")).unwrap();
    assert_eq!((native.tunnel.as_deref(), native.auto_direct_node_routes), (Some("disabled"), Some(true)));
    assert_eq!(native.native_cidr, "10.0.0.0/8".parse().ok());
    assert_eq!((native.kube_proxy_replacement.as_deref(), native.bpf_masquerade), (Some("strict"), Some(true)));
    assert_eq!(native.host_legacy_routing, Some(false));
    let vxlan = parse_config(&VXLAN_WIRE.text("kind-worker.agent-config.json")).unwrap();
    assert_eq!((vxlan.tunnel.as_deref(), vxlan.auto_direct_node_routes), (Some("vxlan"), Some(false)));
}

#[test]
fn agents_that_are_not_well_are_unobserved_with_their_own_words() {
    block_on(async {
        let recorded = Recorded::of(WRONG_HOST);
        let agents = Agents::of(&recorded, &pods(WRONG_HOST).await);
        let (seen, said) = agents.observe(&names()).await;
        // It has ended: nothing can be run in it.
        let ended = &seen[&NodeName::from("kind-control-plane")];
        let words = ended.status.as_ref().unwrap_err();
        assert!(words.starts_with("`cilium status -o json` in kind-control-plane's agent: cilium-agent of pod cilium-5hdjt does not run: it ended with exit code 1 "), "{words}");
        // It runs, and its socket is not there yet.
        let starting = seen[&NodeName::from("kind-worker")].status.as_ref().unwrap_err();
        assert!(
            starting.starts_with("`cilium status -o json` in kind-worker's agent: exit code 1: Get "),
            "{starting}"
        );
        assert!(starting.contains("connect: no such file or directory"), "{starting}");
        // The old one, of before the change, is well.
        assert!(seen[&NodeName::from("kind-worker2")].status.is_ok());
        let configs: Vec<&String> = seen.values().map(|agent| agent.config.as_ref().unwrap_err()).collect();
        assert!(configs.iter().all(|words| words.contains("`cilium config --all -o json`")), "{configs:?}");
        let codes: Vec<Option<i64>> = said.iter().map(|said| said.code).collect();
        assert_eq!(codes, [None, None, None, Some(1), None, Some(0)]);
        // A map that is there is no table without the agent's states.
        let (tables, _) = agents.tables(&names()).await;
        let words = tables[&NodeName::from("kind-worker")].as_ref().unwrap_err();
        assert!(words.contains("Cannot get services list"), "{words}");
        assert!(tables[&NodeName::from("kind-worker2")].is_ok());
    });
}

/// The recorded agents, with images of this name.
async fn pods_of_image(image: &str) -> Vec<KubePod> {
    let mut pods = pods(HELLO).await;
    for container in pods.iter_mut().flat_map(|pod| &mut pod.containers).filter(|one| one.name == "cilium-agent") {
        image.clone_into(&mut container.image);
    }
    pods
}

#[test]
fn an_agent_is_asked_by_the_program_of_its_version() {
    block_on(async {
        let worker = NodeName::from("kind-worker");
        for (image, program) in [
            ("quay.io/cilium/cilium:v1.14.0", "cilium"),
            ("quay.io/cilium/cilium:v1.15.1@sha256:0", "cilium-dbg"),
            // Nothing tells: newer ones have the old name too.
            ("cilium:dev", "cilium"),
        ] {
            let recorded = Recorded::of(HELLO);
            let agents = Agents::of(&recorded, &pods_of_image(image).await);
            let told = agents.status(&worker).await;
            assert!(told.value.is_ok(), "{image}: {:?}", told.value);
            assert_eq!(told.outputs[0].command, format!("{program} status -o json"), "{image}");
            assert_eq!(recorded.asked.borrow()[0].1[3], program, "{image}");
            let (seen, _outputs) = agents.observe(std::slice::from_ref(&worker)).await;
            assert_eq!(seen[&worker].image.as_deref(), Some(image));
        }
    });
}

#[test]
fn agents_whose_words_are_not_known_are_unobserved_with_the_range() {
    block_on(async {
        let worker = NodeName::from("kind-worker");
        let words = "the agent is Cilium 1.19, and lab can read only the output of 1.12 to 1.15";
        let recorded = Recorded::of(HELLO);
        let agents = Agents::of(&recorded, &pods_of_image("quay.io/cilium/cilium:v1.19.0").await);
        let status = agents.status(&worker).await;
        assert_eq!(status.value.unwrap_err(), format!("`cilium-dbg status -o json` in kind-worker's agent: {words}"));
        // What it said is kept all the same.
        assert_eq!(status.outputs[0].code, Some(0));
        let (tables, _outputs) = agents.tables(std::slice::from_ref(&worker)).await;
        assert!(tables[&worker].as_ref().unwrap_err().ends_with(words), "{tables:?}");
        let missing = agents.missing(std::slice::from_ref(&worker)).await.unwrap();
        assert!(missing.ends_with(words), "{missing}");

        // One whose image is called otherwise says it itself.
        let newer = Newer(Recorded::of(HELLO));
        let agents = Agents::of(&newer, &pods_of_image("cilium:dev").await);
        let why = agents.status(&worker).await.value.unwrap_err();
        assert!(why.ends_with(words), "{why}");
    });
}

/// Agents that say that they are of another version than the recorded ones, and else the same.
struct Newer(Recorded);

impl NodeCommands for &Newer {
    async fn run_in_node(&self, node: &NodeName, argv: Vec<String>, deadline: Duration) -> Result<Output, String> {
        let mut output = (&self.0).run_in_node(node, argv, deadline).await?;
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("\" (v-)\""), "{text}");
        output.stdout = text.replace("\" (v-)\"", "\"1.19.0 (v1.19.0-a1b2c3d)\"").into_bytes();
        Ok(output)
    }
}

#[test]
fn a_node_without_an_agent_is_unobserved() {
    block_on(async {
        let recorded = Recorded::of(HELLO);
        let mut pods = pods(HELLO).await;
        let on_worker = |pod: &KubePod| pod.node == Some("kind-worker".into());
        pods.retain(|pod| !on_worker(pod));
        for pod in pods.iter_mut().filter(|pod| pod.node == Some("kind-worker2".into())) {
            for container in &mut pod.containers {
                container.state = Some(
                    serde_json::from_value(json!({"waiting": {"reason": "CrashLoopBackOff", "message": ""}})).unwrap(),
                );
            }
        }
        let agents = Agents::of(&recorded, &pods);
        let told = agents.table(&"kind-worker".into()).await;
        let words = "`cilium service list -o json` in kind-worker's agent: no agent's pod is on this node";
        assert_eq!(told.value, Err(words.to_owned()));
        let told = agents.status(&"kind-worker2".into()).await;
        let words = told.value.unwrap_err();
        assert!(words.ends_with("cilium-agent of pod cilium-hpzx6 does not run: CrashLoopBackOff"), "{words}");
        assert!(recorded.asked.borrow().is_empty());
    });
}

#[test]
fn of_two_agents_on_a_node_the_one_that_runs_is_asked() {
    block_on(async {
        let recorded = Recorded::of(HELLO);
        let pods = pods(HELLO).await;
        let running = pods.iter().find(|pod| pod.name == "cilium-9f6rr").unwrap();
        let mut gone = running.clone();
        gone.name = "cilium-aaaaa".to_owned();
        gone.containers[0].state = None;
        for order in [[gone.clone(), running.clone()], [running.clone(), gone]] {
            let told = Agents::of(&recorded, &order).table(&"kind-worker".into()).await;
            assert!(told.value.is_ok(), "{told:?}");
        }
    });
}
