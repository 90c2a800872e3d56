//! The nodes of a foreign cluster with what is wrong, and the pairs of them, the worst first.

use super::table::{Cell, Table};
use crate::by_node::{NodeFindings, PEERS_TOLD, by_node};
use lab_model::report::Report;

/// Rows of a table; the others are in `report.json`.
const ROWS: usize = 200;

/// The section about nodes; of a lab there is none.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    /// What is wrong with each.
    pub(super) each: Option<Table>,
    /// Of which node packets do not get to the pods of which.
    pub(super) pairs: Option<Table>,
    pub(super) left_out: usize,
}

impl Nodes {
    pub(super) fn of(report: &Report) -> Self {
        let all = by_node(report);
        let pairs: Vec<Vec<Cell>> = all.iter().flat_map(pairs).collect();
        let left_out = all.len().saturating_sub(ROWS) + pairs.len().saturating_sub(ROWS);
        let table = |caption: &str, head, rows: Vec<Vec<Cell>>| {
            let rows: Vec<Vec<Cell>> = rows.into_iter().take(ROWS).collect();
            (!rows.is_empty()).then(|| Table { caption: caption.to_owned(), head, rows })
        };
        let head = vec!["Node", "Standing", "What is wrong", "By hand"];
        Self {
            each: table("Nodes, the worst first", head, all.iter().map(node).collect()),
            pairs: table(
                "Packets that do not get to a peer's pods",
                vec!["From", "To the pods of", "Pod CIDR", "What is wrong"],
                pairs,
            ),
            left_out,
        }
    }
}

fn node(node: &NodeFindings) -> Vec<Cell> {
    let (class, sign) = if node.count() == 0 { ("open", "?") } else { ("bad", "✗") };
    vec![
        Cell::code(&node.node),
        Cell::of(class, format!("{sign} {}", node.standing())),
        Cell::plain(node.lines(PEERS_TOLD).join("\n")),
        Cell::code(node.by_hand.join("\n")),
    ]
}

fn pairs(node: &NodeFindings) -> impl Iterator<Item = Vec<Cell>> {
    node.peers.iter().map(|peer| {
        vec![
            Cell::code(&node.node),
            Cell::code(&peer.to),
            Cell::code(&peer.pods),
            Cell::plain(format!("{}: {}", peer.reason.to_string().replace('_', " "), peer.observed)),
        ]
    })
}
