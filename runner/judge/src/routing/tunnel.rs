//! Tunnel devices.

use std::net::IpAddr;

use super::{UPLINK, links};
use crate::weighing::{Weighing, unobserved};
use lab_model::expect::Expectations;
use lab_model::observe::{Link, NetnsView, NextHop, Place};
use lab_model::seen::RoutingSeen;
use lab_model::{Judgement, Proof, Reason};

/// `IFLA_INFO_KIND` of links that put what they are given into another packet, or hand it to a process or a modem that
/// may: those of `ip link help` and ip-link(8) of iproute2 7.1.0, and those that only the kernel's drivers name
/// (`rtnl_link_ops.kind`: batadv, caif, ovpn, ppp, tun, vti6, wireguard).
const TUNNEL_KINDS: [&str; 28] = [
    "amt",
    "bareudp",
    "batadv",
    "caif",
    "erspan",
    "geneve",
    "gre",
    "gretap",
    "gtp",
    "ip6erspan",
    "ip6gre",
    "ip6gretap",
    "ip6tnl",
    "ipip",
    "lowpan",
    "ovpn",
    "pfcp",
    "ppp",
    "rmnet",
    "sit",
    "tun",
    "vti",
    "vti6",
    "vxlan",
    "wireguard",
    "wwan",
    "xfrm",
    // Not of the kernel's own source: the driver that ovpn came from.
    "ovpn-dco",
];

/// Those of the others, from the same lists: they pass frames on as they are, tag or encrypt them on their own link
/// (vlan, hsr, macsec), or pass no IP packets. Of a kind that is in neither list nobody has said what it does.
const PLAIN_KINDS: [&str; 25] = [
    "bond",
    "bridge",
    "can",
    "dsa",
    "dummy",
    "hsr",
    "ifb",
    "ipoib",
    "ipvlan",
    "ipvtap",
    "macsec",
    "macvlan",
    "macvtap",
    "netdevsim",
    "netkit",
    "nlmon",
    // A port of the switch; what the switch sends through a tunnel leaves by a device of that tunnel's kind.
    "openvswitch",
    "team",
    "vcan",
    "veth",
    "virt_wifi",
    "vlan",
    "vrf",
    "vsockmon",
    "vxcan",
];

/// The one link without a kind that is known not to be a tunnel.
const LOOPBACK: &str = "lo";

/// Name and kind of the devices that the kernel makes by itself in every namespace once a tunnel's module is loaded
/// (`net.core.fb_tunnels_only_for_init_net`).
const FALLBACK_DEVICES: [(&str, &str); 9] = [
    ("erspan0", "erspan"),
    ("gre0", "gre"),
    ("gretap0", "gretap"),
    ("ip6_vti0", "vti6"),
    ("ip6gre0", "ip6gre"),
    ("ip6tnl0", "ip6tnl"),
    ("ip_vti0", "vti"),
    ("sit0", "sit"),
    ("tunl0", "ipip"),
];

/// There is no tunnel device on any node. The kernel's own fallback devices, down and used by no route, are listed.
///
/// # Errors
/// [`Reason::TunnelDevice`] for each; unobserved when the links of a node were not seen, or one is of a kind of which it is
/// not known whether it is a tunnel's.
pub fn no_tunnel_device(seen: &RoutingSeen, expect: &Expectations) -> Judgement {
    if seen.nodes.is_empty() {
        return unobserved("no node's links were seen");
    }
    let mut weighing = Weighing::default();
    if seen.nodes.len() < expect.nodes() {
        weighing.miss(format!("links were seen on {} of {} nodes", seen.nodes.len(), expect.nodes()));
    }
    let mut fallbacks = Vec::new();
    let mut total = 0;
    for (name, view) in &seen.nodes {
        if view.links.is_empty() {
            weighing.miss(format!("no links were seen on {name}"));
        }
        for gap in links::unlisted(view).into_iter().chain(view.links.iter().filter_map(unknown)) {
            weighing.miss(format!("{name}: {gap}"));
        }
        total += view.links.len();
        for (link, kind) in view.links.iter().filter_map(|link| Some((link, tunnel_kind(link)?))) {
            let state = if link.up { "up" } else { "down" };
            if is_idle_fallback(view, link) {
                fallbacks
                    .push(format!("{name}: {} ({kind}) is the kernel's own, {state} and used by no route", link.name));
            } else {
                weighing.refute(
                    Reason::TunnelDevice,
                    Place::Node(name.clone()),
                    format!("{name}: no tunnel device"),
                    format!("{name}: {}, a {kind} device, {state}", link.name),
                    Some(format!("ip -d link show type {kind}")),
                );
            }
        }
    }
    weighing.conclude(|| {
        let nodes = seen.nodes.len();
        let idle = match fallbacks.len() {
            0 => String::new(),
            some => format!(", but for {some} idle fallback devices of the kernel's"),
        };
        Proof::new(format!("0 of {total} links on {nodes} of {nodes} nodes are tunnels{idle}")).with_details(fallbacks)
    })
}

/// The link's kind, if it is that of a tunnel.
pub(super) fn tunnel_kind(link: &Link) -> Option<&str> {
    link.kind.as_deref().filter(|kind| TUNNEL_KINDS.contains(kind))
}

/// Why it is not known whether a link is a tunnel; none where it is.
pub(super) fn unknown(link: &Link) -> Option<String> {
    match link.kind.as_deref() {
        Some(kind) if TUNNEL_KINDS.contains(&kind) || PLAIN_KINDS.contains(&kind) => None,
        Some(kind) => Some(format!("{} is of the kind {kind}, and whether that is a tunnel's is not known", link.name)),
        None if link.name == LOOPBACK => None,
        // net/l2tp/l2tp_eth.c gives its devices none.
        None => Some(format!("{} has no kind: it is hardware or an L2TP tunnel, and which is not known", link.name)),
    }
}

/// Why a hop ends in a tunnel, in words; none when it does not.
pub(super) fn why_tunnel(view: &NetnsView, hop: &NextHop) -> Option<String> {
    if hop.encapsulates {
        return Some("the route encapsulates".to_owned());
    }
    let device = view.link(hop.device.as_deref()?)?;
    if let Some(kind) = tunnel_kind(device) {
        return Some(format!("{} is a {kind} device", device.name));
    }
    // Cilium leads packets for its tunnel to the node itself, and takes them from there with BPF.
    if device.name == UPLINK
        || !hop.gateway.is_some_and(|gateway| matches!(gateway, IpAddr::V4(router) if view.owns(router)))
    {
        return None;
    }
    let (tunnel, kind) = view
        .links
        .iter()
        .filter(|link| !is_idle_fallback(view, link))
        .find_map(|link| Some((&link.name, tunnel_kind(link)?)))?;
    Some(format!("it leads to the node itself, which has the {kind} device {tunnel}"))
}

/// Whether it is one of the kernel's own, down, and no route is by it.
pub(super) fn is_idle_fallback(view: &NetnsView, link: &Link) -> bool {
    let own = |&(name, kind): &(&str, &str)| name == link.name && link.kind.as_deref() == Some(kind);
    let mut devices = view.routes.iter().flat_map(|route| &route.hops).filter_map(|hop| hop.device.as_deref());
    !link.up && FALLBACK_DEVICES.iter().any(own) && devices.all(|device| device != link.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::fixture::expectations;
    use lab_model::NotHeld;
    use lab_model::observe::NodeName;

    fn judged(change: impl FnOnce(&mut NetnsView)) -> Judgement {
        let mut seen = fixture::native(3);
        change(seen.nodes.get_mut(&NodeName::from(fixture::WORKER)).expect("a worker"));
        no_tunnel_device(&seen, &expectations())
    }

    fn refuted(change: impl FnOnce(&mut NetnsView)) -> Vec<Reason> {
        judged(change).expect_err("refuted").reasons()
    }

    fn fallback(up: bool) -> Link {
        Link { up, ..fixture::link(20, "tunl0", Some("ipip")) }
    }

    #[test]
    fn accepts_nodes_without_tunnels() {
        assert_eq!(judged(|_view| {}).expect("held").summary, "0 of 15 links on 3 of 3 nodes are tunnels");
    }

    #[test]
    fn accepts_and_lists_an_idle_fallback_device() {
        let proof = judged(|view| view.links.push(fallback(false))).expect("held");
        assert_eq!(proof.details, ["kind-worker: tunl0 (ipip) is the kernel's own, down and used by no route"]);
    }

    #[test]
    fn refutes_every_kind_of_tunnel() {
        for kind in TUNNEL_KINDS {
            let reasons = refuted(|view| view.links.push(fixture::link(20, "tunnel", Some(kind))));
            assert_eq!(reasons, [Reason::TunnelDevice], "{kind}");
        }
        for kind in ["ovpn", "xfrm", "ppp"] {
            assert!(TUNNEL_KINDS.contains(&kind), "{kind}");
        }
        // A tunnel that someone made is one even when it is down.
        let down = Link { up: false, ..fixture::link(20, "cilium_vxlan", Some("vxlan")) };
        assert_eq!(refuted(|view| view.links.push(down)), [Reason::TunnelDevice]);
    }

    #[test]
    fn refutes_a_fallback_device_in_use() {
        assert_eq!(refuted(|view| view.links.push(fallback(true))), [Reason::TunnelDevice]);
        let routed = |view: &mut NetnsView| {
            view.links.push(fallback(false));
            view.routes.push(fixture::route("10.0.2.0/24 dev tunl0"));
        };
        assert_eq!(refuted(routed), [Reason::TunnelDevice]);
        let impostor = Link { up: false, ..fixture::link(20, "tunl0", Some("vxlan")) };
        assert_eq!(refuted(|view| view.links.push(impostor)), [Reason::TunnelDevice]);
    }

    #[test]
    fn accepts_further_links_of_every_other_kind() {
        for kind in PLAIN_KINDS {
            judged(|view| view.links.push(fixture::link(20, "further", Some(kind)))).expect(kind);
        }
    }

    #[test]
    fn a_kind_that_nobody_knows_is_unobserved() {
        assert_eq!(
            judged(|view| view.links.push(fixture::link(20, "new0", Some("warp")))),
            unobserved("kind-worker: new0 is of the kind warp, and whether that is a tunnel's is not known")
        );
        assert_eq!(
            judged(|view| view.links.push(fixture::link(20, "l2tpeth0", None))),
            unobserved("kind-worker: l2tpeth0 has no kind: it is hardware or an L2TP tunnel, and which is not known")
        );
    }

    #[test]
    fn a_link_that_must_be_there_and_is_not_listed_is_unobserved() {
        let without = |name: &'static str| judged(move |view| view.links.retain(|link| link.name != name));
        let missing = |what: &str| unobserved(format!("kind-worker: {what}"));
        assert_eq!(without("cilium_net"), missing("the other end of cilium_host is not among the links"));
        let eth0 = "an address or a route is by eth0, which is not among the links";
        assert_eq!(without("eth0"), missing(eth0));
    }

    #[test]
    fn links_that_were_not_seen_are_unobserved() {
        let Err(NotHeld::Unobserved(nothing)) = judged(|view| view.links.clear()) else { panic!("not unobserved") };
        assert!(nothing.starts_with("no links were seen on kind-worker; "), "{nothing}");
        let mut seen = fixture::native(2);
        assert_eq!(no_tunnel_device(&seen, &expectations()), unobserved("links were seen on 2 of 3 nodes"));
        seen.nodes.clear();
        assert!(matches!(no_tunnel_device(&seen, &expectations()), Err(NotHeld::Unobserved(_))));
    }

    #[test]
    fn a_hop_to_the_node_itself_leads_into_its_tunnel_and_others_do_not() {
        let mut view = fixture::native_view(1, 3);
        view.links.push(fixture::link(30, "cilium_vxlan", Some("vxlan")));
        let why = |route: &str| why_tunnel(&view, &fixture::route(route).hops[0]);
        let itself = "it leads to the node itself, which has the vxlan device cilium_vxlan";
        assert_eq!(why("10.0.2.0/24 via 10.0.1.104 dev cilium_host").as_deref(), Some(itself));
        assert_eq!(why("10.0.2.0/24 via 10.0.1.77 dev cilium_host"), None, "of another");
        assert_eq!(why("10.0.2.0/24 via 172.18.0.3 dev eth0"), None, "the uplink");
        assert_eq!(why("10.0.2.0/24 via 172.18.0.4 dev eth0"), None, "a peer by the uplink");
    }
}
