//! Where a node's own pod CIDR leads.

use ipnet::Ipv4Net;
use std::net::Ipv4Addr;

use super::node::{self, Node, Origin};
use super::{UPLINK, links, verdict};
use crate::fib::{Decision, Flow, Refusal};
use crate::weighing::{Weighing, unobserved};
use lab_model::expect::Expectations;
use lab_model::observe::{NetnsView, NextHop, Place, Route, RouteKind};
use lab_model::seen::RoutingSeen;
use lab_model::{Judgement, Proof, Reason, words};

/// How many nodes a proof's summary names.
const NODES_NAMED: usize = 3;

/// A node's own pod CIDR stays on the node, for packets of its own and for those that come from a peer: it leads to the
/// node's address among its pods (Cilium: via the address of `cilium_host`), to the link that holds it, or to a pod's own
/// link. A link that leads out of the node is none of these, whatever addresses it has: a second network's may well have
/// one of the pod CIDR.
///
/// # Errors
/// [`Reason::OwnCidrLeadsAway`], one for each node; unobserved when a node, its pod CIDR or its rules were not seen.
pub fn own_pods_are_local(seen: &RoutingSeen, expect: &Expectations) -> Judgement {
    if seen.nodes.is_empty() {
        return unobserved("no node's routes were seen");
    }
    let nodes = node::survey(&seen.nodes, &seen.pod_cidrs);
    let mut weighing = Weighing::default();
    node::require(&nodes, expect, &mut weighing);
    let mut stays = Vec::new();
    for node in &nodes {
        let Some(cidr) = node.cidr else { continue };
        if let Some(line) = weigh(node, cidr, &arrivals(node, &nodes), &mut weighing) {
            stays.push(line);
        }
    }
    weighing.conclude(|| {
        Proof::new(format!(
            "{} of {} nodes keep their own pod CIDR; {}",
            stays.len(),
            nodes.len(),
            words::few(&stays, NODES_NAMED, "; ")
        ))
        .with_details(stays)
    })
}

/// Where packets to a node's pods come from: the node itself, and a pod of each peer that a rule tells from others.
fn arrivals(node: &Node<'_>, nodes: &[Node<'_>]) -> Vec<Origin> {
    let mut origins = vec![Origin { source: None, iif: None }];
    let told_apart = node.fib.rules().iter().any(|rule| rule.source.is_some_and(|source| source.prefix_len() > 0));
    let peers = nodes.iter().filter(|peer| peer.name != node.name).filter_map(|peer| peer.cidr);
    let sources = peers.flat_map(|cidr| node.fib.source_samples(cidr));
    let wanted = if told_apart { usize::MAX } else { 1 };
    origins.extend(sources.take(wanted).map(|source| Origin { source: Some(source), iif: Some(UPLINK.to_owned()) }));
    origins
}

/// How the CIDR's first address stays; none where any address does not.
fn weigh(node: &Node<'_>, cidr: Ipv4Net, arrivals: &[Origin], weighing: &mut Weighing) -> Option<String> {
    let mut first = None;
    for destination in node.fib.samples(cidr) {
        for origin in arrivals {
            let flow = origin.flow(destination);
            let decision = node.fib.decide(&flow);
            match stays(node.view, cidr, &decision) {
                Stays::Here(route) => {
                    first.get_or_insert_with(|| format!("{}: {}", node.name, words::route(route)));
                }
                Stays::Leaves => {
                    weighing.refute(
                        Reason::OwnCidrLeadsAway,
                        Place::Node(node.name.clone()),
                        format!("{}: its own {cidr} leads to an address or a pod of this node", node.name),
                        format!("{}: {}", node.name, away(&flow, &decision)),
                        Some(verdict::by_hand(node, &flow)),
                    );
                    return None;
                }
                Stays::Open(why) => {
                    weighing.miss(format!("{}: {why}", node.name));
                    return None;
                }
            }
        }
    }
    first
}

enum Stays<'a> {
    Here(&'a Route),
    Leaves,
    Open(String),
}

fn stays<'a>(view: &NetnsView, cidr: Ipv4Net, decision: &Decision<'a>) -> Stays<'a> {
    match decision {
        Decision::Undecidable(why) => Stays::Open(why.clone()),
        Decision::NoRoute | Decision::Refused(_) => Stays::Leaves,
        Decision::Route { route, .. } => {
            let here = match route.kind {
                RouteKind::Local | RouteKind::Broadcast | RouteKind::Anycast => true,
                RouteKind::Unicast => {
                    !route.hops.is_empty() && route.hops.iter().all(|hop| leads_here(view, cidr, route, hop))
                }
                _ => false,
            };
            if here { Stays::Here(route) } else { Stays::Leaves }
        }
    }
}

fn leads_here(view: &NetnsView, cidr: Ipv4Net, route: &Route, hop: &NextHop) -> bool {
    let straight = hop.gateway.is_none() && !hop.encapsulates;
    let to_a_pod = || {
        links::pod_links(view, Some(cidr)).any(|pod| hop.device.as_deref() == Some(pod.name.as_str()))
            && route.destination.prefix_len() == 32
    };
    links::keeps(view, cidr, hop) || (straight && to_a_pod())
}

fn away(flow: &Flow<'_>, decision: &Decision<'_>) -> String {
    let destination: Ipv4Addr = flow.destination;
    match decision {
        Decision::Route { route, .. } if route.destination.prefix_len() == 0 => {
            format!("no route; {destination} would leave through {}", words::route(route))
        }
        Decision::Route { route, .. } => format!("{destination} takes {}", words::route(route)),
        Decision::Refused(Refusal::Rule(rule)) => format!("{destination} is refused by rule {}", words::rule(rule)),
        Decision::Refused(Refusal::Route(_, route)) => format!("{destination} is refused by {}", words::route(route)),
        Decision::NoRoute => format!("no route; {destination} leads nowhere"),
        Decision::Undecidable(why) => why.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::fixture::{expectations, net};
    use lab_model::NotHeld;
    use lab_model::observe::{Address, NodeName};

    fn judged(change: impl FnOnce(&mut NetnsView)) -> Judgement {
        let mut seen = fixture::native(3);
        change(seen.nodes.get_mut(&NodeName::from(fixture::WORKER)).expect("a worker"));
        own_pods_are_local(&seen, &expectations())
    }

    fn refuted(routes: &[&str]) -> Vec<Reason> {
        judged(|view| instead(view, routes)).expect_err("refuted").reasons()
    }

    /// Replaces kind-worker's route to its own pod CIDR.
    fn instead(view: &mut NetnsView, routes: &[&str]) {
        view.routes.retain(|route| route.destination != net("10.0.1.0/24"));
        view.routes.extend(routes.iter().map(|text| fixture::route(text)));
    }

    #[test]
    fn accepts_ciliums_route_via_its_own_address() {
        assert_eq!(
            judged(|_view| {}).expect("held").summary,
            "3 of 3 nodes keep their own pod CIDR; \
             kind-control-plane: 10.0.0.0/24 via 10.0.0.104 dev cilium_host; \
             kind-worker: 10.0.1.0/24 via 10.0.1.104 dev cilium_host; \
             kind-worker2: 10.0.2.0/24 via 10.0.2.104 dev cilium_host"
        );
    }

    #[test]
    fn accepts_other_shapes_that_stay() {
        judged(|view| instead(view, &["10.0.1.0/24 dev cilium_host"])).expect("a link with an address of the node's");
        judged(|view| instead(view, &["local 10.0.1.0/24 dev lo"])).expect("a local route");
        judged(|view| view.routes.push(fixture::route("10.0.1.12 dev lxc7"))).expect("a host route to a pod");
        let bridge = |view: &mut NetnsView| {
            view.links.push(fixture::link(30, "cni0", Some("bridge")));
            view.links.iter_mut().filter(|link| link.name == "lxc7").for_each(|pod| pod.master = Some(30));
            view.addresses.push(Address { device: "cni0".to_owned(), address: net("10.0.1.1/24") });
            instead(view, &["10.0.1.0/24 dev cni0"]);
        };
        judged(bridge).expect("a bridge of pods with the node's address among them");
        let renumbered = |view: &mut NetnsView| {
            move_address(view, "cilium_host", "10.9.9.9/32");
            instead(view, &["10.0.1.0/24 via 10.9.9.9 dev cilium_host"]);
        };
        judged(renumbered).expect("cilium_host with an address of another pool");
    }

    /// Gives a link another address than it has.
    fn move_address(view: &mut NetnsView, device: &str, to: &str) {
        view.addresses.retain(|own| own.device != device);
        view.addresses.push(Address { device: device.to_owned(), address: net(to) });
    }

    /// kind-worker has a link of a second network, whose other end is where eth0 has its own.
    fn second_network(view: &mut NetnsView, address: &str) {
        let mut eth1 = fixture::link(95, "eth1", Some("veth"));
        (eth1.peer_index, eth1.peer_netns) = (Some(195), Some(0));
        view.links.push(eth1);
        move_address(view, "eth1", address);
    }

    #[test]
    fn accepts_a_second_network_that_leaves_the_pod_cidr_alone() {
        judged(|view| {
            second_network(view, "172.19.0.3/16");
            view.routes.extend(["172.19.0.0/16 dev eth1", "local 172.19.0.3 dev eth1"].map(fixture::route));
        })
        .expect("held");
    }

    #[test]
    fn refutes_a_second_network_that_takes_the_pod_cidr() {
        for (address, route) in [
            ("172.19.0.3/16", "10.0.1.0/24 dev eth1"),
            ("172.19.0.3/16", "10.0.1.0/24 via 172.19.0.3 dev eth1"),
            // An address of the pod CIDR does not make it the pods' side.
            ("10.0.1.200/24", "10.0.1.0/24 dev eth1"),
            ("10.0.1.200/24", "10.0.1.0/24 via 10.0.1.200 dev eth1"),
        ] {
            let reasons = judged(|view| {
                second_network(view, address);
                instead(view, &[route]);
            });
            assert_eq!(reasons.expect_err("refuted").reasons(), [Reason::OwnCidrLeadsAway], "{address}, {route}");
        }
        // Nor is it a pod's own link, even by a route to one address.
        let one = judged(|view| {
            second_network(view, "172.19.0.3/16");
            view.routes.push(fixture::route("10.0.1.77 dev eth1"));
        });
        assert_eq!(one.expect_err("refuted").reasons(), [Reason::OwnCidrLeadsAway]);
        // Another container holds the other end of this one, and it is told apart by its address.
        let elsewhere = judged(|view| {
            second_network(view, "172.19.0.3/16");
            view.links.iter_mut().filter(|link| link.name == "eth1").for_each(|eth1| eth1.peer_netns = Some(9));
            view.routes.push(fixture::route("10.0.1.77 dev eth1"));
        });
        assert_eq!(elsewhere.expect_err("refuted").reasons(), [Reason::OwnCidrLeadsAway]);
    }

    #[test]
    fn refutes_local_links_that_are_not_the_pods_side() {
        for (kind, address, route) in [
            // A pair that is here, with an address that is not among the pods.
            ("veth", "192.0.2.1/24", "10.0.1.0/24 dev other"),
            ("veth", "192.0.2.1/24", "10.0.1.0/24 via 192.0.2.1 dev other"),
            // An address of the pod CIDR, on a link that does not hold it, and on ones that lead nowhere or out.
            ("veth", "10.0.1.5/32", "10.0.1.0/24 via 10.0.1.104 dev other"),
            ("dummy", "10.0.1.5/32", "10.0.1.0/24 dev other"),
            ("macvlan", "10.0.1.5/32", "10.0.1.0/24 via 10.0.1.5 dev other"),
        ] {
            let reasons = judged(|view| {
                let mut other = fixture::link(40, "other", Some(kind));
                let mut end = fixture::link(41, "end", Some(kind));
                (other.peer_index, end.peer_index) = (Some(41), Some(40));
                view.links.extend([other, end]);
                move_address(view, "other", address);
                instead(view, &[route]);
            });
            assert_eq!(reasons.expect_err("refuted").reasons(), [Reason::OwnCidrLeadsAway], "{kind}, {route}");
        }
        let bridged_to_a_second_network = judged(|view| {
            second_network(view, "172.19.0.3/16");
            view.links.push(fixture::link(30, "cni0", Some("bridge")));
            view.links.iter_mut().filter(|link| link.name == "eth1").for_each(|port| port.master = Some(30));
            move_address(view, "cni0", "10.0.1.1/24");
            instead(view, &["10.0.1.0/24 dev cni0"]);
        });
        assert_eq!(bridged_to_a_second_network.expect_err("refuted").reasons(), [Reason::OwnCidrLeadsAway]);
    }

    #[test]
    fn refutes_what_leads_away() {
        for routes in [
            vec!["10.0.1.0/24 via 172.18.0.4 dev eth0"],
            vec!["10.0.1.0/24 dev eth0"],
            vec!["10.0.1.0/24 via 172.18.0.3 dev eth0"],
            vec!["blackhole 10.0.1.0/24"],
            vec!["10.0.1.0/24 dev lxc7"],
            vec!["10.0.1.0/24 via 10.0.1.9 dev cilium_host"],
            vec![],
            vec!["10.0.1.0/24 via 10.0.1.104 dev cilium_host", "10.0.1.128/25 via 172.18.0.4 dev eth0"],
        ] {
            assert_eq!(refuted(&routes), [Reason::OwnCidrLeadsAway], "{routes:?}");
        }
    }

    #[test]
    fn refutes_a_tunnel_that_holds_an_address_of_the_node() {
        let tunnel = |view: &mut NetnsView| {
            view.links.push(fixture::link(20, "vxlan0", Some("vxlan")));
            view.addresses.push(Address { device: "vxlan0".to_owned(), address: net("10.0.1.1/32") });
            instead(view, &["10.0.1.0/24 dev vxlan0"]);
        };
        assert_eq!(judged(tunnel).expect_err("refuted").reasons(), [Reason::OwnCidrLeadsAway]);
    }

    #[test]
    fn refutes_a_rule_that_sends_a_peers_packets_back() {
        let rule = |view: &mut NetnsView| {
            view.rules.push(fixture::rule("50: from 10.0.2.64/26 iif eth0 lookup 100"));
            view.routes.push(fixture::route("default via 172.18.0.1 dev eth0 table 100"));
        };
        let Err(NotHeld::Refuted(findings)) = judged(rule) else { panic!("not refuted") };
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].by_hand.as_deref(), Some("ip route get 10.0.1.1 from 10.0.2.64 iif eth0"));
    }

    #[test]
    fn what_was_not_seen_is_unobserved() {
        let mut seen = fixture::native(3);
        seen.pod_cidrs.by_node.clear();
        assert!(matches!(own_pods_are_local(&seen, &expectations()), Err(NotHeld::Unobserved(_))));
        seen.nodes.clear();
        assert_eq!(own_pods_are_local(&seen, &expectations()), unobserved("no node's routes were seen"));
        let open = judged(|view| view.rules.push(fixture::rule("50: from all uidrange unreachable")));
        assert!(matches!(open, Err(NotHeld::Unobserved(_))));
    }
}
