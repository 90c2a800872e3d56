//! The probe in nodes and in pods.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use lab_engine::{Engine, NodeProbe};
use lab_model::observe::{HttpOutcome, PingOutcome, Place, Resolved};
use lab_model::request::{Answer, HttpAsk, Request};
use lab_stand_in::{Cluster, NodePlan, Plan, with_engine};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::members::{LONG, Pods, answer, probe, view, with_pods};

const SHORT: Duration = Duration::from_secs(3);

async fn addresses(engine: &Engine, cluster: &Cluster) -> Vec<Ipv4Addr> {
    let nodes = engine.nodes(cluster.name()).await.unwrap();
    let address =
        |name| nodes.iter().find(|node| &node.name == name).and_then(|node| node.address_on(cluster.network()));
    cluster.nodes().iter().map(|name| address(name).unwrap()).collect()
}

#[test]
fn nodes_and_pods_are_looked_into_at_once_and_answered_in_order() {
    with_engine("nodes_and_pods_are_looked_into_at_once_and_answered_in_order", async |engine| {
        let cluster = Cluster::make(&engine, with_pods()).await;
        let probe = probe(&engine, &cluster).await;
        let mut pods = Pods::default();
        let pod = pods.add(&engine, &probe, &cluster.nodes()[1], "hello").await;
        let addresses = addresses(&engine, &cluster).await;
        let node = |index: usize| Place::Node(cluster.nodes()[index].clone());
        let resolve = Request::Resolve { device: "eth0".to_owned(), addresses: vec![addresses[0]], deadline: SHORT };
        let ping = Request::Ping { destination: addresses[0], lengths: vec![84, 1500, 1501], deadline: SHORT };
        let asks = vec![
            (node(2), Request::View),
            (pod.clone(), Request::View),
            (Place::Pod("gone".into()), Request::View),
            (node(0), Request::View),
            (node(1), Request::View),
            (node(2), resolve),
            (node(1), ping),
            (Place::Bridge, Request::View),
        ];
        let places: Vec<Place> = asks.iter().map(|(place, _)| place.clone()).collect();
        let answers = probe.ask(asks, &|pod| pods.find(pod)).await;
        assert_eq!(answers.iter().map(|answered| answered.place.clone()).collect::<Vec<_>>(), places);
        let seen = |index: usize| match &answers[index].answer {
            Ok(Answer::View(view)) => view,
            other => panic!("{index}: {other:?}"),
        };
        for (index, node) in [(0, 2), (3, 0), (4, 1)] {
            assert_eq!(seen(index).address_of("eth0").unwrap().addr(), addresses[node]);
        }
        // A pod of its node has a namespace of its own, with nothing but a loopback here.
        assert!(seen(1).link("eth0").is_none() && seen(1).netns != seen(4).netns);
        let namespaces = [0, 1, 3, 4].map(|index| seen(index).netns);
        assert!((0..4).all(|one| (0..one).all(|other| namespaces[one] != namespaces[other])), "{namespaces:?}");
        let control_plane = seen(3).link("eth0").unwrap().mac.unwrap();
        let Ok(Answer::Resolved(resolved)) = &answers[5].answer else { panic!("{:?}", answers[5]) };
        assert_eq!(resolved[0].outcome, Resolved::Answered(control_plane));
        let Ok(Answer::Pinged(pinged)) = &answers[6].answer else { panic!("{:?}", answers[6]) };
        let outcomes: Vec<&PingOutcome> = pinged.iter().map(|reply| &reply.outcome).collect();
        assert_eq!(outcomes, [&PingOutcome::Answered, &PingOutcome::Answered, &PingOutcome::TooBig(Some(1500))]);
        assert_eq!(answers[2].answer, Err("there is no pod gone".to_owned()));
        assert!(answers[7].answer.as_ref().is_err_and(|why| why.contains("the Docker host's own namespace")));
    });
}

#[test]
fn requests_leave_from_the_node() {
    with_engine("requests_leave_from_the_node", async |engine| {
        let cluster = Cluster::make(&engine, Plan::default()).await;
        let probe = probe(&engine, &cluster).await;
        let network = engine.network(cluster.network()).await.unwrap().unwrap();
        let gateway = network.subnets[0].gateway.unwrap();
        let listener = TcpListener::bind((gateway, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serve = tokio::spawn(async move {
            let (mut connection, from) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let length = connection.read(&mut request).await.unwrap();
            let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{from}", from.to_string().len());
            connection.write_all(reply.as_bytes()).await.unwrap();
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        let std::net::IpAddr::V4(gateway) = gateway else { panic!("{gateway}") };
        let request = Request::Http(HttpAsk {
            to: SocketAddrV4::new(gateway, port),
            path: "/".to_owned(),
            ttl: None,
            until_bodies: 1,
            attempts: 1,
            attempt_deadline: LONG,
            deadline: LONG,
        });
        let worker = Place::Node(cluster.nodes()[1].clone());
        let answered = answer(&probe, worker, request, &Pods::default()).await.unwrap();
        let Answer::Http(replies) = answered else { panic!("{answered:?}") };
        let connection = replies[0].connection.clone().unwrap();
        assert_eq!(*connection.local.ip(), addresses(&engine, &cluster).await[1]);
        let expected = HttpOutcome::Response { status: 200, body: connection.local.to_string() };
        assert_eq!(replies[0].outcome, expected);
        assert!(serve.await.unwrap().starts_with("GET / HTTP/1.1\r\n"));
    });
}

#[test]
fn the_probe_is_copied_once_and_whole() {
    with_engine("the_probe_is_copied_once_and_whole", async |engine| {
        let mut cluster =
            Cluster::make(&engine, Plan { nodes: Some(vec![NodePlan::new("worker", "worker")]), ..Plan::default() })
                .await;
        let worker = cluster.nodes()[0].clone();
        let place = || Place::Node(worker.clone());
        let probe = probe(&engine, &cluster).await;
        let folder = probe.program().folder().to_owned();
        assert!(folder.starts_with("/usr/local/lib/lab-"), "{folder}");
        assert!(!engine.exists(&worker.0, &folder).await.unwrap());
        probe.install(std::slice::from_ref(&worker)).await.unwrap();
        let run = async |script: String| {
            engine.exec(&worker.0, ["sh", "-c", &script], Vec::new(), LONG).await.unwrap().stdout_text()
        };
        // The same program again finds it there, and leaves it as it is.
        run(format!("echo mine > {folder}/note")).await;
        let again = super::members::probe(&engine, &cluster).await;
        assert_eq!(again.program().folder(), folder);
        view(&again, place(), &Pods::default()).await;
        assert_eq!(run(format!("cat {folder}/note")).await, "mine\n");

        // One whose copying broke off is copied anew.
        run(format!("rm {folder}/complete; echo broken > {folder}/lab")).await;
        let third = super::members::probe(&engine, &cluster).await;
        view(&third, place(), &Pods::default()).await;

        // A node that was made anew under its name has it not, whatever was known of the old one.
        cluster.remove(&worker).await;
        cluster.add(&NodePlan::new("worker", "worker")).await;
        view(&third, place(), &Pods::default()).await;
    });
}

#[test]
fn a_node_that_cannot_be_asked_has_the_reason_and_the_others_their_answers() {
    with_engine("a_node_that_cannot_be_asked_has_the_reason_and_the_others_their_answers", async |engine| {
        let mut cluster = Cluster::make(&engine, Plan::default()).await;
        let foreign = cluster.add(&NodePlan { suffix: "foreign".to_owned(), role: None, image: None }).await;
        let probe = probe(&engine, &cluster).await;
        let [control_plane, worker, worker2, _] = cluster.nodes() else { panic!("four containers were made") };
        let (control_plane, worker, worker2) = (control_plane.clone(), worker.clone(), worker2.clone());
        let ask = async |probe: &NodeProbe| {
            let missing = "lab-no-such-node".into();
            let nodes = [&control_plane, &worker, &worker2, &foreign, &missing];
            let asks = nodes.map(|node| (Place::Node(node.clone()), Request::View)).to_vec();
            let answers = probe.ask(asks, &|pod| Pods::default().find(pod)).await;
            answers.into_iter().map(|answered| answered.answer).collect::<Vec<_>>()
        };
        let before = ask(&probe).await;
        assert!(before[..3].iter().all(Result::is_ok), "{before:?}");
        let expected = format!(
            "{foreign} cannot be asked: the container of this name is not a node of the kind cluster {}",
            cluster.name()
        );
        assert_eq!(before[3], Err(expected));
        let expected = "lab-no-such-node cannot be asked: there is no container of this name";
        assert_eq!(before[4], Err(expected.to_owned()));
        assert!(
            !engine.exists(&foreign.0, probe.program().folder()).await.unwrap(),
            "a foreign container was written to"
        );

        cluster.stop(&worker).await;
        engine.client().pause_container(&worker2.0).await.unwrap();
        let after = ask(&probe).await;
        assert!(after[0].is_ok(), "{:?}", after[0]);
        let why = after[1].as_ref().unwrap_err();
        assert!(why.starts_with(&format!("{worker} cannot be asked: ")) && why.contains("is not running"), "{why}");
        let why = after[2].as_ref().unwrap_err();
        assert!(why.starts_with(&format!("{worker2} cannot be asked: ")) && why.contains("is paused"), "{why}");
        cluster.start(&worker).await;
        view(&probe, Place::Node(worker), &Pods::default()).await;
    });
}
