//! An output in lines that can be compared: tables by their columns, `cilium status` with its labels.

use super::steps::{Columns, Mask, Rows, Shape};
use super::words::{Numbers, Piece, Pieces, Reading, kinds};

/// What stands between the cells of a row.
const BETWEEN: &str = "  ";
/// An empty cell.
const EMPTY: &str = "-";
/// What a masked part is replaced by.
const MASKED: &str = "*";

/// A line of an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Normalised.
    pub text: String,
    /// The same without what is declared to differ: lines of equal keys are shown beside each other.
    pub key: String,
    /// What it was read from.
    row: Row,
}

impl Line {
    /// Whether this mask hides something in which the two lines differ.
    pub(super) fn differs_in(&self, mask: Mask, other: &Self, article: &str) -> bool {
        let (own, others) = (masked(&self.row, &[mask], article), masked(&other.row, &[mask], article));
        let pairs = self.row.iter().zip(&own).zip(other.row.iter().zip(&others));
        pairs
            .into_iter()
            .any(|((cell, own), (other_cell, others))| cell != other_cell && (cell != own || other_cell != others))
    }
}

/// An output as lines, and how many of its rows the article does not show.
pub(super) struct Output {
    pub lines: Vec<Line>,
    pub left_out: usize,
}

/// Cells of a row, by the names of their columns. A line that is no table has one cell, under no name.
type Row = Vec<(String, String)>;

/// Reads an output.
pub(super) fn read(text: &str, shape: Shape, reading: Reading, masks: &[Mask], article: &str) -> Output {
    let (mut rows, left_out) = match shape {
        Shape::Table(columns) => table(text, columns),
        Shape::Status => (status(text), 0),
        Shape::Lines => (whole_lines(text), 0),
    };
    let pieces = |row: &Row, shape: Shape| row_pieces(row, shape, reading);
    let unordered = matches!(shape, Shape::Table(Columns { unordered: true, .. }) | Shape::Status);
    if unordered {
        rows.sort_by_key(|row| kinds(&pieces(row, shape)));
    }
    let plain: Vec<Pieces> = rows.iter().map(|row| pieces(row, shape)).collect();
    let masked: Vec<Pieces> = rows.iter().map(|row| pieces(&masked(row, masks, article), shape)).collect();
    let (mut texts, mut keys) = (Numbers::of(&plain), Numbers::of(&masked));
    let lines = plain.iter().zip(&masked).zip(rows).map(|((plain, masked), row)| Line {
        text: texts.line(plain),
        key: keys.line(masked),
        row,
    });
    Output { lines: lines.collect(), left_out }
}

fn row_pieces(row: &Row, shape: Shape, reading: Reading) -> Pieces {
    let mut pieces = Pieces::new();
    for (index, (column, cell)) in row.iter().enumerate() {
        if index > 0 {
            pieces.push(Piece::Text(BETWEEN.to_owned()));
        }
        let whole = |kind| vec![Piece::Drawn(kind, cell.clone())];
        pieces.extend(match shape {
            Shape::Table(columns) if columns.ids.contains(&column.as_str()) && is_drawn_id(cell) => whole("ID"),
            Shape::Table(columns) if columns.ages.contains(&column.as_str()) => with_ages(cell),
            _ => reading.pieces(cell),
        });
    }
    pieces
}

fn is_drawn_id(cell: &str) -> bool {
    cell != EMPTY && cell.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn whole_lines(text: &str) -> Vec<Row> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| vec![(String::new(), line.trim().to_owned())]).collect()
}

/// The parts of a line between two or more blanks.
fn cells(line: &str) -> Vec<&str> {
    line.trim().split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()
}

/// The rows of a table, its header among them, and how many were left out.
fn table(text: &str, columns: Columns) -> (Vec<Row>, usize) {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let Some(header) = lines.next() else { return (Vec::new(), 0) };
    let names = cells(header);
    let starts: Vec<usize> =
        names.iter().filter_map(|name| header.find(name).map(|at| header[..at].chars().count())).collect();
    let mut rows = vec![names.iter().map(|name| ((*name).to_owned(), (*name).to_owned())).collect::<Row>()];
    let (mut left_out, mut taken) = (0, true);
    for line in lines {
        let row = by_columns(line, &names, &starts);
        taken = columns.rows.is_none_or(|rows| is_shown(&row, rows, taken));
        if taken { rows.push(row) } else { left_out += 1 }
    }
    (rows, left_out)
}

/// A row's cells: between wide blanks where none is empty, else by where the columns begin.
fn by_columns(line: &str, names: &[&str], starts: &[usize]) -> Row {
    let apart = cells(line);
    let cells: Vec<String> = if apart.len() == names.len() {
        apart.into_iter().map(str::to_owned).collect()
    } else {
        let characters: Vec<char> = line.chars().collect();
        let bounds = starts.iter().zip(starts.iter().skip(1).copied().chain([usize::MAX]));
        bounds
            .map(|(&from, to)| {
                let to = to.min(characters.len());
                let cell: String = characters.get(from.min(to)..to).unwrap_or_default().iter().collect();
                let cell = cell.trim();
                if cell.is_empty() { EMPTY.to_owned() } else { cell.to_owned() }
            })
            .collect()
    };
    names.iter().map(|name| (*name).to_owned()).zip(cells).collect()
}

fn is_shown(row: &Row, rows: Rows, before: bool) -> bool {
    let cell = |column: &str| row.iter().find(|(name, _)| name == column).map_or("", |(_, cell)| cell.as_str());
    match rows {
        Rows::Beginning(column, with) => cell(column).starts_with(with),
        Rows::Ending(column, _) if cell(column) == EMPTY => before,
        Rows::Ending(column, with) => cell(column).ends_with(with),
    }
}

/// `cilium status`: a label stands before the first of several lines, which come in any order.
fn status(text: &str) -> Vec<Row> {
    let mut label = String::new();
    let mut rows = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let drawn = line.contains(['¯', '\\']);
        let mut parts = cells(line);
        if drawn {
            // `cilium status` draws a picture at the left, which is left out; the lines to its right are read.
            parts.retain(|part| !part.contains(['¯', '\\']));
            if parts.is_empty() {
                continue;
            }
        } else if line.starts_with(' ') {
            parts.insert(0, &label);
        }
        let row: Row = parts.iter().map(|part| (String::new(), (*part).to_owned())).collect();
        if !drawn && !line.starts_with(' ') {
            label = parts.first().copied().unwrap_or_default().to_owned();
        }
        rows.push(row);
    }
    rows
}

/// A row without what is declared to differ.
fn masked(row: &Row, masks: &[Mask], article: &str) -> Row {
    let mut row = row.clone();
    for mask in masks {
        for index in 0..row.len() {
            let first = row[0].1.clone();
            let (column, cell) = &mut row[index];
            let is = |name: &str| column == name && cell != name;
            match *mask {
                Mask::Column(name) if is(name) => MASKED.clone_into(cell),
                Mask::AfterComma(name) if is(name) => {
                    *cell = cell.split(',').next().unwrap_or_default().to_owned();
                }
                Mask::ImageOf(name) if is(name) => *cell = image_name(cell),
                Mask::ArticlesDigest => *cell = without_digest(cell, article),
                Mask::StatusImage if first == "Image versions" && index == 2 => {
                    *cell = cell.rsplit_once(": ").map_or(MASKED, |(_, count)| count).to_owned();
                }
                Mask::ManagedPods if first == "Cluster Pods:" && index == 1 => {
                    let counts = cell.split(' ').next().and_then(|counts| counts.split_once('/'));
                    if counts.is_some_and(|(managed, all)| managed == all && managed != "0") {
                        "all managed".clone_into(cell);
                    }
                }
                Mask::RouteMaker => *cell = without_maker(cell),
                _ => {}
            }
        }
    }
    row
}

/// `registry.k8s.io/kube-scheduler:v1.25.3` as `kube-scheduler`.
fn image_name(image: &str) -> String {
    let image = image.split('@').next().unwrap_or_default();
    let last = image.rsplit('/').next().unwrap_or_default();
    last.split(':').next().unwrap_or_default().to_owned()
}

fn without_digest(cell: &str, article: &str) -> String {
    let Some((before, rest)) = cell.split_once("@sha256:") else { return cell.to_owned() };
    let digest = rest.get(..64).unwrap_or_default();
    if digest.len() == 64 && article.contains(digest) { format!("{before}{}", &rest[64..]) } else { cell.to_owned() }
}

fn without_maker(line: &str) -> String {
    let mut words = line.split_whitespace();
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        if word == "proto" {
            let _value = words.next();
        } else {
            kept.push(word);
        }
    }
    kept.join(" ")
}

/// A cell whose ages and durations are taken out, as kubectl (`2d3h`) and Docker (`Up 3 hours`) write them.
fn with_ages(cell: &str) -> Pieces {
    let is_short = !cell.is_empty()
        && cell.bytes().any(|byte| byte.is_ascii_digit())
        && cell.split_inclusive(|c: char| c.is_ascii_alphabetic()).all(|part| {
            let (number, unit) = part.split_at(part.char_indices().next_back().map_or(0, |(at, _last)| at));
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) && "smhdy".contains(unit)
        });
    if is_short {
        return vec![Piece::Drawn("AGE", cell.to_owned())];
    }
    let words: Vec<&str> = cell.split_whitespace().collect();
    let mut pieces = Pieces::new();
    let mut index = 0;
    while index < words.len() {
        if index > 0 {
            pieces.push(Piece::Text(" ".to_owned()));
        }
        let taken = duration(&words[index..]);
        if taken > 0 {
            pieces.push(Piece::Drawn("AGE", words[index..index + taken].join(" ")));
            index += taken;
        } else {
            pieces.push(Piece::Text(words[index].to_owned()));
            index += 1;
        }
    }
    pieces
}

/// How many of these words are a duration as Docker writes it (docker/go-units: `HumanDuration`).
fn duration(words: &[&str]) -> usize {
    let is_unit = |word: &str| {
        matches!(word.trim_end_matches('s'), "second" | "minute" | "hour" | "day" | "week" | "month" | "year")
    };
    match words {
        ["Less", "than", "a", "second", ..] => 4,
        ["About", "a" | "an", unit, ..] if is_unit(unit) => 3,
        [number, unit, ..] if number.bytes().all(|byte| byte.is_ascii_digit()) && is_unit(unit) => 2,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_taken_out_and_what_is_beside_them_is_not() {
        for (cell, left) in [
            ("54m", "AGE"),
            ("2d3h", "AGE"),
            ("3 hours ago", "AGE ago"),
            ("Up 3 hours", "Up AGE"),
            ("Up About a minute", "Up AGE"),
            ("Up Less than a second", "Up AGE"),
            ("About an hour ago", "AGE ago"),
            ("Up 45 seconds (Paused)", "Up AGE (Paused)"),
            ("Exited (137) 2 weeks ago", "Exited (137) AGE ago"),
            ("Created", "Created"),
            ("<invalid>", "<invalid>"),
            ("3", "3"),
            ("d", "d"),
            ("54mx", "54mx"),
            ("-", "-"),
            // Begins like an age and goes on with a character of several bytes: must not panic.
            ("3é", "3é"),
            ("3d\u{fffd}蒸", "3d\u{fffd}蒸"),
        ] {
            assert_eq!(kinds(&with_ages(cell)), left, "{cell}");
        }
    }

    #[test]
    fn rows_are_cut_where_columns_begin_if_a_cell_is_empty() {
        let text = "NAMES   PORTS   IMAGE\nkind            node:1\nkind2   80/tcp  node:1\n";
        let columns = Columns { ids: &[], ages: &[], unordered: false, rows: None };
        let (rows, _) = table(text, columns);
        let cells = |row: &Row| row.iter().map(|(_, cell)| cell.clone()).collect::<Vec<_>>();
        assert_eq!(cells(&rows[1]), ["kind", "-", "node:1"]);
        assert_eq!(cells(&rows[2]), ["kind2", "80/tcp", "node:1"]);
    }
}
