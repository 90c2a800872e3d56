//! The bridge between the nodes.

use std::collections::HashMap;

use super::UPLINK;
use crate::weighing::{Weighing, unobserved};
use lab_model::expect::Expectations;
use lab_model::observe::{NodeName, Place, Segment, SegmentMember};
use lab_model::seen::SegmentsSeen;
use lab_model::{Judgement, Proof, Reason};

/// All nodes hang on the one bridge of the expected name, in one subnet with its gateway.
///
/// # Errors
/// For each node [`Reason::NotOnBridge`], [`Reason::NoAddress`] or [`Reason::OtherSubnet`]. Unobserved when the lab names
/// too few nodes, no segment was found, or the bridge has no address to tell its subnet by.
pub fn nodes_share_one_bridge(seen: &SegmentsSeen, expect: &Expectations) -> Judgement {
    if seen.nodes.is_empty() {
        return unobserved("the lab names no nodes");
    }
    if seen.segments.is_empty() {
        return unobserved("no layer-2 segment was found");
    }
    let mut weighing = Weighing::default();
    weighing.each_once("node", &seen.nodes);
    if seen.nodes.len() < expect.nodes() {
        weighing.miss(format!("the lab names {} of {} nodes", seen.nodes.len(), expect.nodes()));
    }
    // Docker allows networks of one name; the nodes must be together on one of them.
    let named = seen.segments.iter().filter(|segment| segment.name == expect.network);
    let bridge = named.max_by_key(|segment| seen.nodes.iter().filter(|node| member(segment, node).is_some()).count());
    if let Some(bridge) = bridge.filter(|bridge| bridge.gateway.is_none()) {
        weighing.miss(format!("bridge {} has no address to tell its subnet by", bridge.name));
    }
    let subnet = bridge.and_then(|bridge| bridge.gateway).map(|gateway| gateway.trunc());
    let on: HashMap<&NodeName, &SegmentMember> =
        bridge.iter().flat_map(|bridge| &bridge.members).map(|member| (&member.node, member)).collect();
    let mut lines = Vec::new();
    for node in &seen.nodes {
        let mut refute = |reason, expected: String, observed: String, by_hand: String| {
            let place = Place::Node(node.clone());
            weighing.refute(reason, place, format!("{node}: {expected}"), format!("{node}: {observed}"), Some(by_hand));
        };
        let show = format!("ip address show dev {UPLINK}");
        match (on.get(node).map(|member| member.address), subnet) {
            (None, _) => refute(
                Reason::NotOnBridge,
                format!("on bridge {}", expect.network),
                elsewhere(seen, node, expect),
                format!("ip -d link show dev {UPLINK}"),
            ),
            (Some(None), _) => refute(
                Reason::NoAddress,
                format!("an IPv4 address on {UPLINK}"),
                format!("on bridge {} without an address", expect.network),
                show,
            ),
            (Some(Some(address)), Some(subnet)) if address.trunc() != subnet => {
                refute(Reason::OtherSubnet, format!("an address in {subnet}"), format!("{address}"), show);
            }
            (Some(Some(address)), _) => lines.push(format!("{node}: {address}")),
        }
    }
    let total = seen.nodes.len();
    weighing.conclude(|| {
        let subnet = subnet.map(|subnet| subnet.to_string()).unwrap_or_default();
        Proof::new(format!("{total} of {total} on bridge {}, {subnet}", expect.network)).with_details(lines)
    })
}

fn member<'a>(segment: &'a Segment, node: &NodeName) -> Option<&'a SegmentMember> {
    segment.members.iter().find(|member| member.node == *node)
}

/// Where a node is instead.
fn elsewhere(seen: &SegmentsSeen, node: &NodeName, expect: &Expectations) -> String {
    let others: Vec<&str> = seen
        .segments
        .iter()
        .filter(|segment| member(segment, node).is_some())
        .map(|segment| segment.name.as_str())
        .collect();
    match others[..] {
        [] => "on no bridge".to_owned(),
        // In racks, each ToR has one.
        [name] if name == expect.network => format!("on another bridge {name}, of another rack"),
        _ => format!("on bridge {}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::fixture::{expectations, net};
    use lab_model::{Finding, NotHeld};

    fn seen() -> SegmentsSeen {
        let nodes: Vec<NodeName> = (0..3).map(|number| fixture::node(number).0).collect();
        let members = (0..3).map(|number| {
            let (node, address, _cidr) = fixture::node(number);
            SegmentMember { node, address: Some(net(&format!("{address}/16"))) }
        });
        let kind = Segment {
            name: "kind".to_owned(),
            gateway: Some(net("172.18.0.1/16")),
            mtu: None,
            members: members.collect(),
        };
        SegmentsSeen { nodes, segments: vec![segment("bridge", Vec::new()), kind] }
    }

    fn segment(name: &str, members: Vec<SegmentMember>) -> Segment {
        Segment { name: name.to_owned(), gateway: Some(net("172.17.0.1/16")), mtu: None, members }
    }

    fn judged(change: impl FnOnce(&mut SegmentsSeen)) -> Judgement {
        let mut seen = seen();
        change(&mut seen);
        nodes_share_one_bridge(&seen, &expectations())
    }

    fn refuted(change: impl FnOnce(&mut SegmentsSeen)) -> Vec<Finding> {
        match judged(change) {
            Err(NotHeld::Refuted(findings)) => findings,
            other => panic!("not refuted: {other:?}"),
        }
    }

    fn reasons(findings: &[Finding]) -> Vec<Reason> {
        findings.iter().map(|finding| finding.reason).collect()
    }

    #[test]
    fn accepts_three_nodes_on_the_bridge() {
        assert_eq!(judged(|_seen| {}).expect("held").summary, "3 of 3 on bridge kind, 172.18.0.0/16");
    }

    #[test]
    fn refutes_a_worker_on_a_second_bridge_or_on_none() {
        let second = refuted(|seen| {
            let moved = seen.segments[1].members.remove(2);
            seen.segments.push(segment("kind2", vec![moved]));
        });
        assert_eq!(reasons(&second), [Reason::NotOnBridge]);
        assert_eq!(second[0].observed, "kind-worker2: on bridge kind2");
        let none = refuted(|seen| drop(seen.segments[1].members.remove(2)));
        assert_eq!(reasons(&none), [Reason::NotOnBridge]);
        assert_eq!(none[0].observed, "kind-worker2: on no bridge");
    }

    #[test]
    fn refutes_a_second_bridge_of_the_same_name() {
        let findings = refuted(|seen| {
            let moved = seen.segments[1].members.remove(0);
            seen.segments.push(segment("kind", vec![moved]));
        });
        assert_eq!(reasons(&findings), [Reason::NotOnBridge]);
    }

    #[test]
    fn refutes_all_nodes_when_there_is_no_such_bridge() {
        let findings = refuted(|seen| seen.segments[1].name = "other".to_owned());
        assert_eq!(reasons(&findings), [Reason::NotOnBridge; 3]);
    }

    #[test]
    fn refutes_other_subnets() {
        for address in ["172.19.0.4/16", "172.18.0.4/24"] {
            let findings = refuted(|seen| seen.segments[1].members[2].address = Some(net(address)));
            assert_eq!(reasons(&findings), [Reason::OtherSubnet], "{address}");
        }
    }

    #[test]
    fn refutes_a_member_without_an_address() {
        let findings = refuted(|seen| seen.segments[1].members[2].address = None);
        assert_eq!(reasons(&findings), [Reason::NoAddress]);
    }

    #[test]
    fn what_was_not_seen_is_unobserved() {
        assert_eq!(judged(|seen| seen.nodes.clear()), unobserved("the lab names no nodes"));
        assert_eq!(judged(|seen| seen.segments.clear()), unobserved("no layer-2 segment was found"));
        assert_eq!(judged(|seen| drop(seen.nodes.pop())), unobserved("the lab names 2 of 3 nodes"));
        assert_eq!(
            judged(|seen| seen.segments[1].gateway = None),
            unobserved("bridge kind has no address to tell its subnet by")
        );
    }
}
