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
    let (local, remote) = (socket("172.18.0.2:40000"), socket(CLUSTER_IP));
    HttpReply {
        url: format!("http://{CLUSTER_IP}/"),
        connection: connected.then_some(Connection { local, remote, peer: Some(remote) }),
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
        roles: fixture::roles(),
        replies: vec![(control_plane(), Ok(replies))],
    }
}

/// By the judge of the place that is asked from.
fn judged(seen: &AnswersSeen) -> Judgement {
    let from_pods = seen.replies.iter().any(|(place, _replies)| matches!(place, Place::Pod(_)));
    let judge = if from_pods { answers_from_each_pod } else { answers_from_the_control_plane };
    judge(seen, &expectations())
}

fn refuted(replies: Vec<HttpReply>) -> Vec<Finding> {
    match judged(&seen(replies)) {
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
    let proof = judged(&seen(replies)).expect("held");
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
    assert_eq!(judged(&seen).expect_err("refuted").reasons(), [Reason::AnotherServerAnswers]);
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
    let Err(NotHeld::Refuted(findings)) = judged(&seen) else { panic!("not refuted") };
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].reason, Reason::NoAnswer);
    assert_eq!(findings[0].place, Place::Pod("hello-app-b".into()));
}

fn both() -> Vec<HttpReply> {
    vec![from("hello-app-a"), from("hello-app-b")]
}

#[test]
fn what_was_not_asked_is_unobserved() {
    let with = |change: fn(&mut AnswersSeen)| {
        let mut seen = seen(both());
        change(&mut seen);
        judged(&seen)
    };
    assert_eq!(with(|seen| seen.cluster_ip = None), unobserved("Service hello-app has no ClusterIP to ask"));
    assert_eq!(with(|seen| seen.replies.clear()), unobserved("0 of 1 control planes were asked from"));
    assert_eq!(
        with(|seen| seen.replies[0].1 = Ok(Vec::new())),
        unobserved("10.96.37.61:8080 was not asked from kind-control-plane")
    );
    assert_eq!(
        with(|seen| seen.replies[0].1 = Err("no such process".to_owned())),
        unobserved("10.96.37.61:8080 could not be asked from kind-control-plane: no such process")
    );
    assert_eq!(
        with(|seen| seen.replies[0].0 = Place::Pod("hello-app-a".into())),
        unobserved("nothing was asked from hello-app-b")
    );
    assert_eq!(
        with(|seen| seen.cluster_ip = Some(SocketAddrV4::new(fixture::addr("10.96.0.1"), 443))),
        unobserved("2 of 2 requests from kind-control-plane went to 10.96.37.61:8080, not to 10.96.0.1:443")
    );
}

/// Each claim is about its own places.
#[test]
fn replies_from_elsewhere_hold_nothing() {
    let from_pods = |pods: &[&str]| {
        let mut seen = seen(both());
        seen.replies = pods.iter().map(|pod| (Place::Pod((*pod).into()), Ok(both()))).collect();
        seen
    };
    let expect = expectations();
    let on_control_plane = seen(both());
    answers_from_the_control_plane(&on_control_plane, &expect).expect("held");
    answers_from_each_pod(&from_pods(&["hello-app-a", "hello-app-b"]), &expect).expect("held");
    let no_control_plane = unobserved("0 of 1 control planes were asked from");
    assert_eq!(answers_from_the_control_plane(&from_pods(&["hello-app-a", "hello-app-b"]), &expect), no_control_plane);
    let mut on_worker = on_control_plane.clone();
    on_worker.replies[0].0 = Place::Node(fixture::WORKER.into());
    assert_eq!(answers_from_the_control_plane(&on_worker, &expect), no_control_plane);
    // An older program did not say who is what: kind names its control planes.
    on_worker.roles.clear();
    assert_eq!(answers_from_the_control_plane(&on_worker, &expect), no_control_plane);
    let mut old = on_control_plane.clone();
    old.roles.clear();
    answers_from_the_control_plane(&old, &expect).expect("held");
    let two = lab_model::expect::Expectations { control_planes: 2, ..expectations() };
    assert_eq!(
        answers_from_the_control_plane(&on_control_plane, &two),
        unobserved("1 of 2 control planes were asked from")
    );
    let of_node = answers_from_each_pod(&on_control_plane, &expect);
    assert_eq!(of_node, unobserved("nothing was asked from hello-app-a; nothing was asked from hello-app-b"));
    let of_one = answers_from_each_pod(&from_pods(&["hello-app-b"]), &expect);
    assert_eq!(of_one, unobserved("nothing was asked from hello-app-a"));
    let nobody = AnswersSeen { pods: Vec::new(), ..from_pods(&[]) };
    assert_eq!(answers_from_each_pod(&nobody, &expect), unobserved("0 of 2 replicas are ready"));
}

/// What the client's socket says of its other end, where a program at the socket translates.
#[test]
fn the_end_of_a_connection_must_be_the_pods_that_answers() {
    let led = |pod: &str, peer: Option<&str>| {
        let mut reply = from(pod);
        reply.connection.as_mut().expect("a connection").peer = peer.map(socket);
        reply
    };
    let with = |reply: HttpReply| judged(&seen(vec![from("hello-app-a"), from("hello-app-b"), reply]));
    with(led("hello-app-a", Some("10.0.1.12:8080"))).expect("held");
    with(led("hello-app-a", None)).expect("held");
    for (pod, peer, observed) in [
        ("hello-app-a", "10.0.2.7:8080", "hello-app-a answers at 10.0.2.7:8080, which is hello-app-b's"),
        ("hello-app-a", "10.0.1.99:8080", "hello-app-a answers at 10.0.1.99:8080, which is no ready pod's"),
        ("hello-app-b", "10.0.2.7:80", "hello-app-b answers at 10.0.2.7:80, which is no ready pod's"),
    ] {
        let Err(NotHeld::Refuted(findings)) = with(led(pod, Some(peer))) else { panic!("{peer} is not refuted") };
        assert_eq!(findings[0].reason, Reason::AnotherServerAnswers);
        assert_eq!(findings[0].observed, format!("kind-control-plane: 1 of 3 answers: {observed}"));
    }
}

#[test]
fn pods_of_one_address_cannot_be_told_apart() {
    let mut seen = seen(vec![from("hello-app-a"), from("hello-app-b")]);
    seen.pods[1].address = seen.pods[0].address;
    assert_eq!(judged(&seen), unobserved("ready pods hello-app-a and hello-app-b cannot be told apart by 10.0.1.12"));
}

/// What the URL says and the connection does not is not the one that was asked.
#[test]
fn a_request_must_be_one_to_the_service() {
    let mut seen = seen(vec![from("hello-app-a"), from("hello-app-b")]);
    let Ok(replies) = &mut seen.replies[0].1 else { panic!("replies") };
    replies[0].connection.as_mut().expect("a connection").remote = socket("10.0.1.12:8080");
    replies[1].connection = None;
    let elsewhere = "1 of 2 requests from kind-control-plane went to 10.0.1.12:8080, not to 10.96.37.61:8080";
    assert_eq!(judged(&seen), unobserved(elsewhere));
}

#[test]
fn replicas_that_are_not_ready_are_unobserved() {
    let mut seen = seen(vec![from("hello-app-a")]);
    seen.pods[1].ready = false;
    assert_eq!(judged(&seen), unobserved("1 of 2 replicas are ready"));
}

#[test]
fn a_strange_body_is_quoted_up_to_a_limit() {
    assert_eq!(quoted("a\nb"), "\"a\\nb\"");
    let long = "é".repeat(BODY_QUOTED);
    assert_eq!(quoted(&long), format!("\"{long}\""));
    assert_eq!(quoted(&format!("{long}x")), format!("\"{long}…\""));
}
