//! Tunnel devices, and what goes by them.

use super::*;

const WIREGUARD: Settings<'_> = &[("enable-wireguard", "true")];

/// Node 1 has one link more, of this kind.
fn with_link(kind: &'static str, link: &'static str) -> impl Fn(&mut ForeignRoutingSeen) {
    move |seen| {
        let tables = seen.tables.get_mut(&name(1)).unwrap().as_mut().unwrap();
        let (name, kind) = (link.to_owned(), Some(kind.to_owned()));
        tables.links.push(Link { index: 9, name, kind, peer_index: None, ..tables.links[2].clone() });
    }
}

/// The same, and its route to the pods of node 2 is by it.
fn to_second_by(kind: &'static str, link: &'static str) -> impl Fn(&mut ForeignRoutingSeen) {
    move |seen| {
        with_link(kind, link)(seen);
        to_second(|route| (route.hops[0].gateway, route.hops[0].device) = (None, Some(link.to_owned())))(seen);
    }
}

/// The same, with a route to this destination by it.
fn leads(destination: &'static str, kind: &'static str, link: &'static str) -> impl Fn(&mut ForeignRoutingSeen) {
    move |seen| {
        with_link(kind, link)(seen);
        reroute(seen, 1, |routes| {
            let by_link = route(TABLE_MAIN, destination, None, link);
            routes.retain(|before| before.destination != by_link.destination);
            routes.push(by_link);
        });
    }
}

fn devices(settings: Settings<'_>, change: impl FnOnce(&mut ForeignRoutingSeen)) -> Judgement {
    let mut seen = generated::cluster(4);
    change(&mut seen);
    no_tunnel_device(&seen, &expecting(settings))
}

#[test]
fn packets_that_go_by_a_tunnel_are_refuted_but_for_the_one_that_encrypts() {
    for settings in [AGENTS, NETWORK] {
        let (reasons, observed) = refuted(ways(settings, to_second_by("vxlan", "cilium_vxlan")));
        assert_eq!(reasons, [Reason::ThroughTunnel], "{observed:?}");
    }
    let proof = ways(WIREGUARD, to_second_by("wireguard", "cilium_wg0")).expect("held");
    assert_eq!(proof.summary, "12 of 12 ways to peers' pods on 4 nodes lead to the peer itself");
    for (settings, link) in [(WIREGUARD, "wg0"), (AGENTS, "cilium_wg0")] {
        assert_eq!(refuted(ways(settings, to_second_by("wireguard", link))).0, [Reason::ThroughTunnel], "{link}");
    }
}

#[test]
fn ciliums_own_tunnel_device_is_refuted_where_it_was_not_asked_for() {
    let proof = devices(AGENTS, |_seen| {}).expect("held");
    assert_eq!(proof.summary, "0 of 32 links on 4 of 4 nodes are tunnels for pods' packets");
    let vxlan = || with_link("vxlan", "cilium_vxlan");
    assert_eq!(refuted(devices(AGENTS, vxlan())).0, [Reason::TunnelDevice]);
    // There for Services, or for what leaves by another node, it is as it should be, until a route to pods is by it.
    let services: Settings<'_> = &[("bpf-lb-dsr-dispatch", "geneve")];
    assert!(devices(services, vxlan()).is_ok());
    assert!(devices(&[("enable-ipv4-egress-gateway", "true")], vxlan()).is_ok());
    assert_eq!(refuted(devices(services, to_second_by("vxlan", "cilium_vxlan"))).0, [Reason::TunnelDevice]);
    // A VPN of somebody's is none of Cilium's business, and WireGuard is where it was asked for.
    let proof = devices(AGENTS, with_link("tun", "tun0")).expect("held");
    assert_eq!(proof.details, ["node-0001: tun0 (tun), up, by which no route leads to pods"]);
    assert!(devices(WIREGUARD, with_link("wireguard", "cilium_wg0")).is_ok());
    let why = missing(devices(AGENTS, with_link("wormhole", "hole0")));
    assert!(why.contains("of the kind wormhole"), "{why}");
    let why = missing(devices(AGENTS, |seen| drop(seen.tables.insert(name(1), Err("it did not answer".to_owned())))));
    assert_eq!(why, "node-0001: it did not answer");
}

#[test]
fn what_carries_pods_packets_is_refuted_whoever_made_it() {
    for (settings, destination, kind, link, carries) in [
        (WIREGUARD, "10.128.2.0/24", "wireguard", "cilium_wg0", false),
        (AGENTS, "10.128.2.0/24", "wireguard", "cilium_wg0", true),
        (WIREGUARD, "10.128.2.0/24", "wireguard", "wg0", true),
        (WIREGUARD, "10.128.2.0/24", "tun", "tun0", true),
        (AGENTS, "10.128.2.7/32", "tun", "tun0", true),
        // Wider than the routes to peers, it takes none of their packets.
        (AGENTS, "10.0.0.0/8", "tun", "tun0", false),
        (AGENTS, "10.200.0.0/24", "tun", "tun0", false),
        // Whose way the default route is, is the other cases' question.
        (AGENTS, "0.0.0.0/0", "tun", "tun0", false),
    ] {
        let judgement = devices(settings, leads(destination, kind, link));
        if carries {
            let (reasons, observed) = refuted(judgement);
            assert_eq!(reasons, [Reason::TunnelDevice], "{destination} by {link}");
            assert_eq!(observed, [format!("node-0001: {link}, a {kind} device, up")]);
        } else {
            let proof = judgement.unwrap_or_else(|other| panic!("{destination} by {link}: {other:?}"));
            assert!(proof.summary.ends_with("; 1 tunnel devices are there for something else"), "{}", proof.summary);
        }
    }
    let wider = devices(AGENTS, |seen| {
        leads("10.0.0.0/8", "tun", "tun0")(seen);
        without_route(seen, 1, 2);
    });
    assert_eq!(refuted(wider).0, [Reason::TunnelDevice]);
    // Where nodes have no networks for pods, what counts are pods' own addresses.
    let cloud: Settings<'_> = &[("ipam", "eni")];
    assert!(devices(cloud, leads("10.128.2.128/25", "tun", "tun0")).is_ok());
    assert_eq!(refuted(devices(cloud, leads("10.128.2.10/32", "tun", "tun0"))).0, [Reason::TunnelDevice]);
}
