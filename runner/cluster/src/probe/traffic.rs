//! Requests between pods of the probe's own, while the links under them are captured.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use super::Probe;
use super::look::Looked;
use super::make::Made;
use crate::plan::Pair;
use crate::survey::Survey;
use lab_backend::Doing;
use lab_base::clock;
use lab_base::clock::Poll;
use lab_kube::api::Api;
use lab_model::foreign::{ForeignWireSeen, PROBE_PORT};
use lab_model::observe::{
    Capture, HttpOutcome, HttpReply, Mtu, NodeName, PingOutcome, PingReply, Place, PodExchange, PodName, PodSeen,
    Traffic, UPLINK,
};
use lab_model::request::{Answer, Answered, CaptureFilter, HttpAsk, Request, SMALL_PACKET};
use lab_model::seen::WireSeen;

/// For one request or echo; a lost SYN is sent again after one second.
const ATTEMPT: Duration = Duration::from_millis(2500);
/// Captures end by themselves when this program is gone.
const CAPTURES: Duration = Duration::from_mins(1);
/// Pairs that send at the same time: each takes four captures at most.
const AT_ONCE: usize = 6;
/// A new pod is known to all nodes within seconds; after this, what does not answer is judged.
const SETTLED: Duration = Duration::from_secs(20);
/// Between two checks.
const AGAIN: Duration = Duration::from_secs(1);

/// Two pods on two nodes, which send to each other.
struct Two<'a> {
    ends: [End<'a>; 2],
    /// The largest packet that both pods and both links take.
    mtu: Mtu,
}

#[derive(Clone, Copy)]
struct End<'a> {
    node: &'a NodeName,
    pod: &'a PodName,
    address: Ipv4Addr,
}

impl Probe {
    /// Sends, and observes it.
    ///
    /// # Errors
    /// When nothing of the probe's is there.
    pub(crate) async fn wire(&self, api: &Api, survey: &Survey, doing: &Doing) -> Result<ForeignWireSeen, String> {
        let looked = self.looked(api, survey).await?;
        let made = self.made()?;
        let mut sample = looked.sample(survey, looked.everywhere(survey));
        let mtus = pod_mtus(api, made).await;
        let twos = twos(made, looked, &sample.pairs, &mtus);
        settle(api, made, &twos, doing).await;
        let mut traffic = Traffic {
            mtu: twos.iter().map(|two| two.mtu).max().unwrap_or(Mtu::ETHERNET),
            between_pods: Vec::new(),
            outside: Vec::new(),
            captures: Vec::new(),
            gateway_macs: BTreeMap::new(),
            from_nodes: None,
        };
        for (number, batch) in twos.chunks(AT_ONCE).enumerate() {
            doing.now(format!("sending between pods: {} of {} pairs", number * AT_ONCE, twos.len()));
            for (place, why) in send(api, made, looked, batch, &mut traffic).await {
                if let Some(node) = node_of(made, &place) {
                    sample.silent.entry(node).or_insert(why);
                }
            }
        }
        let part = |pod: &&PodSeen| pod.node.as_ref().is_some_and(|node| looked.nodes.contains_key(node));
        let pods = made.pods.iter().filter(part).cloned().collect();
        let wire = WireSeen {
            traffic,
            nodes: looked.nodes.clone(),
            pods,
            segment: None,
            not_entered: BTreeMap::new(),
            uplinks: looked.uplinks.clone(),
        };
        Ok(ForeignWireSeen { sample, wire })
    }
}

/// The largest packet of each pod's own link.
async fn pod_mtus(api: &Api, made: &Made) -> BTreeMap<PodName, Mtu> {
    let asks = made.clients.keys().map(|pod| (Place::Pod(pod.clone()), Request::View)).collect();
    let answers = made.ask(api, asks).await;
    let mtu = |(pod, answered): (&PodName, Answered)| match answered.answer {
        Ok(Answer::View(view)) => Some((pod.clone(), view.link(UPLINK)?.mtu)),
        _ => None,
    };
    made.clients.keys().zip(answers).filter_map(mtu).collect()
}

/// The pods of each pair of nodes. A pair and its reverse are the same two: they send to each other.
fn twos<'a>(made: &'a Made, looked: &'a Looked, pairs: &[Pair], mtus: &BTreeMap<PodName, Mtu>) -> Vec<Two<'a>> {
    let end = |node: &NodeName| {
        let pod = made.pods.iter().find(|pod| pod.node.as_ref() == Some(node))?;
        Some(End { node: pod.node.as_ref()?, pod: &pod.name, address: pod.address? })
    };
    let link = |end: &End<'_>| Some(looked.nodes.get(end.node)?.link(looked.uplinks.get(end.node)?)?.mtu);
    let mut known = BTreeSet::new();
    let mut twos = Vec::new();
    for (from, to) in pairs {
        if !known.insert((from.min(to), from.max(to))) {
            continue;
        }
        let (Some(from), Some(to)) = (end(from), end(to)) else { continue };
        let ends = [from, to];
        let mtu = ends.iter().flat_map(|end| [link(end), mtus.get(end.pod).copied()]).flatten().min();
        twos.extend(mtu.map(|mtu| Two { ends, mtu }));
    }
    twos
}

fn request(to: Ipv4Addr) -> Request {
    Request::Http(HttpAsk {
        to: SocketAddrV4::new(to, PROBE_PORT),
        path: "/".to_owned(),
        ttl: None,
        until_bodies: 1,
        attempts: 1,
        attempt_deadline: ATTEMPT,
        deadline: ATTEMPT,
    })
}

/// Each of the two, with the other.
fn ways<'a>(twos: &'a [Two<'a>]) -> impl Iterator<Item = (End<'a>, End<'a>, Mtu)> {
    twos.iter().flat_map(|Two { ends: [one, other], mtu }| [(*one, *other, *mtu), (*other, *one, *mtu)])
}

/// Waits until each pod has answered the other, or it has had its time.
async fn settle(api: &Api, made: &Made, twos: &[Two<'_>], doing: &Doing) {
    let mut waiting: Vec<(End<'_>, End<'_>)> = ways(twos).map(|(from, to, _)| (from, to)).collect();
    let settled = clock::until(SETTLED, AGAIN, "answers between pods", async || {
        doing.now(format!("waiting for pods to answer each other: {} do not yet", waiting.len()));
        let asks = waiting.iter().map(|(from, to)| (Place::Pod(from.pod.clone()), request(to.address))).collect();
        let answers = made.ask(api, asks).await;
        let mut answers = answers.into_iter();
        waiting.retain(|_| answers.next().is_none_or(|answered| !is_answered(&answered)));
        if waiting.is_empty() { Poll::Ready(()) } else { Poll::NotYet(format!("{} are not answered", waiting.len())) }
    });
    // What is not answered by now is asked once more, and judged.
    let _late = settled.await;
}

fn is_answered(answered: &Answered) -> bool {
    let ok = |reply: &HttpReply| matches!(reply.outcome, HttpOutcome::Response { status: 200, .. });
    matches!(&answered.answer, Ok(Answer::Http(replies)) if replies.iter().any(ok))
}

/// Sends between some, while their links are captured. Where that could not be done, and why.
async fn send(
    api: &Api,
    made: &Made,
    looked: &Looked,
    batch: &[Two<'_>],
    traffic: &mut Traffic,
) -> Vec<(Place, String)> {
    let capturing = made.capture(api, capture_requests(looked, batch)).await;
    let asks = ways(batch).flat_map(|(from, to, mtu)| {
        let place = Place::Pod(from.pod.clone());
        let ping = Request::Ping { destination: to.address, lengths: vec![mtu.0, SMALL_PACKET], deadline: ATTEMPT };
        [(place.clone(), request(to.address)), (place, ping)]
    });
    let answered = made.ask(api, asks.collect()).await;
    let captured = capturing.stop().await;
    let why = |answered: &Answered| Some((answered.place.clone(), answered.answer.as_ref().err()?.clone()));
    let broken = answered.iter().chain(&captured).filter_map(why).collect();
    let mut answers = answered.into_iter().map(|answered| answered.answer);
    for (from, to, mtu) in ways(batch) {
        let (http, pinged) = (answers.next(), answers.next());
        let (Some(Ok(Answer::Http(replies))), Some(Ok(Answer::Pinged(pings)))) = (http, pinged) else { continue };
        let Some(http) = replies.into_iter().next() else { continue };
        let mut pings = pings.into_iter();
        let full_mtu = pings.next().unwrap_or_else(|| not_sent(to.address, mtu.0));
        let small = pings.next().unwrap_or_else(|| not_sent(to.address, SMALL_PACKET));
        traffic.between_pods.push(PodExchange { from: from.pod.clone(), to: to.pod.clone(), http, full_mtu, small });
    }
    for answered in captured {
        if let Ok(Answer::Captured(capture)) = answered.answer {
            merge(&mut traffic.captures, capture);
        }
    }
    broken
}

/// The node that a place is on.
fn node_of(made: &Made, place: &Place) -> Option<NodeName> {
    match place {
        Place::Node(node) => Some(node.clone()),
        Place::Pod(pod) => made.pods.iter().find(|seen| seen.name == *pod)?.node.clone(),
        Place::Bridge | Place::Router(_) => None,
    }
}

fn not_sent(destination: Ipv4Addr, length: u32) -> PingReply {
    let outcome = PingOutcome::Refused("no request was sent".to_owned());
    PingReply { destination, length, outcome, elapsed: Duration::ZERO }
}

/// What was captured on a link later belongs to what was captured there before.
fn merge(captures: &mut Vec<Capture>, later: Capture) {
    match captures.iter_mut().find(|one| one.place == later.place && one.device == later.device) {
        None => captures.push(later),
        Some(one) => {
            one.frames.extend(later.frames);
            one.lost += later.lost;
        }
    }
}

/// A capture on each pod's link and on its node's, of packets of the pods that send: nothing else is kept of it.
fn capture_requests(looked: &Looked, batch: &[Two<'_>]) -> Vec<(Place, Request)> {
    let mut ends: BTreeMap<&NodeName, (End<'_>, BTreeSet<Ipv4Addr>)> = BTreeMap::new();
    for (from, to, _mtu) in ways(batch) {
        let (_end, addresses) = ends.entry(from.node).or_insert_with(|| (from, BTreeSet::new()));
        addresses.extend([from.address, to.address]);
    }
    let request = |device: &str, addresses: &BTreeSet<Ipv4Addr>| Request::Capture {
        device: device.to_owned(),
        filter: CaptureFilter::Headers(addresses.iter().copied().collect()),
        deadline: CAPTURES,
        pcap: None,
    };
    ends.into_iter()
        .flat_map(|(node, (end, addresses))| {
            let uplink = looked.uplinks.get(node).map_or(UPLINK, String::as_str);
            [
                (Place::Node(node.clone()), request(uplink, &addresses)),
                (Place::Pod(end.pod.clone()), request(UPLINK, &addresses)),
            ]
        })
        .collect()
}
