//! What is sent while links are captured: who asks whom, and packets of which size.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use lab_model::expect::Expectations;
use lab_model::observe::{Mtu, NetnsView, NodeName, Place, PodName, PodSeen, Segment, UPLINK};
use lab_model::request::{HttpAsk, Request, SMALL_PACKET};

/// For one request or echo.
const ATTEMPT_DEADLINE: Duration = Duration::from_millis(1200);
/// Of the address that nobody has (RFC 5737, TEST-NET-1).
const NOBODY: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// The TTL of a packet that its node forwards, and the gateway no more.
const TO_THE_GATEWAY: u8 = 2;

/// What all senders have in common.
pub(super) struct Planned {
    /// Of the full-size packets.
    pub(super) mtu: Mtu,
    pub(super) outside: Outside,
}

/// What each node itself sends to its gateway, so that its capture has something of its own.
pub(super) fn echo(gateway: Ipv4Addr) -> Request {
    Request::Ping { destination: gateway, lengths: vec![SMALL_PACKET], deadline: ATTEMPT_DEADLINE }
}

/// What pods ask for outside the native routing CIDR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outside {
    pub(super) to: SocketAddrV4,
    ttl: Option<u8>,
}

impl Outside {
    /// The bridge's gateway. Where that lies within the native routing CIDR itself, as with a Docker network of
    /// 10.0.0.0/8, an address that nobody has, with a TTL that ends at the gateway: the packet leaves its node as any
    /// other for the outside, and the lab not at all.
    pub(super) fn of(gateway: SocketAddrV4, expect: &Expectations) -> Self {
        if expect.native_cidr.contains(gateway.ip()) {
            return Self { to: SocketAddrV4::new(NOBODY, gateway.port()), ttl: Some(TO_THE_GATEWAY) };
        }
        Self { to: gateway, ttl: None }
    }
}

/// The size of full-size packets: what the segment takes, or the largest eth0 of the nodes with pods, or of all where
/// none has one, if that is more.
pub(super) fn full_mtu(
    segment: Option<&Segment>,
    nodes: &BTreeMap<NodeName, NetnsView>,
    pods: &[PodSeen],
) -> Option<Mtu> {
    let mut with_pods = pods.iter().filter_map(|pod| nodes.get(pod.node.as_ref()?));
    let largest = |views: &mut dyn Iterator<Item = &NetnsView>| {
        views.filter_map(|view| view.link(UPLINK)).map(|link| link.mtu).max()
    };
    largest(&mut with_pods).or_else(|| largest(&mut nodes.values())).max(segment.and_then(|segment| segment.mtu))
}

/// What one pod sends: to the pods before and after it in the ring of all pods, where these are on other nodes, and to
/// the outside. With two pods that is each to the other.
pub(super) struct Send {
    pub(super) from: PodName,
    pub(super) to: Vec<(PodName, SocketAddrV4)>,
}

/// The pods in which something can be captured and sent. One that waits for a node, or whose container does not run, hides
/// nothing of the others.
pub(super) fn taking_part(pods: &[PodSeen], not_entered: &BTreeMap<PodName, String>) -> Vec<PodSeen> {
    pods.iter().filter(|pod| !not_entered.contains_key(&pod.name)).cloned().collect()
}

/// Each pod asks the next one and the one before it that are on other nodes, and whoever asks it: every pod takes part
/// that can, and each two ask each other. One without an address cannot, and judges miss it.
pub(super) fn sends(pods: &[PodSeen], target_port: u16) -> Vec<Send> {
    let reachable: Vec<(&PodSeen, Ipv4Addr)> =
        pods.iter().filter_map(|pod| pod.address.map(|address| (pod, address))).collect();
    let count = reachable.len();
    let elsewhere = |index: usize, peer: &usize| reachable[*peer].0.node != reachable[index].0.node;
    let around = |index: usize| {
        let mut after = (1..count).map(|step| (index + step) % count);
        let next = after.clone().find(|peer| elsewhere(index, peer));
        next.into_iter().chain(after.rfind(|peer| elsewhere(index, peer)))
    };
    let peers = |index: usize| {
        let asking = (0..count).filter(|other| around(*other).any(|asked| asked == index));
        let mut peers: Vec<usize> = Vec::new();
        for peer in around(index).chain(asking) {
            if !peers.contains(&peer) {
                peers.push(peer);
            }
        }
        let socket = |peer: usize| SocketAddrV4::new(reachable[peer].1, target_port);
        peers.into_iter().map(|peer| (reachable[peer].0.name.clone(), socket(peer))).collect()
    };
    (0..count).map(|index| Send { from: reachable[index].0.name.clone(), to: peers(index) }).collect()
}

impl Send {
    pub(super) fn asks(&self, plan: &Planned) -> Vec<(Place, Request)> {
        let place = Place::Pod(self.from.clone());
        let to_pods = self.to.iter().flat_map(|(_, address)| {
            let ping = Request::Ping {
                destination: *address.ip(),
                lengths: vec![plan.mtu.0, SMALL_PACKET],
                deadline: ATTEMPT_DEADLINE,
            };
            [one_request(*address, None), ping]
        });
        let outside = one_request(plan.outside.to, plan.outside.ttl);
        to_pods.chain([outside]).map(|request| (place.clone(), request)).collect()
    }
}

fn one_request(to: SocketAddrV4, ttl: Option<u8>) -> Request {
    Request::Http(HttpAsk {
        to,
        path: "/".to_owned(),
        ttl,
        until_bodies: 1,
        attempts: 1,
        attempt_deadline: ATTEMPT_DEADLINE,
        deadline: ATTEMPT_DEADLINE,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Pods on these nodes, each at an address of its own.
    fn pods(nodes: &[&str]) -> Vec<PodSeen> {
        let pod = |(number, node): (u8, &&str)| PodSeen {
            name: PodName(format!("pod-{number}")),
            node: Some((*node).into()),
            address: Some(Ipv4Addr::new(10, 0, 0, number)),
            ready: true,
        };
        (0..).zip(nodes).map(pod).collect()
    }

    /// Who asks whom, by the pods' numbers.
    fn asked(pods: &[PodSeen]) -> BTreeSet<(String, String)> {
        let number = |name: &PodName| name.0.trim_start_matches("pod-").to_owned();
        let sends = sends(pods, 8080).into_iter();
        sends.flat_map(|send| send.to.into_iter().map(move |(to, _at)| (number(&send.from), number(&to)))).collect()
    }

    fn pairs(text: &str) -> BTreeSet<(String, String)> {
        text.split_whitespace().map(|pair| (pair[..1].to_owned(), pair[1..].to_owned())).collect()
    }

    #[test]
    fn every_pod_and_one_on_another_node_ask_each_other() {
        assert_eq!(asked(&pods(&["a", "b"])), pairs("01 10"));
        assert_eq!(asked(&pods(&["a", "b", "c", "d"])), pairs("01 10 12 21 23 32 30 03"));
        // The second has neighbours in the ring on its own node alone.
        assert_eq!(asked(&pods(&["a", "a", "a", "b"])), pairs("03 30 13 31 23 32"));
        assert_eq!(asked(&pods(&["a", "a"])), BTreeSet::new());
        assert_eq!(asked(&pods(&["a"])), BTreeSet::new());
    }

    /// It cannot be asked; that it was not is in what the others sent, and judges know how many there must be.
    #[test]
    fn a_pod_without_an_address_is_left_out_of_the_plan_alone() {
        let mut pods = pods(&["a", "b", "c"]);
        pods[2].address = None;
        assert_eq!(asked(&pods), pairs("01 10"));
    }

    #[test]
    fn a_pod_that_cannot_be_entered_is_neither_captured_nor_asked() {
        let mut pods = pods(&["a", "b", "c"]);
        // Its container does not run, though it has an address; and the fourth waits for a node.
        pods.push(PodSeen { name: PodName("pod-3".to_owned()), node: None, address: None, ready: false });
        let not_entered = ["pod-1", "pod-3"].map(|name| (PodName(name.to_owned()), "nothing of it runs".to_owned()));
        let able = taking_part(&pods, &not_entered.into());
        assert_eq!(able.iter().map(|pod| &*pod.name.0).collect::<Vec<_>>(), ["pod-0", "pod-2"]);
        assert_eq!(asked(&able), pairs("02 20"));
    }

    #[test]
    fn full_size_is_what_the_segment_takes_unless_a_link_takes_more() {
        let segment = |mtu| Segment { name: "kind".to_owned(), gateway: None, mtu, members: Vec::new() };
        let none = BTreeMap::new();
        assert_eq!(full_mtu(Some(&segment(Some(Mtu(1500)))), &none, &[]), Some(Mtu(1500)));
        assert_eq!(full_mtu(Some(&segment(None)), &none, &[]), None);
        assert_eq!(full_mtu(None, &none, &[]), None);
    }

    #[test]
    fn what_lies_within_the_native_cidr_is_not_the_outside() {
        let gateway = |octets: [u8; 4]| SocketAddrV4::new(octets.into(), 9999);
        let expect =
            lab_manifest::Manifests::embedded().expect("the article's").expectations(None, None).expect("a lab");
        let outside = |octets| Outside::of(gateway(octets), &expect);
        assert_eq!(outside([172, 18, 0, 1]), Outside { to: gateway([172, 18, 0, 1]), ttl: None });
        assert_eq!(outside([10, 89, 0, 1]), Outside { to: gateway([192, 0, 2, 1]), ttl: Some(2) });
    }
}
