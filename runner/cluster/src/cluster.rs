//! A foreign cluster as the cases use it.

use async_recursion::async_recursion as boxed;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;

use super::logs::{log_of, read_logs};
use super::probe::{Inside, Probe};
use super::raw::Raw;
use super::reading::{Needs, NodeReading, read_all};
use super::services::Listed;
use super::survey::{Agent, Survey, ready_addresses};
use super::sysdump::{Sysdump, settle};
use lab_backend::{Doing, LabError};
use lab_base::failure::Failure;
use lab_kube::access::{Access, Reached};
use lab_kube::api::Api;
use lab_model::foreign::{
    AgentLog, ForeignAdjacencySeen, ForeignAnswersSeen, ForeignComponentsSeen, ForeignEndpointsSeen, ForeignNativeSeen,
    ForeignNodeAnswer, ForeignNodesSeen, ForeignProxySeen, ForeignRoutingSeen, ForeignService, ForeignTablesSeen,
    ForeignWireSeen,
};
use lab_model::observe::{NodeName, Role};
use lab_model::said::Said;
use lab_model::stage::Stage;

/// The agents' `DaemonSet`, and the operators' Deployment (charts 1.12 to 1.15).
pub(super) const AGENTS: &str = "cilium";
const OPERATORS: &str = "cilium-operator";

/// What a sysdump does not tell of `DaemonSets`, and of routes.
const DAEMON_SETS: &str =
    "of DaemonSets beside Cilium's a sysdump has their pods alone: one without any pod was not seen";
const TABLES: &str = "a sysdump has neither the table local nor the table default: the first was taken for what the kernel makes of \
                      the addresses, and the second for empty";

/// A cluster that is there already. It is read, and nothing of it is changed; what the probe tier makes is its own.
#[derive(Debug)]
pub struct ForeignCluster {
    from: From,
    survey: Survey,
    roles: Vec<(NodeName, Role)>,
    needs: Needs,
    doing: Doing,
    read: OnceCell<Read>,
    raw: Raw,
    probe: Option<Probe>,
    sent: OnceCell<Sent>,
}

/// What it is read from.
#[derive(Debug)]
enum From {
    /// Its API server, and its agents.
    Api(Box<Api>),
    /// What was collected of it.
    Sysdump(Box<Sysdump>),
}

/// What came of what the probe tier sent; none of what was not to be sent.
#[derive(Debug, Default)]
struct Sent {
    neighbours: Option<Result<ForeignAdjacencySeen, String>>,
    from_nodes: Option<Result<ForeignAnswersSeen, String>>,
    from_pods: Option<Result<ForeignAnswersSeen, String>>,
    between_pods: Option<Result<ForeignWireSeen, String>>,
}

/// What was read in the agents, and of Services before and after.
#[derive(Debug)]
struct Read {
    nodes: BTreeMap<NodeName, NodeReading>,
    logs: BTreeMap<NodeName, Result<AgentLog, String>>,
    inside: Inside,
    services: Result<Vec<ForeignService>, String>,
    claimed: Vec<(Ipv4Addr, String)>,
    ready: Vec<Ipv4Addr>,
}

impl ForeignCluster {
    /// Finds the cluster that is meant, and asks its API server what there is. No command is run.
    ///
    /// # Errors
    /// As [`Access::connect`] and [`Survey::take`].
    #[boxed(?Send)]
    pub async fn find(access: &Access, namespace: Option<&str>) -> Result<Self, Failure> {
        let reached = access.connect().await?;
        let survey = Box::pin(Survey::take(&reached, namespace)).await?;
        Ok(Self::of(&reached, survey))
    }

    /// A cluster of which this was told.
    pub fn of(reached: &Reached, survey: Survey) -> Self {
        Self::from(From::Api(Box::new(reached.api.clone())), survey)
    }

    /// A cluster of which there is a sysdump. Nobody is asked.
    ///
    /// # Errors
    /// As [`Sysdump::open`].
    pub fn dumped(file: &Path, namespace: Option<&str>) -> Result<Self, Failure> {
        let (sysdump, survey) = Sysdump::open(file, namespace)?;
        Ok(Self::from(From::Sysdump(Box::new(sysdump)), survey))
    }

    fn from(from: From, survey: Survey) -> Self {
        Self {
            from,
            roles: survey.roles(),
            survey,
            needs: Needs::default(),
            doing: Doing::default(),
            read: OnceCell::new(),
            raw: Raw::default(),
            probe: None,
            sent: OnceCell::new(),
        }
    }

    /// From now on it may be looked at by what is sent there, too.
    pub fn probe_by(&mut self, probe: Probe) {
        self.probe = Some(probe);
    }

    /// Its API server.
    ///
    /// # Errors
    /// When it is read from a sysdump.
    pub fn api(&self) -> Result<&Api, LabError> {
        match &self.from {
            From::Api(api) => Ok(api),
            From::Sysdump(_) => Err(LabError::Unasked("nobody is asked where a sysdump is read".to_owned())),
        }
    }

    /// What is to be read of it, and where it is told what is being done.
    pub fn to_read(&mut self, needs: Needs, doing: Doing) {
        (self.needs, self.doing) = (needs, doing);
    }

    /// The sysdump that it is read from; none where the cluster itself is asked.
    pub fn sysdump(&self) -> Option<&Sysdump> {
        match &self.from {
            From::Api(_) => None,
            From::Sysdump(sysdump) => Some(sysdump),
        }
    }

    /// What the API server told.
    pub const fn survey(&self) -> &Survey {
        &self.survey
    }

    /// Its nodes.
    pub fn nodes(&self) -> &[(NodeName, Role)] {
        &self.roles
    }

    /// What is being done at the moment.
    pub const fn doing(&self) -> &Doing {
        &self.doing
    }

    /// The stages that need nothing here: what they build in a lab is there, or is not looked at.
    pub fn built(&self) -> Vec<Stage> {
        vec![Stage::ClusterCreated, Stage::BaseObserved, Stage::NodesReady]
    }

    /// Reaches a stage: reads all nodes, makes what the probe tier needs, sends. A summary of it.
    ///
    /// # Errors
    /// When nothing could be made. What a node does not answer is told by the cases that need it.
    #[boxed(?Send)]
    pub async fn raise(&self, stage: Stage) -> Result<String, LabError> {
        match stage {
            Stage::WorkloadReady => self.probing()?.raise(self.api()?, &self.survey, &self.doing).await,
            Stage::TrafficObserved => self.send().await,
            _ => Ok(self.raise_reading().await),
        }
    }

    fn probing(&self) -> Result<&Probe, LabError> {
        self.probe.as_ref().ok_or_else(|| LabError::Unasked("nothing is to be sent in this cluster".to_owned()))
    }

    async fn send(&self) -> Result<String, LabError> {
        let (probe, sends) = (self.probing()?, self.needs.sends);
        let (api, survey, doing) = (self.api()?, &self.survey, &self.doing);
        let mut sent = Sent::default();
        if sends.to_neighbours {
            sent.neighbours = Some(probe.adjacency(api, survey, doing).await);
        }
        if sends.from_nodes {
            sent.from_nodes = Some(probe.answers(api, survey, true, doing).await);
        }
        if sends.from_pods {
            sent.from_pods = Some(probe.answers(api, survey, false, doing).await);
        }
        if sends.between_pods {
            sent.between_pods = Some(probe.wire(api, survey, doing).await);
        }
        if sends.from_nodes || sends.from_pods || sends.between_pods {
            doing.now("asking for policies on the probe's pods");
            sent.is_policed(&probe.policed(api, survey).await);
        }
        let summary = sent.in_words();
        let _once = self.sent.set(sent);
        Ok(summary)
    }

    /// Whether the probe tier may have made something.
    pub fn has_made(&self) -> bool {
        self.probe.as_ref().is_some_and(Probe::has_begun)
    }

    /// Takes away what the probe tier has made. A line for each thing.
    ///
    /// # Errors
    /// What is left, and how to take it away.
    #[boxed(?Send)]
    pub async fn down(&self) -> Result<Vec<String>, LabError> {
        match &self.probe {
            None => Ok(Vec::new()),
            Some(probe) => probe.take_down(self.api()?, &self.survey.context).await,
        }
    }

    fn of_sent<T: Clone>(&self, of: impl Fn(&Sent) -> &Option<Result<T, String>>) -> Result<T, String> {
        let sent = self.sent.get().ok_or("nothing was sent")?;
        of(sent).clone().unwrap_or_else(|| Err("it was not sent".to_owned()))
    }

    /// Neighbours of nodes.
    ///
    /// # Errors
    /// Before anything was sent.
    pub fn adjacency_seen(&self) -> Result<ForeignAdjacencySeen, String> {
        self.of_sent(|sent| &sent.neighbours)
    }

    /// Who answers nodes at a Service.
    ///
    /// # Errors
    /// Before anything was sent.
    pub fn answers_to_nodes(&self) -> Result<ForeignAnswersSeen, String> {
        self.of_sent(|sent| &sent.from_nodes)
    }

    /// Who answers pods at a Service.
    ///
    /// # Errors
    /// Before anything was sent.
    pub fn answers_to_pods(&self) -> Result<ForeignAnswersSeen, String> {
        self.of_sent(|sent| &sent.from_pods)
    }

    /// What pods send each other.
    ///
    /// # Errors
    /// Before anything was sent.
    pub fn wire_seen(&self) -> Result<ForeignWireSeen, String> {
        self.of_sent(|sent| &sent.between_pods)
    }

    /// Reads all nodes, at most once. A summary of it.
    async fn raise_reading(&self) -> String {
        let read = if let Some(read) = self.read.get() {
            read
        } else {
            let read = self.read_now().await;
            self.read.get_or_init(|| read)
        };
        let total = self.survey.nodes.len();
        let silent: Vec<&NodeName> =
            read.nodes.iter().filter(|(_name, node)| node.silent.is_some()).map(|(name, _node)| name).collect();
        let context = &self.survey.context;
        match silent.first() {
            None => format!("{total} of {total} agents of {context} answered"),
            Some(first) => format!(
                "{} of {total} agents of {context} answered; {first}{} did not",
                total - silent.len(),
                match silent.len() - 1 {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                }
            ),
        }
    }

    async fn read_now(&self) -> Read {
        match &self.from {
            From::Api(api) => Box::pin(self.read_by(api)).await,
            From::Sysdump(sysdump) => Box::pin(self.read_in(sysdump)).await,
        }
    }

    async fn read_in(&self, sysdump: &Sysdump) -> Read {
        let nodes = sysdump.read_all(&self.survey.agents, self.needs, &self.doing).await;
        let log = async |agent: &Agent| sysdump.log_of(agent);
        let logs = read_logs(&self.survey, &nodes, &self.doing, log).await;
        let listed = if self.needs.services { sysdump.listed() } else { Err("Services were not read".to_owned()) };
        let claimed = listed.as_ref().map(|listed| listed.claimed(listed)).unwrap_or_default();
        let tables: Vec<_> = nodes.values().filter_map(|node| node.services.as_ref()?.as_ref().ok()).collect();
        let services = listed.map(|listed| {
            let mut services = listed.services(&listed);
            settle(&mut services, &tables);
            services
        });
        Read { nodes, logs, inside: Inside::new(), services, claimed, ready: self.survey.ready.clone() }
    }

    async fn read_by(&self, api: &Api) -> Read {
        let listed = async || {
            if self.needs.services { Some(Listed::take(api).await.map_err(|error| error.briefly())) } else { None }
        };
        self.doing.now("listing Services and their endpoints");
        let before = listed().await;
        let nodes = Box::pin(read_all(api, &self.survey.agents, self.needs, &self.doing, &self.raw)).await;
        let after = listed().await;
        let log = async |agent: &Agent| log_of(api, agent).await;
        let logs = Box::pin(read_logs(&self.survey, &nodes, &self.doing, log)).await;
        // Pods come and go: what was an endpoint before and after must be a pod that was ready before or is now.
        let mut ready = self.survey.ready.clone();
        let claimed = match (&before, &after) {
            (Some(Ok(before)), Some(Ok(after))) => {
                self.doing.now("listing pods once more");
                ready.extend(api.all_pods().await.map(|pods| ready_addresses(&pods)).unwrap_or_default());
                before.claimed(after)
            }
            _ => Vec::new(),
        };
        let services = match (before, after) {
            (Some(Ok(before)), Some(Ok(after))) => Ok(before.services(&after)),
            (Some(Err(why)), _) | (_, Some(Err(why))) => Err(why),
            _ => Err("Services were not listed".to_owned()),
        };
        let inside = Box::pin(self.look_inside(api)).await;
        Read { nodes, logs, inside, services, claimed, ready }
    }

    /// Looks into the cluster's own pods, in the inside tier. What keeps it from that is told of each node.
    async fn look_inside(&self, api: &Api) -> Inside {
        let Some(probe) = self.probe.as_ref().filter(|probe| self.needs.inside && probe.ours().inside) else {
            return Inside::new();
        };
        let looked = match probe.raise(api, &self.survey, &self.doing).await {
            Ok(_summary) => probe.inside(api, &self.survey, &self.doing).await,
            Err(error) => Err(error.to_string()),
        };
        looked
            .unwrap_or_else(|why| self.survey.nodes.iter().map(|node| (node.name.clone(), Err(why.clone()))).collect())
    }

    fn read(&self) -> Result<&Read, String> {
        self.read.get().ok_or_else(|| "the nodes have not been read".to_owned())
    }

    /// One part of what was read on each node.
    fn part<T: Clone>(
        &self,
        of: impl Fn(&NodeReading) -> &Option<Result<T, String>>,
    ) -> Result<BTreeMap<NodeName, Result<T, String>>, String> {
        let nodes = self.read()?.nodes.iter();
        let one = |node: &NodeReading| of(node).clone().unwrap_or_else(|| Err("it was not read".to_owned()));
        Ok(nodes.map(|(name, node)| (name.clone(), one(node))).collect())
    }

    /// What agents printed of these parts, as it was: for a reader, and within bounds. None of a sysdump, which has it.
    pub fn printed(&self, needs: Needs) -> Vec<Said> {
        self.raw.of(needs)
    }

    /// Nodes and whether they answer.
    ///
    /// # Errors
    /// Before the nodes were read.
    pub fn nodes_seen(&self) -> Result<ForeignNodesSeen, String> {
        let read = self.read()?;
        let answer = |(name, object): (&NodeName, &lab_model::observe::KubeNode)| ForeignNodeAnswer {
            name: name.clone(),
            ready: object.ready().cloned(),
            agent: match read.nodes.get(name) {
                None => Err("it was not asked".to_owned()),
                Some(node) => node.silent.clone().map_or(Ok(()), Err),
            },
        };
        Ok(ForeignNodesSeen { nodes: self.survey.objects.iter().map(answer).collect() })
    }

    /// What kube-proxy would leave.
    ///
    /// # Errors
    /// Before the nodes were read.
    pub fn proxy_seen(&self) -> Result<ForeignProxySeen, String> {
        let filters = self.part(|node| &node.filters)?;
        let beyond = self.sysdump().map(|_sysdump| DAEMON_SETS.to_owned());
        Ok(ForeignProxySeen { daemon_sets: self.survey.daemon_sets.clone(), filters, beyond })
    }

    /// Agents, operators, and how they do.
    ///
    /// # Errors
    /// Before the nodes were read.
    pub fn components_seen(&self) -> Result<ForeignComponentsSeen, String> {
        let namespace = &self.survey.namespace;
        let agents = self.survey.daemon_sets.iter().find(|set| set.name == AGENTS && set.namespace == *namespace);
        let operators = self.survey.deployments.iter().find(|one| one.name == OPERATORS && one.namespace == *namespace);
        Ok(ForeignComponentsSeen {
            agents: agents.cloned(),
            operators: operators.cloned(),
            statuses: self.part(|node| &node.status)?,
            gap: self.sysdump().and_then(Sysdump::without_operators),
        })
    }

    /// What agents run with.
    ///
    /// # Errors
    /// Before the nodes were read.
    pub fn native_seen(&self) -> Result<ForeignNativeSeen, String> {
        Ok(ForeignNativeSeen {
            agents: self.part(|node| &node.config)?,
            node_configs: self.survey.node_configs.clone(),
            gap: self.sysdump().and_then(Sysdump::without_config_map),
        })
    }

    /// Routes of all nodes.
    ///
    /// # Errors
    /// Before the nodes were read.
    pub fn routing_seen(&self) -> Result<ForeignRoutingSeen, String> {
        Ok(ForeignRoutingSeen {
            nodes: self.survey.nodes.clone(),
            tables: self.part(|node| &node.tables)?,
            pods: self.survey.pods.clone(),
            inside: self.read()?.inside.clone(),
            logs: self.read()?.logs.clone(),
            beyond: self.sysdump().map(|_sysdump| TABLES.to_owned()),
        })
    }

    /// Services and their endpoints.
    ///
    /// # Errors
    /// Before the nodes were read, and where Services or slices could not be listed.
    pub fn endpoints_seen(&self) -> Result<ForeignEndpointsSeen, String> {
        let read = self.read()?;
        Ok(ForeignEndpointsSeen {
            services: read.services.clone()?,
            nodes: self.survey.nodes.clone(),
            ready: read.ready.clone(),
            claimed: read.claimed.clone(),
        })
    }

    /// The load balancers' tables.
    ///
    /// # Errors
    /// As [`Self::endpoints_seen`].
    pub fn tables_seen(&self) -> Result<ForeignTablesSeen, String> {
        Ok(ForeignTablesSeen { services: self.read()?.services.clone()?, tables: self.part(|node| &node.services)? })
    }
}

impl Sent {
    /// Notes the policies on pods with all that was sent between them.
    fn is_policed(&mut self, policed: &BTreeMap<String, String>) {
        let answers = [&mut self.from_nodes, &mut self.from_pods].into_iter().flatten().flatten();
        let wire = self.between_pods.iter_mut().flatten();
        for sample in answers.map(|seen| &mut seen.sample).chain(wire.map(|seen| &mut seen.sample)) {
            sample.policed.clone_from(policed);
        }
    }

    fn in_words(&self) -> String {
        let mut words = Vec::new();
        if let Some(Ok(seen)) = &self.neighbours {
            words.push(format!("{} pairs of nodes asked for neighbours", seen.sample.pairs.len()));
        }
        let replies = [&self.from_nodes, &self.from_pods].into_iter().flatten().filter_map(|seen| seen.as_ref().ok());
        let places: usize = replies.map(|seen| seen.answers.replies.len()).sum();
        if places > 0 {
            words.push(format!("a Service asked from {places} places"));
        }
        if let Some(Ok(seen)) = &self.between_pods {
            let frames: usize = seen.wire.traffic.captures.iter().map(|capture| capture.frames.len()).sum();
            words.push(format!(
                "{} requests between pods, {} of {} ordered pairs of nodes; {frames} frames on {} links",
                seen.wire.traffic.between_pods.len(),
                seen.wire.nodes_sent().len(),
                seen.sample.of,
                seen.wire.traffic.captures.len()
            ));
        }
        words.join("; ")
    }
}
