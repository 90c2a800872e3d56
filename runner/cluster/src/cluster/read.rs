//! What is read of a foreign cluster, by its API server and agents or in a sysdump.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::{ForeignCluster, From};
use crate::logs::{log_of, read_logs};
use crate::probe::Inside;
use crate::reading::{NodeReading, read_all};
use crate::services::Listed;
use crate::survey::{Agent, ready_addresses, running_addresses};
use crate::sysdump::{Sysdump, settle};
use lab_kube::api::Api;
use lab_model::foreign::{AgentLog, ForeignService};
use lab_model::observe::{KubePod, NodeName};

/// What was read in the agents, and of Services before and after.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) nodes: BTreeMap<NodeName, NodeReading>,
    pub(super) logs: BTreeMap<NodeName, Result<AgentLog, String>>,
    pub(super) inside: Inside,
    pub(super) services: Result<Vec<ForeignService>, String>,
    pub(super) claimed: Vec<(Ipv4Addr, String)>,
    pub(super) ready: Vec<Ipv4Addr>,
    /// Addresses of pods that have ended since they were listed first.
    pub(super) ended: Result<BTreeSet<Ipv4Addr>, String>,
}

impl ForeignCluster {
    /// Reads all of it.
    pub(super) async fn read_now(&self) -> Read {
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
        let (ready, ended) = (self.survey.ready.clone(), Ok(BTreeSet::new()));
        Read { nodes, logs, inside: Inside::new(), services, claimed, ready, ended }
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
        // Pods come and go: what was an endpoint before and after must be a pod that was ready before or is now, and one that has
        // ended has no route any more.
        let again = if self.needs.services || self.needs.tables {
            self.doing.now("listing pods once more");
            let again = api.all_pods().await;
            again.map_err(|error| format!("pods could not be listed once more: {}", error.briefly()))
        } else {
            Err("pods were not listed once more".to_owned())
        };
        let mut ready = self.survey.ready.clone();
        ready.extend(again.as_deref().map(ready_addresses).unwrap_or_default());
        let ended = again.as_deref().map(|pods| self.ended(pods)).map_err(Clone::clone);
        let (services, claimed) = match (before, after) {
            (Some(Ok(before)), Some(Ok(after))) => (again.map(|_pods| before.services(&after)), before.claimed(&after)),
            (Some(Err(why)), _) | (_, Some(Err(why))) => (Err(why), Vec::new()),
            _ => (Err("Services were not listed".to_owned()), Vec::new()),
        };
        let inside = Box::pin(self.look_inside(api)).await;
        Read { nodes, logs, inside, services, claimed, ready, ended }
    }

    /// The addresses of pods that ran before and are not among these.
    fn ended(&self, pods: &[KubePod]) -> BTreeSet<Ipv4Addr> {
        let still: BTreeSet<Ipv4Addr> = running_addresses(pods).into_values().flatten().collect();
        self.survey.pods.values().flatten().filter(|address| !still.contains(address)).copied().collect()
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
}
