//! The way of a request as drawn sequences, downwards: one of the request, one of its answer. They stand beside each
//! other in a wide window, below each other in a narrow one.

use svg::Document;
use svg::node::element::Group;

use super::hop::{Hop, SeenHop};
use super::ink::{Points, arrow, fitting, int, line, picture, rectangle, text};
use super::standing::Standing;
use super::table::{Cell, Table};
use super::way::Way;

/// Of a picture; of who is passed; and from one who is passed to the next.
const WIDTH: i32 = 330;
const LANE: i32 = 34;
const STEP: i32 = 104;

impl Way {
    /// The sequence of the request or of its answer in words.
    fn description(&self, answer: bool) -> String {
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
        self.hops.iter().filter(|hop| hop.answer == answer).map(hop).collect::<Vec<_>>().join(" ")
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
                    Cell::of(hop.standing.class(), format!("{} {}", hop.standing.mark(), hop.missing)),
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

    /// The request or its answer: every hop below the one before. None where there is nothing of it to draw.
    pub(super) fn draw(&self, id: &str, answer: bool) -> Option<Document> {
        let hops: Vec<&Hop> = self.hops.iter().filter(|hop| hop.answer == answer).collect();
        let bottom = LANE + STEP * int(hops.len()) + 8;
        let what = if answer { "the answer" } else { "the request" };
        let title = format!("{}: {what}", self.title);
        let mut drawn = picture(&format!("{id}-{answer}"), (WIDTH, bottom), &title, &self.description(answer));
        let mut y = 4;
        drawn = drawn.add(lane(&self.lanes[hops.first()?.from], y));
        for hop in hops {
            y += LANE;
            let end = y + STEP - LANE;
            drawn = match &hop.seen {
                Some(seen) => drawn.add(beside(seen, y + 18)).add(arrow(
                    &[(24, y), (24, end)],
                    Points::Down,
                    &format!("road {}", class(hop, seen)),
                )),
                None => drawn
                    .add(line((24, y), (24, end), &format!("unseen {}", hop.standing.class())))
                    .add(text(
                        (44, y + 32),
                        &format!("mono tiny {}", hop.standing.class()),
                        &format!("{} not seen here", hop.standing.mark()),
                    ))
                    .add(text((44, y + 49), "mono tiny dim", &fitting(&format!("on {}", hop.link), WIDTH - 50, 12))),
            };
            y = end;
            drawn = drawn.add(lane(&self.lanes[hop.to], y));
        }
        Some(drawn)
    }
}

fn class(hop: &Hop, seen: &SeenHop) -> &'static str {
    match (&seen.outer, hop.answer) {
        (Some(_), _) => "tunnel wrapped",
        (None, _) if hop.standing == Standing::Bad => "bad",
        (None, false) => "request",
        (None, true) => "answer",
    }
}

/// What stands at an arrow: what wraps the packet, the packet, the frame's addresses.
fn beside(seen: &SeenHop, y: i32) -> Group {
    let mut lines = Vec::new();
    let mut group = Group::new();
    if let Some((kind, outer)) = &seen.outer {
        group = group.add(rectangle((38, y - 17), (WIDTH - 44, 33), "envelope"));
        lines.push(("mono tiny wrapped", format!("{kind} {outer}")));
    }
    lines.push(("mono tiny", seen.addresses()));
    lines.push(("mono tiny dim", seen.source.to_string()));
    lines.push(("mono tiny dim", format!("→ {}", seen.destination)));
    // Leaves a gap below the lines about a tunnel's outer packet.
    let (top, gap) = if lines.len() > 3 { (y - 4, 4) } else { (y, 0) };
    lines.iter().enumerate().fold(group, |group, (row, (class, line))| {
        let y = top + 15 * int(row) + if row > 1 { gap } else { 0 };
        group.add(text((44, y), class, &fitting(line, WIDTH - 50, 12)))
    })
}

fn lane(name: &str, y: i32) -> Group {
    Group::new().add(rectangle((4, y), (WIDTH - 8, 30), "lane")).add(text(
        (16, y + 20),
        "mono tiny strong",
        &fitting(name, WIDTH - 30, 12),
    ))
}
