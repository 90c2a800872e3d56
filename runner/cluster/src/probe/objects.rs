//! The objects that the probe tier makes: a namespace, two pods for each node, and a Service.

use serde_json::{Value, json};
use std::time::Duration;

use lab_base::clock;
use lab_model::foreign::{PROBE, PROBE_PORT};
use lab_model::observe::NodeName;

/// The label of who made an object (Kubernetes' recommended labels).
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The value of it.
const LAB: &str = "lab";
/// The label of the run that an object is of.
const RUN: &str = "lab.owner/run";
/// The label of what a pod is for.
const ROLE: &str = "lab.owner/role";
/// The annotation of when pods end by themselves.
pub(super) const EXPIRES: &str = "lab.owner/expires";
/// The label with which a namespace says which pods it takes (Pod Security admission).
const ENFORCE: &str = "pod-security.kubernetes.io/enforce";
/// The annotation with which a pod says what `AppArmor` forbids it: by default, to look at processes of others.
const APPARMOR: &str = "container.apparmor.security.beta.kubernetes.io/probe";
/// The selector of all objects of this program's.
pub const OWN: &str = "app.kubernetes.io/managed-by=lab";

/// The container of each pod.
pub(super) const CONTAINER: &str = "probe";
/// The folder that the probe is put into: a volume of the pod's own, since the rest is read alone.
pub(super) const FOLDER: &str = "/lab";
/// The probe there.
pub(super) const PROGRAM: &str = "/lab/lab-probe";
/// How long pods live, whatever becomes of this program (`activeDeadlineSeconds`).
pub const TIME_TO_LIVE: Duration = Duration::from_mins(30);
/// The longest name of an object.
const LONGEST: usize = 253;

/// What all objects of a run have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ours {
    /// The run.
    pub run: String,
    /// The namespace.
    pub namespace: String,
    /// Whether the namespace was there before, and stays: an administrator's.
    pub given: bool,
    /// Whether the cluster's own pods are looked into.
    pub inside: bool,
    /// When pods end by themselves.
    expires: String,
}

/// What a pod is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PodRole {
    /// It looks at its node's network, and shares it.
    Node,
    /// It sends and answers, in a network namespace of its own.
    Client,
    /// The same, and it stands behind the Service.
    Backend,
}

impl PodRole {
    const fn label(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Client => "client",
            Self::Backend => "backend",
        }
    }
}

/// A pod that is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OurPod {
    pub(super) name: String,
    pub(super) node: NodeName,
    pub(super) role: PodRole,
    pub(super) image: String,
}

impl OurPod {
    /// `number` tells nodes apart whose names are too long to be part of another.
    pub(super) fn new(role: PodRole, node: &NodeName, number: usize, image: &str) -> Self {
        let begin = if role == PodRole::Node { "node" } else { "client" };
        let named = format!("{begin}-{node}");
        let name = if named.len() > LONGEST { format!("{begin}-{number}") } else { named };
        Self { name, node: node.clone(), role, image: image.to_owned() }
    }
}

impl Ours {
    /// The objects of a new run, in a namespace of its own or in one that is there.
    pub fn new(run: &str, given: Option<&str>, inside: bool) -> Self {
        Self {
            run: run.to_owned(),
            namespace: given.map_or_else(|| format!("{PROBE}-{run}"), str::to_owned),
            given: given.is_some(),
            inside,
            expires: clock::rfc3339(clock::unix_now() + TIME_TO_LIVE),
        }
    }

    /// The same, of a run with a name of its own.
    pub fn of_new_run(given: Option<&str>, inside: bool) -> Self {
        // No two of one cluster should have the same.
        let run: String = std::iter::repeat_with(fastrand::lowercase).take(8).collect();
        Self::new(&run, given, inside)
    }

    /// The selector of this run's objects.
    pub(super) fn selector(&self) -> String {
        of_run(&self.run)
    }

    fn meta(&self, name: &str) -> Value {
        json!({"name": name, "labels": {MANAGED_BY: LAB, RUN: self.run}, "annotations": {EXPIRES: self.expires}})
    }

    /// The namespace.
    pub fn namespace_object(&self) -> Value {
        let mut meta = self.meta(&self.namespace);
        meta["labels"][ENFORCE] = json!("privileged");
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
    }

    /// A pod.
    pub(super) fn pod(&self, pod: &OurPod) -> Value {
        let mut meta = self.meta(&pod.name);
        meta["namespace"] = json!(self.namespace);
        meta["labels"][ROLE] = json!(pod.role.label());
        let seconds = TIME_TO_LIVE.as_secs();
        let on_node = pod.role == PodRole::Node;
        let command = if on_node {
            json!(["sleep", seconds.to_string()])
        } else {
            // The program comes later; it is moved there once it is whole.
            let serve = format!("exec {PROGRAM} --hello {PROBE_PORT} {}", pod.name);
            json!(["sh", "-c", format!("until test -x {PROGRAM}; do sleep 1; done; {serve}")])
        };
        let inside = self.inside && on_node;
        // To capture, and to ping. Nothing of its node can be changed with it.
        let mut capabilities = vec!["NET_RAW"];
        if inside {
            // To see the network namespaces of other processes, and to enter them (setns(2), namespaces(7)).
            capabilities.extend(["SYS_ADMIN", "SYS_PTRACE"]);
            meta["annotations"][APPARMOR] = json!("unconfined");
        }
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {
            "nodeName": pod.node.0,
            "hostNetwork": on_node,
            "hostPID": inside,
            "restartPolicy": "Never",
            "activeDeadlineSeconds": seconds,
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "tolerations": [{"operator": "Exists"}],
            "volumes": [{"name": "lab", "emptyDir": {}}],
            "containers": [{
                "name": CONTAINER,
                "image": pod.image,
                "imagePullPolicy": "Never",
                "command": command,
                "volumeMounts": [{"name": "lab", "mountPath": FOLDER}],
                "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "256Mi"}},
                "securityContext": {
                    "runAsUser": 0,
                    "privileged": false,
                    // An API server takes no `false` beside SYS_ADMIN, which is as much.
                    "allowPrivilegeEscalation": inside,
                    "readOnlyRootFilesystem": true,
                    "capabilities": {"drop": ["ALL"], "add": capabilities},
                },
            }],
        }})
    }

    /// The Service before the pods that answer.
    pub fn service_object(&self) -> Value {
        let mut meta = self.meta(PROBE);
        meta["namespace"] = json!(self.namespace);
        json!({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {
            "selector": {RUN: self.run, ROLE: PodRole::Backend.label()},
            "ports": [{"protocol": "TCP", "port": PROBE_PORT, "targetPort": PROBE_PORT}],
        }})
    }

    /// All of it for one node, as examples, for who wants to know before anything is made: JSON, which is YAML as well.
    pub fn shown(&self) -> String {
        let image = "the image of the node's own agent";
        let node = NodeName::from("NODE");
        let example = |role| self.pod(&OurPod::new(role, &node, 0, image));
        let namespace = (!self.given).then(|| self.namespace_object());
        let objects = [example(PodRole::Node), example(PodRole::Backend), self.service_object()];
        let document = |object: &Value| format!("---\n{object:#}\n");
        namespace.iter().chain(&objects).map(document).collect()
    }
}

/// The selector of a run's objects.
pub(super) fn of_run(run: &str) -> String {
    format!("{OWN},{RUN}={run}")
}

/// The run that an object's labels name.
pub(super) fn run_of(labels: &std::collections::BTreeMap<String, String>) -> Option<&str> {
    labels.get(RUN).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours() -> Ours {
        Ours::new("k3f2", None, false)
    }

    #[test]
    fn pods_end_by_themselves_and_have_no_more_rights_than_they_need() {
        let ours = ours();
        for role in [PodRole::Node, PodRole::Client, PodRole::Backend] {
            let pod = ours.pod(&OurPod::new(role, &"kind-worker".into(), 0, "cilium:v1.12.4"));
            let spec = &pod["spec"];
            assert_eq!(spec["activeDeadlineSeconds"], 1800);
            assert_eq!(spec["restartPolicy"], "Never");
            assert_eq!(spec["hostNetwork"], role == PodRole::Node);
            assert_eq!(spec["tolerations"], json!([{"operator": "Exists"}]));
            assert_eq!(spec["automountServiceAccountToken"], false);
            let container = &spec["containers"][0];
            assert_eq!(container["imagePullPolicy"], "Never");
            assert_eq!(container["securityContext"]["capabilities"], json!({"drop": ["ALL"], "add": ["NET_RAW"]}));
            assert_eq!(container["securityContext"]["privileged"], false);
            assert_eq!(spec["hostPID"], false);
        }
        // More where other pods are looked into, and there for the one on the node alone.
        let inside = Ours { inside: true, ..ours };
        for (role, more) in [(PodRole::Node, true), (PodRole::Client, false), (PodRole::Backend, false)] {
            let pod = inside.pod(&OurPod::new(role, &"kind-worker".into(), 0, "cilium:v1.12.4"));
            let security = &pod["spec"]["containers"][0]["securityContext"];
            let capabilities = if more { json!(["NET_RAW", "SYS_ADMIN", "SYS_PTRACE"]) } else { json!(["NET_RAW"]) };
            assert_eq!((&pod["spec"]["hostPID"], &security["capabilities"]["add"]), (&json!(more), &capabilities));
            assert_eq!((&security["privileged"], &pod["spec"]["activeDeadlineSeconds"]), (&json!(false), &json!(1800)));
        }
    }

    #[test]
    fn all_objects_say_whose_they_are_and_until_when() {
        let shown = ours().shown();
        let objects: Vec<Value> =
            shown.split("---\n").skip(1).map(|object| serde_json::from_str(object).unwrap()).collect();
        let kinds: Vec<&str> = objects.iter().map(|object| object["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["Namespace", "Pod", "Pod", "Service"]);
        for object in &objects {
            let meta = &object["metadata"];
            assert_eq!((&meta["labels"][MANAGED_BY], &meta["labels"][RUN]), (&json!("lab"), &json!("k3f2")));
            assert!(meta["annotations"][EXPIRES].is_string());
        }
        assert_eq!(objects[0]["metadata"]["labels"][ENFORCE], "privileged");
        assert_eq!(objects[3]["spec"]["selector"][ROLE], objects[2]["metadata"]["labels"][ROLE]);
        let given = Ours::new("k3f2", Some("theirs"), false);
        assert!(!given.shown().contains("\"Namespace\""));
        assert_eq!(given.service_object()["metadata"]["namespace"], "theirs");
    }

    #[test]
    fn a_name_that_would_be_too_long_has_a_number() {
        let long = NodeName("n".repeat(250));
        assert_eq!(OurPod::new(PodRole::Client, &long, 7, "").name, "client-7");
        assert_eq!(OurPod::new(PodRole::Node, &"a.b".into(), 7, "").name, "node-a.b");
    }
}
