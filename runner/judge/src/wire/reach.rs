use super::Gathered;
use super::who::{self, Across, End};
use lab_model::expect::Expectations;
use lab_model::observe::{HttpOutcome, HttpReply, Place};
use lab_model::seen::WireSeen;
use lab_model::{Finding, Judgement, Proof, Reason, hello_app};
use std::net::SocketAddrV4;

/// Pods on different nodes answer each other at their own addresses, both ways.
///
/// # Errors
/// Refuted by a request that was not answered by the pod that was asked; unobserved unless each replica and a pod on
/// another node asked each other.
pub fn pods_reach_each_other_directly(seen: &WireSeen, expect: &Expectations) -> Judgement {
    let (across, missing) = who::across(seen, expect);
    let mut gathered = Gathered { missing, ..Gathered::default() };
    for one in &across {
        let target = SocketAddrV4::new(one.to.address, expect.target_port);
        match one.exchange.http.asked() {
            Some(asked) if asked == target => judge_reply(one, target, &mut gathered),
            _ => gathered.missing.push(format!(
                "{} was to ask {} at {target}, and asked {}",
                one.from.pod, one.to.pod, one.exchange.http.url
            )),
        }
    }
    gathered.decide("no pod sent anything to a pod on another node: nothing is proved", |shown| {
        Proof::new(format!("{0} of {0} requests between pods on two nodes were answered by the pod asked", shown.len()))
            .with_details(shown)
    })
}

fn judge_reply(one: &Across<'_>, target: SocketAddrV4, gathered: &mut Gathered) {
    let (reason, observed) = match (&one.exchange.http.outcome, one.exchange.http.led_to()) {
        (HttpOutcome::Response { .. }, Some(peer)) => {
            (Reason::AnotherServerAnswers, format!("{peer} answered, which the connection was led to"))
        }
        (HttpOutcome::Response { status: 200, body }, None) => match hello_app::hostname(body) {
            Some(name) if name == one.to.pod.0 => {
                gathered.shown.push(format!(
                    "{} on {} → {} on {} at {target}: 200, Hostname: {name}",
                    one.from.pod, one.from.node, one.to.pod, one.to.node
                ));
                return;
            }
            Some(name) => (Reason::AnotherServerAnswers, format!("{name} answered")),
            None => (Reason::AnotherServerAnswers, format!("the answer is not hello-app's: {}", excerpt(body))),
        },
        (HttpOutcome::Response { status, body }, None) => {
            (Reason::PodUnreachable, format!("status {status}: {}", excerpt(body)))
        }
        (HttpOutcome::Empty, _) => (Reason::PodUnreachable, "empty reply: closed without a response".to_owned()),
        (HttpOutcome::NotConnected(why), _) => (Reason::PodUnreachable, format!("no connection: {why}")),
        (HttpOutcome::Broken(why), _) => (Reason::PodUnreachable, format!("broken reply: {why}")),
        (HttpOutcome::TimedOut(why), _) => (Reason::PodUnreachable, format!("timed out: {why}")),
    };
    gathered.findings.push(Finding {
        reason,
        place: Place::Pod(one.from.pod.clone()),
        expected: format!(
            "{} on {} answers {} on {} at {target}",
            one.to.pod, one.to.node, one.from.pod, one.from.node
        ),
        observed,
        by_hand: Some(format!("curl -m 5 http://{target}/")),
    });
}

/// Whether it was this pod that answered.
pub(super) fn answered_by(reply: &HttpReply, pod: &End<'_>) -> bool {
    matches!(&reply.outcome, HttpOutcome::Response { status: 200, body } if hello_app::hostname(body) == Some(&pod.pod.0))
}

/// The first line of a body, at most 80 characters of it.
fn excerpt(body: &str) -> String {
    /// What fits on a terminal beside the label.
    const WIDTH: usize = 80;
    match body.lines().next() {
        None => "an empty body".to_owned(),
        Some(line) if line.chars().count() > WIDTH => line.chars().take(WIDTH).chain(['…']).collect(),
        Some(line) => line.to_owned(),
    }
}
