//! What each case is told of a foreign cluster: parts of what was read and sent, as they are kept in evidence.

use std::collections::BTreeMap;

use super::sent::Sent;
use super::{AGENTS, ForeignCluster};
use crate::reading::NodeReading;
use crate::sysdump::Sysdump;
use lab_model::foreign::{
    ForeignAdjacencySeen, ForeignAnswersSeen, ForeignComponentsSeen, ForeignEndpointsSeen, ForeignNativeSeen,
    ForeignNodeAnswer, ForeignNodesSeen, ForeignProxySeen, ForeignRoutingSeen, ForeignTablesSeen, ForeignWireSeen,
};
use lab_model::observe::{KubeNode, NodeName};

/// The operators' Deployment (charts 1.12 to 1.15).
const OPERATORS: &str = "cilium-operator";

/// What a sysdump does not tell of `DaemonSets`, and of routes.
const DAEMON_SETS: &str =
    "of DaemonSets beside Cilium's a sysdump has their pods alone: one without any pod was not seen";
const TABLES: &str = "a sysdump has neither the table local nor the table default: the first was taken for what the kernel makes of \
                      the addresses, and the second for empty";

impl ForeignCluster {
    /// One part of what was read on each node.
    fn part<T: Clone>(
        &self,
        of: impl Fn(&NodeReading) -> &Option<Result<T, String>>,
    ) -> Result<BTreeMap<NodeName, Result<T, String>>, String> {
        let nodes = self.read()?.nodes.iter();
        let one = |node: &NodeReading| of(node).clone().unwrap_or_else(|| Err("it was not read".to_owned()));
        Ok(nodes.map(|(name, node)| (name.clone(), one(node))).collect())
    }

    /// Nodes and whether they answer.
    ///
    /// # Errors
    /// Before the nodes were read.
    pub fn nodes_seen(&self) -> Result<ForeignNodesSeen, String> {
        let read = self.read()?;
        let answer = |(name, object): (&NodeName, &KubeNode)| ForeignNodeAnswer {
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
            ended: self.read()?.ended.clone(),
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
}
