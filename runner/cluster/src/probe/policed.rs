//! Whether Cilium enforces policies on the probe's pods, as the agent on each one's node says. Objects of the API do not tell
//! it: a `CiliumEndpoint` has its policies only where `endpointStatus` is set.

use futures_util::stream::{self, StreamExt};
use std::collections::{BTreeMap, BTreeSet};

use super::Probe;
use crate::reading::{AT_ONCE, DEADLINE, printed};
use crate::survey::{Agent, Survey};
use lab_kube::api::Api;
use lab_kube::cilium::parse_endpoints;
use lab_model::observe::NodeName;

/// What an endpoint says on which no policy is enforced.
const NONE: &str = "none";

impl Probe {
    /// The pods on which a policy is enforced, and which way; also those of which it is not known, and why. None before any
    /// was made.
    pub(crate) async fn policed(&self, api: &Api, survey: &Survey) -> BTreeMap<String, String> {
        let Ok(made) = self.made() else { return BTreeMap::new() };
        let nodes: BTreeSet<&NodeName> = made.pods.iter().filter_map(|pod| pod.node.as_ref()).collect();
        let asked = stream::iter(nodes).map(async |node| {
            let found = match survey.agents.get(node) {
                Some(Ok(agent)) => enforced(api, agent).await,
                Some(Err(why)) => Err(why.clone()),
                None => Err("there is no agent on its node".to_owned()),
            };
            (node, found)
        });
        let by_node: BTreeMap<&NodeName, _> = asked.buffer_unordered(AT_ONCE).collect().await;
        let mut policed = BTreeMap::new();
        for pod in &made.pods {
            let (Some(node), Some(at)) = (&pod.node, made.clients.get(&pod.name)) else { continue };
            let ways = match by_node.get(node) {
                Some(Ok(enforced)) => match enforced.get(&format!("{}/{}", at.namespace, at.pod)).map(String::as_str) {
                    Some(NONE) => continue,
                    None | Some("") => "not known: its agent has nothing of it".to_owned(),
                    Some(ways) => ways.to_owned(),
                },
                Some(Err(why)) => format!("not known: {why}"),
                None => continue,
            };
            policed.insert(pod.name.0.clone(), ways);
        }
        policed
    }
}

/// Which way policies are enforced on each pod of a node, by `NAMESPACE/POD`.
async fn enforced(api: &Api, agent: &Agent) -> Result<BTreeMap<String, String>, String> {
    let argv = [agent.program(), "endpoint", "list", "-o", "json"];
    let output = api.exec(&agent.at, &argv, DEADLINE).await.map_err(|error| error.briefly())?;
    let endpoints = parse_endpoints(&printed(output, &argv)?)?;
    Ok(endpoints.into_iter().map(|endpoint| (endpoint.name, endpoint.enforced)).collect())
}
