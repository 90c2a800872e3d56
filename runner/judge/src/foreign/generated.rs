//! Clusters of any size, generated: tables as agents with direct routes make them. For tests and for the bench.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use lab_model::foreign::{ForeignNode, ForeignRoutingSeen, NodeInside, NodeTables, PodInside, RouteLines};
use lab_model::observe::{
    Address, Link, Mtu, NextHop, NodeName, Route, RouteKind, Rule, RuleAction, TABLE_DEFAULT, TABLE_LOCAL, TABLE_MAIN,
};

/// Pods on each node.
const PODS: u32 = 4;

/// The name of a node.
pub(crate) fn name(node: usize) -> NodeName {
    NodeName(format!("node-{node:04}"))
}

/// A cluster of this many nodes on one network, with these networks beside each other for pods.
pub(crate) fn cluster(nodes: usize) -> ForeignRoutingSeen {
    let all: Vec<ForeignNode> = (0..nodes).map(node).collect();
    let tables = all.iter().map(|node| (node.name.clone(), Ok(tables(node, &all)))).collect();
    let pods = all.iter().map(|node| (node.name.clone(), pods(node))).collect();
    let ended = Ok(BTreeSet::new());
    ForeignRoutingSeen { nodes: all, tables, pods, ended, inside: BTreeMap::new(), logs: BTreeMap::new(), beyond: None }
}

/// The node of this number, in one of three zones.
pub(crate) fn node(number: usize) -> ForeignNode {
    let offset = u32::try_from(number).unwrap_or_default();
    let address = Ipv4Addr::from_bits(Ipv4Addr::new(192, 168, 0, 10).to_bits() + offset);
    let network = Ipv4Addr::from_bits(Ipv4Addr::new(10, 128, 0, 0).to_bits() + (offset << 8));
    ForeignNode {
        name: name(number),
        addresses: vec![address],
        pod_networks: ipnet::Ipv4Net::new(network, 24).into_iter().collect(),
        zone: Some(format!("zone-{}", number % 3)),
    }
}

/// The addresses of a node's pods.
pub(crate) fn pods(node: &ForeignNode) -> Vec<Ipv4Addr> {
    let first = node.pod_networks[0].network().to_bits() + 10;
    (first..first + PODS).map(Ipv4Addr::from_bits).collect()
}

/// What a node has among these: a link `ens3` that is hardware, Cilium's own, and those of its pods.
pub(crate) fn tables(node: &ForeignNode, all: &[ForeignNode]) -> NodeTables {
    let (address, network) = (node.addresses[0], node.pod_networks[0]);
    let own = Ipv4Addr::from_bits(network.network().to_bits() + 1);
    let mut links = vec![
        link(1, "lo", None, None, None),
        link(2, "ens3", None, None, None),
        link(3, "cilium_net", Some("veth"), Some(4), None),
        link(4, "cilium_host", Some("veth"), Some(3), None),
    ];
    links.extend(
        (0..PODS).map(|pod| link(10 + pod, &format!("lxc{pod:08x}"), Some("veth"), Some(2), i32::try_from(pod).ok())),
    );
    let addresses =
        [("lo", "127.0.0.1/8".to_owned()), ("ens3", format!("{address}/16")), ("cilium_host", format!("{own}/32"))]
            .map(|(device, address)| Address {
                device: device.to_owned(),
                address: address.parse().expect("an address"),
            });
    let gateway = Ipv4Addr::new(192, 168, 255, 254);
    let mut routes = vec![
        route(TABLE_MAIN, "0.0.0.0/0", Some(gateway), "ens3"),
        route(TABLE_MAIN, "192.168.0.0/16", None, "ens3"),
        route(TABLE_MAIN, &network.to_string(), Some(own), "cilium_host"),
        route(TABLE_MAIN, &format!("{own}/32"), None, "cilium_host"),
        Route { kind: RouteKind::Local, ..route(TABLE_LOCAL, &format!("{address}/32"), None, "ens3") },
        Route { kind: RouteKind::Local, ..route(TABLE_LOCAL, &format!("{own}/32"), None, "cilium_host") },
    ];
    let peers = all.iter().filter(|peer| peer.name != node.name);
    routes.extend(
        peers.map(|peer| route(TABLE_MAIN, &peer.pod_networks[0].to_string(), Some(peer.addresses[0]), "ens3")),
    );
    NodeTables { links, addresses: addresses.into(), rules: rules(), routes: RouteLines::write(&routes) }
}

fn link(index: u32, name: &str, kind: Option<&str>, peer_index: Option<u32>, peer_netns: Option<i32>) -> Link {
    Link {
        index,
        name: name.to_owned(),
        kind: kind.map(str::to_owned),
        up: true,
        carrier: true,
        mtu: Mtu(1500),
        mac: None,
        master: None,
        peer_index,
        peer_netns,
        vxlan: None,
    }
}

/// A unicast route by one hop.
pub(crate) fn route(table: u32, destination: &str, gateway: Option<Ipv4Addr>, device: &str) -> Route {
    let hop = NextHop { gateway: gateway.map(Into::into), device: Some(device.to_owned()), encapsulates: false };
    Route {
        table,
        destination: destination.parse().expect("a prefix"),
        kind: RouteKind::Unicast,
        hops: vec![hop],
        source: None,
        protocol: 4,
        scope: 0,
        metric: 0,
        tos: 0,
        mtu: None,
    }
}

/// The kernel's own rules.
fn rules() -> Vec<Rule> {
    let rules = [(0, TABLE_LOCAL), (32766, TABLE_MAIN), (32767, TABLE_DEFAULT)]
        .map(|(priority, table)| Rule::for_all(priority, RuleAction::Lookup(table)));
    rules.into()
}

/// What is within each pod of each node: its link, and the way to others by its node's address among pods.
pub(crate) fn inside(seen: &ForeignRoutingSeen) -> BTreeMap<NodeName, Result<NodeInside, String>> {
    let within = |node: &ForeignNode, address: Ipv4Addr| {
        let gateway = Ipv4Addr::from_bits(node.pod_networks[0].network().to_bits() + 1);
        let own = Address { device: "eth0".to_owned(), address: address.into() };
        let routes = [
            route(TABLE_MAIN, "0.0.0.0/0", Some(gateway), "eth0"),
            route(TABLE_MAIN, &format!("{gateway}/32"), None, "eth0"),
            Route { kind: RouteKind::Local, ..route(TABLE_LOCAL, &format!("{address}/32"), None, "eth0") },
        ];
        let links = vec![link(1, "lo", None, None, None), link(2, "eth0", Some("veth"), Some(10), Some(0))];
        let tables = NodeTables { links, addresses: vec![own], rules: rules(), routes: RouteLines::write(&routes) };
        PodInside { address, tables: Ok(tables) }
    };
    let of_node = |node: &ForeignNode| {
        let pods = pods(node).into_iter().map(|address| within(node, address)).collect();
        (node.name.clone(), Ok(NodeInside { pods, beyond: 0, ended: 0 }))
    };
    seen.nodes.iter().map(of_node).collect()
}

/// Changes the routes of a node.
pub(crate) fn reroute(seen: &mut ForeignRoutingSeen, node: usize, change: impl FnOnce(&mut Vec<Route>)) {
    let tables: &mut BTreeMap<_, _> = &mut seen.tables;
    let tables = tables.get_mut(&name(node)).expect("a node").as_mut().expect("tables");
    let mut routes = tables.routes.read().expect("routes");
    change(&mut routes);
    tables.routes = RouteLines::write(&routes);
}
