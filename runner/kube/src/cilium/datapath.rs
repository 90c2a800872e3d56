//! Whether each agent has loaded its BPF programs on its node's devices. Ready pods do not show that: an agent is ready
//! before it has compiled the programs for its host's devices, and until then packets leave the node without masquerading.

use futures_util::future::join_all;
use serde::Deserialize;
use std::time::Duration;

use super::agents::{Agents, NodeCommands};
use lab_base::clock;
use lab_base::clock::{Poll, WaitError};
use lab_model::observe::NodeName;

/// The time between two checks of the agents.
const INTERVAL: Duration = Duration::from_millis(500);
/// The identity of a node itself (cilium 1.12: `pkg/identity/numericidentity.go`, `ReservedIdentityHost`).
const HOST: i64 = 1;
/// The state of an endpoint whose program is up to date (cilium 1.12: `api/v1/models/endpoint_state.go`).
const READY: &str = "ready";

/// An endpoint of an agent: a pod, or the node itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentEndpoint {
    /// Its number on its node.
    pub id: i64,
    /// Whether it is the node itself, whose programs are on the node's devices and masquerade.
    pub is_host: bool,
    /// The agent's labels for it, such as `reserved:host`, or `NAMESPACE/POD` of a pod.
    pub name: String,
    /// `ready`, `regenerating`, `waiting-for-identity`, …
    pub state: String,
    /// The revision of the policies that its program was made for; 0 before it has a program.
    pub revision: i64,
    /// Which way policies are enforced: `none`, `ingress`, `egress` or `both`, or those of the audit mode; empty where it does
    /// not say.
    pub enforced: String,
}

#[derive(Deserialize)]
struct Raw {
    id: i64,
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Status {
    #[serde(default)]
    state: String,
    identity: Option<Identity>,
    external_identifiers: Option<External>,
    policy: Option<Policy>,
}

#[derive(Deserialize)]
struct Identity {
    #[serde(default)]
    id: i64,
    labels: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct External {
    #[serde(default)]
    pod_name: String,
}

#[derive(Deserialize)]
struct Policy {
    realized: Option<Realized>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Realized {
    policy_revision: i64,
    policy_enabled: String,
}

/// Parses the output of `cilium endpoint list -o json` (cilium 1.12: `api/v1/models`, `Endpoint`).
///
/// # Errors
/// A text that says why, when the JSON has another form.
pub fn parse_endpoints(text: &str) -> Result<Vec<AgentEndpoint>, String> {
    // An agent without endpoints prints `null`.
    let raw: Option<Vec<Raw>> =
        serde_json::from_str(text).map_err(|error| format!("`cilium endpoint list -o json`: {error}"))?;
    Ok(raw.unwrap_or_default().into_iter().map(endpoint).collect())
}

fn endpoint(Raw { id, status }: Raw) -> AgentEndpoint {
    let Some(status) = status else {
        let (name, state, enforced) = Default::default();
        return AgentEndpoint { id, is_host: false, name, state, revision: 0, enforced };
    };
    let identity = status.identity.unwrap_or(Identity { id: 0, labels: None });
    let pod = status.external_identifiers.map(|external| external.pod_name).unwrap_or_default();
    // For an endpoint that is not a pod, the pod's name is `/`.
    let name = if pod.trim_matches('/').is_empty() { identity.labels.unwrap_or_default().join(",") } else { pod };
    let realized = status.policy.and_then(|policy| policy.realized).unwrap_or_default();
    let (revision, enforced) = (realized.policy_revision, realized.policy_enabled);
    AgentEndpoint { id, is_host: identity.id == HOST, name, state: status.state, revision, enforced }
}

/// A text that says which endpoints of an agent have no program yet; none once its node and all pods on it have theirs.
///
/// The state `ready` is not enough: an endpoint that is restored or has just been made has it before its first program.
pub fn missing(endpoints: &[AgentEndpoint]) -> Option<String> {
    let mut missing: Vec<String> = Vec::new();
    if !endpoints.iter().any(|endpoint| endpoint.is_host) {
        missing.push("no endpoint of the node itself (reserved:host)".to_owned());
    }
    let unready = |endpoint: &&AgentEndpoint| endpoint.state != READY || endpoint.revision < 1;
    missing.extend(endpoints.iter().filter(unready).map(|endpoint| {
        let AgentEndpoint { id, name, state, revision, .. } = endpoint;
        let name = if name.is_empty() { "without a name" } else { name };
        let program = if *revision < 1 { ", its program is not loaded" } else { "" };
        format!("endpoint {id} ({name}) is {}{program}", if state.is_empty() { "without a state" } else { state })
    }));
    (!missing.is_empty()).then(|| missing.join(", "))
}

impl<N: NodeCommands> Agents<N> {
    /// For each agent on these nodes, which endpoints have no program yet; none once all have theirs.
    pub async fn missing(&self, nodes: &[NodeName]) -> Option<String> {
        let asked = join_all(nodes.iter().map(async |node| {
            let reading = self.run_and_read(node, &["endpoint", "list", "-o", "json"], parse_endpoints).await;
            let missing = reading.value.map_or_else(Some, |endpoints| missing(&endpoints))?;
            Some(format!("{node}: {missing}"))
        }));
        let missing: Vec<String> = asked.await.into_iter().flatten().collect();
        (!missing.is_empty()).then(|| missing.join("; "))
    }

    /// Waits until the agents on these nodes have all programs loaded.
    ///
    /// # Errors
    /// At the deadline, with the endpoints that still have no program.
    pub async fn until_loaded(
        &self,
        nodes: &[NodeName],
        deadline: Duration,
        say: &impl Fn(String),
    ) -> Result<(), WaitError> {
        clock::until(deadline, INTERVAL, "loading the BPF programs of all agents", async || {
            match self.missing(nodes).await {
                None => Poll::Ready(()),
                Some(missing) => {
                    say(format!("BPF programs of the agents: {missing}"));
                    Poll::NotYet(missing)
                }
            }
        })
        .await
    }
}
