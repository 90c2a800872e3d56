//! What a node's links are for: the ends of its pods, and the link that holds its own address among them.

use ipnet::Ipv4Net;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use super::UPLINK;
use lab_model::observe::{Link, NetnsView, NextHop, RouteKind};

/// `IFLA_INFO_KIND` of links that come in pairs: what one end is given comes out at the other.
const PAIR_KINDS: [&str; 2] = ["netkit", "veth"];
/// `IFLA_INFO_KIND` of a bridge, on which the pods of other network plugins hang.
const BRIDGE_KIND: &str = "bridge";
/// The end of Cilium's pair that holds the node's address among its pods (`HostDevice` in pkg/defaults/node.go of
/// 1.12.4). Cilium takes packets from it with BPF, whatever address it has.
const CILIUM_HOST: &str = "cilium_host";

/// The links behind which pods may be: ends of pairs, other than eth0, whose other ends are in namespaces of their own.
/// That of a second network has its other end where eth0 has it, and an address of its own.
pub(super) fn pod_links(view: &NetnsView, cidr: Option<Ipv4Net>) -> impl Iterator<Item = &Link> {
    let outside = view.link(UPLINK).and_then(|uplink| uplink.peer_netns);
    let leads_out = move |link: &Link| outside.is_some() && link.peer_netns == outside;
    view.links.iter().filter(move |link| {
        is_pair(link)
            && link.name != UPLINK
            && !other_end_is_here(view, link)
            && !leads_out(link)
            && own_addresses(view, link).all(|address| cidr.is_some_and(|cidr| cidr.contains(&address)))
    })
}

/// Whether a packet that takes this hop to the node's own pod CIDR stays on the node: it goes via the node's address
/// among its pods, on the link that holds that address, or straight to that link.
pub(super) fn keeps(view: &NetnsView, cidr: Ipv4Net, hop: &NextHop) -> bool {
    let Some(link) = hop.device.as_deref().and_then(|device| view.link(device)) else { return false };
    if hop.encapsulates || link.name == UPLINK || !is_among_pods(view, cidr, link) {
        return false;
    }
    let counts = |own: Ipv4Addr| link.name == CILIUM_HOST || cidr.contains(&own);
    own_addresses(view, link).any(|own| counts(own) && hop.gateway.is_none_or(|gateway| gateway == own))
}

/// The pod CIDR of this node as its own routes have it, where nothing else tells it: what it keeps via an address of its
/// own, else the first pod that it has a route to.
pub(super) fn own_pods(view: &NetnsView) -> Option<Ipv4Net> {
    let kept = view.routes.iter().find(|route| {
        let cidr = route.destination;
        let stays = |hop: &NextHop| {
            hop.gateway.is_some_and(|via| matches!(via, IpAddr::V4(via) if cidr.contains(&via)))
                && keeps(view, cidr, hop)
        };
        let prefix = (1..32).contains(&route.destination.prefix_len());
        prefix && route.kind == RouteKind::Unicast && !route.hops.is_empty() && route.hops.iter().all(stays)
    });
    let pod = || {
        let behind = |link: &Link| super::node::pod_behind(view, &link.name);
        pod_links(view, None).find_map(behind).map(Ipv4Net::from)
    };
    kept.map(|route| route.destination).or_else(pod)
}

/// What shows that links are missing from what was seen: addresses and routes by links that are not listed, and ends of
/// pairs whose other ends must be here and are not.
pub(super) fn unlisted(view: &NetnsView) -> Vec<String> {
    let addresses = view.addresses.iter().map(|own| own.device.as_str());
    let hops = view.routes.iter().flat_map(|route| &route.hops);
    let named: BTreeSet<&str> = addresses.chain(hops.filter_map(|hop| hop.device.as_deref())).collect();
    let by_name = named.into_iter().filter(|name| view.link(name).is_none());
    let by_name = by_name.map(|name| format!("an address or a route is by {name}, which is not among the links"));
    let half = view.links.iter().filter(|link| is_pair(link) && link.peer_netns.is_none());
    let half = half.filter(|link| link.peer_index.is_some() && !other_end_is_here(view, link));
    by_name.chain(half.map(|link| format!("the other end of {} is not among the links", link.name))).collect()
}

/// A link whose packets go no further than this node: a pair with both its ends here, or a bridge of nothing but pods.
pub(super) fn is_among_pods(view: &NetnsView, cidr: Ipv4Net, link: &Link) -> bool {
    if link.kind.as_deref() == Some(BRIDGE_KIND) {
        let pods: BTreeSet<u32> = pod_links(view, Some(cidr)).map(|pod| pod.index).collect();
        return view.links.iter().filter(|port| port.master == Some(link.index)).all(|port| pods.contains(&port.index));
    }
    is_pair(link) && other_end_is_here(view, link)
}

fn is_pair(link: &Link) -> bool {
    link.kind.as_deref().is_some_and(|kind| PAIR_KINDS.contains(&kind))
}

fn other_end_is_here(view: &NetnsView, link: &Link) -> bool {
    link.peer_netns.is_none() && view.links.iter().any(|other| link.peer_index == Some(other.index))
}

fn own_addresses<'a>(view: &'a NetnsView, link: &'a Link) -> impl Iterator<Item = Ipv4Addr> + use<'a> {
    view.addresses.iter().filter(move |own| own.device == link.name).map(|own| own.address.addr())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::fixture::net;

    /// The pod CIDR of kind-worker by these routes, in the place of its own to its pod CIDR.
    fn by_routes(routes: &[&str]) -> Option<Ipv4Net> {
        let mut view = fixture::native_view(1, 3);
        view.routes.retain(|route| route.destination != net("10.0.1.0/24"));
        let with: Vec<_> = routes.iter().map(|text| fixture::route(text)).collect();
        view.routes.splice(..0, with);
        own_pods(&view)
    }

    #[test]
    fn the_pod_cidr_is_what_the_node_keeps_by_an_address_of_that() {
        let own = "10.0.1.0/24 via 10.0.1.104 dev cilium_host";
        let kept = Some(net("10.0.1.0/24"));
        assert_eq!(by_routes(&[own]), kept);
        for other in [
            // It leaves, by a router that has an address of it.
            "10.0.9.0/24 via 10.0.9.1 dev eth0",
            // It stays, by an address that is not of it, of IPv6, or by none.
            "10.0.9.0/24 via 10.0.1.104 dev cilium_host",
            "10.0.9.0/24 via inet6 fe80::1 dev cilium_host",
            "10.0.9.0/24 dev cilium_host",
            // No CIDR: all addresses, or one.
            "default via 10.0.1.104 dev cilium_host",
            "10.0.1.104 via 10.0.1.104 dev cilium_host",
            "blackhole 10.0.9.0/24",
        ] {
            assert_eq!(by_routes(&[other, own]), kept, "{other}");
        }
    }

    #[test]
    fn without_such_a_route_it_is_told_by_a_pod() {
        assert_eq!(by_routes(&[]), None);
        assert_eq!(by_routes(&["10.0.1.12 dev lxc7"]), Some(net("10.0.1.12/32")));
    }
}
