//! What is read in the agents, of as many nodes at once as an API server takes easily.

use futures_util::stream::{self, StreamExt};
use std::collections::BTreeMap;
use std::time::Duration;

use super::iproute::{COMMANDS, parse_tables};
use super::parse::parse_lenient_table;
use super::raw::Raw;
use super::survey::Agent;
use lab_backend::Doing;
use lab_kube::api::{Api, PodOutput};
use lab_kube::cilium::{parse_config, parse_status};
use lab_kube::filter::{FILTERS, parse_filter};
use lab_model::foreign::NodeTables;
use lab_model::observe::{AgentConfig, AgentStatus, FilterListing, NodeName, ServiceTable};

/// How many commands or requests run at once: what an API server takes easily.
pub(super) const AT_ONCE: usize = 16;
/// The deadline of a command, with its connection.
pub(super) const DEADLINE: Duration = Duration::from_secs(20);

/// What is to be read.
#[expect(clippy::struct_excessive_bools, reason = "each part is wanted or not, whatever the others are")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Needs {
    /// Links, addresses, rules and routes.
    pub tables: bool,
    /// What agents run with.
    pub configs: bool,
    /// How agents do.
    pub statuses: bool,
    /// Packet filters.
    pub filters: bool,
    /// Load balancers' tables.
    pub services: bool,
    /// Whether the cluster's own pods are looked into, in the inside tier.
    pub inside: bool,
    /// What is sent for it, by the probe tier.
    pub sends: Sends,
}

/// What the probe tier sends.
#[expect(clippy::struct_excessive_bools, reason = "each is sent or not, whatever the others are")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sends {
    /// To neighbours, from nodes.
    pub to_neighbours: bool,
    /// To a Service, from nodes.
    pub from_nodes: bool,
    /// To a Service, from pods.
    pub from_pods: bool,
    /// Between pods.
    pub between_pods: bool,
}

impl Sends {
    /// Nothing is sent.
    pub const NOTHING: Self = Self { to_neighbours: false, from_nodes: false, from_pods: false, between_pods: false };

    /// What either of two sends.
    pub const fn and(self, other: Self) -> Self {
        Self {
            to_neighbours: self.to_neighbours | other.to_neighbours,
            from_nodes: self.from_nodes | other.from_nodes,
            from_pods: self.from_pods | other.from_pods,
            between_pods: self.between_pods | other.between_pods,
        }
    }

    /// Whether it sends anything.
    pub fn any(self) -> bool {
        self != Self::NOTHING
    }
}

impl Needs {
    /// Nothing but whether an agent answers.
    pub const NOTHING: Self = Self {
        tables: false,
        configs: false,
        statuses: false,
        filters: false,
        services: false,
        inside: false,
        sends: Sends::NOTHING,
    };
    /// Links, addresses, rules and routes alone.
    pub const TABLES: Self = Self { tables: true, ..Self::NOTHING };
    /// The same, and within pods.
    pub const WITHIN: Self = Self { inside: true, ..Self::TABLES };
    /// What agents run with, alone.
    pub const CONFIGS: Self = Self { configs: true, ..Self::NOTHING };
    /// How agents do, alone.
    pub const STATUSES: Self = Self { statuses: true, ..Self::NOTHING };
    /// Packet filters alone.
    pub const FILTERS: Self = Self { filters: true, ..Self::NOTHING };
    /// Load balancers' tables alone.
    pub const SERVICES: Self = Self { services: true, ..Self::NOTHING };

    /// What either of two needs.
    pub const fn and(self, other: Self) -> Self {
        Self {
            tables: self.tables | other.tables,
            configs: self.configs | other.configs,
            statuses: self.statuses | other.statuses,
            filters: self.filters | other.filters,
            services: self.services | other.services,
            inside: self.inside | other.inside,
            sends: self.sends.and(other.sends),
        }
    }

    /// Whether nothing is read in agents. Each is asked for its version then, so that it is known whether it answers.
    pub(super) fn reads_nothing(self) -> bool {
        Self { sends: Sends::NOTHING, inside: false, ..self } == Self::NOTHING
    }

    /// Whether a part of one is a part of the other.
    pub(super) const fn meets(self, other: Self) -> bool {
        self.tables && other.tables
            || self.configs && other.configs
            || self.statuses && other.statuses
            || self.filters && other.filters
            || self.services && other.services
    }

    /// The commands that are run in each agent, as they would be typed.
    pub fn commands(self, program: &str) -> Vec<String> {
        let mut commands = Vec::new();
        if self.reads_nothing() {
            commands.push(format!("{program} version"));
        }
        if self.tables {
            commands.extend(COMMANDS.map(str::to_owned));
        }
        if self.configs {
            commands.push(format!("{program} config --all -o json"));
        }
        if self.statuses {
            commands.push(format!("{program} status -o json"));
        }
        if self.filters {
            commands.extend(FILTERS.map(str::to_owned));
        }
        if self.services {
            commands.push(format!("{program} service list -o json"));
            commands.push(format!("{program} bpf lb list -o json"));
        }
        commands
    }
}

/// What was read on one node; none of what was not to be read.
#[derive(Debug, Clone, Default)]
pub struct NodeReading {
    /// Links, addresses, rules and routes.
    pub tables: Option<Result<NodeTables, String>>,
    /// What its agent runs with.
    pub config: Option<Result<AgentConfig, String>>,
    /// How its agent does.
    pub status: Option<Result<AgentStatus, String>>,
    /// Its packet filters.
    pub filters: Option<Result<Vec<FilterListing>, String>>,
    /// Its load balancer's table.
    pub services: Option<Result<ServiceTable, String>>,
    /// Why its agent did not answer, where it did not.
    pub silent: Option<String>,
}

impl NodeReading {
    /// What there is of a node that does not answer.
    pub(super) fn nothing(needs: Needs, why: &str) -> Self {
        let why = || why.to_owned();
        Self {
            tables: needs.tables.then(|| Err(why())),
            config: needs.configs.then(|| Err(why())),
            status: needs.statuses.then(|| Err(why())),
            filters: needs.filters.then(|| Err(why())),
            services: needs.services.then(|| Err(why())),
            silent: Some(why()),
        }
    }
}

/// Reads all nodes. What a node does not answer is in its place; the others go on.
pub(super) async fn read_all(
    api: &Api,
    agents: &BTreeMap<NodeName, Result<Agent, String>>,
    needs: Needs,
    doing: &Doing,
    raw: &Raw,
) -> BTreeMap<NodeName, NodeReading> {
    let total = agents.len();
    let asked = stream::iter(agents).map(async |(name, agent)| {
        let reading = match agent {
            Ok(agent) => read_one(Asked { api, name, agent, raw, silent: None }, needs).await,
            Err(why) => NodeReading::nothing(needs, why),
        };
        (name.clone(), reading)
    });
    let mut answers = std::pin::pin!(asked.buffer_unordered(AT_ONCE));
    let mut found = BTreeMap::new();
    let mut silent = 0;
    doing.now(format!("reading 0 of {total} nodes"));
    while let Some((name, reading)) = answers.next().await {
        silent += usize::from(reading.silent.is_some());
        found.insert(name, reading);
        let without = if silent == 0 { String::new() } else { format!(", {silent} did not answer") };
        doing.now(format!("reading {} of {total} nodes{without}", found.len()));
    }
    found
}

async fn read_one(mut node: Asked<'_>, needs: Needs) -> NodeReading {
    let program = node.agent.program();
    let mut found = NodeReading::default();
    if needs.tables {
        let all = COMMANDS.join(" && ");
        found.tables = Some(node.run(Needs::TABLES, &["sh", "-c", &all]).await.and_then(|text| parse_tables(&text)));
    }
    if needs.configs {
        let text = node.run(Needs::CONFIGS, &[program, "config", "--all", "-o", "json"]).await;
        found.config = Some(text.and_then(|text| parse_config(&text)));
    }
    if needs.statuses {
        found.status = Some(
            node.run(Needs::STATUSES, &[program, "status", "-o", "json"]).await.and_then(|text| parse_status(&text)),
        );
    }
    if needs.filters {
        found.filters = Some(node.filters().await);
    }
    if needs.services {
        let services = node.run(Needs::SERVICES, &[program, "service", "list", "-o", "json"]).await;
        let table = node.run(Needs::SERVICES, &[program, "bpf", "lb", "list", "-o", "json"]).await;
        found.services =
            Some(services.and_then(|services| table.and_then(|table| parse_lenient_table(&table, &services))));
    }
    if needs.reads_nothing() {
        // Whether it answers is all that is asked.
        let _answer = node.run(Needs::NOTHING, &[program, "version"]).await;
    }
    found.silent = node.silent;
    found
}

/// The standard output of a command that ended well.
pub(super) fn printed(output: PodOutput, argv: &[&str]) -> Result<String, String> {
    if output.code == 0 {
        return Ok(output.stdout);
    }
    let (command, said) = (argv.join(" "), output.stderr.trim());
    Err(format!("`{command}` in the agent ended with exit code {}: {said}", output.code))
}

/// An agent while it is asked. One that could not be asked once is not asked again.
struct Asked<'a> {
    api: &'a Api,
    name: &'a NodeName,
    agent: &'a Agent,
    raw: &'a Raw,
    silent: Option<String>,
}

impl Asked<'_> {
    /// The standard output of a command, which is kept among what is printed of its sort.
    async fn run(&mut self, sort: Needs, argv: &[&str]) -> Result<String, String> {
        if let Some(why) = &self.silent {
            return Err(why.clone());
        }
        let answer = self.api.exec(&self.agent.at, argv, DEADLINE).await;
        if let Ok(output) = &answer {
            self.raw.keep(sort, self.name, argv.join(" "), output);
        }
        match answer {
            Ok(output) => printed(output, argv),
            Err(error) => {
                let why = format!("the agent {} could not be asked: {}", self.agent.at.pod, error.briefly());
                self.silent = Some(why.clone());
                Err(why)
            }
        }
    }

    async fn filters(&mut self) -> Result<Vec<FilterListing>, String> {
        let mut listings = Vec::new();
        for program in FILTERS {
            let tables = self.run(Needs::FILTERS, &[program]).await.and_then(|text| parse_filter(&text));
            listings.push(FilterListing { program: program.to_owned(), tables });
        }
        self.silent.clone().map_or(Ok(listings), Err)
    }
}
