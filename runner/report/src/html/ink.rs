//! The few shapes that pictures are made of. Colours and strokes are the style sheet's: shapes carry classes.
//!
//! Coordinates are in units of the picture; text of class `mono` is taken to be [`MONO`] tenths wide a character.

use svg::Document;
use svg::node::element::{Description, Group, Line, Path, Polygon, Rectangle, Text, Title};

use lab_base::text::cut;

/// Tenths of a font's size that a character of a fixed-width font takes, rounded up.
const MONO: i32 = 61;

/// A picture with its text alternative. Ids within it begin with `id`.
pub(super) fn picture(id: &str, size: (i32, i32), title: &str, description: &str) -> Document {
    let (title_id, description_id) = (format!("{id}-title"), format!("{id}-desc"));
    Document::new()
        .set("viewBox", (0, 0, size.0, size.1))
        .set("role", "img")
        .set("aria-labelledby", format!("{title_id} {description_id}"))
        .set("style", format!("max-width: {}px", size.0))
        .add(Title::new(title).set("id", title_id))
        .add(Description::new().set("id", description_id).add(svg::node::Text::new(description)))
}

/// A text that begins at `at`.
pub(super) fn text(at: (i32, i32), class: &str, content: &str) -> Text {
    Text::new(content).set("x", at.0).set("y", at.1).set("class", class)
}

/// A text that ends at `at`.
pub(super) fn ending(at: (i32, i32), class: &str, content: &str) -> Text {
    text(at, class, content).set("text-anchor", "end")
}

/// A text in a fixed-width font, cut so that it takes at most `room` at this font size.
pub(super) fn fitting(content: &str, room: i32, font: i32) -> String {
    let fits = room.max(0) * 100 / (font.max(1) * MONO);
    cut(content, usize::try_from(fits).unwrap_or(0))
}

/// A box.
pub(super) fn rectangle(at: (i32, i32), size: (i32, i32), class: &str) -> Rectangle {
    Rectangle::new()
        .set("x", at.0)
        .set("y", at.1)
        .set("width", size.0)
        .set("height", size.1)
        .set("rx", 8)
        .set("class", class)
}

/// A straight line.
pub(super) fn line(from: (i32, i32), to: (i32, i32), class: &str) -> Line {
    Line::new().set("x1", from.0).set("y1", from.1).set("x2", to.0).set("y2", to.1).set("class", class)
}

/// Which way an arrowhead points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Points {
    Down,
    Left,
}

/// An arrow along these points, its head at the last, pointing as said.
pub(super) fn arrow(along: &[(i32, i32)], points: Points, class: &str) -> Group {
    let mut group = Group::new().set("class", class);
    if let [first, rest @ ..] = along
        && let Some(tip) = rest.last()
    {
        let mut data = svg::node::element::path::Data::new().move_to(*first);
        let short = match points {
            Points::Down => (tip.0, tip.1 - 7),
            Points::Left => (tip.0 + 7, tip.1),
        };
        for point in &rest[..rest.len() - 1] {
            data = data.line_to(*point);
        }
        data = data.line_to(short);
        group = group.add(Path::new().set("d", data).set("class", "shaft")).add(head(*tip, points));
    }
    group
}

fn head(tip: (i32, i32), points: Points) -> Polygon {
    let (x, y) = tip;
    let corners = match points {
        Points::Down => [(x - 5, y - 10), (x + 5, y - 10)],
        Points::Left => [(x + 10, y - 5), (x + 10, y + 5)],
    };
    let corner = |(x, y): (i32, i32)| format!("{x},{y}");
    Polygon::new().set("points", vec![corner(tip), corner(corners[0]), corner(corners[1])]).set("class", "head")
}

/// A count as a coordinate. Pictures have few things in them.
pub(super) fn int(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
