//! Captures, and the traffic they were taken of.

use lab_model::observe::{
    Capture, Frame, HttpReply, MacAddr, Mtu, NetnsView, NodeName, OutsideExchange, PingReply, Place, PodExchange,
    PodName, PodSeen, Traffic,
};
use lab_model::seen::WireSeen;
use lab_probe::decode;
use lab_probe::decode::RawFrame;
use lab_probe::pcap;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::replies::{self, Block};
use super::{NODES, Read, Recording, docker, expectations, scenes};

/// The bridge's own address in all recordings.
const GATEWAY: Ipv4Addr = Ipv4Addr::new(172, 18, 0, 1);

/// Traffic between pods and what was captured meanwhile.
pub(crate) fn seen(recording: Recording) -> Read<WireSeen> {
    let nodes = scenes::nodes(recording)?;
    let pods = replies::pods(recording)?;
    let traffic =
        if recording.is_flat() { on_eth0(recording, &nodes, &pods) } else { on_bridge(recording, &nodes, &pods) };
    // Of 7 and 8 the Docker network was not recorded.
    let segment = if recording.is_flat() { None } else { Some(docker::segment(recording)?) };
    Ok(WireSeen { traffic: traffic?, nodes, pods, segment, not_entered: BTreeMap::new(), uplinks: BTreeMap::new() })
}

type Views = BTreeMap<NodeName, NetnsView>;

/// 3, 4 and 5: the bridge was captured, where each frame between nodes passes once. What a node's eth0 saw are those
/// that come from or go to its link-layer address. No full-size packets and no requests to the outside were sent.
fn on_bridge(recording: Recording, nodes: &Views, pods: &[PodSeen]) -> Read<Traffic> {
    const DROPPED: &str = "0 packets dropped by kernel";
    if !recording.text("traffic/tcpdump.txt")?.lines().any(|line| line == DROPPED) {
        return Err(recording.wrong("traffic/tcpdump.txt", "frames were lost"));
    }
    let frames = decode::frames(&raw(recording, "traffic/bridge.pcap")?);
    let mut captures = Vec::new();
    for (node, view) in nodes {
        let mac = view.link("eth0").and_then(|link| link.mac).ok_or_else(|| format!("{node} has no eth0"))?;
        let is_its = |frame: &&Frame| frame.source == mac || frame.destination == mac;
        captures.push(capture(node, frames.iter().filter(is_its).cloned().collect()));
    }
    let mut between_pods = Vec::new();
    for block in replies::blocks(recording, "traffic/from-pods.txt")? {
        // pod NAME on NODE (ADDRESS) to pod ADDRESS
        let Some((from, to)) = block.about("from pod ").and_then(|rest| rest.split_once(" to pod ")) else { continue };
        let address =
            to.parse().map_err(|error| recording.wrong("traffic/from-pods.txt", &format!("{to}: {error}")))?;
        between_pods.push(PodExchange {
            from: from.split(' ').next().unwrap_or_default().into(),
            to: at(pods, address)?,
            http: block.http(SocketAddrV4::new(address, expectations()?.target_port)),
            full_mtu: replies::not_pinged(address),
            small: replies::not_pinged(address),
        });
    }
    Ok(Traffic {
        mtu: smallest(nodes)?,
        between_pods,
        outside: Vec::new(),
        captures,
        gateway_macs: nodes.iter().filter_map(|(node, view)| Some((node.clone(), neighbour(view)?))).collect(),
        from_nodes: None,
    })
}

/// 7 and 8: eth0 of every node was captured. How many frames were lost was not recorded; that two nodes' captures
/// agree on the frames between them is checked by a test.
fn on_eth0(recording: Recording, nodes: &Views, pods: &[PodSeen]) -> Read<Traffic> {
    let mut captures = Vec::new();
    let mut answers = Vec::new();
    for node in nodes.keys() {
        let raw = raw(recording, &format!("{node}.eth0.pcap"))?;
        answers.extend(raw.iter().filter_map(|frame| arp_answer(&frame.bytes, GATEWAY)));
        captures.push(capture(node, decode::frames(&raw)));
    }
    let (between_pods, outside) = sent(recording, pods)?;
    Ok(Traffic {
        mtu: smallest(nodes)?,
        between_pods,
        outside,
        captures,
        gateway_macs: gateways(recording, nodes, &answers)?,
        from_nodes: None,
    })
}

/// The gateway as both workers' ARP requests were answered. The control plane did not ask while it was captured; it
/// has the same gateway on the same bridge, so it is given the same answer.
fn gateways(recording: Recording, nodes: &Views, answers: &[MacAddr]) -> Read<BTreeMap<NodeName, MacAddr>> {
    match answers {
        [first, rest @ ..] if rest.iter().all(|other| other == first) => {
            Ok(nodes.keys().map(|node| (node.clone(), *first)).collect())
        }
        _ => Err(recording.wrong("*.eth0.pcap", "the gateway did not answer ARP, or not always from one address")),
    }
}

/// The sender's link-layer address in an ARP reply (RFC 826) from this address.
fn arp_answer(frame: &[u8], address: Ipv4Addr) -> Option<MacAddr> {
    const IPV4_REPLY: [u8; 10] = [0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 2];
    let (head, mac, sender) = (frame.get(12..22)?, frame.get(22..28)?, frame.get(28..32)?);
    (head == IPV4_REPLY && sender == address.octets()).then(|| mac.try_into().ok().map(MacAddr))?
}

/// What `traffic.txt` says each pod sent: the packets of 1500 octets, those of 1450 as the smaller ones, HTTP to the
/// other pod and to the gateway.
fn sent(recording: Recording, pods: &[PodSeen]) -> Read<(Vec<PodExchange>, Vec<OutsideExchange>)> {
    let wrong = |what: &str| recording.wrong("traffic.txt", what);
    let blocks = replies::blocks(recording, "traffic.txt")?;
    let (mut between_pods, mut outside) = (Vec::new(), Vec::new());
    for pod in pods {
        let beginning = format!("pod {} ", pod.name);
        let own: Vec<&Block> = blocks.iter().filter(|block| block.about(&beginning).is_some()).collect();
        let mut pings =
            own.iter().filter_map(|block| ping(block).transpose()).collect::<Read<Vec<PingReply>>>()?.into_iter();
        let http = |address: SocketAddrV4| {
            let url = format!(": curl http://{address}");
            let is_it =
                |block: &&&Block| block.title.ends_with(&url) || block.title.contains(&format!("{url} (outside"));
            own.iter()
                .find(is_it)
                .map(|block| block.http(address))
                .ok_or_else(|| wrong(&format!("{} did not ask {address}", pod.name)))
        };
        let (Some(full_mtu), Some(small), None) = (pings.next(), pings.next(), pings.next()) else {
            return Err(wrong(&format!("{} did not send packets of two sizes", pod.name)));
        };
        let to = SocketAddrV4::new(full_mtu.destination, expectations()?.target_port);
        let http_reply: HttpReply = http(to)?;
        between_pods.push(PodExchange {
            from: pod.name.clone(),
            to: at(pods, *to.ip())?,
            http: http_reply,
            full_mtu,
            small,
        });
        outside.push(OutsideExchange { from: pod.name.clone(), http: http(SocketAddrV4::new(GATEWAY, 9999))? });
    }
    Ok((between_pods, outside))
}

/// `… on NODE: ping -c 2 -M do -s SIZE ADDRESS`; none for another command.
fn ping(block: &Block) -> Read<Option<PingReply>> {
    let Some((_, arguments)) = block.title.split_once(": ping -c 2 -M do -s ") else { return Ok(None) };
    let parsed = arguments.split_once(' ').and_then(|(size, to)| Some((size.parse().ok()?, to.parse().ok()?)));
    let (size, to) = parsed.ok_or_else(|| format!("{arguments:?} is not SIZE ADDRESS"))?;
    block.ping(to, size).map(Some)
}

/// The frames of a pcap file, which must have been kept whole.
pub(crate) fn raw(recording: Recording, file: &str) -> Read<Vec<RawFrame>> {
    let frames = pcap::read(&recording.path(file)).map_err(|error| error.to_string())?;
    let is_whole = |frame: &RawFrame| u32::try_from(frame.bytes.len()) == Ok(frame.original_length);
    if frames.iter().all(is_whole) { Ok(frames) } else { Err(recording.wrong(file, "frames were cut off")) }
}

/// The pcap files of a recording.
pub(crate) fn pcaps(recording: Recording) -> Vec<String> {
    if recording.is_flat() {
        NODES.map(|node| format!("{node}.eth0.pcap")).into()
    } else {
        vec!["traffic/bridge.pcap".into()]
    }
}

fn capture(node: &NodeName, frames: Vec<Frame>) -> Capture {
    Capture { place: Place::Node(node.clone()), device: "eth0".into(), frames, lost: 0, pcap: None }
}

fn at(pods: &[PodSeen], address: Ipv4Addr) -> Read<PodName> {
    let pod = pods.iter().find(|pod| pod.address == Some(address));
    pod.map(|pod| pod.name.clone()).ok_or_else(|| format!("no pod has {address}"))
}

fn smallest(nodes: &Views) -> Read<Mtu> {
    let mtus = nodes.values().filter_map(|view| view.link("eth0")).map(|link| link.mtu);
    mtus.min().ok_or_else(|| "no node has an eth0".to_owned())
}

fn neighbour(view: &NetnsView) -> Option<MacAddr> {
    view.neighbours.iter().find(|neighbour| neighbour.address == GATEWAY)?.mac
}
