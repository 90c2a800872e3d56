//! The tiers: the rights that each needs, what it does with them, and what an administrator may apply so that somebody has
//! them. The read tier makes nothing; the probe tier makes pods of its own; the inside tier has these look into others.

use lab_kube::api::Question;

/// How a foreign cluster is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// It is read, and nothing is made in it.
    Read,
    /// The same, and pods of the probe's own send to each other.
    Probe,
    /// The same, and its own pods are looked into.
    Inside,
}

impl Tier {
    /// Its name, as on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Probe => "probe",
            Self::Inside => "inside",
        }
    }
}

/// Where a right is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// In all namespaces, or of objects that are in none.
    Cluster,
    /// In Cilium's namespace.
    Cilium,
    /// In the namespace of the probe, that is there already; without one it is made, and the right is needed in all.
    Probe,
}

/// Where the probe tier has its objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Wherever that is.
    Anywhere,
    /// In a namespace that it makes.
    Own,
}

/// A right that the tier needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right {
    /// `list`, `get` or `create`.
    pub verb: &'static str,
    /// The API's group; empty for the core one.
    pub group: &'static str,
    /// The resource, and after a slash a part of it: `pods/exec`.
    pub resource: &'static str,
    /// The object's name, where one alone is needed.
    pub name: Option<&'static str>,
    /// Where.
    pub scope: Scope,
    /// Whether nothing can be looked at without it.
    pub needed: bool,
    /// What it is for.
    pub why: &'static str,
}

const fn list(group: &'static str, resource: &'static str, needed: bool, why: &'static str) -> Right {
    Right { verb: "list", group, resource, name: None, scope: Scope::Cluster, needed, why }
}

const fn in_agents(verb: &'static str, needed: bool, why: &'static str) -> Right {
    Right { verb, group: "", resource: "pods/exec", name: None, scope: Scope::Cilium, needed, why }
}

const fn namespaces(verb: &'static str, needed: bool, why: &'static str) -> (At, Right) {
    (At::Own, Right { verb, group: "", resource: "namespaces", name: None, scope: Scope::Cluster, needed, why })
}

const fn of_probe(at: At, verb: &'static str, resource: &'static str, needed: bool, why: &'static str) -> (At, Right) {
    (at, Right { verb, group: "", resource, name: None, scope: Scope::Probe, needed, why })
}

/// The rights that the probe tier needs beside those of the read tier, and where it needs each.
pub const PROBE: &[(At, Right)] = &[
    namespaces("create", true, "the namespace that everything of the probe's is in"),
    namespaces("get", true, "whether that is gone again"),
    namespaces("delete", true, "taking it away"),
    namespaces("list", false, "what earlier runs left, for `lab down --on cluster`"),
    of_probe(At::Anywhere, "create", "pods", true, "two pods for each node, one of them on the node's network"),
    of_probe(At::Anywhere, "delete", "pods", true, "taking them away"),
    of_probe(At::Anywhere, "get", "pods/exec", true, "putting the probe into them, and asking it"),
    of_probe(At::Anywhere, "create", "pods/exec", false, "the same, from Kubernetes 1.35 on"),
    of_probe(At::Anywhere, "create", "services", true, "a Service before some of them"),
    of_probe(At::Anywhere, "get", "services", true, "its address"),
    of_probe(At::Anywhere, "delete", "services", true, "taking it away"),
];

/// The rights that the probe tier needs, in a namespace of its own or in one that is there.
pub fn probe(given: bool) -> impl Iterator<Item = &'static Right> {
    PROBE.iter().filter(move |(at, _)| !given || *at == At::Anywhere).map(|(_, right)| right)
}

/// All rights of the read tier, and no other.
pub const READ: &[Right] = &[
    list("", "nodes", true, "the nodes, whether they are Ready, and their addresses"),
    list("", "pods", true, "the agents, and the addresses of pods"),
    list("cilium.io", "ciliumnodes", true, "the pod CIDRs and the addresses of nodes, as Cilium has them"),
    Right {
        verb: "get",
        group: "",
        resource: "configmaps",
        name: Some("cilium-config"),
        scope: Scope::Cilium,
        needed: true,
        why: "what the agents start with, by which it is decided what each case expects",
    },
    // A WebSocket begins with a GET; Kubernetes 1.35 asks for `create` as well.
    in_agents("get", true, "commands in the agents: status, configuration, tables, and the nodes' routes and links"),
    in_agents("create", false, "the same, from Kubernetes 1.35 on"),
    list("apps", "daemonsets", true, "whether the agents are ready, and whether kube-proxy runs"),
    list("apps", "deployments", true, "whether the operators are ready"),
    list("", "services", true, "the ClusterIPs that tables are compared with"),
    list("discovery.k8s.io", "endpointslices", true, "the endpoints that tables are compared with"),
    list(
        "cilium.io",
        "ciliumnodeconfigs",
        false,
        "settings of some nodes alone; without it an agent that differs is refuted",
    ),
    list(
        "cilium.io",
        "ciliumlocalredirectpolicies",
        false,
        "Services that lead to pods of one node; without it a table that differs for one is refuted",
    ),
    Right {
        verb: "get",
        group: "",
        resource: "pods/log",
        name: None,
        scope: Scope::Cilium,
        needed: false,
        why: "what agents say of a direct route that they could not make; without it one that is missing is refuted without their words",
    },
];

impl Right {
    /// The question to the API server. `namespace` is Cilium's, or where the right is one of the probe tier's, the probe's, if
    /// there is one.
    pub fn question<'a>(&'a self, namespace: Option<&'a str>) -> Question<'a> {
        let (resource, subresource) = self.resource.split_once('/').unwrap_or((self.resource, ""));
        Question {
            verb: self.verb,
            group: self.group,
            resource,
            subresource,
            namespace: namespace.filter(|_| self.scope != Scope::Cluster),
            name: self.name,
        }
    }

    /// The row of the doctor that is about it: `access.nodes`, `access.pods_exec_create`.
    pub fn id(&self) -> String {
        let resource = self.resource.replace('/', "_");
        if PROBE.iter().any(|(_, right)| right == self) {
            return format!("probe.{resource}_{}", self.verb);
        }
        if self.resource == "pods/exec" {
            format!("access.{resource}_{}", self.verb)
        } else {
            format!("access.{resource}")
        }
    }

    /// In words: `get configmaps cilium-config in kube-system`.
    pub fn in_words(&self, namespace: Option<&str>) -> String {
        let group = if self.group.is_empty() { String::new() } else { format!(".{}", self.group) };
        let name = self.name.map(|name| format!(" {name}")).unwrap_or_default();
        let at = namespace.filter(|_| self.scope != Scope::Cluster).map(|at| format!(" in {at}")).unwrap_or_default();
        format!("{} {}{group}{name}{at}", self.verb, self.resource)
    }

    /// The rule of a role that gives it, in one line.
    pub fn rule(&self) -> String {
        let names = self.name.map(|name| format!(", resourceNames: [{name}]")).unwrap_or_default();
        format!("{{apiGroups: [\"{}\"], resources: [{}]{names}, verbs: [{}]}}", self.group, self.resource, self.verb)
    }
}

/// What an administrator applies: two roles with exactly these rights, and who has them. `subject` is the name of a user.
pub fn manifest(namespace: &str, subject: &str) -> String {
    let of = |scope: Scope| READ.iter().filter(move |right| right.scope == scope);
    format!(
        "# What `lab verify --on cluster --tier read` reads, and nothing else. Who may run commands in the agents' containers may do\n\
         # there what the agents may: give it to those who may see the cluster's nodes.\n{}{}",
        role("lab-read", None, subject, of(Scope::Cluster)),
        role("lab-read", Some(namespace), subject, of(Scope::Cilium)),
    )
}

/// What an administrator applies beside it for the probe tier: in a namespace that is made here, and stays, the rights that
/// are needed there; without one, in all namespaces.
pub fn probe_manifest(given: Option<&str>, subject: &str) -> String {
    let Some(namespace) = given else {
        return format!(
            "---\n# What `lab verify --on cluster --tier probe` makes. Who has this may run commands in every pod of the cluster: with\n\
             # `--probe-namespace NAME` it is one namespace instead.\n{}",
            role("lab-probe", None, subject, probe(false))
        );
    };
    format!(
        "---\n# Where `lab verify --on cluster --probe-namespace {namespace}` makes its pods. Who may make pods here that are on a node's\n\
         # network may see what passes there: give it to those who may see the cluster's nodes.\napiVersion: v1\nkind: Namespace\n\
         metadata:\n  name: {namespace}\n  labels: {{pod-security.kubernetes.io/enforce: privileged}}\n{}",
        role("lab-probe", given, subject, probe(true))
    )
}

/// A role with these rights and its binding: of a namespace, or of the whole cluster.
fn role<'r>(name: &str, namespace: Option<&str>, subject: &str, rights: impl Iterator<Item = &'r Right>) -> String {
    let rules = rights.map(|right| format!("- {}\n", right.rule())).collect::<Vec<_>>().concat();
    let kind = if namespace.is_some() { "Role" } else { "ClusterRole" };
    let at = namespace.map(|namespace| format!("  namespace: {namespace}\n")).unwrap_or_default();
    let (api, meta) = ("rbac.authorization.k8s.io", format!("metadata:\n  name: {name}\n{at}"));
    format!(
        "---\napiVersion: {api}/v1\nkind: {kind}\n{meta}rules:\n{rules}---\napiVersion: {api}/v1\nkind: {kind}Binding\n{meta}\
         roleRef: {{apiGroup: {api}, kind: {kind}, name: {name}}}\nsubjects:\n- {{apiGroup: {api}, kind: User, name: {subject:?}}}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_has_each_right_once_and_nothing_that_changes_a_cluster() {
        let text = manifest("kube-system", "jane");
        for right in READ {
            assert_eq!(text.matches(&right.rule()).count(), 1, "{}", right.rule());
        }
        assert_eq!(text.matches("\n- {apiGroups").count(), READ.len());
        for verb in ["update", "patch", "delete", "watch", "\"*\"", "[*]"] {
            assert!(!text.contains(verb), "{verb}");
        }
        assert_eq!(text.matches("create").count(), 1);
        assert_eq!(text.matches("name: \"jane\"").count(), 2);
        assert_eq!(text.matches("  namespace: kube-system\n").count(), 2);
    }

    #[test]
    fn rights_are_told_in_words_and_as_rules() {
        let words: Vec<String> = READ.iter().map(|right| right.in_words(Some("cilium"))).collect();
        assert_eq!(words[0], "list nodes");
        assert_eq!(words[2], "list ciliumnodes.cilium.io");
        assert_eq!(words[3], "get configmaps cilium-config in cilium");
        assert_eq!(words[4], "get pods/exec in cilium");
        assert_eq!(
            READ[3].rule(),
            "{apiGroups: [\"\"], resources: [configmaps], resourceNames: [cilium-config], verbs: [get]}"
        );
        let question = READ[4].question(Some("cilium"));
        assert_eq!((question.resource, question.subresource, question.namespace), ("pods", "exec", Some("cilium")));
        let mut ids: Vec<String> = READ.iter().map(Right::id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), READ.len());
    }

    #[test]
    fn in_a_namespace_that_is_there_nothing_is_asked_for_beyond_it() {
        let text = probe_manifest(Some("theirs"), "jane");
        assert!(!text.contains("ClusterRole") && !text.contains("resources: [namespaces]"), "{text}");
        for right in probe(true) {
            assert_eq!(right.scope, Scope::Probe);
            assert_eq!(text.matches(&right.rule()).count(), 1, "{}", right.rule());
            assert_eq!(right.question(Some("theirs")).namespace, Some("theirs"));
        }
        assert!(text.contains(
            "kind: Namespace\nmetadata:\n  name: theirs\n  labels: {pod-security.kubernetes.io/enforce: privileged}"
        ));
        let everywhere = probe_manifest(None, "jane");
        assert!(
            !everywhere.contains("kind: Role\n") && everywhere.contains("resources: [namespaces], verbs: [delete]")
        );
        let mut ids: Vec<String> = probe(false).map(Right::id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), PROBE.len());
    }
}
