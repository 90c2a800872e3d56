//! A sysdump: what `cilium sysdump` collected of a cluster, in a zip (cilium-cli 0.12: `sysdump/sysdump.go`). Kubernetes'
//! objects are in it as YAML, and of each agent a folder with what `cilium-bugtool` printed.
//!
//! It is not of one moment: objects are listed once, while agents are asked. It has Endpoints and no slices, of `DaemonSets`
//! Cilium's own alone, and of the nodes' routes the main table and those without a name.

mod archive;
mod bugtool;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddrV4;
use std::path::Path;

use self::archive::{Archive, BOUNDS};
use self::bugtool::Bugtool;
use super::reading::{Needs, NodeReading};
use super::services::Listed;
use super::survey::{Agent, Survey, Told, namespace_of};
use lab_backend::Doing;
use lab_base::failure::Failure;
use lab_kube::dumped;
use lab_model::foreign::ForeignService;
use lab_model::observe::{NodeName, Place, ServiceTable};
use lab_model::words;

/// The operators' Deployment, and what agents start with. `cilium sysdump` of cilium-cli 0.12 collects them only where it is
/// told the namespace (`sysdump/sysdump.go`, `NewCollector`: the one that it finds itself is not kept).
const OPERATORS: &str = "cilium-operator-deployment";
const CONFIG_MAP: &str = "cilium-configmap";

/// A sysdump that is open.
#[derive(Debug)]
pub struct Sysdump {
    archive: Archive,
    /// Namespaces with a pod that is being taken away.
    leaving: BTreeSet<String>,
    /// Why nothing is known of a Deployment of operators, where it was not collected.
    operators: Option<String>,
    /// The same of the `ConfigMap` that agents start with; then their own files say what they started with.
    config_map: Option<String>,
}

impl Sysdump {
    /// Opens it, and reads the objects in it. `namespace` is where Cilium is; none where that is to be found.
    ///
    /// # Errors
    /// Exit code 2 where the file is no sysdump, an object that nothing can be said without is not in it, or an object has
    /// another form.
    pub fn open(file: &Path, namespace: Option<&str>) -> Result<(Self, Survey), Failure> {
        let archive = Archive::open(file, BOUNDS)?;
        let name =
            file.file_name().map_or_else(|| file.display().to_string(), |name| name.to_string_lossy().into_owned());
        let (namespace, pods) = {
            let pods = needed(&archive, "k8s-pods", dumped::pods)?;
            (namespace_of(&pods.pods, namespace, &name).map_err(|failure| Failure::usage(failure.message))?, pods)
        };
        let operator = optional(&archive, OPERATORS, dumped::deployment)?;
        let mut daemon_sets = optional(&archive, "cilium-daemonset", dumped::daemon_sets)?.unwrap_or_default();
        let is_known = |name: &str, namespace: &str, known: &[lab_model::observe::DaemonSetSeen]| {
            known.iter().any(|set| set.name == name && set.namespace == namespace)
        };
        for set in pods.daemon_sets {
            // The agents' own is told by its object, or not at all: what its pods say is no count of what is wanted.
            if !is_known(&set.name, &set.namespace, &daemon_sets) && set.name != super::cluster::AGENTS {
                daemon_sets.push(set);
            }
        }
        let config_map = optional(&archive, CONFIG_MAP, dumped::config_map)?;
        let missing = |stem: &str, option: &str| {
            format!("the sysdump has no {stem}-DATE-TIME.yaml; `cilium sysdump {option} {namespace}` collects it")
        };
        let operators = operator.is_none().then(|| missing(OPERATORS, "--cilium-operator-namespace"));
        let not_collected = config_map.is_none().then(|| missing(CONFIG_MAP, "--cilium-namespace"));
        let mut survey = Survey::of(Told {
            context: name,
            server_version: version(archive.object("k8s-version", ".txt").ok().flatten().as_deref()),
            namespace: namespace.clone(),
            config_map: config_map.unwrap_or_default(),
            nodes: needed(&archive, "k8s-nodes", dumped::nodes)?,
            cilium_nodes: optional(&archive, "ciliumnodes", dumped::cilium_nodes)?.unwrap_or_default(),
            pods: &pods.pods,
            daemon_sets,
            node_configs: Vec::new(),
            deployments: operator.iter().cloned().collect(),
        });
        if not_collected.is_some() {
            survey.config_map = started_with(&archive, &survey)?;
        }
        let leaving = pods.pods.iter().filter(|pod| pod.terminating).map(|pod| pod.namespace.clone()).collect();
        Ok((Self { archive, leaving, operators, config_map: not_collected }, survey))
    }

    /// Which file it is.
    pub fn file(&self) -> &Path {
        self.archive.file()
    }

    /// Why nothing is known of a Deployment of operators; none where it was collected.
    pub(super) fn without_operators(&self) -> Option<String> {
        self.operators.clone()
    }

    /// Why the `ConfigMap` that agents start with is not known; none where it was collected. Without it their own files say
    /// what they started with.
    pub fn without_config_map(&self) -> Option<String> {
        self.config_map.clone()
    }

    /// Reads what its agents printed, one node after another. What there is nothing of is in its place.
    pub(super) async fn read_all(
        &self,
        agents: &BTreeMap<NodeName, Result<Agent, String>>,
        needs: Needs,
        doing: &Doing,
    ) -> BTreeMap<NodeName, NodeReading> {
        let mut found = BTreeMap::new();
        for (name, agent) in agents {
            doing.now(format!("reading {} of {} nodes", found.len(), agents.len()));
            let tool = agent.clone().and_then(|agent| Bugtool::of(&self.archive, &agent.at.pod, agent.program()));
            let reading = match tool {
                Ok(tool) => tool.read(needs),
                Err(why) => NodeReading::nothing(needs, &why),
            };
            found.insert(name.clone(), reading);
            // Whoever waits beside this, for Ctrl-C or to show how far it is, has a turn after each node.
            tokio::task::yield_now().await;
        }
        found
    }

    /// The log of an agent.
    ///
    /// # Errors
    /// A text that says that it was not collected, or why it cannot be read.
    pub(super) fn log_of(&self, agent: &Agent) -> Result<String, String> {
        let stem = format!("logs-{}-{}", agent.at.pod, agent.at.container);
        self.archive.object(&stem, ".log")?.ok_or_else(|| format!("the sysdump has no {stem}-DATE-TIME.log"))
    }

    /// Services and their endpoints, as they were listed.
    ///
    /// # Errors
    /// A text with the file that is not there or has another form.
    pub(super) fn listed(&self) -> Result<Listed, String> {
        let text = |stem: &str| {
            let text = self.archive.object(stem, ".yaml")?;
            text.ok_or_else(|| format!("the sysdump has no {stem}-DATE-TIME.yaml"))
        };
        let read = dumped::services(&text("k8s-services")?, &text("k8s-endpoints")?)?;
        let mut unsettled = read.partial;
        for port in read.ports.iter().filter(|port| self.leaving.contains(&port.namespace)) {
            let name = format!("{}/{}", port.namespace, port.service);
            unsettled.entry(name).or_insert_with(|| "a pod of its namespace is being taken away".to_owned());
        }
        let redirected = self.archive.object("ciliumlocalredirectpolicies", ".yaml")?;
        Ok(Listed {
            ports: read.ports,
            endpoints: read.endpoints,
            redirected: redirected.as_deref().map(dumped::redirected).transpose()?.unwrap_or_default(),
            unsettled,
        })
    }
}

/// Marks Services of which all tables have the same other endpoints than those that were listed: objects and tables are of
/// different moments, and endpoints that changed between them are no fault. One table that differs from the others is.
pub(super) fn settle(services: &mut [ForeignService], tables: &[&ServiceTable]) {
    if tables.len() < 2 {
        return;
    }
    for service in services.iter_mut().filter(|service| service.loose.is_none()) {
        let listed: BTreeSet<SocketAddrV4> = service.endpoints.iter().copied().collect();
        let in_table = |table: &ServiceTable| {
            let frontend = table.frontends.iter().find(|frontend| frontend.address == service.address)?;
            Some(frontend.backends.iter().map(|backend| backend.address).collect::<BTreeSet<_>>())
        };
        let Some(Some(first)) = tables.first().map(|table| in_table(table)) else { continue };
        if first != listed && tables.iter().all(|table| in_table(table).as_ref() == Some(&first)) {
            let why =
                "all tables have the same other endpoints: objects and tables of a sysdump are of different moments";
            service.loose = Some(why.to_owned());
        }
    }
}

/// What agents were started with, where all say the same.
fn started_with(archive: &Archive, survey: &Survey) -> Result<BTreeMap<String, String>, Failure> {
    let failed = |why: String| {
        Failure::usage(format!(
            "--sysdump {}: it has no {CONFIG_MAP}-DATE-TIME.yaml, and {why}; `cilium sysdump --cilium-namespace {}` collects it",
            archive.file().display(),
            survey.namespace
        ))
    };
    let mut known: Option<(&NodeName, BTreeMap<String, String>)> = None;
    for (node, agent) in &survey.agents {
        let Ok(agent) = agent else { continue };
        let tool = Bugtool::of(archive, &agent.at.pod, agent.program());
        let Ok(settings) = tool.and_then(|tool| tool.started_with()) else { continue };
        match &known {
            None => known = Some((node, settings)),
            Some((first, other)) if *other != settings => {
                let differs = |key: &&String| other.get(*key) != settings.get(*key);
                let key = other.keys().chain(settings.keys()).find(differs).map_or("", String::as_str);
                return Err(failed(format!("the agents of {first} and {node} were started with another {key} each")));
            }
            Some(_) => {}
        }
    }
    known.map(|(_node, settings)| settings).ok_or_else(|| failed("no agent's own settings".to_owned()))
}

fn needed<T>(archive: &Archive, stem: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, Failure> {
    optional(archive, stem, parse)?.ok_or_else(|| {
        Failure::usage(format!(
            "--sysdump {}: it has no {stem}-DATE-TIME.yaml, without which nothing can be said",
            archive.file().display()
        ))
    })
}

fn optional<T>(archive: &Archive, stem: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, Failure> {
    let failed = |why: String| Failure::usage(format!("--sysdump {}: {why}", archive.file().display()));
    let text = archive.object(stem, ".yaml").map_err(failed)?;
    text.map(|text| parse(&text).map_err(|why| failed(format!("{stem}-DATE-TIME.yaml: {why}")))).transpose()
}

/// The server's version. What is in the file is Go's own way to write a value: `version.Info{…, GitVersion:"v1.25.3", …}`.
fn version(text: Option<&str>) -> String {
    let quoted = text.and_then(|text| text.split_once("GitVersion:\"")?.1.split_once('"'));
    quoted.map_or("of a version that is not known", |(version, _rest)| version).to_owned()
}

/// The command that shows what a sysdump has of what this command would show in a cluster. `pod` is the agent's.
pub fn by_hand(file: &str, pod: Option<&str>, place: &Place, command: &str) -> String {
    let inner = words::of_agent(command);
    let of_agent =
        |file: &str| format!("*/cilium-bugtool-{}*/cmd/{file}", pod.map(|pod| format!("{pod}-")).unwrap_or_default());
    let has = |word: &str| inner.contains(word);
    let member = match place {
        Place::Node(_) if has("ip -d") => of_agent("ip--d--s-l.md"),
        Place::Node(_) if inner.starts_with("ip ") => of_agent("ip--4-r*.md"),
        Place::Node(_) if has("tables") => of_agent("iptables-*save--c.md"),
        Place::Node(_) if has("config") => of_agent("cilium*-config--a.md"),
        Place::Node(_) if has("service list") => of_agent("cilium*-bpf-lb-list.md"),
        Place::Node(_) if has(" status") => of_agent("cilium-debuginfo-*.json"),
        _ if has("describe node") => "*/k8s-nodes-*.yaml".to_owned(),
        _ if has("service,endpoint") => "*/k8s-endpoints-*.yaml".to_owned(),
        _ if has("deployment") => format!("*/{OPERATORS}-*.yaml"),
        _ => "*/k8s-pods-*.txt".to_owned(),
    };
    format!("unzip -p {file} '{member}'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_model::observe::{Backend, BackendState, Frontend};

    fn table(backends: &[&str]) -> ServiceTable {
        let backend = |address: &&str| Backend { address: address.parse().unwrap(), state: BackendState::Active };
        let address = "10.43.0.7:80".parse().unwrap();
        let frontends = vec![Frontend { address, backends: backends.iter().map(backend).collect() }];
        ServiceTable { source: String::new(), frontends }
    }

    #[test]
    fn endpoints_that_changed_for_all_are_not_judged_and_those_of_one_are() {
        let loose = |tables: &[ServiceTable]| {
            let mut services = [ForeignService {
                name: "shop/web".to_owned(),
                address: "10.43.0.7:80".parse().unwrap(),
                endpoints: vec!["10.42.1.7:8080".parse().unwrap()],
                loose: None,
            }];
            settle(&mut services, &tables.iter().collect::<Vec<_>>());
            services[0].loose.is_some()
        };
        let (listed, other) = (|| table(&["10.42.1.7:8080"]), || table(&["10.42.2.9:8080"]));
        assert!(!loose(&[listed(), listed()]));
        assert!(!loose(&[listed(), other(), other()]));
        assert!(loose(&[other(), other()]));
        assert!(!loose(&[other()]), "one table agrees with nobody");
        let without = ServiceTable { source: String::new(), frontends: Vec::new() };
        assert!(!loose(&[without.clone(), without]), "a frontend that nobody has is missing");
    }

    #[test]
    fn the_version_is_found_in_a_value_of_gos() {
        let text = "version.Info{Major:\"1\", Minor:\"25\", GitVersion:\"v1.25.3\", GitCommit:\"4\"}";
        assert_eq!(version(Some(text)), "v1.25.3");
        for none in [None, Some(""), Some("GitVersion:\"v1")] {
            assert_eq!(version(none), "of a version that is not known");
        }
    }

    #[test]
    fn what_is_seen_by_hand_is_in_the_file() {
        let node = Place::Node("a".into());
        assert_eq!(
            by_hand("x.zip", Some("cilium-7"), &node, "ip route get 10.0.0.1"),
            "unzip -p x.zip '*/cilium-bugtool-cilium-7-*/cmd/ip--4-r*.md'"
        );
        let told = |place: &Place, command: &str| by_hand("x.zip", None, place, command);
        assert!(told(&node, "ip -d link show type vxlan").contains("bugtool-*/cmd/ip--d--s-l.md"));
        assert!(told(&node, &words::in_agent("cilium service list")).contains("cilium*-bpf-lb-list.md"));
        assert!(told(&node, &words::in_agent("cilium config --all")).contains("cilium*-config--a.md"));
        assert!(told(&node, "kubectl describe node a").contains("k8s-nodes"));
        assert!(told(&Place::Bridge, "kubectl get deployment cilium-operator").contains("cilium-operator-deployment"));
    }
}
