//! The nodes of a foreign cluster with what is wrong with each, on a terminal.

use std::io::{self, Write};

use super::Terminal;
use crate::by_node::{PEERS_TOLD, by_node};
use lab_base::text::one_line;
use lab_model::report::Report;

/// Nodes that are told; the others are in `report.json`.
const NODES_TOLD: usize = 20;

impl<W: Write> Terminal<W> {
    /// What is wrong with each node, the worst first; of a lab its cases tell it.
    pub(super) fn nodes(&mut self, report: &Report) -> io::Result<()> {
        let nodes = by_node(report);
        if nodes.is_empty() {
            return Ok(());
        }
        writeln!(self.out, "\n {}", self.style.heading("Nodes, the worst first"))?;
        for node in nodes.iter().take(NODES_TOLD) {
            let standing = node.standing();
            writeln!(self.out, "  {}   {}", self.style.bad(&one_line(&node.node)), self.style.aside(&standing))?;
            for line in node.lines(PEERS_TOLD) {
                self.detail("", &line)?;
            }
            if let Some(command) = node.by_hand.first() {
                self.detail(self.by_hand, command)?;
            }
        }
        let more = nodes.len().saturating_sub(NODES_TOLD);
        if more > 0 {
            writeln!(self.out, "  and {more} more nodes in {}", crate::JSON_FILE)?;
        }
        Ok(())
    }
}
