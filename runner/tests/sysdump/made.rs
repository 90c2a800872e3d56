//! A sysdump of the cluster that was recorded in 3-hello-native, with the names that cilium-cli 0.12.11 gives its files.

use lab_stand_in::api::objects::{HELLO, Moment};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::process::Ended;
use super::text;
use super::world::Lab;

/// The time that each name has.
pub(super) const TIME: &str = "20221201-101112";
/// The nodes, and the pods of their agents.
pub(super) const NODES: [(&str, &str); 3] =
    [("kind-control-plane", "cilium-k2vg2"), ("kind-worker", "cilium-9f6rr"), ("kind-worker2", "cilium-hpzx6")];

/// The members of a sysdump, by their paths in its folder.
pub(super) struct Made {
    pub(super) members: BTreeMap<String, String>,
}

impl Made {
    pub(super) fn of_recordings() -> Self {
        let mut members = BTreeMap::new();
        for (stem, plural) in [
            ("k8s-nodes", "nodes"),
            ("k8s-pods", "pods"),
            ("k8s-services", "services"),
            ("k8s-endpoints", "endpoints"),
            ("ciliumnodes", "ciliumnodes"),
            ("cilium-daemonset", "daemonsets"),
        ] {
            let list =
                serde_json::json!({"apiVersion": "v1", "kind": "List", "items": HELLO.json(&format!("{plural}.json"))});
            members.insert(format!("{stem}-{TIME}.yaml"), serde_yaml::to_string(&list).unwrap());
        }
        for (stem, plural, name) in [
            ("cilium-configmap", "configmaps", "cilium-config"),
            ("cilium-operator-deployment", "deployments", "cilium-operator"),
        ] {
            let all = HELLO.json(&format!("{plural}.json"));
            let one = all.as_array().unwrap().iter().find(|one| one["metadata"]["name"] == name).unwrap();
            members.insert(format!("{stem}-{TIME}.yaml"), serde_yaml::to_string(one).unwrap());
        }
        let version = "version.Info{Major:\"1\", Minor:\"20\", GitVersion:\"v1.20.2\", GitCommit:\"faecb\"}";
        members.insert(format!("k8s-version-{TIME}.txt"), version.to_owned());
        members.insert("cilium-sysdump.log".to_owned(), "Collecting sysdump\n".to_owned());
        let mut made = Self { members };
        for (node, _pod) in NODES {
            made.agent(node);
        }
        made
    }

    fn agent(&mut self, node: &str) {
        let recorded = |file: &str| {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/recordings/3-hello-native").join(file);
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let ip = |what: &str| recorded(&format!("node/{node}.ip-{what}.json"));
        let own = |what: &str| recorded(&format!("cilium/{node}.{what}.json"));
        let routes = ip("route");
        let mut printed = vec![
            ("ip -d -s l".to_owned(), text::links(&ip("link"))),
            ("ip a".to_owned(), text::addresses(&ip("addr"))),
            ("ip rule".to_owned(), text::rules(&ip("rule"))),
            ("ip -4 r".to_owned(), text::routes(&routes, "main")),
            (
                "cilium config -a".to_owned(),
                text::settings(&Moment("7-native-wire").text(&format!("{node}.agent-config.json"))),
            ),
            ("cilium service list -o json".to_owned(), own("service-list")),
            ("cilium bpf lb list".to_owned(), text::table(&own("bpf-lb-list"))),
            ("iptables-legacy-save -c".to_owned(), recorded(&format!("node/{node}.iptables-save.txt"))),
            ("iptables-nft-save -c".to_owned(), String::new()),
        ];
        for table in text::numbered(&routes) {
            printed.push((format!("ip -4 route show table {table}"), text::routes(&routes, &table)));
        }
        for (command, output) in printed {
            self.members.insert(path(node, &command), output);
        }
        let map = HELLO.json("configmaps.json");
        let map = map.as_array().unwrap().iter().find(|one| one["metadata"]["name"] == "cilium-config").unwrap();
        self.members.insert(started_with(node), serde_yaml::to_string(&map["data"]).unwrap());
        let status = format!("{{\"cilium-status\": {}}}", HELLO.text(&format!("{node}.status.json")));
        self.members.insert(format!("{}/cmd/cilium-debuginfo-{TIME}.123+0000-UTC.json", folder(node)), status);
    }

    /// Changes a text in one member, which must be there.
    #[track_caller]
    pub(super) fn change(&mut self, path: &str, from: &str, to: &str) {
        let text = self.members.get_mut(path).unwrap_or_else(|| panic!("no {path}"));
        assert!(text.contains(from), "{path} has no {from:?}: {text}");
        *text = text.replace(from, to);
    }

    /// Removes the one member that begins so.
    #[track_caller]
    pub(super) fn remove(&mut self, beginning: &str) {
        let found: Vec<String> = self.members.keys().filter(|path| path.starts_with(beginning)).cloned().collect();
        assert_eq!(found.len(), 1, "{beginning}: {found:?}");
        self.members.remove(&found[0]);
    }

    pub(super) fn write(&self, file: &Path) {
        let mut writer = ZipWriter::new(std::fs::File::create(file).unwrap());
        for (path, text) in &self.members {
            writer.start_file(format!("cilium-sysdump-{TIME}/{path}"), SimpleFileOptions::default()).unwrap();
            writer.write_all(text.as_bytes()).unwrap();
        }
        writer.finish().unwrap();
    }

    /// `lab verify` of it, with these arguments.
    #[track_caller]
    pub(super) fn verify(&self, args: &[&str]) -> (Lab, Ended) {
        let lab = Lab::new();
        self.write(&file(&lab));
        let mut all = vec!["verify", "--sysdump", NAME];
        all.extend(args);
        let ended = lab.run(&all);
        (lab, ended)
    }
}

/// What the file is called.
pub(super) const NAME: &str = "cilium-sysdump-20221201-101112.zip";

pub(super) fn file(lab: &Lab) -> PathBuf {
    lab.work().join(NAME)
}

fn folder(node: &str) -> String {
    let (_node, pod) = NODES.iter().find(|(name, _pod)| *name == node).unwrap();
    format!("cilium-bugtool-{pod}-{TIME}")
}

/// The member with what an agent was started with.
pub(super) fn started_with(node: &str) -> String {
    format!("{}/cmd/state/viper-agent-config.yaml", folder(node))
}

/// The member with what a command printed.
pub(super) fn path(node: &str, command: &str) -> String {
    format!("{}/cmd/{}.md", folder(node), command.replace(['/', ' '], "-"))
}
