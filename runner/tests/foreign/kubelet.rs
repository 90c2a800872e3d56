//! What kubelets, controllers and the probe do in a cluster where it makes pods: they run, have addresses, and answer as in a
//! sound cluster with native routing.

use ipnet::Ipv4Net;
use lab_model::foreign::PROBE_PORT;
use lab_model::hello_app;
use lab_model::observe::{
    Address, Capture, Connection, Frame, HttpOutcome, HttpReply, IpHeader, Link, Lookup, LookupOutcome, LookupQuery,
    MacAddr, Mtu, Neighbour, NeighbourState, NetnsId, NetnsView, NextHop, Payload, PingOutcome, PingReply, Place,
    RouteKind, TcpHeader,
};
use lab_model::request::{Answer, Answered, Ask, CAPTURE_READY, CaptureFilter, Request};
use lab_stand_in::api::objects::Objects;
use lab_stand_in::api::server::{Printed, Step};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

/// The nodes, each with the number that its address and its pod's end in.
const NODES: [(&str, u8); 3] = [("kind-control-plane", 2), ("kind-worker", 3), ("kind-worker2", 4)];
const CLUSTER_IP: Ipv4Addr = Ipv4Addr::new(10, 96, 7, 9);

fn number_of(node: &str) -> u8 {
    NODES.iter().find(|(name, _)| *name == node).unwrap_or_else(|| panic!("no node {node}")).1
}

fn node_address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(172, 18, 0, number)
}

fn pod_address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, number, 77)
}

fn mac(number: u8) -> MacAddr {
    MacAddr([2, 0x42, 0xac, 18, 0, number])
}

fn client(number: u8) -> String {
    let node = NODES.iter().find(|(_, of)| *of == number).expect("a node").0;
    format!("client-{node}")
}

/// What becomes of an object once it was made.
pub(super) fn made(objects: &mut Objects, plural: &str, name: &str) {
    match plural {
        "pods" => objects.change(plural, name, run),
        "services" => serve(objects, name),
        _ => {}
    }
}

/// A kubelet runs a pod.
fn run(pod: &mut Value) {
    let number = number_of(pod["spec"]["nodeName"].as_str().expect("it is on a node"));
    let address = if pod["spec"]["hostNetwork"] == true { node_address(number) } else { pod_address(number) };
    pod["status"] = json!({"phase": "Running", "podIP": address.to_string(),
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [{"name": "probe", "image": pod["spec"]["containers"][0]["image"], "imageID": "sha256:0",
            "containerID": "containerd://0", "ready": true, "restartCount": 0,
            "state": {"running": {"startedAt": "2026-11-30T12:00:00Z"}}}]});
}

/// A controller gives a Service its address and its endpoints.
fn serve(objects: &mut Objects, name: &str) {
    let mut selector = Value::Null;
    objects.change("services", name, |service| {
        service["spec"]["clusterIP"] = json!(CLUSTER_IP.to_string());
        selector = service["spec"]["selector"].clone();
    });
    let service = objects.named("services", name);
    let namespace = &service["metadata"]["namespace"];
    let is_selected = |pod: &&Value| {
        let labels = &pod["metadata"]["labels"];
        let mut wanted = selector.as_object().expect("labels").iter();
        pod["metadata"]["namespace"] == *namespace && wanted.all(|(key, value)| labels[key] == *value)
    };
    let pods = objects.all("pods").iter().filter(is_selected);
    let endpoints: Vec<Value> = pods
        .map(|pod| json!({"addresses": [pod["status"]["podIP"]], "conditions": {"ready": true}, "targetRef": {"kind": "Pod"}}))
        .collect();
    let slice = json!({"metadata": {"name": format!("{name}-x"), "namespace": namespace,
        "labels": {"kubernetes.io/service-name": name}}, "addressType": "IPv4", "endpoints": endpoints,
        "ports": [{"name": "", "port": PROBE_PORT, "protocol": "TCP"}]});
    objects.put("endpointslices", slice);
}

/// An agent has the probe's pods on its node among its endpoints; no policy is enforced on them.
pub(super) fn list_endpoints(made: &[Value], node: &str, printed: &mut Printed) {
    let mut all: Vec<Value> = serde_json::from_str(&printed.stdout).expect("endpoints");
    let is_there = |pod: &&Value| pod["spec"]["nodeName"] == node && pod["spec"]["hostNetwork"] != true;
    let endpoint = |pod: &Value| {
        let text = |key: &str| pod["metadata"][key].as_str().expect("a text").to_owned();
        json!({"id": 4000, "status": {"state": "ready",
            "external-identifiers": {"pod-name": format!("{}/{}", text("namespace"), text("name"))},
            "identity": {"id": 5000, "labels": []},
            "policy": {"realized": {"policy-enabled": "none", "policy-revision": 1}}}})
    };
    all.extend(made.iter().filter(is_there).map(endpoint));
    printed.stdout = serde_json::to_string(&all).expect("JSON");
}

/// What a command does in one of the probe's pods that reads its standard input.
pub(super) fn command(argv: &[String], input: &[u8]) -> Step {
    let command = argv.join(" ");
    if let Some(rest) = command.split("head -c ").nth(1) {
        let length: usize = rest.split(' ').next().and_then(|length| length.parse().ok()).expect("a length");
        return if input.len() < length { Step::More } else { Step::End(Printed::well(put(&command, input))) };
    }
    let mut lines = input.split_inclusive(|octet| *octet == b'\n').filter(|line| line.ends_with(b"\n"));
    let Some(first) = lines.next() else { return Step::More };
    let asks: Vec<Ask> = serde_json::from_slice(first).expect("questions");
    let capturing = asks.iter().any(|ask| matches!(ask.request, Request::Capture { .. }));
    if capturing && lines.next().is_none() {
        return Step::Say(CAPTURE_READY.to_owned());
    }
    let answers: Vec<Answered> = asks
        .into_iter()
        .map(|Ask { place, netns, request }| {
            let answer = netns.map_or_else(|| answer(&place, request), |file| Answer::View(super::inside::view(&file)));
            Answered { answer: Ok(answer), place }
        })
        .collect();
    Step::End(Printed::well(serde_json::to_string(&answers).expect("JSON")))
}

/// The hash that is printed once all is there, as `sha256sum` has it.
fn put(command: &str, input: &[u8]) -> String {
    let hash = lab_base::sha256(input);
    assert!(command.contains(&hash), "the command knows what should come");
    format!("{hash}\n")
}

fn number_at(place: &Place) -> u8 {
    match place {
        Place::Node(node) => number_of(&node.0),
        Place::Pod(pod) => number_of(pod.0.strip_prefix("client-").expect("a client")),
        Place::Bridge | Place::Router(_) => panic!("no place of a cluster"),
    }
}

fn answer(place: &Place, request: Request) -> Answer {
    let number = number_at(place);
    match request {
        Request::View => Answer::View(view(place, number)),
        Request::Namespaces => Answer::Namespaces { files: super::inside::files(number), closed: 0 },
        Request::Lookups(queries) => Answer::Lookups(queries.into_iter().map(lookup).collect()),
        Request::Ping { destination, lengths, .. } => {
            let reply = |length| PingReply {
                destination,
                length,
                outcome: PingOutcome::Answered,
                elapsed: Duration::from_millis(1),
            };
            Answer::Pinged(lengths.into_iter().map(reply).collect())
        }
        Request::Http(ask) if *ask.to.ip() == CLUSTER_IP => {
            // Of pods that are missing it is the last.
            Answer::Http(NODES.iter().take(ask.until_bodies).map(|(_, other)| reply(ask.to, number, *other)).collect())
        }
        Request::Http(ask) => Answer::Http(vec![reply(ask.to, number, ask.to.ip().octets()[2])]),
        Request::Capture { device, filter: CaptureFilter::Headers(addresses), .. } => Answer::Captured(Capture {
            place: place.clone(),
            device,
            frames: frames(place, number, &addresses),
            lost: 0,
            pcap: None,
        }),
        other => panic!("nobody should ask for {}", other.name()),
    }
}

fn reply(to: SocketAddrV4, from: u8, by: u8) -> HttpReply {
    let local = SocketAddrV4::new(pod_address(from), 40_000 + u16::from(from));
    HttpReply {
        url: format!("http://{to}/"),
        connection: Some(Connection { local, remote: to, peer: Some(to) }),
        outcome: HttpOutcome::Response { status: 200, body: hello_app::answer(&client(by)) },
        elapsed: Duration::from_millis(2),
    }
}

pub(super) fn view(place: &Place, number: u8) -> NetnsView {
    let on_node = matches!(place, Place::Node(_));
    let (address, prefix) = if on_node { (node_address(number), 16) } else { (pod_address(number), 32) };
    let link = Link {
        index: 2,
        name: "eth0".to_owned(),
        kind: Some("veth".to_owned()),
        up: true,
        carrier: true,
        mtu: Mtu(1500),
        mac: Some(mac(number)),
        master: None,
        peer_index: None,
        peer_netns: None,
        vxlan: None,
    };
    let neighbour = |(_, other): &(&str, u8)| Neighbour {
        address: node_address(*other),
        device: "eth0".to_owned(),
        mac: Some(mac(*other)),
        state: NeighbourState::Reachable,
    };
    NetnsView {
        netns: NetnsId(u64::from(number)),
        links: vec![link],
        addresses: vec![Address {
            device: "eth0".to_owned(),
            address: Ipv4Net::new(address, prefix).expect("a network"),
        }],
        routes: Vec::new(),
        rules: Vec::new(),
        neighbours: NODES.iter().filter(|(_, other)| *other != number).map(neighbour).collect(),
        listeners: Vec::new(),
    }
}

fn lookup(query: LookupQuery) -> Lookup {
    let hop = NextHop { gateway: None, device: Some("eth0".to_owned()), encapsulates: false };
    Lookup { query, outcome: LookupOutcome::Route { kind: RouteKind::Unicast, hop, table: 254 } }
}

/// Connections of each of these pods to each other one, as far as they pass here.
fn frames(place: &Place, number: u8, addresses: &[Ipv4Addr]) -> Vec<Frame> {
    let numbers: Vec<u8> = addresses.iter().map(|address| address.octets()[2]).collect();
    let pairs = numbers.iter().flat_map(|client| numbers.iter().map(move |server| (*client, *server)));
    let here = pairs.filter(|(client, server)| client != server && [client, server].contains(&&number));
    here.flat_map(|(client, server)| connection(place, client, server)).collect()
}

fn connection(place: &Place, client: u8, server: u8) -> Vec<Frame> {
    let ttl = if matches!(place, Place::Node(_)) { 63 } else { 62 };
    let port = 40_000 + u16::from(client);
    let frame = |from: u8, to: u8, (source, destination): (u16, u16), syn: bool, ack: bool| Frame {
        at: Duration::ZERO,
        source: mac(from),
        destination: mac(to),
        ethertype: 0x0800,
        ip: Some(IpHeader {
            source: pod_address(from),
            destination: pod_address(to),
            length: 60,
            dont_fragment: true,
            fragment: false,
            ttl,
            payload: Payload::Tcp(TcpHeader { source, destination, syn, ack, rst: false }),
        }),
    };
    vec![
        frame(client, server, (port, PROBE_PORT), true, false),
        frame(server, client, (PROBE_PORT, port), true, true),
        frame(client, server, (port, PROBE_PORT), false, true),
    ]
}
