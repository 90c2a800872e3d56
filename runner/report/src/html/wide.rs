//! The lab drawn for a wide window: nodes beside each other, the bridge below, routes as arrows above.

use svg::Document;
use svg::node::element::Group;

use super::ink::{Points, arrow, centred, ending, fitting, int, line, picture, rectangle, text, width_of};
use super::standing::Standing;
use super::topology::{NodeBox, Road, Topology, Way};

/// Width of a node, and between two.
const NODE: i32 = 286;
const GAP: i32 = 40;
const MARGIN: i32 = 14;
/// Between two levels of arrows.
const LEVEL: i32 = 34;
/// Between an arrow's legs at a node's upper edge.
const SLOT: i32 = 24;
/// Sizes of fonts, as `report.css` has them.
const SMALL: i32 = 13;

/// Draws it.
pub(super) fn draw(topology: &Topology) -> Document {
    let levels = levels(topology);
    let highest = levels.iter().map(|(_, level)| level + 1).max().unwrap_or(0);
    let top = if highest == 0 { MARGIN } else { MARGIN + LEVEL * int(highest) + 16 };
    let height =
        topology.nodes.iter().enumerate().map(|(index, node)| height(topology, index, node)).max().unwrap_or(0);
    let below = top + height;
    let bridge = below + 40;
    let width = 2 * MARGIN + int(topology.nodes.len()) * (NODE + GAP) - GAP;
    let bottom = bridge + 56 * int(topology.bridges.len().max(1)) + MARGIN;
    let mut drawn = picture("topology-wide", (width, bottom), "The lab as it was seen", &topology.description());
    for (index, node) in topology.nodes.iter().enumerate() {
        drawn = drawn.add(link(topology, index, node, (below, bridge)));
    }
    for (row, (name, address)) in topology.bridges.iter().enumerate() {
        let y = bridge + 56 * int(row);
        drawn = drawn
            .add(rectangle((MARGIN, y), (width - 2 * MARGIN, 44), "bridge"))
            .add(text((MARGIN + 16, y + 28), "name", &format!("bridge {name}")))
            .add(ending((width - MARGIN - 16, y + 28), "mono", address.as_deref().unwrap_or("no address")));
    }
    if topology.bridges.is_empty() {
        drawn = drawn.add(text((MARGIN, bridge + 28), "label open", "? the bridge was not looked at"));
    }
    for (index, node) in topology.nodes.iter().enumerate() {
        drawn = drawn.add(member(topology, index, node, (left(index), top), height));
    }
    arrows(&levels, top).into_iter().fold(drawn, Document::add)
}

fn left(index: usize) -> i32 {
    MARGIN + int(index) * (NODE + GAP)
}

fn centre(index: usize) -> i32 {
    left(index) + NODE / 2
}

/// The roads that are drawn, each with its level: short ones below, none over another.
fn levels(topology: &Topology) -> Vec<(&Road, usize)> {
    let span = |road: &Road| (road.from.min(road.to), road.from.max(road.to));
    let mut drawn: Vec<&Road> = topology.roads.iter().filter(|road| road.is_drawn()).collect();
    drawn.sort_by_key(|road| (road.from.abs_diff(road.to), span(road).0, road.from));
    let mut placed: Vec<(&Road, usize)> = Vec::new();
    for road in drawn {
        let (low, high) = span(road);
        let taken = |level: usize| {
            placed.iter().any(|(other, at)| {
                let (other_low, other_high) = span(other);
                *at == level && low < other_high && other_low < high
            })
        };
        // A longer one never below a shorter one that it passes over.
        let over = |(other, at): &(&Road, usize)| {
            let (other_low, other_high) = span(other);
            (low <= other_low && other_high <= high && other_high - other_low < high - low).then_some(at + 1)
        };
        let lowest = placed.iter().filter_map(over).max().unwrap_or(0);
        let level = (lowest..=lowest + placed.len()).find(|level| !taken(*level)).unwrap_or(lowest);
        placed.push((road, level));
    }
    placed
}

/// Where a leg of a road stands at a node: those to the left on the left, ordered so that they do not cross.
fn slot(levels: &[(&Road, usize)], node: usize, road: &Road) -> i32 {
    let mut here: Vec<(&Road, usize)> =
        levels.iter().copied().filter(|(other, _)| other.from == node || other.to == node).collect();
    let order = |(other, level): &(&Road, usize)| {
        let leftwards = other.from.min(other.to) < node;
        let level = int(*level);
        (i32::from(!leftwards), if leftwards { level } else { -level })
    };
    here.sort_by_key(order);
    let at = here.iter().position(|(other, _)| std::ptr::eq(*other, road)).unwrap_or(0);
    let step = if here.len() > 6 { 144 / int(here.len()) } else { SLOT };
    centre(node) + (2 * int(at) - int(here.len()) + 1) * step / 2
}

fn arrows(levels: &[(&Road, usize)], top: i32) -> Vec<Group> {
    let y_of = |level: usize| top - 24 - LEVEL * int(level);
    let mut groups: Vec<Group> = Vec::new();
    let mut labels: Vec<Group> = Vec::new();
    for (road, level) in levels {
        let (from, to, y) = (slot(levels, road.from, road), slot(levels, road.to, road), y_of(*level));
        let tunnel = if matches!(road.way, Way::Tunnel(..)) { " tunnel" } else { "" };
        let class = format!("road {}{tunnel}", road.standing.class());
        groups.push(arrow(&[(from, top), (from, y), (to, y), (to, top)], Points::Down, &class));
        let room = (from - to).abs() - 12;
        let label = fitting(&label(road), room.max(NODE - 40), SMALL);
        let (middle, width) = (i32::midpoint(from, to), width_of(&label, SMALL) + 10);
        labels.push(Group::new().add(rectangle((middle - width / 2, y - 9), (width, 18), "behind")).add(centred(
            (middle, y + 4),
            &format!("mono small {}", road.standing.class()),
            &label,
        )));
    }
    groups.extend(labels);
    groups
}

/// What is written at an arrow. A colour is never alone: the sign stands before it.
fn label(road: &Road) -> String {
    match &road.way {
        Way::Tunnel(device, _) => format!("{} {} in {device}", road.standing.mark(), road.cidr),
        _ => format!("{} {}", road.standing.mark(), road.words().replace(" dev eth0", "")),
    }
}

/// What is written into a node because it is not drawn as an arrow.
pub(super) fn trouble(topology: &Topology, index: usize) -> Vec<(Standing, String)> {
    let undrawn = topology.roads.iter().filter(|road| road.from == index && !road.is_drawn());
    undrawn
        .map(|road| match &road.way {
            Way::Missing(_) => (road.standing, format!("{} no route to {}", road.standing.mark(), road.cidr)),
            _ => (road.standing, format!("{} {}", road.standing.mark(), road.words())),
        })
        .collect()
}

fn height(topology: &Topology, index: usize, node: &NodeBox) -> i32 {
    132 + 22 * int(trouble(topology, index).len()) + 58 * int(node.pods.len())
}

fn member(topology: &Topology, index: usize, node: &NodeBox, at: (i32, i32), height: i32) -> Group {
    let (x, y) = at;
    let class = node.judged.standing.class();
    let room = NODE - 32;
    let or_not = |text: Option<String>, what: &str| text.unwrap_or_else(|| format!("{what}: not seen"));
    let mut group = Group::new()
        .add(rectangle(at, (NODE, height), &format!("node {class}")))
        .add(text((x + 16, y + 28), "name", &fitting(&node.name, room - 30, 16)))
        .add(ending((x + NODE - 16, y + 28), &format!("mark {class}"), node.judged.standing.mark()))
        .add(text((x + 16, y + 48), "label", node.role.unwrap_or("role not seen")))
        .add(text((x + 16, y + 72), "mono", &or_not(node.address.map(|net| format!("eth0 {net}")), "eth0")))
        .add(text((x + 16, y + 92), "mono small dim", &or_not(node.mac.clone(), "MAC")))
        .add(text((x + 16, y + 114), "mono", &or_not(node.cidr.map(|net| format!("pods {net}")), "pod CIDR")));
    let mut y = y + 136;
    for (standing, line) in trouble(topology, index) {
        let class = format!("mono small {}", standing.class());
        group = group.add(text((x + 16, y), &class, &fitting(&line, room, SMALL)));
        y += 22;
    }
    for pod in &node.pods {
        let class = pod.judged.standing.class();
        group = group
            .add(rectangle((x + 12, y - 10), (NODE - 24, 50), &format!("pod {class}")))
            .add(text((x + 24, y + 10), "mono", &fitting(&pod.name, room - 46, 14)))
            .add(text((x + 24, y + 29), "mono small", pod.address.as_deref().unwrap_or("no address seen")))
            .add(ending((x + NODE - 24, y + 12), &format!("mark {class}"), pod.judged.standing.mark()));
        y += 58;
    }
    group
}

/// The link from a node to the bridge it was seen on.
fn link(topology: &Topology, index: usize, node: &NodeBox, (below, bridge): (i32, i32)) -> Group {
    let x = centre(index);
    match node.bridge {
        Some(row) => {
            let class = format!("link {}", node.link.class());
            Group::new().add(line((x, below), (x, bridge + 56 * int(row)), &class)).add(text(
                (x + 8, below + 25),
                &format!("label {}", node.link.class()),
                &format!("{} veth", node.link.mark()),
            ))
        }
        None if topology.bridges.is_empty() => Group::new(),
        None => Group::new().add(centred((x, below + 25), "label bad", "✗ on no bridge")),
    }
}
