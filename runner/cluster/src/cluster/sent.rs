//! What the probe tier sends in a foreign cluster, and what came of it.

use std::collections::BTreeMap;

use super::ForeignCluster;
use lab_backend::LabError;
use lab_model::foreign::{ForeignAdjacencySeen, ForeignAnswersSeen, ForeignWireSeen};

/// What came of what the probe tier sent; none of what was not to be sent.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) neighbours: Option<Result<ForeignAdjacencySeen, String>>,
    pub(super) from_nodes: Option<Result<ForeignAnswersSeen, String>>,
    pub(super) from_pods: Option<Result<ForeignAnswersSeen, String>>,
    pub(super) between_pods: Option<Result<ForeignWireSeen, String>>,
}

impl ForeignCluster {
    /// Sends what is to be sent. A summary of it.
    pub(super) async fn send(&self) -> Result<String, LabError> {
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
