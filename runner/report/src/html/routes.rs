//! Each node's route tables before and after routing was installed, as a diff.

use std::collections::BTreeSet;

use super::seen::Shown;
use lab_model::observe::{NetnsView, NodeName, TABLE_LOCAL};
use lab_model::words;

/// Nodes whose tables are shown, and lines of one table. What is left out is counted.
const NODES_SHOWN: usize = 12;
const LINES_SHOWN: usize = 120;

/// The section.
#[derive(Debug, Default)]
pub(super) struct Routes {
    pub(super) tables: Vec<RouteTable>,
    /// What was not seen, or is not shown.
    pub(super) notes: Vec<String>,
}

/// One node's.
#[derive(Debug)]
pub(super) struct RouteTable {
    pub(super) node: String,
    /// `3 added, 0 removed, 2 as before`.
    pub(super) summary: String,
    pub(super) lines: Vec<Line>,
    pub(super) left_out: usize,
}

/// A line of a diff.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// `+`, `-`, or a blank.
    pub(super) sign: &'static str,
    /// `added`, `removed`, `same`.
    pub(super) class: &'static str,
    pub(super) route: String,
}

impl Routes {
    pub(super) fn of(shown: &Shown) -> Self {
        let (before, after) = match (&shown.base, &shown.routing) {
            (None, None) => {
                return Self::only("No node's routes were seen, neither before routing was installed nor after.");
            }
            (Some(_), None) => {
                return Self::only(
                    "Routes were seen before routing was installed, but not after it: nothing to compare.",
                );
            }
            (None, Some(_)) => {
                return Self::only("Routes were not seen before routing was installed: nothing to compare with.");
            }
            (Some(base), Some(routing)) => (&base.nodes, &routing.nodes),
        };
        let names: BTreeSet<&NodeName> = before.keys().chain(after.keys()).collect();
        let mut routes = Self::default();
        for name in &names {
            match (before.get(name), after.get(name)) {
                (Some(before), Some(after)) if routes.tables.len() < NODES_SHOWN => {
                    routes.tables.push(diff(name, before, after));
                }
                (Some(_), Some(_)) | (None, None) => {}
                (None, Some(_)) => routes.notes.push(format!("{name} was not seen before routing was installed.")),
                (Some(_), None) => routes.notes.push(format!("{name} was not seen after routing was installed.")),
            }
        }
        let more = names.len().saturating_sub(routes.tables.len() + routes.notes.len());
        if more > 0 {
            routes.notes.push(format!("The tables of {more} more nodes are in the evidence and not shown here."));
        }
        routes
    }

    fn only(note: &str) -> Self {
        Self { tables: Vec::new(), notes: vec![note.to_owned()] }
    }
}

/// All routes but those to a namespace's own addresses, which the kernel keeps by itself.
fn routes(view: &NetnsView) -> Vec<String> {
    view.routes.iter().filter(|route| route.table != TABLE_LOCAL).map(words::route).collect()
}

fn diff(node: &NodeName, before: &NetnsView, after: &NetnsView) -> RouteTable {
    let mut gone = routes(before);
    let mut lines = Vec::new();
    for route in routes(after) {
        let known = gone.iter().position(|old| *old == route);
        let (sign, class) = if let Some(at) = known {
            gone.remove(at);
            (" ", "same")
        } else {
            ("+", "added")
        };
        lines.push(Line { sign, class, route });
    }
    let added = lines.iter().filter(|line| line.class == "added").count();
    let summary = format!("{added} added, {} removed, {} as before", gone.len(), lines.len() - added);
    lines.extend(gone.into_iter().map(|route| Line { sign: "-", class: "removed", route }));
    let left_out = lines.len().saturating_sub(LINES_SHOWN);
    lines.truncate(LINES_SHOWN);
    RouteTable { node: node.to_string(), summary, lines, left_out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_look_before_or_after_nothing_is_compared() {
        let routes = Routes::of(&Shown::default());
        assert!(routes.tables.is_empty());
        assert!(routes.notes[0].starts_with("No node's routes were seen"), "{:?}", routes.notes);
    }
}
