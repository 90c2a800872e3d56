//! Stage `traffic_observed`: requests between pods and to the outside, while every link is captured.

mod plan;

use async_recursion::async_recursion as boxed;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use self::plan::{Outside, Planned, Send, echo, full_mtu, sends, taking_part};
use super::look::{broke, node_views};
use crate::lab::Lab;
use lab_model::expect::Expectations;
use lab_model::observe::{
    Capture, HttpOutcome, HttpReply, MacAddr, Mtu, NetnsView, NodeName, OutsideExchange, PingOutcome, PingReply, Place,
    PodExchange, PodSeen, Resolved, Segment, Traffic, UPLINK,
};
use lab_model::request::{Answer, CaptureFilter, Request, SMALL_PACKET};
use lab_model::seen::WireSeen;

/// For the gateway's ARP answer: the kernel's own three tries.
const ARP_DEADLINE: Duration = Duration::from_millis(3500);
/// Captures end by themselves when the runner is gone.
const CAPTURE_DEADLINE: Duration = Duration::from_mins(1);

/// Sends the traffic and observes it.
///
/// # Errors
/// When it cannot be observed: a node that cannot be looked into, captures that do not start. No reply is no error.
#[boxed(?Send)]
pub async fn observe(lab: &Lab, expect: &Expectations) -> Result<WireSeen, String> {
    let nodes = node_views(lab).await?;
    let pods = lab.pods(&nodes).await.map_err(|error| broke(&error))?;
    let segments = lab.segments().await.map_err(|error| broke(&error))?;
    let segment = one_network(segments, expect);
    let gateways = Gateways { own: lab.gateways(), common: *lab.outside().ip() };
    let gateway_macs = gateway_macs(lab, &nodes, &gateways).await?;
    // Of a pod that cannot be entered, judges know that it took no part.
    let not_entered = lab.not_entered(&pods).await.map_err(|error| broke(&error))?;
    let able = taking_part(&pods, &not_entered);
    let sends = sends(&able, expect.target_port);
    let plan = Planned {
        mtu: full_mtu(segment.as_ref(), &nodes, &pods).ok_or("no node has an eth0")?,
        outside: Outside::of(lab.outside(), expect),
    };

    let captures = lab.capture(capture_requests(lab, &nodes, &able)).await.map_err(|error| broke(&error))?;
    let from_nodes = nodes.keys().map(|node| (Place::Node(node.clone()), echo(gateways.of(node))));
    let asks = from_nodes.chain(sends.iter().flat_map(|send| send.asks(&plan))).collect();
    let answered = lab.ask(asks).await.map_err(|error| broke(&error));
    let captured = captures.stop().await;

    let mut answers = answered?.into_iter().map(|answered| answered.answer);
    let echoes = nodes.keys().map(|node| Ok((node.clone(), echoed(gateways.of(node), &next(&mut answers)?)?)));
    let mut traffic = Traffic {
        mtu: plan.mtu,
        from_nodes: Some(echoes.collect::<Result<_, String>>()?),
        between_pods: Vec::new(),
        outside: Vec::new(),
        captures: Vec::new(),
        gateway_macs,
    };
    for send in &sends {
        send.collect(&plan, &mut answers, &mut traffic)?;
    }
    traffic.captures = captured.into_iter().map(capture_of).collect::<Result<_, _>>()?;
    Ok(WireSeen { traffic, nodes, pods, segment, not_entered, uplinks: BTreeMap::new() })
}

/// The network that the nodes should be on. In racks, each has a part of it, and the largest packet that fits is what all take.
fn one_network(segments: Vec<Segment>, expect: &Expectations) -> Option<Segment> {
    let mut own = segments.into_iter().filter(|segment| expect.has_network(&segment.name));
    let first = own.next()?;
    if expect.racks.as_ref().is_none_or(|racks| !racks.bgp) {
        return Some(first);
    }
    Some(own.fold(first, |mut whole, part| {
        whole.mtu = whole.mtu.min(part.mtu);
        whole.members.extend(part.members);
        whole
    }))
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
        .map(|place| (place, UPLINK.to_owned()))
        .chain(lab.router_links())
        .map(|(place, device)| {
            let pcap = lab.scratch().join(format!("{place}.{device}.pcap"));
            let request = Request::Capture {
                device,
                filter: CaptureFilter::Ipv4AndArp,
                deadline: CAPTURE_DEADLINE,
                pcap: Some(pcap),
            };
            (place, request)
        })
        .collect()
}

/// Each node's gateway.
struct Gateways {
    /// Those that have one of their own.
    own: BTreeMap<NodeName, Ipv4Addr>,
    /// That of all others.
    common: Ipv4Addr,
}

impl Gateways {
    fn of(&self, node: &NodeName) -> Ipv4Addr {
        self.own.get(node).copied().unwrap_or(self.common)
    }
}

/// The link-layer address of the gateway, as each node resolves it now. A node that gets no answer has none.
async fn gateway_macs(
    lab: &Lab,
    nodes: &BTreeMap<NodeName, NetnsView>,
    gateways: &Gateways,
) -> Result<BTreeMap<NodeName, MacAddr>, String> {
    let asks = nodes
        .keys()
        .map(|node| {
            let addresses = vec![gateways.of(node)];
            let request = Request::Resolve { device: UPLINK.to_owned(), addresses, deadline: ARP_DEADLINE };
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

/// What came of what a pod sent.
impl Send {
    fn collect(
        &self,
        plan: &Planned,
        answers: &mut impl Iterator<Item = Result<Answer, String>>,
        traffic: &mut Traffic,
    ) -> Result<(), String> {
        for (to, address) in &self.to {
            let http = first_reply(next(answers)?, *address)?;
            let (full_mtu, small) = two_pings(next(answers)?, *address.ip(), plan.mtu)?;
            traffic.between_pods.push(PodExchange { from: self.from.clone(), to: to.clone(), http, full_mtu, small });
        }
        let http = first_reply(next(answers)?, plan.outside.to)?;
        traffic.outside.push(OutsideExchange { from: self.from.clone(), http });
        Ok(())
    }
}

fn next(answers: &mut impl Iterator<Item = Result<Answer, String>>) -> Result<Answer, String> {
    answers.next().ok_or("the probe gave fewer answers than it was asked for")?
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
    let mut replies = replies.into_iter();
    let full = replies.next().unwrap_or_else(|| not_sent(destination, mtu.0));
    Ok((full, replies.next().unwrap_or_else(|| not_sent(destination, SMALL_PACKET))))
}

fn not_sent(destination: Ipv4Addr, length: u32) -> PingReply {
    PingReply {
        destination,
        length,
        outcome: PingOutcome::Refused("no request was sent".to_owned()),
        elapsed: Duration::ZERO,
    }
}

fn echoed(destination: Ipv4Addr, answer: &Answer) -> Result<PingReply, String> {
    let Answer::Pinged(replies) = answer else { return Err(answer.not("an echo reply")) };
    Ok(replies.first().cloned().unwrap_or_else(|| not_sent(destination, SMALL_PACKET)))
}
