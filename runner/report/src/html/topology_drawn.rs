//! The lab drawn: nodes below each other, their routes as lines of text and as arrows at the right.
//!
//! One layout for every window: as wide as a phone's, where its text can still be read, and beside a table elsewhere.

use svg::Document;
use svg::node::element::Group;

use super::ink::{Points, arrow, ending, fitting, int, line, picture, rectangle, text};
use super::topology::{NodeBox, Road, Topology};

const WIDTH: i32 = 340;
/// Left of a node, and its width; arrows are at its right.
const LEFT: i32 = 22;
const NODE: i32 = 230;
/// Between two arrows.
const LANE: i32 = 14;
const ROW: i32 = 19;
/// Of a bridge, and of a pod.
const BRIDGE: i32 = 44;
const POD: i32 = 46;
/// From a node's upper edge to its first route.
const ROUTES: i32 = 126;
/// As `report.css` has it for `tiny`.
const FONT: i32 = 12;

/// Draws it.
pub(super) fn draw(topology: &Topology) -> Document {
    let mut tops = Vec::new();
    let mut y = 8;
    for (index, node) in topology.nodes.iter().enumerate() {
        tops.push(y);
        y += height(topology, index, node) + 18;
    }
    let bridge = y;
    let bottom = bridge + BRIDGE * int(topology.bridges.len().max(1)) + 8;
    let drawn_roads = topology.roads.iter().filter(|road| road.is_drawn()).count();
    let width = WIDTH.max(LEFT + NODE + 16 + LANE * int(drawn_roads));
    let mut drawn = picture("topology-drawn", (width, bottom), "The lab as it was seen", &topology.description());
    for (row, (name, address)) in topology.bridges.iter().enumerate() {
        let y = bridge + BRIDGE * int(row);
        drawn = drawn
            .add(rectangle((4, y), (width - 8, 36), "bridge"))
            .add(text((14, y + 23), "name", name))
            .add(ending((width - 14, y + 23), "mono", address.as_deref().unwrap_or("no address")));
    }
    if topology.bridges.is_empty() {
        drawn = drawn.add(text((8, bridge + 22), "label open", "? the bridge was not looked at"));
    }
    for (node, top) in topology.nodes.iter().zip(&tops) {
        if let Some(row) = node.bridge {
            // Around the left of the nodes below it.
            let class = format!("link {}", node.link.class());
            drawn = drawn.add(line((LEFT, top + 26), (10, top + 26), &class)).add(line(
                (10, top + 26),
                (10, bridge + BRIDGE * int(row)),
                &class,
            ));
        }
    }
    let mut lane = LEFT + NODE + 16;
    for (index, node) in topology.nodes.iter().enumerate() {
        drawn = drawn.add(member(topology, index, node, tops[index]));
        for (row, road) in topology.roads.iter().filter(|road| road.from == index).enumerate() {
            if !road.is_drawn() {
                continue;
            }
            let from = (LEFT + NODE, tops[index] + ROUTES - 4 + ROW * int(row));
            let mut arrivals = topology.roads.iter().filter(|other| other.to == road.to && other.is_drawn());
            let arrival = arrivals.position(|other| std::ptr::eq(other, road)).unwrap_or(0);
            let to = (LEFT + NODE, tops[road.to] + 14 + 13 * int(arrival.min(4)));
            let tunnel = if road.is_tunnel() { " tunnel" } else { "" };
            let class = format!("road {}{tunnel}", road.standing().class());
            drawn = drawn.add(arrow(&[from, (lane, from.1), (lane, to.1), to], Points::Left, &class));
            lane += LANE;
        }
    }
    drawn
}

fn height(topology: &Topology, index: usize, node: &NodeBox) -> i32 {
    let roads = topology.roads.iter().filter(|road| road.from == index).count();
    ROUTES - 8 + ROW * int(roads) + POD * int(node.pods.len())
}

/// A road as a line of text.
fn label(road: &Road) -> String {
    format!("{} {}", road.standing().mark(), road.label())
}

fn member(topology: &Topology, index: usize, node: &NodeBox, top: i32) -> Group {
    let class = node.judged.standing.class();
    let (x, room) = (LEFT + 10, NODE - 20);
    let bridges = !topology.bridges.is_empty();
    let or_not = |seen: Option<String>, what: &str| seen.unwrap_or_else(|| format!("{what}: not seen"));
    let (link, link_class) = match node.bridge {
        Some(_) => (format!("{} veth", node.link.mark()), node.link.class()),
        None if bridges => ("✗ on no bridge".to_owned(), "bad"),
        None => (String::new(), ""),
    };
    let mut group = Group::new()
        .add(rectangle((LEFT, top), (NODE, height(topology, index, node)), &format!("node {class}")))
        .add(text((x, top + 22), "name", &fitting(&node.name, room - 24, 16)))
        .add(ending((LEFT + NODE - 10, top + 22), &format!("mark {class}"), node.judged.standing.mark()))
        .add(text((x, top + 41), "label", node.role.unwrap_or("role not seen")))
        .add(ending((LEFT + NODE - 10, top + 41), &format!("label {link_class}"), &link))
        .add(text((x, top + 62), "mono tiny", &or_not(node.address.map(|net| format!("eth0 {net}")), "eth0")))
        .add(text((x, top + 80), "mono tiny dim", &or_not(node.mac.clone(), "MAC")))
        .add(text((x, top + 101), "mono tiny", &or_not(node.cidr.map(|net| format!("pods {net}")), "pod CIDR")));
    let mut y = top + ROUTES;
    for road in topology.roads.iter().filter(|road| road.from == index) {
        let class = format!("mono tiny {}", road.standing().class());
        group = group.add(text((x, y), &class, &fitting(&label(road), room, FONT)));
        y += ROW;
    }
    for pod in &node.pods {
        let class = pod.judged.standing.class();
        group = group
            .add(rectangle((LEFT + 8, y - 10), (NODE - 16, 40), &format!("pod {class}")))
            .add(text((x + 6, y + 6), "mono tiny", &fitting(&pod.name, room - 40, FONT)))
            .add(text((x + 6, y + 23), "mono tiny", pod.address.as_deref().unwrap_or("no address seen")))
            .add(ending((LEFT + NODE - 16, y + 8), &format!("mark {class}"), pod.judged.standing.mark()));
        y += POD;
    }
    group
}
