//! The lab as it was seen: bridge, nodes, pods, and the roads from each node to each peer's pods.

use ipnet::Ipv4Net;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::seen::Shown;
use super::standing::{self, Judged, Standing};
use super::table::{Cell, Table};
use lab_model::observe::{NetnsView, NodeName, Place, Role, Route, RouteKind, TABLE_LOCAL, UPLINK};
use lab_model::report::Report;
use lab_model::words;

/// Rows of the table of roads at most: a hundred nodes have 9,900.
const ROADS_LISTED: usize = 60;

/// The lab as it was seen.
#[derive(Debug)]
pub(super) struct Topology {
    /// Every segment that was seen: its name, and the bridge's own address.
    pub(super) bridges: Vec<(String, Option<String>)>,
    pub(super) nodes: Vec<NodeBox>,
    pub(super) roads: Vec<Road>,
}

/// A node.
#[derive(Debug)]
pub(super) struct NodeBox {
    pub(super) name: String,
    pub(super) role: Option<&'static str>,
    /// Of eth0, with its prefix length.
    pub(super) address: Option<Ipv4Net>,
    pub(super) mac: Option<String>,
    pub(super) cidr: Option<Ipv4Net>,
    /// The segment it hangs on, by its place in [`Topology::bridges`].
    pub(super) bridge: Option<usize>,
    pub(super) link: Standing,
    pub(super) judged: Judged,
    pub(super) pods: Vec<PodBox>,
}

/// A pod.
#[derive(Debug)]
pub(super) struct PodBox {
    pub(super) name: String,
    pub(super) address: Option<String>,
    pub(super) judged: Judged,
}

/// How packets for a peer's pods leave a node.
#[derive(Debug)]
pub(super) struct Road {
    /// Nodes, by their place in [`Topology::nodes`].
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) cidr: String,
    pub(super) way: Way,
    pub(super) standing: Standing,
}

/// What the route table says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// Via the peer's own address.
    Direct(String),
    /// Through a tunnel: its device, or `encap`, and the route.
    Tunnel(String, String),
    /// Anything else, as `ip route` writes it.
    Elsewhere(String),
    /// No route but the default one, or none at all; in words.
    Missing(String),
}

impl Road {
    /// The road in words: `10.0.1.0/24 via 172.18.0.3 dev eth0`.
    pub(super) fn words(&self) -> String {
        match &self.way {
            Way::Direct(route) | Way::Elsewhere(route) => route.clone(),
            Way::Tunnel(device, route) => format!("{route} (tunnel {device})"),
            Way::Missing(why) => why.clone(),
        }
    }

    /// In a picture: only what was seen as a way to the peer is drawn as one.
    pub(super) const fn is_drawn(&self) -> bool {
        matches!(self.way, Way::Direct(_) | Way::Tunnel(..))
    }
}

impl Topology {
    /// What was seen of it.
    pub(super) fn of(shown: &Shown, report: &Report) -> Self {
        let segments = shown.segments.iter().flat_map(|seen| &seen.segments);
        let bridges = segments
            .clone()
            .map(|segment| (segment.name.clone(), segment.gateway.map(|gateway| gateway.to_string())))
            .collect();
        let names = names(shown);
        let nodes = names.iter().map(|name| node(name, shown, report)).collect::<Vec<_>>();
        let roads = roads(shown, report, &names, &nodes);
        Self { bridges, nodes, roads }
    }

    /// The roads that lead directly, those that go through a tunnel, and those that are missing or go elsewhere.
    pub(super) fn counted(&self) -> (usize, usize, usize) {
        let count = |fits: fn(&Way) -> bool| self.roads.iter().filter(|road| fits(&road.way)).count();
        let direct = count(|way| matches!(way, Way::Direct(_)));
        let tunnel = count(|way| matches!(way, Way::Tunnel(..)));
        (direct, tunnel, self.roads.len() - direct - tunnel)
    }

    /// The picture in words.
    pub(super) fn description(&self) -> String {
        let mut words = Vec::new();
        for (name, gateway) in &self.bridges {
            let gateway = gateway.as_ref().map(|gateway| format!(", {gateway}")).unwrap_or_default();
            words.push(format!("Bridge {name}{gateway}."));
        }
        for node in &self.nodes {
            let address = node.address.map_or_else(|| "no address seen".to_owned(), |net| net.addr().to_string());
            let pods = node.pods.iter().map(|pod| pod.name.as_str()).collect::<Vec<_>>().join(", ");
            let pods = if pods.is_empty() { String::new() } else { format!(", with {pods}") };
            words.push(format!("Node {}, {address}{pods}: {}.", node.name, node.judged.words()));
        }
        for road in &self.roads {
            let (from, to) = (&self.nodes[road.from].name, &self.nodes[road.to].name);
            words.push(format!("{from} to the pods of {to}: {} {}.", road.standing.mark(), road.words()));
        }
        words.join(" ")
    }

    /// The nodes and their pods as a table.
    pub(super) fn table_of_nodes(&self) -> Table {
        let row = |(index, node): (usize, &NodeBox)| {
            let pods = node.pods.iter().map(|pod| {
                let address = pod.address.as_deref().unwrap_or("no address seen");
                format!("{} {address} {}", pod.name, pod.judged.words())
            });
            let mine = self.roads.iter().filter(|road| road.from == index);
            let direct = mine.clone().filter(|road| matches!(road.way, Way::Direct(_))).count();
            let all = mine.count();
            let roads = if all == 0 { Cell::of("open", "not seen") } else { Cell::plain(format!("{direct} of {all}")) };
            vec![
                Cell::code(&node.name),
                Cell::plain(node.role.unwrap_or("not seen")),
                Cell::or_unseen(node.address.map(|address| address.to_string())),
                Cell::or_unseen(node.mac.clone()),
                Cell::or_unseen(node.cidr.map(|cidr| cidr.to_string())),
                Cell::plain(pods.collect::<Vec<_>>().join("\n")),
                roads,
                Cell::of(node.judged.standing.class(), node.judged.words()),
            ]
        };
        Table {
            caption: "Nodes and pods".to_owned(),
            head: vec!["Node", "Role", "eth0", "MAC", "Pod CIDR", "Pods", "Direct routes", "Verdicts"],
            rows: self.nodes.iter().enumerate().map(row).collect(),
        }
    }

    /// The roads as a table: all of a small lab, else those that something speaks against; and how many are left out.
    pub(super) fn table_of_roads(&self) -> (Table, usize) {
        let all = self.roads.len() <= ROADS_LISTED;
        let listed: Vec<&Road> =
            self.roads.iter().filter(|road| all || road.standing == Standing::Bad).take(ROADS_LISTED).collect();
        let row = |road: &&Road| {
            let verdict = match road.standing {
                Standing::Good => "✓ nothing against it",
                Standing::Bad => "✗ refuted",
                Standing::Open => "? no verdict",
            };
            vec![
                Cell::code(&self.nodes[road.from].name),
                Cell::code(&self.nodes[road.to].name),
                Cell::code(&road.cidr),
                Cell::code(road.words()),
                Cell::of(road.standing.class(), verdict),
            ]
        };
        let table = Table {
            caption: "How packets for a peer's pods leave each node".to_owned(),
            head: vec!["From", "To the pods of", "Pod CIDR", "Route", "Verdict"],
            rows: listed.iter().map(row).collect(),
        };
        (table, self.roads.len() - listed.len())
    }
}

/// The nodes in the lab's own order where that was seen, with any that only another look saw.
fn names(shown: &Shown) -> Vec<NodeName> {
    let ordered = shown.nodes.iter().flat_map(|seen| seen.nodes.iter().map(|node| &node.name));
    let on_segments = shown.segments.iter().flat_map(|seen| &seen.nodes);
    let looked = [
        shown.routing.as_ref().map(|seen| &seen.nodes),
        shown.base.as_ref().map(|seen| &seen.nodes),
        shown.wire.as_ref().map(|seen| &seen.nodes),
    ];
    let others = looked.into_iter().flatten().flat_map(|nodes| nodes.keys());
    let mut known = BTreeSet::new();
    ordered.chain(on_segments).chain(others).filter(|name| known.insert((*name).clone())).cloned().collect()
}

/// The newest look into a node.
pub(super) fn view<'a>(shown: &'a Shown, name: &NodeName) -> Option<&'a NetnsView> {
    let routed = shown.routing.as_ref().and_then(|seen| seen.nodes.get(name));
    let on_the_wire = || shown.wire.as_ref().and_then(|seen| seen.nodes.get(name));
    let answered = || {
        let node = shown.nodes.as_ref()?.nodes.iter().find(|node| node.name == *name)?;
        node.view.as_ref().ok()
    };
    let before = || shown.base.as_ref().and_then(|seen| seen.nodes.get(name));
    routed.or_else(on_the_wire).or_else(answered).or_else(before)
}

fn node(name: &NodeName, shown: &Shown, report: &Report) -> NodeBox {
    let place = Place::Node(name.clone());
    let looked = view(shown, name);
    let answer = shown.nodes.iter().flat_map(|seen| &seen.nodes).find(|node| node.name == *name);
    let segments = shown.segments.as_ref().map(|seen| seen.segments.as_slice()).unwrap_or_default();
    let member = |segment: &lab_model::observe::Segment| segment.members.iter().any(|member| member.node == *name);
    let pods = shown.pods.iter().filter(|pod| pod.node.as_ref() == Some(name)).map(|pod| PodBox {
        name: pod.name.to_string(),
        address: pod.address.map(|address| address.to_string()),
        judged: standing::pod(report, &Place::Pod(pod.name.clone())),
    });
    NodeBox {
        name: name.to_string(),
        role: answer.map(|node| match node.role {
            Role::ControlPlane => "control plane",
            Role::Worker => "worker",
        }),
        address: looked.and_then(|view| view.address_of(UPLINK)),
        mac: looked.and_then(|view| view.link(UPLINK)?.mac).map(|mac| mac.to_string()),
        cidr: shown.cidrs.as_ref().and_then(|cidrs| cidrs.by_node.get(name)).copied(),
        bridge: segments.iter().position(member),
        link: standing::link(report, &place),
        judged: standing::node(report, &place),
        pods: pods.collect(),
    }
}

fn roads(shown: &Shown, report: &Report, names: &[NodeName], nodes: &[NodeBox]) -> Vec<Road> {
    let Some(routing) = &shown.routing else { return Vec::new() };
    let mut roads = Vec::new();
    for (from, name) in names.iter().enumerate() {
        let Some(view) = routing.nodes.get(name) else { continue };
        for (to, peer) in nodes.iter().enumerate() {
            let (true, Some(cidr)) = (from != to, peer.cidr) else { continue };
            let way = way(view, cidr, peer.address.map(|address| address.addr()));
            let standing = standing::road(report, &Place::Node(name.clone()), &cidr.to_string());
            roads.push(Road { from, to, cidr: cidr.to_string(), way, standing });
        }
    }
    roads
}

/// The longest prefix that covers a pod CIDR, as the kernel looks it up; rules are the judge's business.
fn way(view: &NetnsView, cidr: Ipv4Net, peer: Option<Ipv4Addr>) -> Way {
    let covers = |route: &&Route| {
        route.table != TABLE_LOCAL && route.destination.prefix_len() > 0 && route.destination.contains(&cidr)
    };
    let best = view.routes.iter().filter(covers).max_by_key(|route| route.destination.prefix_len());
    let Some(route) = best else {
        let default =
            view.routes.iter().find(|route| route.table != TABLE_LOCAL && route.destination.prefix_len() == 0);
        return Way::Missing(default.map_or_else(
            || format!("no route to {cidr}"),
            |default| format!("no route to {cidr}; it would leave by {}", words::route(default)),
        ));
    };
    let words = words::route(route);
    let [hop] = route.hops.as_slice() else { return Way::Elsewhere(words) };
    let tunnel = |device: &&String| {
        let kind = view.link(device).and_then(|link| link.kind.as_deref());
        matches!(kind, Some("vxlan" | "geneve" | "ipip" | "gre" | "wireguard"))
    };
    if hop.encapsulates {
        Way::Tunnel("encap".to_owned(), words)
    } else if let Some(device) = hop.device.as_ref().filter(tunnel) {
        Way::Tunnel(device.clone(), words)
    } else if route.kind == RouteKind::Unicast && peer.is_some() && hop.gateway == peer {
        Way::Direct(words)
    } else {
        Way::Elsewhere(words)
    }
}
