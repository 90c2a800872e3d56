//! Somebody's cluster: what was recorded in 3-hello-native, served as an API server and kubelets serve it.

use lab_model::request::Answered;
use lab_stand_in::api::objects::{HELLO, Moment};
use lab_stand_in::api::server::{Printed, Server, Step, kubeconfig};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::kubelet;
use super::process::Ended;
use super::thread::Serving;
use super::world::Lab;

/// The context in its kubeconfig.
pub(super) const CONTEXT: &str = "kind-kind";
/// What becomes of a command's output, by node and command.
pub(super) type Change = Box<dyn Fn(&str, &str, Printed) -> Option<Printed> + Send>;

/// What a command in a pod of the probe's does, by the pod's name, in place of what it does there; none for that.
pub(super) type Stepping = Box<dyn Fn(&str, &str) -> Option<Step> + Send>;

/// What becomes of what the probe answers in a pod, by its name.
pub(super) type Answering = Box<dyn Fn(&str, &mut Vec<Answered>) + Send>;

/// A cluster, and a user's world beside it.
pub(super) struct Theirs {
    pub(super) lab: Lab,
    pub(super) server: Arc<Server>,
    change: Arc<Mutex<Option<Change>>>,
    step: Arc<Mutex<Option<Stepping>>>,
    answers: Arc<Mutex<Option<Answering>>>,
    _serving: Serving,
}

impl Theirs {
    pub(super) fn serve() -> Self {
        let change: Arc<Mutex<Option<Change>>> = Arc::default();
        let told = Arc::clone(&change);
        let step: Arc<Mutex<Option<Stepping>>> = Arc::default();
        let stepping = Arc::clone(&step);
        let answers: Arc<Mutex<Option<Answering>>> = Arc::default();
        let answering = Arc::clone(&answers);
        let (serving, server) = Serving::start(async move || {
            let server = Arc::new(Server::start(HELLO).await);
            let made: Arc<Mutex<Vec<serde_json::Value>>> = Arc::default();
            let endpoints = Arc::clone(&made);
            server.commands(Box::new(move |pod, argv| {
                let node = node_of(pod);
                let command = argv.join(" ");
                let mut printed = printed(node, &command);
                if command.starts_with("cilium endpoint list") {
                    kubelet::list_endpoints(&endpoints.lock().unwrap(), node, &mut printed);
                }
                match told.lock().unwrap().as_ref() {
                    Some(change) => change(node, &command, printed),
                    None => Some(printed),
                }
            }));
            server.created(Box::new(move |objects, plural, name| {
                kubelet::made(objects, plural, name);
                if plural == "pods" {
                    made.lock().unwrap().push(objects.named(plural, name).clone());
                }
            }));
            server.interactive(Box::new(move |pod, argv, input| {
                let name = pod.split_once('/').map_or(pod, |(_namespace, name)| name);
                match kubelet::command(argv, input) {
                    Step::More => Step::More,
                    mut step => {
                        if let Some(change) = answering.lock().unwrap().as_ref() {
                            change_answers(&mut step, |answers| change(name, answers));
                        }
                        let other = stepping.lock().unwrap().as_ref().and_then(|step| step(name, &argv.join(" ")));
                        other.unwrap_or(step)
                    }
                }
            }));
            server
        });
        let theirs = Self { lab: Lab::new(), server, change, step, answers, _serving: serving };
        std::fs::write(theirs.kubeconfig(), kubeconfig(&theirs.server.url())).unwrap();
        theirs
    }

    /// Changes what commands print; none for one that never ends.
    pub(super) fn change(&self, change: impl Fn(&str, &str, Printed) -> Option<Printed> + Send + 'static) {
        *self.change.lock().unwrap() = Some(Box::new(change));
    }

    /// Changes what commands do in pods of the probe's.
    pub(super) fn step(&self, step: impl Fn(&str, &str) -> Option<Step> + Send + 'static) {
        *self.step.lock().unwrap() = Some(Box::new(step));
    }

    /// Changes what the probe answers in its pods.
    pub(super) fn answers(&self, change: impl Fn(&str, &mut Vec<Answered>) + Send + 'static) {
        *self.answers.lock().unwrap() = Some(Box::new(change));
    }

    /// Names of the namespaces that are there.
    pub(super) fn namespaces(&self) -> Vec<String> {
        let name = |object: &serde_json::Value| object["metadata"]["name"].as_str().unwrap().to_owned();
        self.server.with(|objects| objects.all("namespaces").iter().map(name).collect())
    }

    /// Changes settings in `cilium-config`.
    pub(super) fn configure(&self, settings: &[(&str, &str)]) {
        self.server.with(|objects| {
            objects.change("configmaps", "cilium-config", |map| {
                for (key, value) in settings {
                    map["data"][key] = serde_json::json!(value);
                }
            });
        });
    }

    pub(super) fn kubeconfig(&self) -> PathBuf {
        self.lab.work().join("their.yaml")
    }

    /// `lab`, with these arguments and its kubeconfig.
    #[track_caller]
    pub(super) fn lab(&self, args: &[&str]) -> Ended {
        let file = self.kubeconfig().display().to_string();
        let mut all = args.to_vec();
        all.extend(["--on", "cluster", "--kubeconfig", &file]);
        self.lab.run(&all)
    }

    /// `lab verify` in it, which reads alone, with these arguments.
    #[track_caller]
    pub(super) fn verify(&self, args: &[&str]) -> Ended {
        self.by(&["--tier", "read"], args)
    }

    /// `lab verify` in it, which makes pods there, with these arguments.
    #[track_caller]
    pub(super) fn probe(&self, args: &[&str]) -> Ended {
        self.by(&["--tier", "probe"], args)
    }

    /// `lab verify` in it, with these options and arguments.
    #[track_caller]
    pub(super) fn by(&self, options: &[&str], args: &[&str]) -> Ended {
        let mut all = vec!["verify", "--context", CONTEXT];
        all.extend(options);
        all.extend(args);
        self.lab(&all)
    }
}

fn change_answers(step: &mut Step, change: impl FnOnce(&mut Vec<Answered>)) {
    let Step::End(printed) = step else { return };
    // What is no answer is the hash of the program, as it was put there.
    if let Ok(mut answers) = serde_json::from_str(&printed.stdout) {
        change(&mut answers);
        printed.stdout = serde_json::to_string(&answers).unwrap();
    }
}

/// Changes the routes among what `ip` printed.
pub(super) fn reroute(printed: &mut Printed, change: impl FnMut(&mut serde_json::Value)) {
    let (rest, routes) = printed.stdout.trim_end().rsplit_once('\n').unwrap();
    let mut routes: Vec<serde_json::Value> = serde_json::from_str(routes).unwrap();
    routes.iter_mut().for_each(change);
    printed.stdout = format!("{rest}\n{}\n", serde_json::to_string(&routes).unwrap());
}

/// On kind-worker the direct route to the pods of the control plane is gone from what `ip` printed there.
pub(super) fn without_a_route(node: &str, command: &str, printed: &mut Printed) {
    if node == "kind-worker" && command.contains("route show") {
        reroute(printed, |route| {
            if route["dst"] == "10.0.0.0/24" {
                route["dst"] = serde_json::json!("10.9.0.0/24");
            }
        });
    }
}

/// The node of an agent's pod, as it was recorded.
fn node_of(pod: &str) -> &'static str {
    match pod {
        "kube-system/cilium-9f6rr" => "kind-worker",
        "kube-system/cilium-hpzx6" => "kind-worker2",
        "kube-system/cilium-k2vg2" => "kind-control-plane",
        other => panic!("a command in {other}, which is no agent"),
    }
}

/// What was recorded of a command.
fn printed(node: &str, command: &str) -> Printed {
    let recorded = |file: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/recordings/3-hello-native").join(file);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let ip = |what: &str| recorded(&format!("node/{node}.ip-{what}.json"));
    let own = |what: &str| recorded(&format!("cilium/{node}.{what}.json"));
    Printed::well(match command {
        // Routes of both families were recorded together; the agent is asked for those of IPv4.
        _ if command.contains("ip -details -json link show") => {
            format!("{}\n{}\n{}\n{}\n", ip("link"), ip("addr"), ip("rule"), v4(&ip("route")))
        }
        "cilium status -o json" => HELLO.text(&format!("{node}.status.json")),
        "cilium config --all -o json" => Moment("7-native-wire").text(&format!("{node}.agent-config.json")),
        "cilium service list -o json" => own("service-list"),
        "cilium bpf lb list -o json" => own("bpf-lb-list"),
        "cilium endpoint list -o json" => own("endpoint-list"),
        "iptables-legacy-save" => recorded(&format!("node/{node}.iptables-save.txt")),
        "iptables-nft-save" | "cilium version" => String::new(),
        other => panic!("`{other}` was not recorded"),
    })
}

fn v4(routes: &str) -> String {
    let mut all: Vec<serde_json::Value> = serde_json::from_str(routes).unwrap();
    let is_v6 = |route: &serde_json::Value| {
        let text = |key: &str| route[key].as_str().unwrap_or_default();
        !route["pref"].is_null() || text("dst").contains(':') || text("gateway").contains(':')
    };
    all.retain(|route| !is_v6(route));
    serde_json::to_string(&all).unwrap()
}
