//! `report.md`: the run in short, in GitHub's Markdown, for the summary of a CI run.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::by_node::{PEERS_TOLD, by_node};
use super::counts::{elsewhere, verdict_line, what_was_run, word};
use super::terminal::blocked;
use super::{HTML_FILE, JSON_FILE, JUNIT_FILE};
use lab_base::text::{clean, duration, one_line};
use lab_model::report::{CaseOutcome, CaseReport, Report, StageOutcome, at};

/// Findings of one case that are written in full; the others are in `report.json`.
const FINDINGS_SHOWN: usize = 5;
/// Nodes of a foreign cluster that are listed; the others are in `report.json`.
const NODES_SHOWN: usize = 100;

/// The report as Markdown. Every text that came from elsewhere is in a code span, or has what Markdown and HTML would
/// act on escaped.
pub fn to_markdown(report: &Report) -> String {
    let mut page = String::new();
    write(&mut page, report);
    page
}

fn write(page: &mut String, report: &Report) {
    let head = &report.head;
    // Writing to a string does not fail.
    let _ = writeln!(page, "## lab {}: {}\n", escape(&head.id), escape(&verdict_line(report)));
    let _ = writeln!(page, "{}; {}.\n", escape(&what_was_run(report)), escape(&duration(report.seconds)));
    let notes = head.deviations.iter().map(|deviation| Cow::from(format!("not as pinned: {deviation}")));
    let told = head.notes.iter().chain(&report.ending).map(|note| Cow::from(note.as_str()));
    let more = report.incomplete().into_iter().chain(report.overridden()).chain(elsewhere(report)).map(Cow::from);
    let notes: Vec<_> = notes.chain(told).chain(more).collect();
    for note in &notes {
        let _ = writeln!(page, "- {}", escape(note));
    }
    if !notes.is_empty() {
        page.push('\n');
    }
    not_held(page, report);
    nodes(page, report);
    cases(page, report);
    stages(page, report);
    let _ = writeln!(
        page,
        "The run's folder `{}` has pictures and evidence in `{HTML_FILE}`, and the same for programs in `{JSON_FILE}` and `{JUNIT_FILE}`.",
        code(&head.id)
    );
}

/// Failed stages, then each case that did not hold, with what is needed to look at it.
fn not_held(page: &mut String, report: &Report) {
    let failed = report.stages.iter().filter(|stage| stage.outcome == StageOutcome::Failed);
    for stage in failed {
        let _ = writeln!(page, "### ✗ FAILED: stage {}\n", stage.name.title());
        fence(page, &stage.summary);
    }
    for case in &report.cases {
        let text = match &case.outcome {
            CaseOutcome::Held { .. }
            | CaseOutcome::NotOnBackend
            | CaseOutcome::NotInTopology
            | CaseOutcome::Blocked { .. } => continue,
            CaseOutcome::Refuted { .. } => findings(case),
            CaseOutcome::Unobserved { missing } => format!("not seen  {missing}"),
            CaseOutcome::Deadline { after, last } => format!("not done after {}\nlast seen  {last}", duration(*after)),
        };
        let word = word(&case.outcome);
        let _ = writeln!(page, "### {} {}: `{}`\n", word.mark, word.label, code(&case.name));
        let _ = writeln!(page, "{}\n", escape(&case.claim));
        fence(page, &text);
    }
    for (stage, _cause, names) in blocked(report) {
        let names: Vec<String> = names.iter().map(|name| format!("`{}`", code(name))).collect();
        let _ = writeln!(page, "Blocked by stage {}: {}\n", stage.title(), names.join(", "));
    }
}

/// Of a foreign cluster, what is wrong with each node, the worst first.
fn nodes(page: &mut String, report: &Report) {
    let nodes = by_node(report);
    if nodes.is_empty() {
        return;
    }
    page.push_str("### Nodes, the worst first\n\n| Node | | |\n|---|---|---|\n");
    for node in nodes.iter().take(NODES_SHOWN) {
        let texts: Vec<String> = node.lines(PEERS_TOLD).iter().map(|text| escape(text)).collect();
        let _ = writeln!(page, "| {} | {} | {} |", escape(&node.node), node.standing(), texts.join("<br>"));
    }
    let more = nodes.len().saturating_sub(NODES_SHOWN);
    if more > 0 {
        let _ = writeln!(page, "\nand {more} more nodes in `{JSON_FILE}`");
    }
    page.push('\n');
}

fn findings(case: &CaseReport) -> String {
    let findings = case.findings();
    let mut lines = Vec::new();
    for (finding, command) in findings.iter().take(FINDINGS_SHOWN) {
        lines.push(format!("expected  {}", at(&finding.place, &finding.expected)));
        lines.push(format!("observed  {}", at(&finding.place, &finding.observed)));
        lines.extend(command.map(|command| format!("by hand   {command}")));
    }
    let more = findings.len().saturating_sub(FINDINGS_SHOWN);
    if more > 0 {
        lines.push(format!("and {more} more in {JSON_FILE}"));
    }
    lines.join("\n")
}

fn cases(page: &mut String, report: &Report) {
    if report.cases.is_empty() {
        return;
    }
    page.push_str("| | Case | Verdict |\n|---|---|---|\n");
    for case in &report.cases {
        if super::counts::is_elsewhere(case) {
            continue;
        }
        let word = word(&case.outcome);
        let against = if case.deviation.is_empty() { "" } else { ", against overridden pins" };
        let what = match &case.outcome {
            CaseOutcome::Held { proof } => format!(": {}", proof.summary),
            _ => String::new(),
        };
        let _ = writeln!(
            page,
            "| {} | `{}` | {}{against}{} |",
            word.mark,
            code(&case.name).replace('|', "\\|"),
            word.label,
            escape(&what)
        );
    }
    page.push('\n');
}

fn stages(page: &mut String, report: &Report) {
    if report.stages.is_empty() {
        return;
    }
    page.push_str("| Stage | Outcome | Took | |\n|---|---|---:|---|\n");
    for stage in &report.stages {
        let outcome = match stage.outcome {
            StageOutcome::Done => "✓ done",
            StageOutcome::Failed => "✗ FAILED",
        };
        let (title, took) = (stage.name.title(), escape(&duration(stage.seconds)));
        let _ = writeln!(page, "| {title} | {outcome} | {took} | {} |", escape(&stage.summary));
    }
    page.push('\n');
}

/// Text in a block of code, whose fence is longer than any in the text.
fn fence(page: &mut String, text: &str) {
    let text = clean(text.trim_end());
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let _ = writeln!(page, "{fence}text\n{text}\n{fence}\n");
}

/// Text for a code span of one backtick: has none, and is one line.
fn code(text: &str) -> String {
    one_line(text).replace('`', "'")
}

/// Text in one line, with a backslash before everything that begins markup (`CommonMark` 2.4 allows it before any ASCII
/// punctuation), and no mention of anyone. `&` and `<` become entities.
fn escape(text: &str) -> String {
    let text = one_line(text);
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '!' | '$' => {
                escaped.push('\\');
                escaped.push(character);
            }
            // GitHub links what follows these in plain text: people, addresses.
            '@' => escaped.push_str("&#64;"),
            ':' if escaped.ends_with("http") || escaped.ends_with("https") => escaped.push_str("&#58;"),
            '.' if escaped.ends_with("www") => escaped.push_str("&#46;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
