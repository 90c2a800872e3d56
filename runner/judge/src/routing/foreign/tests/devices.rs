//! Tunnel devices, and what goes by them.

use super::*;

#[test]
fn a_tunnel_is_refuted_however_packets_get_there() {
    let vxlan = |seen: &mut ForeignRoutingSeen| {
        let tables = seen.tables.get_mut(&name(1)).unwrap().as_mut().unwrap();
        tables.links.push(Link {
            index: 9,
            name: "cilium_vxlan".to_owned(),
            kind: Some("vxlan".to_owned()),
            peer_index: None,
            ..tables.links[2].clone()
        });
    };
    let by = |device: &'static str, seen: &mut ForeignRoutingSeen| {
        vxlan(seen);
        to_second(|route| (route.hops[0].gateway, route.hops[0].device) = (None, Some(device.to_owned())))(seen);
    };
    let (reasons, observed) = refuted(ways(AGENTS, |seen| by("cilium_vxlan", seen)));
    assert_eq!(reasons, [Reason::ThroughTunnel], "{observed:?}");
    let (reasons, _) = refuted(ways(NETWORK, |seen| by("cilium_vxlan", seen)));
    assert_eq!(reasons, [Reason::ThroughTunnel]);
    // By WireGuard's own they go where Cilium encrypts with it, and only there.
    let encrypted = |link: &'static str, settings| {
        ways(settings, |seen| {
            vxlan(seen);
            let tables = seen.tables.get_mut(&name(1)).unwrap().as_mut().unwrap();
            let last = tables.links.last_mut().unwrap();
            (last.name, last.kind) = (link.to_owned(), Some("wireguard".to_owned()));
            to_second(|route| (route.hops[0].gateway, route.hops[0].device) = (None, Some(link.to_owned())))(seen);
        })
    };
    let wireguard: Settings<'_> = &[("enable-wireguard", "true")];
    let proof = encrypted("cilium_wg0", wireguard).expect("held");
    assert_eq!(proof.summary, "12 of 12 ways to peers' pods on 4 nodes lead to the peer itself");
    for judgement in [encrypted("wg0", wireguard), encrypted("cilium_wg0", AGENTS)] {
        assert_eq!(refuted(judgement).0, [Reason::ThroughTunnel]);
    }
    let devices = |settings, change: &dyn Fn(&mut ForeignRoutingSeen)| {
        let mut seen = generated::cluster(4);
        change(&mut seen);
        no_tunnel_device(&seen, &expecting(settings))
    };
    assert_eq!(
        devices(AGENTS, &|_seen| {}).expect("held").summary,
        "0 of 32 links on 4 of 4 nodes are tunnels for pods' packets"
    );
    assert_eq!(refuted(devices(AGENTS, &vxlan)).0, [Reason::TunnelDevice]);
    // There for Services, it is as it should be, until a route to pods is by it.
    assert!(devices(&[("bpf-lb-dsr-dispatch", "geneve")], &vxlan).is_ok());
    assert_eq!(
        refuted(devices(&[("bpf-lb-dsr-dispatch", "geneve")], &|seen| by("cilium_vxlan", seen))).0,
        [Reason::TunnelDevice]
    );
    // What leaves by another node goes there through the tunnel.
    assert!(devices(&[("enable-ipv4-egress-gateway", "true")], &vxlan).is_ok());
    // A VPN of somebody's is none of Cilium's business, and WireGuard is where it was asked for.
    let other = |kind: &'static str, link: &'static str| {
        move |seen: &mut ForeignRoutingSeen| {
            vxlan(seen);
            let tables = seen.tables.get_mut(&name(1)).unwrap().as_mut().unwrap();
            let last = tables.links.last_mut().unwrap();
            (last.name, last.kind) = (link.to_owned(), Some(kind.to_owned()));
        }
    };
    let proof = devices(AGENTS, &other("tun", "tun0")).expect("held");
    assert_eq!(proof.details, ["node-0001: tun0 (tun), up, by which no route leads to pods"]);
    assert!(devices(wireguard, &other("wireguard", "cilium_wg0")).is_ok());
    // What carries pods' packets is refuted whoever made it, but for the device that encrypts them.
    let leads = |destination: &'static str, kind: &'static str, link: &'static str| {
        move |seen: &mut ForeignRoutingSeen| {
            other(kind, link)(seen);
            reroute(seen, 1, |routes| {
                let by_link = route(TABLE_MAIN, destination, None, link);
                routes.retain(|before| before.destination != by_link.destination);
                routes.push(by_link);
            });
        }
    };
    let wider = devices(AGENTS, &|seen| {
        leads("10.0.0.0/8", "tun", "tun0")(seen);
        without_route(seen, 1, 2);
    });
    assert_eq!(refuted(wider).0, [Reason::TunnelDevice]);
    // Where nodes have no networks for pods, what counts are pods' own addresses.
    let cloud: Settings<'_> = &[("ipam", "eni")];
    assert!(devices(cloud, &leads("10.128.2.128/25", "tun", "tun0")).is_ok());
    assert_eq!(refuted(devices(cloud, &leads("10.128.2.10/32", "tun", "tun0"))).0, [Reason::TunnelDevice]);
    for (settings, destination, kind, link, carries) in [
        (wireguard, "10.128.2.0/24", "wireguard", "cilium_wg0", false),
        (AGENTS, "10.128.2.0/24", "wireguard", "cilium_wg0", true),
        (wireguard, "10.128.2.0/24", "wireguard", "wg0", true),
        (wireguard, "10.128.2.0/24", "tun", "tun0", true),
        (AGENTS, "10.128.2.7/32", "tun", "tun0", true),
        // Wider than the routes to peers, it takes none of their packets.
        (AGENTS, "10.0.0.0/8", "tun", "tun0", false),
        (AGENTS, "10.200.0.0/24", "tun", "tun0", false),
        // Whose way the default route is, is the other cases' question.
        (AGENTS, "0.0.0.0/0", "tun", "tun0", false),
    ] {
        let judgement = devices(settings, &leads(destination, kind, link));
        if carries {
            let (reasons, observed) = refuted(judgement);
            assert_eq!(reasons, [Reason::TunnelDevice], "{destination} by {link}");
            assert_eq!(observed, [format!("node-0001: {link}, a {kind} device, up")]);
        } else {
            let proof = judgement.unwrap_or_else(|other| panic!("{destination} by {link}: {other:?}"));
            assert!(proof.summary.ends_with("; 1 tunnel devices are there for something else"), "{}", proof.summary);
        }
    }
    let why = missing(devices(AGENTS, &other("wormhole", "hole0")));
    assert!(why.contains("of the kind wormhole"), "{why}");
    let why = missing(devices(AGENTS, &|seen| drop(seen.tables.insert(name(1), Err("it did not answer".to_owned())))));
    assert_eq!(why, "node-0001: it did not answer");
}
