//! A Service that is changed is changed for each connection that begins then, also for one from the port of an older one.

use lab_backend::state::StateDir;
use lab_model::observe::{HttpOutcome, HttpReply};
use lab_model::request::{Answer, HttpAsk, Request};
use lab_model::stage::Stage;
use lab_netns::tamper::Act;
use lab_sabotage::acts::{backends, pod_address, sysctl};
use lab_sabotage::members::{CONTROL_PLANE, POD1, POD2, node, pod};
use lab_sabotage::{Bench, Size};
use std::path::Path;
use std::time::Duration;

/// More requests than there are ports for them, so that each port is used again.
const REQUESTS: usize = 64;

#[test]
fn unanswered_connections_do_not_lead_later_ones_to_an_older_backend() {
    let state = tempfile::tempdir().unwrap();
    lab_base::runtime().unwrap().block_on(async {
        let claimed = StateDir::claim_in(state.path(), "test").unwrap();
        let program = Path::new(env!("CARGO_BIN_EXE_lab"));
        let bench = Bench::start(program, claimed, Size::ARTICLE, |_spec| {}).await.unwrap();
        for stage in Stage::ALL.into_iter().filter(|stage| *stage != Stage::TrafficObserved) {
            bench.step(stage).await.unwrap();
        }
        let few_ports = vec![(node(CONTROL_PLANE), sysctl("net/ipv4/ip_local_port_range", "40000 40031"))];
        let _few = bench.netns().tamper(few_ports).await.unwrap();

        let port = bench.plan().spec.target_port;
        let silent = bench.netns().tamper(vec![(pod(POD2), Act::DropPort { port })]).await.unwrap();
        let unanswered = replies(&bench).await.iter().filter(|reply| body(reply).is_none()).count();
        assert!(unanswered > 0, "each of {REQUESTS} was answered, so nothing was left behind");
        silent.undo().await.unwrap();

        let plan = bench.plan();
        let first_alone = vec![(node(CONTROL_PLANE), backends(plan, &[pod_address(plan, POD1)]))];
        let _alone = bench.netns().tamper(first_alone).await.unwrap();
        let after = replies(&bench).await;
        assert_eq!(after.len(), REQUESTS);
        for reply in &after {
            assert!(body(reply).is_some_and(|body| body.contains(POD1)), "of {unanswered} unanswered: {reply:?}");
        }
        bench.end().await.unwrap();
    });
}

/// What the control plane gets from the Service.
async fn replies(bench: &Bench) -> Vec<HttpReply> {
    let ask = HttpAsk {
        to: bench.plan().cluster_ip(),
        path: "/".to_owned(),
        ttl: None,
        until_bodies: REQUESTS,
        attempts: REQUESTS,
        attempt_deadline: Duration::from_millis(500),
        deadline: Duration::from_secs(30),
    };
    let answered = bench.netns().ask(vec![(node(CONTROL_PLANE), Request::Http(ask))]).await.unwrap().remove(0);
    match answered.answer {
        Ok(Answer::Http(replies)) => replies,
        other => panic!("{other:?}"),
    }
}

fn body(reply: &HttpReply) -> Option<&str> {
    match &reply.outcome {
        HttpOutcome::Response { status: 200, body } => Some(body),
        _ => None,
    }
}
