//! Who answers at the `ClusterIP`.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddrV4;

use super::ready_backends;
use crate::weighing::{Weighing, unobserved};
use lab_model::expect::Expectations;
use lab_model::observe::{HttpOutcome, HttpReply, Place};
use lab_model::seen::AnswersSeen;
use lab_model::{Judgement, Proof, Reason, hello_app, words};

/// The status of an answer (RFC 9110, 15.3.1).
const OK: u16 = 200;
/// How many unlike failures or bodies a finding quotes.
const QUOTED: usize = 3;
/// How many characters of a strange body a finding quotes.
const BODY_QUOTED: usize = 60;

/// At each place, every connection to the `ClusterIP` was answered with status 200 and hello-app's three lines by one of
/// the ready pods, and each ready pod answered at least once.
///
/// # Errors
/// For each place [`Reason::NoAnswer`], [`Reason::SomeUnanswered`], [`Reason::EmptyReply`], [`Reason::WrongStatus`] or
/// [`Reason::AnotherServerAnswers`]; where all replies are right, [`Reason::BackendNeverAnswers`] for a pod. Unobserved
/// where nothing could be asked, when there is no `ClusterIP`, or when fewer replicas are ready than there should be.
pub fn answers(seen: &AnswersSeen, expect: &Expectations) -> Judgement {
    let Some(cluster_ip) = seen.cluster_ip else {
        return unobserved(format!("Service {} has no ClusterIP to ask", expect.service));
    };
    if seen.replies.is_empty() {
        return unobserved(format!("{cluster_ip} was asked from nowhere"));
    }
    let mut weighing = Weighing::default();
    ready_backends(&seen.pods, expect, &mut weighing);
    let ready: BTreeSet<&str> = seen.pods.iter().filter(|pod| pod.ready).map(|pod| pod.name.0.as_str()).collect();
    require_each_pod(seen, &ready, &mut weighing);
    let mut lines = Vec::new();
    let mut requests = 0;
    for (place, replies) in &seen.replies {
        let replies = match replies {
            Ok(replies) => replies,
            Err(why) => {
                weighing.miss(format!("{cluster_ip} could not be asked from {place}: {why}"));
                continue;
            }
        };
        if replies.is_empty() {
            weighing.miss(format!("{cluster_ip} was not asked from {place}"));
            continue;
        }
        requests += replies.len();
        let tally = Tally::of(replies, cluster_ip, &ready);
        tally.weigh(place, cluster_ip, &ready, &mut weighing);
        lines.push(tally.line(place));
    }
    weighing.conclude(|| {
        let pods = ready.len();
        let places = seen.replies.len();
        Proof::new(format!(
            "{requests} of {requests} requests to {cluster_ip} answered, by {pods} of {pods} pods at each of {places} places"
        ))
        .with_details(lines)
    })
}

/// When pods were asked from, all ready pods must have been.
fn require_each_pod(seen: &AnswersSeen, ready: &BTreeSet<&str>, weighing: &mut Weighing) {
    let from: BTreeSet<&str> = seen
        .replies
        .iter()
        .filter_map(|(place, _replies)| match place {
            Place::Pod(pod) => Some(pod.0.as_str()),
            Place::Bridge | Place::Node(_) => None,
        })
        .collect();
    if !from.is_empty() {
        for pod in ready.difference(&from) {
            weighing.miss(format!("nothing was asked from {pod}"));
        }
    }
}

/// The replies at one place, by what they are.
#[derive(Default)]
struct Tally<'a> {
    total: usize,
    by_pod: BTreeMap<&'a str, usize>,
    failed: Vec<String>,
    empty: usize,
    statuses: Vec<String>,
    strange: Vec<String>,
    elsewhere: Vec<String>,
}

impl<'a> Tally<'a> {
    fn of(replies: &'a [HttpReply], cluster_ip: SocketAddrV4, ready: &BTreeSet<&str>) -> Self {
        let mut tally = Self { total: replies.len(), ..Self::default() };
        for reply in replies {
            if let Some(connection) = reply.connection.as_ref().filter(|connection| connection.remote != cluster_ip) {
                tally.elsewhere.push(connection.remote.to_string());
                continue;
            }
            match &reply.outcome {
                HttpOutcome::Response { status: OK, body } => {
                    match hello_app::hostname(body).filter(|pod| ready.contains(pod)) {
                        Some(pod) => *tally.by_pod.entry(pod).or_default() += 1,
                        None => tally.strange.push(quoted(body)),
                    }
                }
                HttpOutcome::Response { status, .. } => tally.statuses.push(status.to_string()),
                HttpOutcome::Empty => tally.empty += 1,
                HttpOutcome::NotConnected(why) | HttpOutcome::Broken(why) | HttpOutcome::TimedOut(why) => {
                    tally.failed.push(why.clone());
                }
            }
        }
        tally
    }

    fn weigh(&self, place: &Place, cluster_ip: SocketAddrV4, ready: &BTreeSet<&str>, weighing: &mut Weighing) {
        let total = self.total;
        if let Some(remote) = self.elsewhere.first() {
            weighing.miss(format!(
                "{} of {total} requests from {place} went to {remote}, not to {cluster_ip}",
                self.elsewhere.len()
            ));
        }
        let mut sound = self.elsewhere.is_empty();
        let mut refute = |reason, expected: &str, observed: String| {
            weighing.refute(
                reason,
                place.clone(),
                format!("{place}: {cluster_ip} {expected}"),
                format!("{place}: {observed}"),
                Some(format!("curl http://{cluster_ip}")),
            );
        };
        if !self.failed.is_empty() {
            sound = false;
            let none = self.failed.len() + self.empty == total;
            let reason = if none { Reason::NoAnswer } else { Reason::SomeUnanswered };
            let observed = format!("{} of {total} requests failed: {}", self.failed.len(), unlike(&self.failed));
            refute(reason, "answers every request", observed);
        }
        if self.empty > 0 {
            sound = false;
            let observed = format!("{} of {total} connections were closed without a response", self.empty);
            refute(Reason::EmptyReply, "answers every request", observed);
        }
        if !self.statuses.is_empty() {
            sound = false;
            let observed = format!("{} of {total} with status {}", self.statuses.len(), unlike(&self.statuses));
            refute(Reason::WrongStatus, "answers with status 200", observed);
        }
        if !self.strange.is_empty() {
            sound = false;
            let observed = format!("{} of {total} answers: {}", self.strange.len(), unlike(&self.strange));
            refute(Reason::AnotherServerAnswers, "answers with hello-app's three lines, from a ready pod", observed);
        }
        // A pod that did not answer may be behind the replies that are wrong: then those are the finding.
        for pod in ready.iter().filter(|pod| sound && !self.by_pod.contains_key(*pod)) {
            let observed = format!("{pod} answered 0 of {total} requests");
            refute(Reason::BackendNeverAnswers, &format!("is answered by {pod} too"), observed);
        }
    }

    fn line(&self, place: &Place) -> String {
        let by_pod: Vec<String> =
            self.by_pod.iter().map(|(pod, count)| format!("{pod} {count} of {}", self.total)).collect();
        format!("{place}: {}", by_pod.join(", "))
    }
}

fn quoted(body: &str) -> String {
    let start: String = body.chars().take(BODY_QUOTED).collect();
    let more = if start.len() < body.len() { "…" } else { "" };
    format!("\"{}{more}\"", start.escape_debug())
}

/// Each text once.
fn unlike(texts: &[String]) -> String {
    let unlike: BTreeSet<&String> = texts.iter().collect();
    words::few(&unlike.into_iter().cloned().collect::<Vec<_>>(), QUOTED, ", ")
}
