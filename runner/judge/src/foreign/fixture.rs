//! A foreign cluster for tests, unlike the article's lab: other names, other networks, other links.

use ipnet::Ipv4Net;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use super::read;
use crate::fixture;
use lab_model::expect::Expectations;
use lab_model::foreign::{
    Configuration, ForeignAdjacencySeen, ForeignAnswersSeen, ForeignExpectations, ForeignWireSeen, PROBE_PORT, Sample,
};
use lab_model::hello_app;
use lab_model::observe::{
    Address, Capture, Connection, Frame, HttpOutcome, HttpReply, IpHeader, Link, Lookup, LookupOutcome, LookupQuery,
    MacAddr, Mtu, Neighbour, NeighbourState, NetnsId, NetnsView, NextHop, NodeName, Payload, PingOutcome, PingReply,
    Place, PodExchange, PodName, PodSeen, Role, RouteKind, TcpHeader, Traffic,
};
use lab_model::seen::{AnswersSeen, WireSeen};

/// A `ConfigMap` with these settings.
pub(crate) fn config(settings: &[(&str, &str)]) -> BTreeMap<String, String> {
    settings.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// What a chart 1.12.4 writes for native routing with direct routes, without kube-proxy.
pub(crate) const NATIVE: [(&str, &str); 7] = [
    ("tunnel", "disabled"),
    ("auto-direct-node-routes", "true"),
    ("ipv4-native-routing-cidr", "10.0.0.0/8"),
    ("kube-proxy-replacement", "strict"),
    ("enable-bpf-masquerade", "true"),
    ("enable-ipv4", "true"),
    ("enable-ipv6", "false"),
];

/// A configuration of Cilium 1.12.4 with native routing, and these settings in the place of its own.
pub(crate) fn configured(settings: &[(&str, &str)]) -> Configuration {
    let mut all = config(&NATIVE);
    all.extend(config(settings));
    read(&all, &["quay.io/cilium/cilium:v1.12.4".to_owned()])
}

/// What is expected of that cluster.
pub(crate) fn expecting(settings: &[(&str, &str)]) -> Expectations {
    let foreign = ForeignExpectations {
        context: "theirs".to_owned(),
        namespace: "kube-system".to_owned(),
        configuration: configured(settings),
        probed: true,
        inside: false,
    };
    Expectations { control_planes: 1, workers: 3, foreign: Some(foreign), ..fixture::expectations() }
}

/// The same of a cluster of the two nodes that send in what is made here.
pub(crate) fn expecting_two(settings: &[(&str, &str)]) -> Expectations {
    Expectations { control_planes: 0, workers: NODES.len(), ..expecting(settings) }
}

/// Two workers in one subnet, with a link of another name than labs have.
const NODES: [(&str, u8); 2] = [("worker-1", 1), ("worker-2", 2)];
const UPLINK: &str = "ens3";

fn mac(number: u8) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0, number])
}

fn node_address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 168, 7, 10 + number)
}

fn pod_address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 42, number, 7)
}

fn pod_name(number: u8) -> PodName {
    PodName(format!("client-worker-{number}"))
}

fn views() -> BTreeMap<NodeName, NetnsView> {
    let view = |&(name, number): &(&str, u8)| {
        let link = Link {
            index: 2,
            name: UPLINK.to_owned(),
            kind: None,
            up: true,
            carrier: true,
            mtu: Mtu(1500),
            mac: Some(mac(number)),
            master: None,
            peer_index: None,
            peer_netns: None,
            vxlan: None,
        };
        let address = Ipv4Net::new(node_address(number), 24).expect("a network");
        let view = NetnsView {
            netns: NetnsId(u64::from(number)),
            links: vec![link],
            addresses: vec![Address { device: UPLINK.to_owned(), address }],
            routes: Vec::new(),
            rules: Vec::new(),
            neighbours: Vec::new(),
            listeners: Vec::new(),
        };
        (name.into(), view)
    };
    NODES.iter().map(view).collect()
}

fn uplinks() -> BTreeMap<NodeName, String> {
    NODES.map(|(name, _)| (name.into(), UPLINK.to_owned())).into()
}

fn sample() -> Sample {
    let [(one, _), (other, _)] = NODES;
    Sample {
        pairs: vec![(one.into(), other.into()), (other.into(), one.into())],
        of: 2,
        silent: BTreeMap::new(),
        policed: BTreeMap::new(),
    }
}

/// Peers that are at their own address.
pub(crate) fn adjacent() -> ForeignAdjacencySeen {
    let peer = |number: u8| 3 - number;
    let neighbour = |number: u8| Neighbour {
        address: node_address(peer(number)),
        device: UPLINK.to_owned(),
        mac: Some(mac(peer(number))),
        state: NeighbourState::Reachable,
    };
    let lookup = |number: u8| Lookup {
        query: LookupQuery { destination: node_address(peer(number)), source: None, iif: None },
        outcome: LookupOutcome::Route {
            kind: RouteKind::Unicast,
            hop: NextHop { gateway: None, device: Some(UPLINK.to_owned()), encapsulates: false },
            table: 254,
        },
    };
    ForeignAdjacencySeen {
        sample: sample(),
        nodes: views(),
        uplinks: uplinks(),
        neighbours: NODES.map(|(name, number)| (name.into(), vec![neighbour(number)])).into(),
        lookups: NODES.map(|(name, number)| (name.into(), vec![lookup(number)])).into(),
    }
}

fn pods() -> Vec<PodSeen> {
    let pod = |(name, number): (&str, u8)| PodSeen {
        name: pod_name(number),
        node: Some(name.into()),
        address: Some(pod_address(number)),
        ready: true,
    };
    NODES.map(pod).to_vec()
}

fn reply(to: SocketAddrV4, from: Option<SocketAddrV4>, pod: &PodName) -> HttpReply {
    HttpReply {
        url: format!("http://{to}/"),
        connection: from.map(|local| Connection { local, remote: to, peer: Some(to) }),
        outcome: HttpOutcome::Response { status: 200, body: hello_app::answer(&pod.0) },
        elapsed: Duration::from_millis(3),
    }
}

/// Two pods behind a Service, which both answer everywhere.
pub(crate) fn answered() -> ForeignAnswersSeen {
    let to = SocketAddrV4::new(Ipv4Addr::new(10, 43, 7, 9), PROBE_PORT);
    let replies = || Ok(NODES.map(|(_, number)| reply(to, None, &pod_name(number))).to_vec());
    let places = NODES.map(|(name, _)| Place::Node(name.into())).into_iter();
    let places = places.chain(NODES.map(|(_, number)| Place::Pod(pod_name(number))));
    ForeignAnswersSeen {
        sample: Sample::default(),
        answers: AnswersSeen {
            cluster_ip: Some(to),
            pods: pods(),
            roles: NODES.map(|(name, _)| (name.into(), Role::Worker)).into(),
            replies: places.map(|place| (place, replies())).collect(),
        },
        endpoints: NODES.map(|(_, number)| SocketAddrV4::new(pod_address(number), PROBE_PORT)).to_vec(),
        backends: 2,
    }
}

/// A connection from one pod to the other as a link shows it: the first packet, its answer, and one more.
fn connection(client: u8, own: (MacAddr, MacAddr), ttl: u8) -> Vec<Frame> {
    let server = 3 - client;
    let packet = |(source, destination): (u8, u8), ports: (u16, u16), syn: bool, ack: bool| IpHeader {
        source: pod_address(source),
        destination: pod_address(destination),
        length: 60,
        dont_fragment: true,
        fragment: false,
        ttl,
        payload: Payload::Tcp(TcpHeader { source: ports.0, destination: ports.1, syn, ack, rst: false }),
    };
    let port = 40_000 + u16::from(client);
    let frame = |(source, destination): (MacAddr, MacAddr), ip: IpHeader| Frame {
        at: Duration::ZERO,
        source,
        destination,
        ethertype: 0x0800,
        ip: Some(ip),
    };
    vec![
        frame(own, packet((client, server), (port, PROBE_PORT), true, false)),
        frame((own.1, own.0), packet((server, client), (PROBE_PORT, port), true, true)),
        frame(own, packet((client, server), (port, PROBE_PORT), false, true)),
    ]
}

/// Pods on two nodes of one subnet that sent to each other, and everything holds.
pub(crate) fn sent() -> ForeignWireSeen {
    let between = |client: u8| (mac(client), mac(3 - client));
    let capture = |place: Place, device: &str, frames: Vec<Frame>| Capture {
        place,
        device: device.to_owned(),
        frames,
        lost: 0,
        pcap: None,
    };
    let on_node = || [connection(1, between(1), 63), connection(2, between(2), 63)].concat();
    let in_pod = |number: u8| connection(3 - number, (mac(90), mac(91)), 62);
    let exchange = |client: u8| {
        let (server, port) = (3 - client, 40_000 + u16::from(client));
        let to = SocketAddrV4::new(pod_address(server), PROBE_PORT);
        let ping = |length: u32| PingReply {
            destination: *to.ip(),
            length,
            outcome: PingOutcome::Answered,
            elapsed: Duration::from_millis(1),
        };
        PodExchange {
            from: pod_name(client),
            to: pod_name(server),
            http: reply(to, Some(SocketAddrV4::new(pod_address(client), port)), &pod_name(server)),
            full_mtu: ping(1500),
            small: ping(84),
        }
    };
    let nodes = NODES.map(|(name, _)| capture(Place::Node(name.into()), UPLINK, on_node()));
    let pods_own = NODES.map(|(_, number)| capture(Place::Pod(pod_name(number)), "eth0", in_pod(number)));
    ForeignWireSeen {
        sample: sample(),
        wire: WireSeen {
            traffic: Traffic {
                mtu: Mtu(1500),
                between_pods: vec![exchange(1), exchange(2)],
                outside: Vec::new(),
                captures: nodes.into_iter().chain(pods_own).collect(),
                gateway_macs: BTreeMap::new(),
                from_nodes: None,
            },
            nodes: views(),
            pods: pods(),
            segment: None,
            not_entered: BTreeMap::new(),
            uplinks: uplinks(),
        },
    }
}
