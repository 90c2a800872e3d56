//! Stage `traffic_observed`: requests between pods and to the outside, while every link is captured.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use super::look::{broke, node_views};
use crate::lab::Lab;
use lab_model::expect::Expectations;
use lab_model::observe::{
    Capture, HttpOutcome, HttpReply, MacAddr, Mtu, NetnsView, NodeName, OutsideExchange, PingOutcome, PingReply, Place,
    PodExchange, PodName, PodSeen, Resolved, Traffic, UPLINK,
};
use lab_model::request::{Answer, CaptureFilter, HttpAsk, Request};
use lab_model::seen::WireSeen;

/// Octets of the IPv4 packet that a plain `ping` sends: 56 of data, 8 ICMP, 20 IPv4.
const SMALL_PACKET: u32 = 84;
/// For one request or echo.
const ATTEMPT_DEADLINE: Duration = Duration::from_millis(1200);
/// For the gateway's ARP answer: the kernel's own three tries.
const ARP_DEADLINE: Duration = Duration::from_millis(3500);
/// Captures end by themselves when the runner is gone.
const CAPTURE_DEADLINE: Duration = Duration::from_mins(1);

/// Sends the traffic and observes it.
///
/// # Errors
/// When it cannot be observed: a node that cannot be looked into, captures that do not start. No reply is no error.
pub async fn observe(lab: &Lab, expect: &Expectations) -> Result<WireSeen, String> {
    let nodes = node_views(lab).await?;
    let pods = lab.pods(&nodes).await.map_err(|error| broke(&error))?;
    let mtu = link_mtu(&nodes, &pods).ok_or("no node has an eth0")?;
    let gateway_macs = gateway_macs(lab, &nodes).await?;
    let sends = sends(&pods, expect.target_port);

    let captures = lab.capture(capture_requests(lab, &nodes, &pods)).await.map_err(|error| broke(&error))?;
    let asks = sends.iter().flat_map(|send| send.asks(mtu, lab.outside())).collect();
    let answered = lab.ask(asks).await.map_err(|error| broke(&error));
    let captured = captures.stop().await;

    let mut answers = answered?.into_iter().map(|answered| answered.answer);
    let mut traffic =
        Traffic { mtu, between_pods: Vec::new(), outside: Vec::new(), captures: Vec::new(), gateway_macs };
    for send in &sends {
        send.collect(mtu, lab.outside(), &mut answers, &mut traffic)?;
    }
    traffic.captures = captured.into_iter().map(capture_of).collect::<Result<_, _>>()?;
    Ok(WireSeen { traffic, nodes, pods })
}

/// The MTU of the nodes' link: the largest eth0 of the nodes with pods, or of all where none has one.
fn link_mtu(nodes: &BTreeMap<NodeName, NetnsView>, pods: &[PodSeen]) -> Option<Mtu> {
    let mut with_pods = pods.iter().filter_map(|pod| nodes.get(pod.node.as_ref()?));
    let largest = |views: &mut dyn Iterator<Item = &NetnsView>| {
        views.filter_map(|view| view.link(UPLINK)).map(|link| link.mtu).max()
    };
    largest(&mut with_pods).or_else(|| largest(&mut nodes.values()))
}

fn capture_of(answered: lab_model::request::Answered) -> Result<Capture, String> {
    match answered.answer {
        Ok(Answer::Captured(capture)) => Ok(capture),
        Ok(other) => Err(other.not("a capture")),
        Err(why) => Err(format!("{} could not be captured on: {why}", answered.place)),
    }
}

fn capture_requests(lab: &Lab, nodes: &BTreeMap<NodeName, NetnsView>, pods: &[PodSeen]) -> Vec<(Place, Request)> {
    let places = nodes.keys().cloned().map(Place::Node).chain(pods.iter().map(|pod| Place::Pod(pod.name.clone())));
    places
        .map(|place| {
            let pcap = lab.scratch().join(format!("{place}.eth0.pcap"));
            let request = Request::Capture {
                device: UPLINK.to_owned(),
                filter: CaptureFilter::Ipv4AndArp,
                deadline: CAPTURE_DEADLINE,
                pcap: Some(pcap),
            };
            (place, request)
        })
        .collect()
}

/// The link-layer address of the gateway, as each node resolves it now. A node that gets no answer has none.
async fn gateway_macs(lab: &Lab, nodes: &BTreeMap<NodeName, NetnsView>) -> Result<BTreeMap<NodeName, MacAddr>, String> {
    let gateway = *lab.outside().ip();
    let asks = nodes
        .keys()
        .map(|node| {
            let request =
                Request::Resolve { device: UPLINK.to_owned(), addresses: vec![gateway], deadline: ARP_DEADLINE };
            (Place::Node(node.clone()), request)
        })
        .collect();
    let answers = lab.ask(asks).await.map_err(|error| broke(&error))?;
    let mut macs = BTreeMap::new();
    for (node, answered) in nodes.keys().zip(answers) {
        match answered.answer {
            Ok(Answer::Resolved(resolved)) => {
                if let Some(Resolved::Answered(mac)) = resolved.first().map(|resolution| &resolution.outcome) {
                    macs.insert(node.clone(), *mac);
                }
            }
            Ok(other) => return Err(other.not("a resolution")),
            Err(why) => return Err(format!("{node} could not be asked for its gateway: {why}")),
        }
    }
    Ok(macs)
}

/// What one pod sends: to the pods before and after it in the ring of all pods, where these are on other nodes, and to
/// the outside. With two pods that is each to the other.
struct Send {
    from: PodName,
    to: Vec<(PodName, SocketAddrV4)>,
}

fn sends(pods: &[PodSeen], target_port: u16) -> Vec<Send> {
    let reachable: Vec<(&PodSeen, Ipv4Addr)> =
        pods.iter().filter_map(|pod| pod.address.map(|address| (pod, address))).collect();
    let count = reachable.len();
    let peers = |index: usize| {
        let mut around = vec![(index + 1) % count, (index + count - 1) % count];
        around.dedup();
        around
            .into_iter()
            .map(|peer| reachable[peer])
            .filter(|(peer, _)| peer.name != reachable[index].0.name && peer.node != reachable[index].0.node)
            .map(|(peer, address)| (peer.name.clone(), SocketAddrV4::new(address, target_port)))
            .collect()
    };
    (0..count).map(|index| Send { from: reachable[index].0.name.clone(), to: peers(index) }).collect()
}

impl Send {
    fn asks(&self, mtu: Mtu, outside: SocketAddrV4) -> Vec<(Place, Request)> {
        let place = Place::Pod(self.from.clone());
        let to_pods = self.to.iter().flat_map(|(_, address)| {
            let ping = Request::Ping {
                destination: *address.ip(),
                lengths: vec![mtu.0, SMALL_PACKET],
                deadline: ATTEMPT_DEADLINE,
            };
            [one_request(*address), ping]
        });
        to_pods.chain([one_request(outside)]).map(|request| (place.clone(), request)).collect()
    }

    fn collect(
        &self,
        mtu: Mtu,
        outside: SocketAddrV4,
        answers: &mut impl Iterator<Item = Result<Answer, String>>,
        traffic: &mut Traffic,
    ) -> Result<(), String> {
        let mut next = || answers.next().ok_or("the probe gave fewer answers than it was asked for")?;
        for (to, address) in &self.to {
            let http = first_reply(next()?, *address)?;
            let (full_mtu, small) = two_pings(next()?, *address.ip(), mtu)?;
            traffic.between_pods.push(PodExchange { from: self.from.clone(), to: to.clone(), http, full_mtu, small });
        }
        let http = first_reply(next()?, outside)?;
        traffic.outside.push(OutsideExchange { from: self.from.clone(), http });
        Ok(())
    }
}

fn one_request(to: SocketAddrV4) -> Request {
    Request::Http(HttpAsk {
        to,
        path: "/".to_owned(),
        until_bodies: 1,
        attempts: 1,
        attempt_deadline: ATTEMPT_DEADLINE,
        deadline: ATTEMPT_DEADLINE,
    })
}

fn first_reply(answer: Answer, to: SocketAddrV4) -> Result<HttpReply, String> {
    match answer {
        Answer::Http(replies) => Ok(replies.into_iter().next().unwrap_or_else(|| HttpReply {
            url: format!("http://{to}/"),
            connection: None,
            outcome: HttpOutcome::NotConnected("no attempt was made".to_owned()),
            elapsed: Duration::ZERO,
        })),
        other => Err(other.not("an HTTP reply")),
    }
}

fn two_pings(answer: Answer, destination: Ipv4Addr, mtu: Mtu) -> Result<(PingReply, PingReply), String> {
    let Answer::Pinged(replies) = answer else { return Err(answer.not("echo replies")) };
    let missing = |length| PingReply {
        destination,
        length,
        outcome: PingOutcome::Refused("no request was sent".to_owned()),
        elapsed: Duration::ZERO,
    };
    let mut replies = replies.into_iter();
    let full = replies.next().unwrap_or_else(|| missing(mtu.0));
    Ok((full, replies.next().unwrap_or_else(|| missing(SMALL_PACKET))))
}
