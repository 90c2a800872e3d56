//! Replies as curl showed them, right and wrong.

use super::*;
use crate::fixture;
use crate::fixture::expectations;
use lab_model::observe::Connection;
use lab_model::{Finding, NotHeld};
use std::time::Duration;

const CLUSTER_IP: &str = "10.96.37.61:8080";

fn socket(text: &str) -> SocketAddrV4 {
    text.parse().expect("an address and port")
}

fn reply(outcome: HttpOutcome) -> HttpReply {
    let connected = !matches!(outcome, HttpOutcome::NotConnected(_));
    HttpReply {
        url: format!("http://{CLUSTER_IP}/"),
        connection: connected.then(|| Connection { local: socket("172.18.0.2:40000"), remote: socket(CLUSTER_IP) }),
        outcome,
        elapsed: Duration::from_millis(2),
    }
}

fn from(pod: &str) -> HttpReply {
    response(200, &hello_app::answer(pod))
}

fn response(status: u16, body: &str) -> HttpReply {
    reply(HttpOutcome::Response { status, body: body.to_owned() })
}

fn timed_out() -> HttpReply {
    reply(HttpOutcome::TimedOut("connecting for 2 s".to_owned()))
}

fn control_plane() -> Place {
    Place::Node(fixture::CONTROL_PLANE.into())
}

fn seen(replies: Vec<HttpReply>) -> AnswersSeen {
    AnswersSeen {
        cluster_ip: Some(socket(CLUSTER_IP)),
        pods: fixture::both_pods(),
        replies: vec![(control_plane(), Ok(replies))],
    }
}

fn refuted(replies: Vec<HttpReply>) -> Vec<Finding> {
    match answers(&seen(replies), &expectations()) {
        Err(NotHeld::Refuted(findings)) => findings,
        other => panic!("not refuted: {other:?}"),
    }
}

fn reasons(replies: Vec<HttpReply>) -> Vec<Reason> {
    refuted(replies).iter().map(|finding| finding.reason).collect()
}

#[test]
fn accepts_answers_from_both_pods() {
    let replies = vec![from("hello-app-a"), from("hello-app-a"), from("hello-app-b")];
    let proof = answers(&seen(replies), &expectations()).expect("held");
    assert_eq!(proof.summary, "3 of 3 requests to 10.96.37.61:8080 answered, by 2 of 2 pods at each of 1 places");
    assert_eq!(proof.details, ["kind-control-plane: hello-app-a 2 of 3, hello-app-b 1 of 3"]);
}

#[test]
fn accepts_the_recorded_body() {
    // curl from a node of a real lab.
    let body = "Hello, world!\nVersion: 1.0.0\nHostname: hello-app-55549b8679-gwmgv\n";
    assert_eq!(hello_app::hostname(body), Some("hello-app-55549b8679-gwmgv"));
    assert_eq!(hello_app::answer("hello-app-55549b8679-gwmgv"), body);
}

#[test]
fn refutes_silence_and_says_how_it_failed() {
    let findings = refuted(vec![timed_out(), timed_out()]);
    let [finding] = findings.as_slice() else { panic!("{findings:?}") };
    assert_eq!(finding.reason, Reason::NoAnswer);
    assert_eq!(finding.observed, "kind-control-plane: 2 of 2 requests failed: connecting for 2 s");
    assert_eq!(finding.by_hand.as_deref(), Some("curl http://10.96.37.61:8080"));
    let refused = reply(HttpOutcome::NotConnected("connection refused".to_owned()));
    let broken = reply(HttpOutcome::Broken("invalid HTTP version".to_owned()));
    assert_eq!(reasons(vec![refused, broken]), [Reason::NoAnswer]);
}

#[test]
fn refutes_half_of_the_requests_failing_for_that_alone() {
    assert_eq!(reasons(vec![from("hello-app-a"), timed_out(), from("hello-app-a")]), [Reason::SomeUnanswered]);
    assert_eq!(reasons(vec![from("hello-app-a"), timed_out(), from("hello-app-b")]), [Reason::SomeUnanswered]);
}

#[test]
fn refutes_an_empty_reply() {
    let empty = || reply(HttpOutcome::Empty);
    assert_eq!(reasons(vec![from("hello-app-a"), empty(), from("hello-app-b")]), [Reason::EmptyReply]);
    assert_eq!(reasons(vec![empty(), empty()]), [Reason::EmptyReply]);
    assert_eq!(reasons(vec![empty(), timed_out()]), [Reason::NoAnswer, Reason::EmptyReply]);
}

#[test]
fn refutes_another_status() {
    let failing = response(503, &hello_app::answer("hello-app-b"));
    assert_eq!(reasons(vec![from("hello-app-a"), failing]), [Reason::WrongStatus]);
    assert_eq!(reasons(vec![from("hello-app-a"), from("hello-app-b"), response(204, "")]), [Reason::WrongStatus]);
}

#[test]
fn refutes_anything_but_the_three_lines_of_a_ready_pod() {
    for body in [
        "",
        "Hello, world!\n",
        "Hello, world!\nVersion: 2.0.0\nHostname: hello-app-b\n",
        "Hello, world!\nVersion: 1.0.0\nHostname: hello-app-b",
        "Hello, world!\nVersion: 1.0.0\nHostname: hello-app-b\n\n",
        "Hello, world!\nVersion: 1.0.0\nHostname: hello-app-b\nmore\n",
        "Hello, world!\nVersion: 1.0.0\nHostname: some-other-pod\n",
        "Hello, world!\r\nVersion: 1.0.0\r\nHostname: hello-app-b\r\n",
        "<html>nginx</html>",
    ] {
        let replies = vec![from("hello-app-a"), from("hello-app-b"), response(200, body)];
        assert_eq!(reasons(replies), [Reason::AnotherServerAnswers], "{body:?}");
    }
}

#[test]
fn refutes_a_pod_that_is_not_ready_answering() {
    let mut seen = seen(vec![from("hello-app-a"), from("hello-app-b"), from("hello-app-c")]);
    seen.pods.push(lab_model::observe::PodSeen {
        ready: false,
        ..fixture::pod("hello-app-c", fixture::WORKER, "10.0.1.13")
    });
    assert_eq!(answers(&seen, &expectations()).expect_err("refuted").reasons(), [Reason::AnotherServerAnswers]);
}

#[test]
fn refutes_a_backend_that_never_answers() {
    let findings = refuted(vec![from("hello-app-a"); 64]);
    assert_eq!(findings.iter().map(|finding| finding.reason).collect::<Vec<_>>(), [Reason::BackendNeverAnswers]);
    assert_eq!(findings[0].observed, "kind-control-plane: hello-app-b answered 0 of 64 requests");
}

#[test]
fn every_place_is_held_to_the_same() {
    let mut seen = seen(vec![from("hello-app-a"), from("hello-app-b")]);
    seen.replies[0].0 = Place::Pod("hello-app-a".into());
    seen.replies.push((Place::Pod("hello-app-b".into()), Ok(vec![timed_out()])));
    let Err(NotHeld::Refuted(findings)) = answers(&seen, &expectations()) else { panic!("not refuted") };
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].reason, Reason::NoAnswer);
    assert_eq!(findings[0].place, Place::Pod("hello-app-b".into()));
}

#[test]
fn what_was_not_asked_is_unobserved() {
    let both = || vec![from("hello-app-a"), from("hello-app-b")];
    let judged = |change: fn(&mut AnswersSeen)| {
        let mut seen = seen(both());
        change(&mut seen);
        answers(&seen, &expectations())
    };
    assert_eq!(judged(|seen| seen.cluster_ip = None), unobserved("Service hello-app has no ClusterIP to ask"));
    assert_eq!(judged(|seen| seen.replies.clear()), unobserved("10.96.37.61:8080 was asked from nowhere"));
    assert_eq!(
        judged(|seen| seen.replies[0].1 = Ok(Vec::new())),
        unobserved("10.96.37.61:8080 was not asked from kind-control-plane")
    );
    assert_eq!(
        judged(|seen| seen.replies[0].1 = Err("no such process".to_owned())),
        unobserved("10.96.37.61:8080 could not be asked from kind-control-plane: no such process")
    );
    assert_eq!(
        judged(|seen| seen.replies[0].0 = Place::Pod("hello-app-a".into())),
        unobserved("nothing was asked from hello-app-b")
    );
    assert_eq!(
        judged(|seen| seen.cluster_ip = Some(SocketAddrV4::new(fixture::addr("10.96.0.1"), 443))),
        unobserved("2 of 2 requests from kind-control-plane went to 10.96.37.61:8080, not to 10.96.0.1:443")
    );
}

#[test]
fn pods_of_one_address_cannot_be_told_apart() {
    let mut seen = seen(vec![from("hello-app-a"), from("hello-app-b")]);
    seen.pods[1].address = seen.pods[0].address;
    assert_eq!(
        answers(&seen, &expectations()),
        unobserved("ready pods hello-app-a and hello-app-b cannot be told apart by 10.0.1.12")
    );
}

#[test]
fn replicas_that_are_not_ready_are_unobserved() {
    let mut seen = seen(vec![from("hello-app-a")]);
    seen.pods[1].ready = false;
    assert_eq!(answers(&seen, &expectations()), unobserved("1 of 2 replicas are ready"));
}
