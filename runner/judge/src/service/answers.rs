//! Who answers at the `ClusterIP`.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddrV4;

use super::ready_backends;
use crate::weighing::{Weighing, unobserved};
use lab_model::expect::Expectations;
use lab_model::observe::{HttpOutcome, HttpReply, NodeName, Place, PodName, Role};
use lab_model::seen::AnswersSeen;
use lab_model::{Judgement, Proof, Reason, hello_app, words};

/// The status of an answer (RFC 9110, 15.3.1).
const OK: u16 = 200;
/// How many unlike failures or bodies a finding quotes.
const QUOTED: usize = 3;
/// How many characters of a strange body a finding quotes.
const BODY_QUOTED: usize = 60;

/// From each control plane, every connection to the `ClusterIP` was answered with status 200 and hello-app's three lines
/// by one of the ready pods, and each ready pod answered at least once.
///
/// # Errors
/// For each control plane [`Reason::NoAnswer`], [`Reason::SomeUnanswered`], [`Reason::EmptyReply`],
/// [`Reason::WrongStatus`] or [`Reason::AnotherServerAnswers`]; where all replies are right,
/// [`Reason::BackendNeverAnswers`] for a pod. Unobserved unless every control plane asked, and as many replicas are ready
/// as there should be.
pub fn answers_from_the_control_plane(seen: &AnswersSeen, expect: &Expectations) -> Judgement {
    let is_asked = |place: &Place| matches!(place, Place::Node(node) if is_control_plane(seen, node));
    let mut asked: BTreeSet<&Place> = seen.replies.iter().map(|(place, _replies)| place).collect();
    asked.retain(|place| is_asked(place));
    let mut weighing = Weighing::default();
    if asked.len() < expect.control_planes || asked.is_empty() {
        weighing.miss(format!("{} of {} control planes were asked from", asked.len(), expect.control_planes));
    }
    weigh(seen, expect, &asked, weighing)
}

/// The same from each pod of the workload, itself included.
///
/// # Errors
/// As [`answers_from_the_control_plane`] has them, for each pod; unobserved unless every pod asked.
pub fn answers_from_each_pod(seen: &AnswersSeen, expect: &Expectations) -> Judgement {
    let pods: Vec<Place> = seen.pods.iter().map(|pod| Place::Pod(pod.name.clone())).collect();
    let mut weighing = Weighing::default();
    let mut asked = BTreeSet::new();
    for pod in &pods {
        if seen.replies.iter().any(|(place, _replies)| place == pod) {
            asked.insert(pod);
        } else {
            weighing.miss(format!("nothing was asked from {pod}"));
        }
    }
    weigh(seen, expect, &asked, weighing)
}

/// A node's role; where an older program did not say it, by the name that kind gives to it
/// (kind 0.17, pkg/cluster/internal/create/actions: `NAME-control-plane`, `NAME-control-plane2`).
fn is_control_plane(seen: &AnswersSeen, node: &NodeName) -> bool {
    if seen.roles.is_empty() {
        return node.0.trim_end_matches(|c: char| c.is_ascii_digit()).ends_with("-control-plane");
    }
    seen.roles.get(node) == Some(&Role::ControlPlane)
}

/// What the replies at these places come to. What was asked elsewhere says nothing about them.
pub(crate) fn weigh(
    seen: &AnswersSeen,
    expect: &Expectations,
    asked: &BTreeSet<&Place>,
    mut weighing: Weighing,
) -> Judgement {
    let Some(cluster_ip) = seen.cluster_ip else {
        return unobserved(format!("Service {} has no ClusterIP to ask", expect.service));
    };
    let backends = ready_backends(&seen.pods, expect, &mut weighing);
    let ready: BTreeSet<&str> = seen.pods.iter().filter(|pod| pod.ready).map(|pod| pod.name.0.as_str()).collect();
    let service = Service { cluster_ip, backends: &backends, ready: &ready };
    let mut lines = Vec::new();
    let mut requests = 0;
    for (place, replies) in seen.replies.iter().filter(|(place, _replies)| asked.contains(place)) {
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
        let tally = Tally::of(replies, &service);
        tally.weigh(place, &service, &mut weighing);
        lines.push(tally.line(place));
    }
    weighing.conclude(|| {
        let (pods, places) = (ready.len(), lines.len());
        Proof::new(format!(
            "{requests} of {requests} requests to {cluster_ip} answered, by {pods} of {pods} pods at each of {places} places"
        ))
        .with_details(lines)
    })
}

/// What is asked, and who should answer.
struct Service<'a> {
    cluster_ip: SocketAddrV4,
    backends: &'a BTreeMap<SocketAddrV4, &'a PodName>,
    /// Names of the ready pods.
    ready: &'a BTreeSet<&'a str>,
}

impl Service<'_> {
    /// Why a reply does not come from whom it says, if its socket tells so. A program at the socket may have put a
    /// backend's address in the place of the `ClusterIP` (Cilium's without `cgroup/getpeername4`, Linux before 5.8).
    fn strange_end(&self, reply: &HttpReply, pod: &str) -> Option<String> {
        let end = reply.led_to()?;
        match self.backends.get(&end) {
            Some(backend) if backend.0 == pod => None,
            Some(backend) => Some(format!("{pod} answers at {end}, which is {backend}'s")),
            None => Some(format!("{pod} answers at {end}, which is no ready pod's")),
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
    fn of(replies: &'a [HttpReply], service: &Service<'_>) -> Self {
        let mut tally = Self { total: replies.len(), ..Self::default() };
        for reply in replies {
            if reply.asked() != Some(service.cluster_ip) {
                let remote = reply.connection.as_ref().map(|connection| connection.remote.to_string());
                tally.elsewhere.push(remote.unwrap_or_else(|| reply.url.clone()));
                continue;
            }
            match &reply.outcome {
                HttpOutcome::Response { status: OK, body } => {
                    match hello_app::hostname(body).filter(|pod| service.ready.contains(pod)) {
                        Some(pod) => match service.strange_end(reply, pod) {
                            None => *tally.by_pod.entry(pod).or_default() += 1,
                            Some(strange) => tally.strange.push(strange),
                        },
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

    fn weigh(&self, place: &Place, service: &Service<'_>, weighing: &mut Weighing) {
        let (total, cluster_ip) = (self.total, service.cluster_ip);
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
        for pod in service.ready.iter().filter(|pod| sound && !self.by_pod.contains_key(*pod)) {
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
