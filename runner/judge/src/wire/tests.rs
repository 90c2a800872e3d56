//! A lab in native routing on which every claim about the wire holds; each test takes something away or adds it.

mod captured;
mod exchanged;
mod hops;
mod outside;
mod path;
mod silent;
mod source;
mod there;
mod turned_away;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use super::*;
use lab_model::Reason;
use lab_model::expect::Expectations;
use lab_model::observe::{
    Address, Capture, Connection, Frame, HttpOutcome, HttpReply, IcmpHeader, Link, MacAddr, Mtu, NetnsId, NetnsView,
    NodeName, OutsideExchange, PingOutcome, PingReply, Place, PodExchange, PodName, PodSeen, Segment, SegmentMember,
    Traffic, Tunnel, TunnelKind,
};
use lab_model::seen::WireSeen;

type Judge = fn(&WireSeen, &Expectations) -> Judgement;

const ALL: [Judge; 7] = [
    pods_reach_each_other_directly,
    frames_are_not_encapsulated,
    no_router_between_nodes,
    source_address_is_kept,
    full_mtu_fits,
    masqueraded_outside_the_native_cidr,
    nothing_leaks_to_the_uplink,
];

const NODES: [&str; 3] = ["kind-control-plane", "kind-worker", "kind-worker2"];
const WORKER: usize = 1;
const WORKER2: usize = 2;
const POD_A: &str = "hello-app-a";
const POD_B: &str = "hello-app-b";
const A: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 12);
const B: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 7);
const GATEWAY: Ipv4Addr = Ipv4Addr::new(172, 18, 0, 1);
const GATEWAY_MAC: MacAddr = MacAddr([2, 0x42, 0x68, 1, 0x32, 0x0c]);
const PORT_A: u16 = 33198;
const PORT_B: u16 = 40122;
const OUTSIDE: SocketAddrV4 = SocketAddrV4::new(GATEWAY, 9999);

fn address(node: usize) -> Ipv4Addr {
    Ipv4Addr::new(172, 18, 0, [2, 3, 4][node])
}

fn mac(node: usize) -> MacAddr {
    MacAddr([2, 0x42, 0xac, 0x12, 0, [2, 3, 4][node]])
}

fn expect() -> Expectations {
    Expectations {
        control_planes: 1,
        workers: 2,
        network: "kind".into(),
        pod_pool: "10.0.0.0/8".parse().expect("a prefix"),
        pod_cidr_prefix: 24,
        native_cidr: "10.0.0.0/8".parse().expect("a prefix"),
        replicas: 2,
        service: "hello-app".into(),
        service_port: 8080,
        target_port: 8080,
        racks: None,
        cluster: None,
        foreign: None,
    }
}

fn view(node: usize) -> NetnsView {
    let eth0 = Link {
        index: 81,
        name: "eth0".into(),
        kind: Some("veth".into()),
        up: true,
        carrier: true,
        mtu: Mtu(1500),
        mac: Some(mac(node)),
        master: None,
        peer_index: Some(82),
        peer_netns: Some(0),
        vxlan: None,
    };
    let own = format!("{}/16", address(node)).parse().expect("an address");
    NetnsView {
        netns: NetnsId(4_026_532_000 + u64::from(address(node).octets()[3])),
        links: vec![eth0],
        addresses: vec![Address { device: "eth0".into(), address: own }],
        routes: Vec::new(),
        rules: Vec::new(),
        neighbours: Vec::new(),
        listeners: Vec::new(),
    }
}

fn pod(name: &str, node: usize, address: Ipv4Addr) -> PodSeen {
    PodSeen { name: name.into(), node: Some(NODES[node].into()), address: Some(address), ready: true }
}

/// A TCP segment; `flags` are SYN and ACK.
fn segment(source: SocketAddrV4, destination: SocketAddrV4, (syn, ack): (bool, bool)) -> IpHeader {
    IpHeader {
        source: *source.ip(),
        destination: *destination.ip(),
        length: 60,
        dont_fragment: true,
        fragment: false,
        ttl: 63,
        payload: Payload::Tcp(TcpHeader {
            source: source.port(),
            destination: destination.port(),
            syn,
            ack,
            rst: false,
        }),
    }
}

fn frame(source: MacAddr, destination: MacAddr, ip: IpHeader) -> Frame {
    Frame { at: Duration::ZERO, source, destination, ethertype: 0x0800, ip: Some(ip) }
}

/// A connection's first three segments between two link-layer addresses.
fn connection(macs: (MacAddr, MacAddr), client: SocketAddrV4, server: SocketAddrV4) -> Vec<Frame> {
    vec![
        frame(macs.0, macs.1, segment(client, server, (true, false))),
        frame(macs.1, macs.0, segment(server, client, (true, true))),
        frame(macs.0, macs.1, segment(client, server, (false, true))),
    ]
}

/// The same packets inside packets between two nodes.
fn wrapped(frames: Vec<Frame>, kind: TunnelKind) -> Vec<Frame> {
    let node = |mac: MacAddr| (0..3).find(|node| self::mac(*node) == mac).map_or(GATEWAY, address);
    let wrap = |frame: Frame| {
        let inner = frame.ip.map(Box::new);
        let outer = IpHeader {
            source: node(frame.source),
            destination: node(frame.destination),
            length: 110,
            dont_fragment: false,
            fragment: false,
            ttl: 64,
            payload: Payload::Tunnel(Tunnel { kind, inner }),
        };
        Frame { ip: Some(outer), ..frame }
    };
    frames.into_iter().map(wrap).collect()
}

fn between_pods() -> Vec<Frame> {
    let to_b = connection((mac(WORKER), mac(WORKER2)), at(A, PORT_A), at(B, 8080));
    let to_a = connection((mac(WORKER2), mac(WORKER)), at(B, PORT_B), at(A, 8080));
    [to_b, to_a].concat()
}

/// The node's own echo request to the gateway.
fn echo(node: usize) -> Frame {
    let icmp = IcmpHeader { kind: 8, code: 0, id: Some(7) };
    let ip = IpHeader { payload: Payload::Icmp(icmp), ..segment(at(address(node), 0), at(GATEWAY, 0), (false, false)) };
    frame(mac(node), GATEWAY_MAC, ip)
}

fn to_outside(node: usize, source: Ipv4Addr) -> Vec<Frame> {
    connection((mac(node), GATEWAY_MAC), at(source, 49_386), OUTSIDE)
}

fn at(address: Ipv4Addr, port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(address, port)
}

fn capture(place: Place, frames: Vec<Frame>) -> Capture {
    Capture { place, device: "eth0".into(), frames, lost: 0, pcap: None }
}

fn node_place(node: usize) -> Place {
    Place::Node(NODES[node].into())
}

fn reply(to: SocketAddrV4, local: Option<SocketAddrV4>, outcome: HttpOutcome) -> HttpReply {
    HttpReply {
        url: format!("http://{to}/"),
        connection: local.map(|local| Connection { local, remote: to, peer: Some(to) }),
        outcome,
        elapsed: Duration::from_millis(3),
    }
}

fn ok(body: &str) -> HttpOutcome {
    HttpOutcome::Response { status: 200, body: body.into() }
}

fn hello(name: &str) -> HttpOutcome {
    ok(&lab_model::hello_app::answer(name))
}

fn ping(destination: Ipv4Addr, length: u32, outcome: PingOutcome) -> PingReply {
    PingReply { destination, length, outcome, elapsed: Duration::from_millis(1) }
}

fn exchange((from, own): (&str, SocketAddrV4), (to, address): (&str, Ipv4Addr)) -> PodExchange {
    PodExchange {
        from: from.into(),
        to: to.into(),
        http: reply(at(address, 8080), Some(own), hello(to)),
        full_mtu: ping(address, 1500, PingOutcome::Answered),
        small: ping(address, 84, PingOutcome::Answered),
    }
}

fn outside(from: &str, heard: SocketAddrV4) -> OutsideExchange {
    let http = reply(OUTSIDE, None, ok(&format!("you are {heard}\n")));
    OutsideExchange { from: from.into(), http }
}

/// Everything holds here.
fn native() -> WireSeen {
    let frames = |node: usize| [between_pods(), to_outside(node, address(node)), vec![echo(node)]].concat();
    let at_pod = |name: &str, own: (MacAddr, MacAddr), client, server| {
        capture(Place::Pod(name.into()), connection(own, client, server))
    };
    let traffic = Traffic {
        mtu: Mtu(1500),
        between_pods: vec![exchange((POD_A, at(A, PORT_A)), (POD_B, B)), exchange((POD_B, at(B, PORT_B)), (POD_A, A))],
        outside: vec![outside(POD_A, at(address(WORKER), 49_386)), outside(POD_B, at(address(WORKER2), 49_386))],
        captures: vec![
            capture(node_place(0), vec![echo(0)]),
            capture(node_place(WORKER), frames(WORKER)),
            capture(node_place(WORKER2), frames(WORKER2)),
            // Of a pod's own link no judge compares the link-layer addresses.
            at_pod(POD_A, (mac(WORKER), mac(WORKER)), at(B, PORT_B), at(A, 8080)),
            at_pod(POD_B, (mac(WORKER2), mac(WORKER2)), at(A, PORT_A), at(B, 8080)),
        ],
        gateway_macs: NODES.map(|node| (NodeName::from(node), GATEWAY_MAC)).into(),
        from_nodes: Some(NODES.map(|node| (NodeName::from(node), ping(GATEWAY, 84, PingOutcome::Answered))).into()),
    };
    let member = |node: usize| SegmentMember { node: NODES[node].into(), address: view(node).address_of("eth0") };
    WireSeen {
        traffic,
        nodes: (0..3).map(|node| (NODES[node].into(), view(node))).collect(),
        pods: vec![pod(POD_A, WORKER, A), pod(POD_B, WORKER2, B)],
        segment: Some(Segment {
            name: "kind".into(),
            gateway: Some("172.18.0.1/16".parse().expect("an address")),
            mtu: Some(Mtu(1500)),
            members: (0..3).map(member).collect(),
        }),
        not_entered: BTreeMap::new(),
        uplinks: BTreeMap::new(),
    }
}

/// The same with all frames taken away.
fn nothing_captured() -> WireSeen {
    let mut seen = native();
    seen.traffic.captures.iter_mut().for_each(|capture| capture.frames.clear());
    seen
}

/// The same without any traffic or capture.
fn nothing_at_all() -> WireSeen {
    let traffic = Traffic {
        mtu: Mtu(1500),
        between_pods: Vec::new(),
        outside: Vec::new(),
        captures: Vec::new(),
        gateway_macs: BTreeMap::new(),
        from_nodes: None,
    };
    WireSeen {
        traffic,
        nodes: BTreeMap::new(),
        pods: Vec::new(),
        segment: None,
        not_entered: BTreeMap::new(),
        uplinks: BTreeMap::new(),
    }
}

#[track_caller]
fn held(judge: Judge, seen: &WireSeen) -> Proof {
    judge(seen, &expect()).unwrap_or_else(|why| panic!("should hold: {why:#?}"))
}

/// The findings, which must have exactly these reasons.
#[track_caller]
fn refuted(judge: Judge, seen: &WireSeen, reasons: &[Reason]) -> Vec<Finding> {
    match judge(seen, &expect()) {
        Err(NotHeld::Refuted(findings)) => {
            assert_eq!(findings.iter().map(|finding| finding.reason).collect::<Vec<_>>(), reasons, "{findings:#?}");
            findings
        }
        other => panic!("should be refuted: {other:#?}"),
    }
}

#[track_caller]
fn unobserved(judge: Judge, seen: &WireSeen, part: &str) {
    match judge(seen, &expect()) {
        Err(NotHeld::Unobserved(why)) => assert!(why.contains(part), "{part:?} is not in {why:?}"),
        other => panic!("should be unobserved: {other:#?}"),
    }
}
