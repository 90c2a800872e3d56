//! The lab as it was seen: bridge, nodes, pods, and the roads from each node to each peer's pods.

use ipnet::Ipv4Net;
use std::collections::BTreeSet;

use super::racks;
use super::seen::Shown;
use super::standing::{self, Judged, Standing};
use super::table::{Cell, Table};
use lab_model::Reason;
use lab_model::observe::{NetnsView, NodeName, Place, Role, UPLINK};
use lab_model::report::Report;
use lab_model::road::Way;

/// Rows of the table of roads at most: a hundred nodes have 9,900.
const ROADS_LISTED: usize = 60;

/// The lab as it was seen.
#[derive(Debug)]
pub(super) struct Topology {
    /// Every segment that was seen: `bridge` and its name, and the bridge's own address. In racks, each ToR and the router.
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

/// How packets for a peer's pods leave a node, as the judge found it. The page decides nothing about it.
#[derive(Debug)]
pub(super) struct Road {
    /// Nodes, by their place in [`Topology::nodes`].
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) cidr: String,
    pub(super) way: Way,
}

impl Road {
    /// The road in words: `10.0.1.0/24 via 172.18.0.3 dev eth0`.
    pub(super) fn words(&self) -> String {
        match &self.way {
            Way::Direct { route } => route.clone(),
            Way::Astray { reason, observed } => format!("{}: {observed}", in_words(*reason)),
            Way::Undecided { missing } => missing.clone(),
        }
    }

    /// The same where there is little room.
    pub(super) fn label(&self) -> String {
        match &self.way {
            Way::Direct { route } => route.replace(" dev eth0", ""),
            Way::Astray { reason: Reason::RouteMissing, .. } => format!("no route to {}", self.cidr),
            Way::Astray { reason: Reason::ThroughTunnel, .. } => format!("{} in a tunnel", self.cidr),
            Way::Astray { reason, .. } => format!("{} {}", self.cidr, in_words(*reason)),
            Way::Undecided { .. } => format!("{} not known", self.cidr),
        }
    }

    pub(super) const fn standing(&self) -> Standing {
        match self.way {
            Way::Direct { .. } => Standing::Good,
            Way::Astray { .. } => Standing::Bad,
            Way::Undecided { .. } => Standing::Open,
        }
    }

    pub(super) const fn is_tunnel(&self) -> bool {
        matches!(self.way, Way::Astray { reason: Reason::ThroughTunnel, .. })
    }

    /// In a picture: only what was found to be a way to the peer is drawn as one.
    pub(super) const fn is_drawn(&self) -> bool {
        matches!(self.way, Way::Direct { .. }) || self.is_tunnel()
    }
}

/// `wrong_next_hop` is `wrong next hop`.
pub(super) fn in_words(reason: Reason) -> String {
    reason.to_string().replace('_', " ")
}

impl Topology {
    /// What was seen of it.
    pub(super) fn of(shown: &Shown, report: &Report) -> Self {
        let segments = shown.segments.iter().flat_map(|seen| &seen.segments);
        let bridge = |segment: &lab_model::observe::Segment| {
            (format!("bridge {}", segment.name), segment.gateway.map(|gateway| gateway.to_string()))
        };
        let bridges = shown.routers.as_ref().map_or_else(|| segments.map(bridge).collect(), racks::hubs);
        let names = names(shown);
        let nodes = names.iter().map(|name| node(name, shown, report)).collect::<Vec<_>>();
        // Evidence that cannot be used says nothing, nor does what was found in it.
        let roads = if shown.routing.is_some() { roads(report, &names) } else { Vec::new() };
        Self { bridges, nodes, roads }
    }

    /// The roads that lead directly, those that go through a tunnel, those that are missing or go elsewhere, and those of
    /// which that is not known.
    pub(super) fn counted(&self) -> (usize, usize, usize, usize) {
        let count = |fits: fn(&Road) -> bool| self.roads.iter().filter(|road| fits(road)).count();
        let direct = count(|road| matches!(road.way, Way::Direct { .. }));
        let tunnel = count(Road::is_tunnel);
        let open = count(|road| matches!(road.way, Way::Undecided { .. }));
        (direct, tunnel, self.roads.len() - direct - tunnel - open, open)
    }

    /// The picture in words.
    pub(super) fn description(&self) -> String {
        let mut words = Vec::new();
        for (name, gateway) in &self.bridges {
            let gateway = gateway.as_ref().map(|gateway| format!(", {gateway}")).unwrap_or_default();
            let capital = name.strip_prefix("bridge").map(|rest| format!("Bridge{rest}"));
            words.push(format!("{}{gateway}.", capital.as_ref().unwrap_or(name)));
        }
        for node in &self.nodes {
            let address = node.address.map_or_else(|| "no address seen".to_owned(), |net| net.addr().to_string());
            let pods = node.pods.iter().map(|pod| pod.name.as_str()).collect::<Vec<_>>().join(", ");
            let pods = if pods.is_empty() { String::new() } else { format!(", with {pods}") };
            words.push(format!("Node {}, {address}{pods}: {}.", node.name, node.judged.words()));
        }
        for road in &self.roads {
            let (from, to) = (&self.nodes[road.from].name, &self.nodes[road.to].name);
            words.push(format!("{from} to the pods of {to}: {} {}.", road.standing().mark(), road.words()));
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
            let direct = mine.clone().filter(|road| matches!(road.way, Way::Direct { .. })).count();
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
            self.roads.iter().filter(|road| all || road.standing() == Standing::Bad).take(ROADS_LISTED).collect();
        let row = |road: &&Road| {
            let verdict = match road.standing() {
                Standing::Good => "✓ direct",
                Standing::Bad => "✗ not direct",
                Standing::Open => "? not known",
            };
            vec![
                Cell::code(&self.nodes[road.from].name),
                Cell::code(&self.nodes[road.to].name),
                Cell::code(&road.cidr),
                Cell::code(road.words()),
                Cell::of(road.standing().class(), verdict),
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
        bridge: shown
            .routers
            .as_ref()
            .map_or_else(|| segments.iter().position(member), |seen| racks::rack_of(seen, name)),
        link: standing::link(report, &place),
        judged: standing::node(report, &place),
        pods: pods.collect(),
    }
}

/// What the judge of direct routes found about each pair of nodes.
fn roads(report: &Report, names: &[NodeName]) -> Vec<Road> {
    let place = |name: &NodeName| names.iter().position(|node| node == name);
    let found = report.cases.iter().flat_map(|case| &case.found.roads);
    let road = |road: &lab_model::road::Road| {
        let (from, to) = (place(&road.from)?, place(&road.to)?);
        Some(Road { from, to, cidr: road.pods.to_string(), way: road.way.clone() })
    };
    found.filter_map(road).collect()
}
