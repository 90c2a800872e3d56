//! Who answers at the `ClusterIP` of the probe's own Service.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Probe;
use super::make::Made;
use crate::survey::Survey;
use lab_backend::Doing;
use lab_base::clock;
use lab_base::clock::Poll;
use lab_kube::api::Api;
use lab_model::foreign::{ForeignAnswersSeen, Sample};
use lab_model::observe::{HttpOutcome, HttpReply, Place, PodSeen};
use lab_model::request::{Answer, Answered, HttpAsk, Request};
use lab_model::seen::AnswersSeen;

/// Of n backends that are picked at random, one is missed in n of 10^10 runs (n e^-24).
const ATTEMPTS_PER_POD: usize = 24;
/// The least, as in labs.
const ATTEMPTS: usize = 64;
/// For each; a lost SYN is sent again after one second.
const ATTEMPT: Duration = Duration::from_millis(2500);
/// No attempt is begun after it.
const ALL: Duration = Duration::from_secs(8);
/// Tables follow slices within a second; after this, what does not answer is judged.
const SETTLED: Duration = Duration::from_secs(20);
/// Between two checks.
const AGAIN: Duration = Duration::from_secs(1);

impl Probe {
    /// Asks from all nodes, or from all pods.
    ///
    /// # Errors
    /// When nothing of the probe's is there.
    pub(crate) async fn answers(
        &self,
        api: &Api,
        survey: &Survey,
        from_nodes: bool,
        doing: &Doing,
    ) -> Result<ForeignAnswersSeen, String> {
        let made = self.made()?;
        let places: Vec<Place> = if from_nodes {
            made.on_nodes.keys().cloned().map(Place::Node).collect()
        } else {
            made.clients.keys().cloned().map(Place::Pod).collect()
        };
        let pods: Vec<PodSeen> = made.pods.iter().filter(|pod| made.backends.contains(&pod.name)).cloned().collect();
        let mut replies = Vec::new();
        if let Some(to) = made.service.cluster_ip {
            let ask = HttpAsk {
                to,
                path: "/".to_owned(),
                ttl: None,
                until_bodies: pods.len(),
                attempts: ATTEMPTS.max(ATTEMPTS_PER_POD * pods.len()),
                attempt_deadline: ATTEMPT,
                deadline: ALL,
            };
            settle(api, made, &places, &ask, doing).await;
            doing.now(format!("asking {to} from {} places", places.len()));
            let asks = places.into_iter().map(|place| (place, Request::Http(ask.clone()))).collect();
            replies = made.ask(api, asks).await.into_iter().map(replies_of).collect();
        }
        let service = api.service(&self.ours().namespace, &made.service.name).await;
        Ok(ForeignAnswersSeen {
            sample: Sample { silent: made.silent.clone(), ..Sample::default() },
            backends: pods.len(),
            answers: AnswersSeen {
                cluster_ip: made.service.cluster_ip,
                pods,
                roles: survey.roles().into_iter().collect(),
                replies,
            },
            endpoints: service.map_or_else(|_| made.service.endpoints.clone(), |service| service.endpoints),
        })
    }
}

fn replies_of(answered: Answered) -> (Place, Result<Vec<HttpReply>, String>) {
    let replies = answered.answer.and_then(|answer| match answer {
        Answer::Http(replies) => Ok(replies),
        other => Err(other.not("HTTP replies")),
    });
    (answered.place, replies)
}

/// Waits until each place has been answered by all backends once, or it has had its time.
async fn settle(api: &Api, made: &Made, places: &[Place], ask: &HttpAsk, doing: &Doing) {
    let mut waiting: Vec<Place> = places.to_vec();
    let settled = clock::until(SETTLED, AGAIN, "answers at the ClusterIP", async || {
        doing.now(format!("waiting for answers at {} from {} places", ask.to, waiting.len()));
        let asks = waiting.iter().map(|place| (place.clone(), Request::Http(ask.clone()))).collect();
        let all = made.ask(api, asks).await.into_iter().map(replies_of);
        waiting = all.filter(|(_, replies)| !answered_by(replies, ask.until_bodies)).map(|(place, _)| place).collect();
        if waiting.is_empty() { Poll::Ready(()) } else { Poll::NotYet(format!("{} are not answered", waiting.len())) }
    });
    // What is not answered by now is asked once more, and judged.
    let _late = settled.await;
}

fn answered_by(replies: &Result<Vec<HttpReply>, String>, backends: usize) -> bool {
    let body = |reply: &HttpReply| match &reply.outcome {
        HttpOutcome::Response { status: 200, body } => Some(body.clone()),
        _ => None,
    };
    replies.as_ref().is_ok_and(|replies| {
        // A place whose pod cannot be asked never will be.
        replies.iter().filter_map(body).collect::<BTreeSet<_>>().len() >= backends
    })
}
