//! The nodes themselves.

use ipnet::Ipv4Net;
use std::collections::HashMap;
use std::net::Ipv4Addr;

use super::UPLINK;
use crate::weighing::{Weighing, unobserved};
use lab_model::expect::Expectations;
use lab_model::observe::{NetnsId, NetnsView, NodeName, Place, Role};
use lab_model::seen::{NodeAnswer, NodesSeen};
use lab_model::{Judgement, Proof, Reason};

/// As many control planes and workers as there should be answer the probe, each in a network namespace of its own with
/// its own eth0, up, and its own IPv4 address.
///
/// # Errors
/// [`Reason::WrongNodeCount`] for a role, and for a node [`Reason::NodeDoesNotAnswer`], [`Reason::SharedNamespace`],
/// [`Reason::NoAddress`] or [`Reason::SharedAddress`]. Unobserved when the lab names no nodes at all.
pub fn three_nodes_run(seen: &NodesSeen, expect: &Expectations) -> Judgement {
    if seen.nodes.is_empty() {
        return unobserved("the lab names no nodes");
    }
    let mut weighing = Weighing::default();
    for (role, named, wanted) in
        [(Role::ControlPlane, "control planes", expect.control_planes), (Role::Worker, "workers", expect.workers)]
    {
        let found: Vec<&str> =
            seen.nodes.iter().filter(|node| node.role == role).map(|node| node.name.0.as_str()).collect();
        if found.len() != wanted {
            weighing.refute(
                Reason::WrongNodeCount,
                Place::Bridge,
                format!("{wanted} {named}"),
                format!("{} of {wanted} {named}: {}", found.len(), found.join(", ")),
                None,
            );
        }
    }
    let mut nodes = Nodes::default();
    for node in &seen.nodes {
        nodes.weigh(node, &mut weighing);
    }
    let total = seen.nodes.len();
    weighing.conclude(|| {
        Proof::new(format!(
            "{total} of {total} nodes answer, {} of {} control planes and {} of {} workers, each in a network namespace of its own",
            expect.control_planes, expect.control_planes, expect.workers, expect.workers
        ))
        .with_details(nodes.lines)
    })
}

/// The network namespaces and addresses of the nodes judged so far, so that two that share one are found.
#[derive(Default)]
struct Nodes<'a> {
    namespaces: HashMap<NetnsId, &'a NodeName>,
    addresses: HashMap<Ipv4Addr, &'a NodeName>,
    lines: Vec<String>,
}

impl<'a> Nodes<'a> {
    fn weigh(&mut self, node: &'a NodeAnswer, weighing: &mut Weighing) {
        let name = &node.name;
        let mut refute = |reason, expected: &str, observed: String, by_hand: &str| {
            let place = Place::Node(name.clone());
            weighing.refute(
                reason,
                place,
                format!("{name}: {expected}"),
                format!("{name}: {observed}"),
                Some(by_hand.to_owned()),
            );
        };
        let view = match &node.view {
            Ok(view) => view,
            Err(why) => {
                refute(Reason::NodeDoesNotAnswer, "answers the probe", why.clone(), "ip address show");
                return;
            }
        };
        let netns = view.netns.0;
        if let Some(other) = self.namespaces.insert(view.netns, name) {
            // The links and addresses seen are the other node's, so they are not judged a second time.
            refute(
                Reason::SharedNamespace,
                "a network namespace of its own",
                format!("net:[{netns}], which is {other}'s too"),
                "readlink /proc/self/ns/net",
            );
            return;
        }
        let show = format!("ip address show dev {UPLINK}");
        match uplink(view) {
            Err(why) => {
                refute(Reason::NoAddress, &format!("{UPLINK}, up, with an IPv4 address"), why, &show);
            }
            Ok(address) => {
                if let Some(other) = self.addresses.insert(address.addr(), name) {
                    refute(
                        Reason::SharedAddress,
                        "an address of its own",
                        format!("{}, which is {other}'s too", address.addr()),
                        &show,
                    );
                }
                self.lines.push(format!("{name}: net:[{netns}], {UPLINK} {address}"));
            }
        }
    }
}

fn uplink(view: &NetnsView) -> Result<Ipv4Net, String> {
    let link = view.link(UPLINK).ok_or_else(|| format!("no {UPLINK}"))?;
    if !link.up {
        return Err(format!("{UPLINK} is down"));
    }
    view.address_of(UPLINK).ok_or_else(|| format!("no IPv4 address on {UPLINK}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::fixture::expectations;
    use lab_model::{Finding, NotHeld};

    fn seen() -> NodesSeen {
        let roles = fixture::roles();
        let nodes = (0..3).map(|number| {
            let (name, _address, _cidr) = fixture::node(number);
            NodeAnswer { role: roles[&name], name, view: Ok(fixture::base_view(number)) }
        });
        NodesSeen { nodes: nodes.collect() }
    }

    fn refuted(change: impl FnOnce(&mut Vec<NodeAnswer>)) -> Vec<Finding> {
        let mut seen = seen();
        change(&mut seen.nodes);
        match three_nodes_run(&seen, &expectations()) {
            Err(NotHeld::Refuted(findings)) => findings,
            other => panic!("not refuted: {other:?}"),
        }
    }

    fn reasons(findings: &[Finding]) -> Vec<Reason> {
        findings.iter().map(|finding| finding.reason).collect()
    }

    fn view(node: &mut NodeAnswer) -> &mut NetnsView {
        node.view.as_mut().expect("a view")
    }

    #[test]
    fn accepts_one_control_plane_and_two_workers() {
        let proof = three_nodes_run(&seen(), &expectations()).expect("held");
        assert_eq!(
            proof.summary,
            "3 of 3 nodes answer, 1 of 1 control planes and 2 of 2 workers, each in a network namespace of its own"
        );
        assert_eq!(proof.details[1], "kind-worker: net:[4026532001], eth0 172.18.0.3/16");
    }

    #[test]
    fn refutes_a_node_that_does_not_answer() {
        let findings = refuted(|nodes| nodes[2].view = Err("no such process".to_owned()));
        assert_eq!(reasons(&findings), [Reason::NodeDoesNotAnswer]);
        assert_eq!(findings[0].observed, "kind-worker2: no such process");
    }

    #[test]
    fn refutes_another_count_of_either_role() {
        let findings = refuted(|nodes| drop(nodes.pop()));
        assert_eq!(reasons(&findings), [Reason::WrongNodeCount]);
        assert_eq!(findings[0].observed, "1 of 2 workers: kind-worker");
        let swapped = refuted(|nodes| nodes[1].role = Role::ControlPlane);
        assert_eq!(reasons(&swapped), [Reason::WrongNodeCount, Reason::WrongNodeCount]);
    }

    #[test]
    fn refutes_a_shared_namespace_for_that_alone() {
        let findings = refuted(|nodes| nodes[2].view = nodes[1].view.clone());
        assert_eq!(reasons(&findings), [Reason::SharedNamespace]);
        assert_eq!(findings[0].observed, "kind-worker2: net:[4026532001], which is kind-worker's too");
    }

    #[test]
    fn refutes_a_node_without_an_address_on_a_link_that_is_up() {
        let without_link = refuted(|nodes| view(&mut nodes[1]).links.truncate(1));
        let down = refuted(|nodes| view(&mut nodes[1]).links[1].up = false);
        let without_address = refuted(|nodes| view(&mut nodes[1]).addresses.truncate(1));
        for findings in [without_link, down, without_address] {
            assert_eq!(reasons(&findings), [Reason::NoAddress], "{findings:?}");
        }
    }

    #[test]
    fn refutes_a_shared_address() {
        let findings = refuted(|nodes| view(&mut nodes[2]).addresses[1].address = fixture::net("172.18.0.3/16"));
        assert_eq!(reasons(&findings), [Reason::SharedAddress]);
        assert_eq!(findings[0].observed, "kind-worker2: 172.18.0.3, which is kind-worker's too");
    }

    #[test]
    fn no_nodes_are_unobserved() {
        let seen = NodesSeen { nodes: Vec::new() };
        assert_eq!(three_nodes_run(&seen, &expectations()), unobserved("the lab names no nodes"));
    }
}
