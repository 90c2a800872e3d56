//! The way of a request as a drawn sequence: across for a wide window, downwards for a narrow one.

use svg::Document;
use svg::node::element::Group;

use super::ink::{Points, arrow, centred, fitting, int, line, picture, rectangle, text};
use super::table::{Cell, Table};
use super::way::{Hop, SeenHop, Way};

/// Between two lanes, and two hops, of the wide picture.
const LANE: i32 = 206;
const HOP: i32 = 78;
const HEAD: i32 = 46;
/// Width of the narrow one, and the height of its hops.
const NARROW: i32 = 330;
const STEP: i32 = 104;

impl Way {
    /// The sequence in words.
    pub(super) fn description(&self) -> String {
        let hop = |hop: &Hop| match &hop.seen {
            Some(seen) => {
                let changes =
                    if seen.changes.is_empty() { String::new() } else { format!(" ({})", seen.changes.join("; ")) };
                let outer = seen.outer.as_ref().map(|(kind, outer)| format!(" in {kind} {outer}")).unwrap_or_default();
                let packet = seen.packet.replace('\n', " ");
                format!("{} to {}: {packet}{outer}{changes}.", self.lanes[hop.from], self.lanes[hop.to])
            }
            None => format!("{} to {}: {}.", self.lanes[hop.from], self.lanes[hop.to], hop.missing),
        };
        self.hops.iter().map(hop).collect::<Vec<_>>().join(" ")
    }

    /// The sequence as a table.
    pub(super) fn table(&self) -> Table {
        let row = |hop: &Hop| {
            let direction = if hop.answer { "answer" } else { "request" };
            let mut row = vec![Cell::plain(direction), Cell::code(&hop.link)];
            row.extend(match &hop.seen {
                Some(seen) => {
                    let packet = seen.outer.as_ref().map_or_else(
                        || seen.packet.clone(),
                        |(kind, outer)| format!("{kind} {outer},\ninside {}", seen.packet),
                    );
                    let changes = if seen.changes.is_empty() { "nothing".to_owned() } else { seen.changes.join("\n") };
                    [
                        Cell::of("code keep", format!("{}\n→ {}", seen.source, seen.destination)),
                        Cell::plain(&seen.owners),
                        Cell::code(packet),
                        Cell::plain(seen.amounts()),
                        Cell::plain(changes),
                    ]
                }
                None => [
                    Cell::of("bad", format!("✗ {}", hop.missing)),
                    Cell::plain("–"),
                    Cell::plain("–"),
                    Cell::plain("–"),
                    Cell::plain("–"),
                ],
            });
            row
        };
        Table {
            caption: format!("{}, link by link", self.title),
            head: vec![
                "Direction",
                "Captured on",
                "MAC addresses",
                "From whom to whom",
                "Packet",
                "TTL, frames",
                "What changed",
            ],
            rows: self.hops.iter().map(row).collect(),
        }
    }

    /// For a wide window.
    pub(super) fn wide(&self, id: &str) -> Document {
        let width = LANE * int(self.lanes.len());
        let bottom = HEAD + HOP * int(self.hops.len()) + 24;
        let mut drawn = picture(&format!("{id}-wide"), (width, bottom), &self.title, &self.description());
        let x = |lane: usize| LANE * int(lane) + LANE / 2;
        for (lane, name) in self.lanes.iter().enumerate() {
            drawn = drawn
                .add(line((x(lane), HEAD - 6), (x(lane), bottom - 8), "life"))
                .add(rectangle((x(lane) - 94, 6), (188, 32), "lane"))
                .add(centred((x(lane), 27), "mono small strong", &fitting(name, 176, 13)));
        }
        for (row, hop) in self.hops.iter().enumerate() {
            let y = HEAD + HOP * int(row) + 56;
            let (from, to) = (x(hop.from), x(hop.to));
            let middle = i32::midpoint(from, to);
            let points = if from < to { Points::Right } else { Points::Left };
            drawn = match &hop.seen {
                Some(seen) => drawn
                    .add(arrow(&[(from, y), (to, y)], points, &format!("road {}", class(hop, seen))))
                    .add(words(seen, (middle, y), LANE - 20)),
                None => drawn
                    .add(line((from, y), (to, y), "unseen"))
                    .add(rectangle((middle - 84, y - 24), (168, 20), "behind"))
                    .add(centred((middle, y - 9), "label small bad", "✗ not seen here")),
            };
        }
        drawn
    }

    /// For a narrow window: every hop below the one before.
    pub(super) fn narrow(&self, id: &str) -> Document {
        let rows = int(self.hops.len());
        let bottom = 4 + 34 + STEP * rows + 4;
        let mut drawn = picture(&format!("{id}-narrow"), (NARROW, bottom), &self.title, &self.description());
        let mut y = 4;
        let mut at: Option<usize> = None;
        for hop in &self.hops {
            if at != Some(hop.from) {
                if at.is_some() {
                    y += 36;
                }
                drawn = drawn.add(lane(&self.lanes[hop.from], y));
                y += 34;
            }
            drawn = match &hop.seen {
                Some(seen) => drawn
                    .add(arrow(&[(24, y), (24, y + STEP - 34)], Points::Down, &format!("road {}", class(hop, seen))))
                    .add(beside(seen, y + 18)),
                None => drawn
                    .add(line((24, y), (24, y + STEP - 34), "unseen"))
                    .add(text((44, y + 32), "mono tiny bad", "✗ not seen here"))
                    .add(text((44, y + 49), "mono tiny dim", &fitting(&format!("on {}", hop.link), NARROW - 50, 12))),
            };
            y += STEP - 34;
            drawn = drawn.add(lane(&self.lanes[hop.to], y));
            y += 34;
            at = Some(hop.to);
        }
        drawn
    }
}

fn class(hop: &Hop, seen: &SeenHop) -> &'static str {
    match (&seen.outer, hop.answer) {
        (Some(_), _) => "tunnel wrapped",
        (None, false) => "request",
        (None, true) => "answer",
    }
}

/// What stands at an arrow: the packet above it, the frame's addresses below.
fn words(seen: &SeenHop, at: (i32, i32), room: i32) -> Group {
    let (x, y) = at;
    let packet = fitting(&seen.addresses(), room, 13);
    let mut group = Group::new();
    if let Some((kind, outer)) = &seen.outer {
        group = group
            .add(rectangle((x - room / 2, y - 55), (room, 48), "envelope"))
            .add(centred((x, y - 41), "tiny wrapped", &format!("in {kind}")))
            .add(centred((x, y - 27), "mono tiny wrapped", &fitting(outer, room - 6, 12)))
            .add(centred((x, y - 12), "mono tiny", &packet));
    } else {
        group = group.add(centred((x, y - 10), "mono small", &packet));
    }
    group.add(centred((x, y + 15), "mono tiny dim", &seen.source.to_string())).add(centred(
        (x, y + 28),
        "mono tiny dim",
        &format!("→ {}", seen.destination),
    ))
}

fn beside(seen: &SeenHop, y: i32) -> Group {
    let mut lines = Vec::new();
    if let Some((kind, outer)) = &seen.outer {
        lines.push(("mono tiny wrapped", format!("{kind} {outer}")));
    }
    lines.push(("mono tiny", seen.addresses()));
    lines.push(("mono tiny dim", seen.source.to_string()));
    lines.push(("mono tiny dim", format!("→ {}", seen.destination)));
    let top = if lines.len() > 3 { y - 4 } else { y };
    lines.iter().enumerate().fold(Group::new(), |group, (row, (class, line))| {
        group.add(text((44, top + 15 * int(row)), class, &fitting(line, NARROW - 50, 12)))
    })
}

fn lane(name: &str, y: i32) -> Group {
    Group::new().add(rectangle((4, y), (NARROW - 8, 30), "lane")).add(text(
        (16, y + 20),
        "mono tiny strong",
        &fitting(name, NARROW - 30, 12),
    ))
}
