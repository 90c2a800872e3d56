//! What agents log of direct routes that they could not make. It is read on those nodes alone that lack one.

use futures_util::stream::{self, StreamExt};
use ipnet::Ipv4Net;
use std::collections::{BTreeMap, BTreeSet};

use super::reading::{AT_ONCE, NodeReading};
use super::survey::{Agent, Survey};
use lab_backend::Doing;
use lab_kube::api::Api;
use lab_kube::cilium::{LOG_LINES, parse_refused};
use lab_model::foreign::{AgentLog, ForeignNode};
use lab_model::observe::NodeName;

/// The setting with which agents make the routes.
const BY_AGENTS: &str = "auto-direct-node-routes";

/// Reads by `log` what agents have logged that should have made a route and did not. Without the right to read logs, or where an
/// agent does not answer, that is said in the place of its log.
pub(super) async fn read_logs(
    survey: &Survey,
    read: &BTreeMap<NodeName, NodeReading>,
    doing: &Doing,
    log: impl AsyncFn(&Agent) -> Result<String, String>,
) -> BTreeMap<NodeName, Result<AgentLog, String>> {
    if survey.config_map.get(BY_AGENTS).is_none_or(|value| value.trim() != "true") {
        return BTreeMap::new();
    }
    let lacking = survey.nodes.iter().filter(|node| lacks_a_route(node, &survey.nodes, read.get(&node.name)));
    let log = &log;
    let asked = stream::iter(lacking.collect::<Vec<_>>()).map(async |node| {
        let found = match survey.agents.get(&node.name) {
            Some(Ok(agent)) => log(agent).await.map(|log| parse_refused(&log)),
            Some(Err(why)) => Err(why.clone()),
            None => Err("it has no agent".to_owned()),
        };
        (node.name.clone(), found)
    });
    doing.now("reading logs of agents that lack a route");
    asked.buffer_unordered(AT_ONCE).collect().await
}

/// The end of an agent's log, as the API server gives it.
pub(super) async fn log_of(api: &Api, agent: &Agent) -> Result<String, String> {
    let at = &agent.at;
    let log = api.log(&at.namespace, &at.pod, &at.container, false, LOG_LINES).await;
    log.map_err(|error| error.briefly())
}

/// Whether a node whose routes were read has none for a network of a peer's pods.
fn lacks_a_route(node: &ForeignNode, all: &[ForeignNode], read: Option<&NodeReading>) -> bool {
    let Some(Some(Ok(tables))) = read.map(|read| &read.tables) else { return false };
    let Ok(routes) = tables.routes.read() else { return false };
    let routed: BTreeSet<Ipv4Net> = routes.iter().map(|route| route.destination).collect();
    let peers = all.iter().filter(|peer| peer.name != node.name);
    peers.flat_map(|peer| &peer.pod_networks).any(|network| !routed.contains(network))
}
