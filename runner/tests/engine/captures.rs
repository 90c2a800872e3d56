//! Captures in several nodes at once.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use lab_base::clock;
use lab_base::clock::Poll;
use lab_engine::{Engine, NodeProbe};
use lab_model::observe::{Capture, Place};
use lab_model::request::{Answer, Answered, CaptureFilter, Request};
use lab_probe::pcap;
use lab_stand_in::{Cluster, Plan, with_engine};

use super::members::{LONG, Pods, answer, probe, with_pods};

/// For processes in containers to be gone.
const SOON: Duration = Duration::from_secs(10);

fn on(device: &str, pcap: Option<PathBuf>) -> Request {
    Request::Capture { device: device.to_owned(), filter: CaptureFilter::Ipv4AndArp, deadline: LONG, pcap }
}

fn captured(answered: &Answered) -> &Capture {
    match &answered.answer {
        Ok(Answer::Captured(capture)) => capture,
        other => panic!("{}: {other:?}", answered.place),
    }
}

async fn ping(engine: &Engine, probe: &NodeProbe, cluster: &Cluster, from: usize, to: usize) {
    let nodes = engine.nodes(cluster.name()).await.unwrap();
    let peer = nodes.iter().find(|node| node.name == cluster.nodes()[to]).unwrap();
    let destination = peer.address_on(cluster.network()).unwrap();
    let request = Request::Ping { destination, lengths: vec![100], deadline: LONG };
    answer(probe, Place::Node(cluster.nodes()[from].clone()), request, &Pods::default()).await.unwrap();
}

/// Frames of an echo of 100 octets, there and back.
fn echoes(capture: &Capture) -> usize {
    capture.frames.iter().filter(|frame| frame.ip.as_ref().is_some_and(|ip| ip.length == 100)).count()
}

#[test]
fn captures_run_on_all_nodes_and_their_files_are_fetched() {
    with_engine("captures_run_on_all_nodes_and_their_files_are_fetched", async |engine| {
        let cluster = Cluster::make(&engine, with_pods()).await;
        let probe = probe(&engine, &cluster).await;
        let mut pods = Pods::default();
        let pod = pods.add(&engine, &probe, &cluster.nodes()[1], "hello").await;
        let scratch = tempfile::tempdir().unwrap();
        let file = |name: &str| scratch.path().join(name);
        let node = |index: usize| Place::Node(cluster.nodes()[index].clone());
        let wanted = vec![
            (node(2), on("eth0", Some(file("worker2.pcap")))),
            (pod.clone(), on("lo", Some(file("pod.pcap")))),
            (node(0), on("eth0", Some(file("control-plane.pcap")))),
            (node(1), on("eth0", None)),
        ];
        let places: Vec<Place> = wanted.iter().map(|(place, _)| place.clone()).collect();
        let captures = probe.capture(wanted, &|pod| pods.find(pod)).await.unwrap();
        ping(&engine, &probe, &cluster, 1, 2).await;
        let own = Request::Ping { destination: Ipv4Addr::LOCALHOST, lengths: vec![100], deadline: LONG };
        answer(&probe, pod, own, &pods).await.unwrap();
        let answers = captures.stop().await;
        assert_eq!(answers.iter().map(|answered| answered.place.clone()).collect::<Vec<_>>(), places);
        let all: Vec<&Capture> = answers.iter().map(captured).collect();
        // What a loopback sends comes in there too.
        assert_eq!([echoes(all[0]), echoes(all[1]), echoes(all[2]), echoes(all[3])], [2, 4, 0, 2]);
        assert_eq!((all[1].device.as_str(), &all[3].pcap), ("lo", &None));
        for (capture, name) in [(all[0], "worker2.pcap"), (all[1], "pod.pcap"), (all[2], "control-plane.pcap")] {
            assert_eq!(capture.pcap, Some(file(name)));
            assert_eq!(pcap::read(&file(name)).unwrap().len(), capture.frames.len());
        }
        // Nothing of it stays in a node.
        for container in cluster.nodes() {
            let script = format!("cd {}/captures && echo *", probe.program().folder());
            let left = engine.exec(&container.0, ["sh", "-c", &script], Vec::new(), LONG).await.unwrap();
            assert_eq!(left.stdout_text(), "*\n");
        }
    });
}

#[test]
fn captures_that_cannot_all_run_do_not_run_at_all() {
    with_engine("captures_that_cannot_all_run_do_not_run_at_all", async |engine| {
        let cluster = Cluster::make(&engine, Plan::default()).await;
        let probe = probe(&engine, &cluster).await;
        let none = |pod: &_| Pods::default().find(pod);
        let node = |index: usize| Place::Node(cluster.nodes()[index].clone());
        let error = probe.capture(vec![(node(0), on("eth0", None)), (node(1), on("eth9", None))], &none).await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains("lab-probe: capturing"), "{error}");
        none_is_left(&engine, &cluster, 0).await;
        let error = probe.capture(vec![(Place::Pod("gone".into()), on("eth0", None))], &none).await.unwrap_err();
        assert_eq!(error.to_string(), "the probe cannot be run: there is no pod gone");
        cluster.stop(&cluster.nodes()[2]).await;
        let error = probe.capture(vec![(node(2), on("eth0", None))], &none).await.unwrap_err().to_string();
        assert!(error.contains("is not running"), "{error}");
    });
}

#[test]
fn a_node_that_is_stopped_meanwhile_has_no_capture_and_the_others_have_theirs() {
    with_engine("a_node_that_is_stopped_meanwhile_has_no_capture_and_the_others_have_theirs", async |engine| {
        let cluster = Cluster::make(&engine, Plan::default()).await;
        let probe = probe(&engine, &cluster).await;
        let scratch = tempfile::tempdir().unwrap();
        let wanted = |index: usize| {
            let pcap = scratch.path().join(format!("{index}.pcap"));
            (Place::Node(cluster.nodes()[index].clone()), on("eth0", Some(pcap)))
        };
        let captures = probe.capture(vec![wanted(0), wanted(1)], &|pod| Pods::default().find(pod)).await.unwrap();
        ping(&engine, &probe, &cluster, 0, 2).await;
        cluster.stop(&cluster.nodes()[1]).await;
        let answers = captures.stop().await;
        assert_eq!(echoes(captured(&answers[0])), 2);
        let why = answers[1].answer.as_ref().unwrap_err();
        assert!(why.contains("it ended with"), "{why}");
        assert!(scratch.path().join("0.pcap").is_file() && !scratch.path().join("1.pcap").exists());
    });
}

#[test]
fn captures_end_in_the_nodes_with_whoever_took_them() {
    with_engine("captures_end_in_the_nodes_with_whoever_took_them", async |engine| {
        let cluster = Cluster::make(&engine, Plan::default()).await;
        let probe = probe(&engine, &cluster).await;
        let node = Place::Node(cluster.nodes()[0].clone());
        let captures = probe.capture(vec![(node, on("eth0", None))], &|pod| Pods::default().find(pod)).await.unwrap();
        assert_eq!(probes(&engine, &cluster, 0).await, 1);
        // As when this program is killed: the docker programs go with it.
        drop(captures);
        none_is_left(&engine, &cluster, 0).await;
    });
}

async fn none_is_left(engine: &Engine, cluster: &Cluster, node: usize) {
    let gone = async || match probes(engine, cluster, node).await {
        0 => Poll::Ready(()),
        count => Poll::NotYet(format!("{count} run")),
    };
    clock::until(SOON, Duration::from_millis(50), "the end of all probes in the node", gone).await.unwrap();
}

/// How many probes run in a node, by what the host shows of its processes.
async fn probes(engine: &Engine, cluster: &Cluster, node: usize) -> usize {
    let top = engine.client().top_processes(&cluster.nodes()[node].0, None).await.unwrap();
    let is_probe = |process: &Vec<String>| process.iter().any(|field| field.contains("/usr/local/lib/lab-"));
    top.processes.unwrap_or_default().iter().filter(|process| is_probe(process)).count()
}
