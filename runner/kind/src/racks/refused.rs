//! Direct routes between racks: Cilium 1.12 warns of each that it could not install, drops the error and goes on. What its agents
//! say of that is read from their logs.

use futures_util::future::join_all;
use std::time::Duration;

use crate::cilium::agents::{CILIUM_AGENT, is_agent};
use crate::cilium::{LOG_LINES, WARNING, parse_refused};
use crate::lab::KindLab;
use lab_base::clock;
use lab_base::clock::Poll;
use lab_base::failure::chain;
use lab_model::observe::NodeName;
use lab_model::racks::Racks;

/// How long agents may take to hear of all their peers, once all are ready.
const DEADLINE: Duration = Duration::from_secs(30);
/// The time between two looks at their logs.
const INTERVAL: Duration = Duration::from_secs(1);

impl KindLab {
    /// The lines in which a node's agent says that it could not install a direct route.
    ///
    /// # Errors
    /// A text, when the node has no agent or its log cannot be read.
    pub async fn agent_warnings(&self, node: &NodeName) -> Result<Vec<String>, String> {
        let api = self.api().map_err(|error| chain(&error))?;
        let pods = api.pods().await.map_err(|error| chain(&error))?;
        let agent = pods.iter().find(|pod| is_agent(pod) && pod.node.as_ref() == Some(node));
        let agent = agent.ok_or_else(|| format!("{node} has no agent"))?;
        let log = api.log(&agent.namespace, &agent.name, CILIUM_AGENT, false, LOG_LINES).await;
        let log = log.map_err(|error| chain(&error))?;
        Ok(log.lines().filter(|line| line.contains(WARNING)).map(str::to_owned).collect())
    }

    /// Waits until the agents have warned of all routes to other racks, or long enough. Returns a summary as text.
    pub(crate) async fn refused_routes(&self, layout: &Racks) -> String {
        let wanted = between_racks(layout);
        let what = format!("warnings of {wanted} direct routes between racks");
        let waited = clock::until(DEADLINE, INTERVAL, &what, async || {
            let asked = join_all(self.nodes().iter().map(|(node, _)| self.agent_warnings(node))).await;
            let refused: usize =
                asked.iter().flatten().map(|lines| parse_refused(&lines.join("\n")).refused.len()).sum();
            if refused >= wanted { Poll::Ready(()) } else { Poll::<(), String>::NotYet(format!("there are {refused}")) }
        });
        match Box::pin(waited).await {
            Ok(()) => format!(
                "{wanted} direct routes refused: Cilium warns `{WARNING}`, since the next hop is behind a router and must be directly \
                 reachable: that is the article's second case, `--routing bgp`"
            ),
            Err(error) => format!(
                "not all nodes are on one L2 network, which is the article's second case, `--routing bgp`; {error}"
            ),
        }
    }
}

/// How many routes from one node to another go between racks.
fn between_racks(layout: &Racks) -> usize {
    let all: usize = layout.racks.iter().map(|rack| rack.nodes.len()).sum();
    layout.racks.iter().map(|rack| rack.nodes.len() * (all - rack.nodes.len())).sum()
}
