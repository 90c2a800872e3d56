//! The objects of the server: recorded ones, which tests and requests change.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A folder of recordings, made at one moment of a cluster's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(pub &'static str);

/// The cluster is created, and has no CNI.
pub const BEFORE_CNI: Moment = Moment("1-before-cni");
/// Cilium is ready.
pub const CILIUM: Moment = Moment("2-cilium-native");
/// The workload is ready.
pub const HELLO: Moment = Moment("3-hello-native");
/// The agents have a wrong address of the API server.
pub const WRONG_HOST: Moment = Moment("6-wrong-k8s-service-host");

impl Moment {
    /// The path of a file of this moment.
    pub fn path(self, file: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/served").join(self.0).join(file)
    }

    /// The text of a file of this moment.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn text(self, file: &str) -> String {
        let path = self.path(file);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The JSON in a file of this moment.
    ///
    /// # Panics
    /// When it cannot be read, or is not JSON.
    pub fn json(self, file: &str) -> Value {
        serde_json::from_str(&self.text(file)).unwrap()
    }
}

/// A kind of objects.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// The path of the API.
    pub api: &'static str,
    /// The last part of the path, which is also the name of the recording's file.
    pub plural: &'static str,
    /// The name of one object of this kind.
    pub singular: &'static str,
}

const fn kind(api: &'static str, plural: &'static str, singular: &'static str) -> Kind {
    Kind { api, plural, singular }
}

/// The kinds that a server of Kubernetes 1.20 with Cilium 1.12 serves. It does not have `discovery.k8s.io/v1`.
pub const KINDS: [Kind; 13] = [
    kind("/api/v1", "namespaces", "Namespace"),
    kind("/api/v1", "nodes", "Node"),
    kind("/api/v1", "pods", "Pod"),
    kind("/api/v1", "services", "Service"),
    kind("/api/v1", "endpoints", "Endpoints"),
    kind("/api/v1", "configmaps", "ConfigMap"),
    kind("/api/v1", "secrets", "Secret"),
    kind("/api/v1", "events", "Event"),
    kind("/apis/apps/v1", "daemonsets", "DaemonSet"),
    kind("/apis/apps/v1", "deployments", "Deployment"),
    kind("/apis/discovery.k8s.io/v1beta1", "endpointslices", "EndpointSlice"),
    kind("/apis/cilium.io/v2", "ciliumnodes", "CiliumNode"),
    kind("/apis/cilium.io/v2", "ciliumendpoints", "CiliumEndpoint"),
];

/// A change that is sent to watchers.
#[derive(Debug, Clone)]
pub struct Change {
    /// The version of the server's state after the change.
    pub version: u64,
    /// The plural of the object's kind.
    pub plural: String,
    /// `ADDED`, `MODIFIED` or `DELETED`.
    pub verb: &'static str,
    /// The object after the change; a deleted object as it last was.
    pub object: Value,
}

/// All objects, by the plural of their kind.
#[derive(Debug)]
pub struct Objects {
    kinds: Vec<Kind>,
    items: BTreeMap<String, Vec<Value>>,
    version: u64,
    changes: Vec<Change>,
}

impl Objects {
    /// The objects that were recorded at a moment. A kind of Cilium's that did not exist then is not served.
    ///
    /// # Panics
    /// When they cannot be read.
    pub fn recorded(moment: Moment) -> Self {
        let mut items = BTreeMap::new();
        let mut kinds = Vec::new();
        for kind in KINDS {
            let path = moment.path(&format!("{}.json", kind.plural));
            let always = kind.api != "/apis/cilium.io/v2";
            if path.exists() {
                let Value::Array(list) = moment.json(&format!("{}.json", kind.plural)) else { panic!("no list") };
                items.insert(kind.plural.to_owned(), list);
                kinds.push(kind);
            } else if always {
                items.insert(kind.plural.to_owned(), Vec::new());
                kinds.push(kind);
            }
        }
        Self { kinds, items, version: 100_000, changes: Vec::new() }
    }

    /// The same objects for a cluster of another name: its nodes are renamed.
    ///
    /// # Panics
    /// Never: the replaced texts are inside of JSON strings.
    pub fn of_cluster(mut self, name: &str) -> Self {
        for list in self.items.values_mut().flatten() {
            let text = list.to_string();
            let text = ["control-plane", "worker"]
                .iter()
                .fold(text, |text, role| text.replace(&format!("\"kind-{role}"), &format!("\"{name}-{role}")));
            *list = serde_json::from_str(&text).expect("it is JSON still");
        }
        self
    }

    /// Adds or replaces all these objects. Other objects stay. Watchers get the changes.
    pub fn become_like(&mut self, other: Self) {
        for kind in other.kinds {
            if !self.kinds.iter().any(|known| known.plural == kind.plural) {
                self.kinds.push(kind);
            }
        }
        for (plural, list) in other.items {
            for object in list {
                self.put(&plural, object);
            }
        }
    }

    /// Serves a kind at another path, as a newer server does.
    pub fn serve_at(&mut self, plural: &str, api: &'static str) {
        for kind in self.kinds.iter_mut().filter(|kind| kind.plural == plural) {
            kind.api = api;
        }
    }

    /// Stops serving a kind.
    pub fn forget(&mut self, plural: &str) {
        self.kinds.retain(|kind| kind.plural != plural);
    }

    /// The kind that a path leads to, with the namespace and the name in the path.
    pub fn find(&self, path: &str) -> Option<(Kind, Option<String>, Option<String>)> {
        self.kinds.iter().find_map(|kind| {
            let rest: Vec<&str> = path.strip_prefix(kind.api)?.strip_prefix('/')?.split('/').collect();
            let plural = |found: &str| found == kind.plural;
            match rest[..] {
                [found] if plural(found) => Some((*kind, None, None)),
                [found, name] if plural(found) => Some((*kind, None, Some(name.to_owned()))),
                ["namespaces", namespace, found] if plural(found) => Some((*kind, Some(namespace.to_owned()), None)),
                ["namespaces", namespace, found, name] if plural(found) => {
                    Some((*kind, Some(namespace.to_owned()), Some(name.to_owned())))
                }
                _ => None,
            }
        })
    }

    /// The version of the server's state, which is increased by each change.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// All objects of a kind.
    pub fn all(&self, plural: &str) -> &[Value] {
        self.items.get(plural).map(Vec::as_slice).unwrap_or_default()
    }

    /// The object with this name, in any namespace.
    ///
    /// # Panics
    /// When there is none.
    pub fn named(&self, plural: &str, name: &str) -> Value {
        let found = self.all(plural).iter().find(|item| item["metadata"]["name"] == name);
        found.unwrap_or_else(|| panic!("no {name} among {plural}")).clone()
    }

    /// The changes since a version.
    pub fn changes_since(&self, version: u64) -> Vec<Change> {
        self.changes.iter().filter(|change| change.version > version).cloned().collect()
    }

    /// Adds an object, or replaces the one with its name.
    pub fn put(&mut self, plural: &str, mut object: Value) {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let items = self.items.entry(plural.to_owned()).or_default();
        let place = items.iter_mut().find(|item| same(item, &object));
        let verb = if let Some(place) = place {
            *place = object.clone();
            "MODIFIED"
        } else {
            items.push(object.clone());
            "ADDED"
        };
        self.changes.push(Change { version: self.version, plural: plural.to_owned(), verb, object });
    }

    /// Serves these objects of a kind in the place of those that there are. Watchers are told nothing.
    pub fn fill(&mut self, plural: &str, objects: Vec<Value>) {
        self.items.insert(plural.to_owned(), objects);
    }

    /// Changes the object with this name.
    pub fn change(&mut self, plural: &str, name: &str, change: impl FnOnce(&mut Value)) {
        let mut object = self.named(plural, name);
        change(&mut object);
        self.put(plural, object);
    }

    /// Removes the objects that are selected. Returns the last of them, if there was one.
    pub fn remove(&mut self, plural: &str, selected: impl Fn(&Value) -> bool) -> Option<Value> {
        let items = self.items.entry(plural.to_owned()).or_default();
        let (gone, left): (Vec<Value>, Vec<Value>) = items.drain(..).partition(selected);
        *items = left;
        for object in &gone {
            self.version += 1;
            self.changes.push(Change {
                version: self.version,
                plural: plural.to_owned(),
                verb: "DELETED",
                object: object.clone(),
            });
        }
        gone.into_iter().next_back()
    }

    /// Removes all objects of a namespace.
    pub fn clear(&mut self, namespace: &str) {
        for kind in KINDS {
            self.remove(kind.plural, |object| object["metadata"]["namespace"] == namespace);
        }
    }

    /// Forgets all changes, as a server that has restarted: a watch cannot start from an older version.
    pub fn compact(&mut self) {
        self.changes.clear();
        self.version += 1000;
    }
}

fn same(one: &Value, other: &Value) -> bool {
    one["metadata"]["name"] == other["metadata"]["name"]
        && one["metadata"]["namespace"] == other["metadata"]["namespace"]
}
