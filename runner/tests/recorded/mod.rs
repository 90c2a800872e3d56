//! Recordings of a real lab, read into the types that probes return.
//!
//! Parsers are strict where judges look: a kind of route, a flag or a line that is not known is an error, never
//! skipped. Each function says where what it returns was recorded, and what of it is derived.

mod bundles;
mod cilium;
pub(crate) mod docker;
mod ip;
pub(crate) mod kind_only;
mod kube;
mod objects;
mod pages;
mod replies;
pub(crate) mod runs;
pub(crate) mod scenes;
pub(crate) mod wire;

use serde::de::DeserializeOwned;
use std::fs;
use std::path::{Path, PathBuf};

use lab_model::expect::Expectations;

/// What was read, or the file and what is wrong with it.
pub(crate) type Read<T> = Result<T, String>;

/// The three nodes of every recording.
pub(crate) const NODES: [&str; 3] = ["kind-control-plane", "kind-worker", "kind-worker2"];
/// The node that runs no workload, and that the article asks from.
const CONTROL_PLANE: &str = NODES[0];

/// The moments that are judged, and the one before them of the same cluster as the first three.
pub(crate) const BEFORE: Recording = Recording("1-before-cni");
const CILIUM: Recording = Recording("2-cilium-native");
pub(crate) const NATIVE: Recording = Recording("3-hello-native");
pub(crate) const WITHOUT_ROUTES: Recording = Recording("4-native-without-direct-routes");
pub(crate) const VXLAN: Recording = Recording("5-vxlan");
const WRONG_HOST: Recording = Recording("6-wrong-k8s-service-host");
pub(crate) const NATIVE_WIRE: Recording = Recording("7-native-wire");
pub(crate) const VXLAN_WIRE: Recording = Recording("8-vxlan-wire");

/// One folder of recordings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Recording(pub(crate) &'static str);

impl Recording {
    /// 7 and 8 hold fewer kinds of files, side by side in one folder.
    fn is_flat(self) -> bool {
        self == NATIVE_WIRE || self == VXLAN_WIRE
    }

    /// The path of a file.
    fn path(self, file: &str) -> PathBuf {
        root().join(self.0).join(file)
    }

    /// A file that was recorded on a node: `NODE.ip-route.json`.
    fn on_node(self, node: &str, file: &str) -> String {
        if self.is_flat() { format!("{node}.{file}") } else { format!("node/{node}.{file}") }
    }

    fn text(self, file: &str) -> Read<String> {
        let path = self.path(file);
        fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn json<T: DeserializeOwned>(self, file: &str) -> Read<T> {
        serde_json::from_str(&self.text(file)?).map_err(|error| self.wrong(file, &error.to_string()))
    }

    /// What an API server or an agent answered at this moment: `data/served/`.
    fn served(self, file: &str) -> Read<String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/served").join(self.0).join(file);
        fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// The same, read as JSON.
    fn served_json<T: DeserializeOwned>(self, file: &str) -> Read<T> {
        serde_json::from_str(&self.served(file)?).map_err(|error| self.wrong(file, &error.to_string()))
    }

    /// Names the file that something is wrong with.
    fn wrong(self, file: &str, what: &str) -> String {
        format!("{}/{file}: {what}", self.0)
    }

    /// The files that were recorded at this moment, copied here or not, relative to the folder.
    pub(crate) fn listing(self) -> Read<Vec<String>> {
        let path = root().join("listing.txt");
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let prefix = format!("{}/", self.0);
        Ok(text.lines().filter_map(|line| line.strip_prefix(&prefix)).map(str::to_owned).collect())
    }

    /// The files that are here, relative to the folder.
    pub(crate) fn copied(self) -> Read<Vec<String>> {
        let mut found = Vec::new();
        let top = root().join(self.0);
        let mut folders = vec![top.clone()];
        while let Some(folder) = folders.pop() {
            let entries = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
            for entry in entries {
                let path = entry.map_err(|error| error.to_string())?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(relative) = path.strip_prefix(&top) {
                    found.push(relative.display().to_string());
                }
            }
        }
        Ok(found)
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/recordings")
}

/// What the article builds: the recorded labs were built with its values.
pub(crate) fn expectations() -> Read<Expectations> {
    let pool = "10.0.0.0/8".parse().map_err(|error| format!("10.0.0.0/8: {error}"))?;
    Ok(Expectations {
        control_planes: 1,
        workers: 2,
        network: "kind".into(),
        pod_pool: pool,
        pod_cidr_prefix: 24,
        native_cidr: pool,
        replicas: 2,
        service: "hello-app".into(),
        service_port: 8080,
        target_port: 8080,
        racks: None,
        cluster: None,
        foreign: None,
    })
}
