//! A node as the routing judges see it: its tables, and the packets that stand for all that it sends to peers.

use ipnet::Ipv4Net;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::links::pod_links;
use super::{UPLINK, links};
use crate::fib::{Fib, Flow};
use crate::weighing::Weighing;
use lab_model::expect::Expectations;
use lab_model::observe::{NetnsView, NodeName, PodCidrs, RouteKind};

/// A node, indexed.
pub(super) struct Node<'a> {
    pub(super) name: &'a NodeName,
    pub(super) view: &'a NetnsView,
    pub(super) fib: Fib<'a>,
    /// Its pod CIDR, if it has one.
    pub(super) cidr: Option<Ipv4Net>,
    /// The address of its eth0, if it has one.
    pub(super) address: Option<Ipv4Addr>,
    /// Where its packets to peers come from: itself, and its pods.
    pub(super) origins: Vec<Origin>,
}

/// Where a packet comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) source: Option<Ipv4Addr>,
    pub(super) iif: Option<String>,
}

impl Origin {
    pub(super) fn flow(&self, destination: Ipv4Addr) -> Flow<'_> {
        Flow { destination, source: self.source, iif: self.iif.as_deref() }
    }
}

/// Indexes all nodes, in the order of their names.
pub(super) fn survey<'a>(nodes: &'a BTreeMap<NodeName, NetnsView>, pod_cidrs: &PodCidrs) -> Vec<Node<'a>> {
    nodes
        .iter()
        .map(|(name, view)| {
            let fib = Fib::new(view);
            let cidr = pod_cidrs.by_node.get(name).copied();
            let address = view.address_of(UPLINK).map(|address| address.addr());
            let origins = origins(view, &fib, cidr, address);
            Node { name, view, fib, cidr, address, origins }
        })
        .collect()
}

/// Names what no routing claim can be decided without.
pub(super) fn require(nodes: &[Node<'_>], expect: &Expectations, weighing: &mut Weighing) {
    if nodes.len() < expect.nodes() {
        weighing.miss(format!("routes were seen on {} of {} nodes", nodes.len(), expect.nodes()));
    }
    for node in nodes {
        require_links(node, weighing);
        if node.cidr.is_none() {
            weighing.miss(format!("the pod CIDR of {} is not known", node.name));
        }
        if node.address.is_none() {
            weighing.miss(format!("no IPv4 address was seen on {UPLINK} of {}", node.name));
        }
    }
}

/// Names what shows that not all links of a node were seen.
pub(super) fn require_links(node: &Node<'_>, weighing: &mut Weighing) {
    for unlisted in links::unlisted(node.view) {
        weighing.miss(format!("{}: {unlisted}", node.name));
    }
}

/// Where packets of this node's to peers come from: itself, and its pods.
pub(super) fn origins(
    view: &NetnsView,
    fib: &Fib<'_>,
    cidr: Option<Ipv4Net>,
    address: Option<Ipv4Addr>,
) -> Vec<Origin> {
    let mut origins = vec![Origin { source: None, iif: None }];
    // A TCP socket asks again once the kernel has chosen its source (ip_route_connect() in include/net/route.h).
    origins.extend(address.map(|address| Origin { source: Some(address), iif: None }));
    let Some(cidr) = cidr else { return origins };
    let told_apart = fib.tells_sources_apart();
    for iif in pod_sides(view, fib, cidr) {
        // The pod behind this link, where a route names it: a strict reverse path filter takes no other.
        let mut sources: Vec<Ipv4Addr> = pod_behind(view, &iif).filter(|pod| cidr.contains(pod)).into_iter().collect();
        let others =
            fib.source_samples(cidr).into_iter().filter(|other| !view.owns(*other) && !sources.contains(other));
        let wanted = if told_apart { usize::MAX } else { 1 - sources.len() };
        let others: Vec<Ipv4Addr> = others.take(wanted).collect();
        sources.extend(others);
        origins.extend(sources.into_iter().map(|source| Origin { source: Some(source), iif: Some(iif.clone()) }));
    }
    origins
}

/// Pod-side links that stand for all: those that rules name, and one that none names. Where there is none, a name.
fn pod_sides(view: &NetnsView, fib: &Fib<'_>, cidr: Ipv4Net) -> Vec<String> {
    let named = |name: &str| fib.rules().iter().any(|rule| rule.iif.as_deref() == Some(name));
    // By index: who asks the kernel and who judges its answers choose the same one, however links are listed.
    let mut links: Vec<_> = pod_links(view, Some(cidr)).collect();
    links.sort_by_key(|link| link.index);
    let (mut sides, others): (Vec<String>, Vec<String>) =
        links.into_iter().map(|link| link.name.clone()).partition(|name| named(name));
    sides.extend(others.into_iter().next());
    if sides.is_empty() {
        // No pod is here yet; one that comes will come by a link that no rule names. Of so many names one is free.
        let mut names = (0..256).map(|number| format!("pod{}", "+".repeat(number)));
        sides.extend(names.find(|name| !named(name) && view.link(name).is_none()));
    }
    sides
}

/// The pod that a route of its own leads to, by this link.
pub(super) fn pod_behind(view: &NetnsView, link: &str) -> Option<Ipv4Addr> {
    let host_route = view.routes.iter().find(|route| {
        route.kind == RouteKind::Unicast
            && route.destination.prefix_len() == 32
            && route.hops.iter().all(|hop| hop.gateway.is_none() && hop.device.as_deref() == Some(link))
            && !route.hops.is_empty()
    })?;
    Some(host_route.destination.addr())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::fixture::addr;

    fn origins_of(view: &NetnsView) -> Vec<(String, String)> {
        let (name, _address, _cidr) = fixture::node(1);
        let nodes = BTreeMap::from([(name, view.clone())]);
        let text = |part: Option<String>| part.unwrap_or_else(|| "-".to_owned());
        survey(&nodes, &fixture::pod_cidrs(3))[0]
            .origins
            .iter()
            .map(|origin| (text(origin.source.map(|source| source.to_string())), text(origin.iif.clone())))
            .collect()
    }

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|&(source, iif)| (source.to_owned(), iif.to_owned())).collect()
    }

    #[test]
    fn packets_come_from_the_node_and_from_a_pod() {
        let view = fixture::native_view(1, 3);
        assert_eq!(origins_of(&view), owned(&[("-", "-"), ("172.18.0.3", "-"), ("10.0.1.1", "lxc7")]));
    }

    #[test]
    fn a_node_without_pods_still_forwards_for_one_that_may_come() {
        let mut view = fixture::native_view(1, 3);
        view.links.retain(|link| link.name != "lxc7");
        view.rules.push(fixture::rule("50: from all iif pod lookup 100"));
        assert_eq!(origins_of(&view).last(), owned(&[("10.0.1.1", "pod+")]).last());
    }

    #[test]
    fn links_and_sources_that_rules_tell_apart_each_have_a_packet() {
        let mut view = fixture::native_view(1, 3);
        let mut second = fixture::link(9, "lxc9", Some("veth"));
        second.peer_netns = Some(3);
        view.links.push(second);
        view.rules.push(fixture::rule("50: from 10.0.1.128/25 iif lxc9 lookup 100"));
        let origins = origins_of(&view);
        for expected in owned(&[("10.0.1.1", "lxc7"), ("10.0.1.128", "lxc9"), ("10.0.1.1", "lxc9")]) {
            assert!(origins.contains(&expected), "{expected:?} is not among {origins:?}");
        }
    }

    #[test]
    fn the_pod_that_a_route_names_is_the_source() {
        let mut view = fixture::native_view(1, 3);
        view.routes.push(fixture::route("10.0.1.12 dev lxc7"));
        assert_eq!(origins_of(&view).last(), owned(&[("10.0.1.12", "lxc7")]).last());
    }

    #[test]
    fn an_address_of_the_node_is_no_pods() {
        let mut view = fixture::native_view(1, 3);
        view.addresses
            .push(lab_model::observe::Address { device: "pod_host".to_owned(), address: fixture::net("10.0.1.1/32") });
        let (source, _iif) = origins_of(&view).pop().expect("an origin");
        assert_eq!(source, "10.0.1.254");
        assert!(!view.owns(addr(&source)));
    }
}
