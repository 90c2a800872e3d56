//! What a run comes to, in words that the formats for a page share.

use lab_base::text::counted;
use lab_model::BackendKind;
use lab_model::report::{CaseOutcome, CaseReport, Report};

/// A verdict as a page shows it: never by colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word {
    /// `good`, `bad`, `open` or `aside`.
    pub(super) class: &'static str,
    /// A sign for the eye.
    pub(super) mark: &'static str,
    /// The word, as a terminal has it.
    pub(super) label: &'static str,
}

/// The word for an outcome.
pub(super) const fn word(outcome: &CaseOutcome) -> Word {
    let (class, mark, label) = match outcome {
        CaseOutcome::Held { .. } => ("good", "✓", "held"),
        CaseOutcome::Refuted { .. } => ("bad", "✗", "REFUTED"),
        CaseOutcome::Unobserved { .. } => ("open", "?", "UNOBSERVED"),
        CaseOutcome::Blocked { .. } => ("open", "■", "BLOCKED"),
        CaseOutcome::Deadline { .. } => ("open", "…", "DEADLINE"),
        CaseOutcome::NotOnBackend => ("aside", "–", "not on this backend"),
        CaseOutcome::NotInTopology => ("aside", "–", "not in this topology"),
    };
    Word { class, mark, label }
}

/// The counts that are not zero, worst first: class, number, word.
pub(super) fn counts(report: &Report) -> Vec<(&'static str, usize, &'static str)> {
    let tally = report.tally();
    let all = [
        ("bad", tally.refuted, "REFUTED"),
        ("open", tally.unobserved, "UNOBSERVED"),
        ("open", tally.deadline, "DEADLINE"),
        ("open", tally.blocked, "BLOCKED"),
        ("good", tally.held, "held"),
        ("open", tally.not_reached, "not reached"),
    ];
    all.into_iter().filter(|(_, count, _)| *count > 0).collect()
}

/// The counts as a line: `4 REFUTED, 14 held`.
pub(super) fn verdict_line(report: &Report) -> String {
    let mut parts: Vec<String> = counts(report).into_iter().map(|(_, count, word)| format!("{count} {word}")).collect();
    if parts.is_empty() {
        parts.push("no case was run".to_owned());
    }
    let line = parts.join(", ");
    if report.interrupted { format!("interrupted: {line}") } else { line }
}

/// What was run: `3 nodes, 2 replicas, native routing, on netns`.
pub(super) fn what_was_run(report: &Report) -> String {
    let head = &report.head;
    let (nodes, replicas) = (counted(head.nodes, "node"), counted(head.replicas, "replica"));
    if head.backend == BackendKind::Cluster {
        return format!("{nodes}, {}, on {}", head.routing_in_words(), head.backend);
    }
    format!("{nodes}, {replicas}, {}, on {}", head.routing_in_words(), head.backend)
}

/// Whether a case was not looked at, because it does not exist on this backend or in this topology.
pub(super) const fn is_elsewhere(case: &CaseReport) -> bool {
    matches!(case.outcome, CaseOutcome::NotOnBackend | CaseOutcome::NotInTopology)
}

/// How many cases are not of this topology, in words.
pub(super) fn of_another_topology(report: &Report) -> Option<String> {
    match report.tally().not_in_topology {
        0 => None,
        1 => Some("1 is about nodes on one L2 network and does not exist with BGP between racks".to_owned()),
        count => Some(format!("{count} are about nodes on one L2 network and do not exist with BGP between racks")),
    }
}

/// How many cases are not of this backend, in words.
pub(super) fn elsewhere(report: &Report) -> Option<String> {
    let backend = report.head.backend;
    match report.tally().not_on_backend {
        0 => of_another_topology(report),
        1 if backend == BackendKind::Cluster => Some("1 case does not exist on this cluster".to_owned()),
        count if backend == BackendKind::Cluster => Some(format!("{count} cases do not exist on this cluster")),
        1 => Some(format!("1 case is about Kubernetes and Cilium and does not exist on {backend}")),
        count => Some(format!("{count} cases are about Kubernetes and Cilium and do not exist on {backend}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn a_run_with_declared_values_of_another_routing_is_not_called_native() {
        let mut report = samples::run_that_holds();
        assert_eq!(what_was_run(&report), "3 nodes, 2 replicas, native routing, on netns");
        "tunnel=vxlan".clone_into(&mut report.head.not_native);
        assert_eq!(what_was_run(&report), "3 nodes, 2 replicas, routing with tunnel=vxlan, on netns");
    }
}
