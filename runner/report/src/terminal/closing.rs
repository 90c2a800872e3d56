//! The end of a run: what was blocked, the counts, where the report is, and what to do next.

use std::io::{self, Write};
use std::path::Path;

use super::line::{Line, Paint};
use super::{Section, Terminal};
use crate::style::Style;
use lab_base::text::{clean, counted, one_line, told_above};
use lab_model::observe::Place;
use lab_model::report::{CaseOutcome, CaseReport, Report};
use lab_model::stage::Stage;
use lab_model::verdict::ExitReason;
use lab_model::{BackendKind, Routing};

/// What becomes of the lab after the run: decides what a reader is told to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabAfter {
    /// This run made it, and has taken it down.
    TakenDown,
    /// This run made it, and leaves it up.
    Kept,
    /// It was up before this run, and still is.
    Found,
}

/// What the last lines need besides the run itself.
#[derive(Debug, Clone, Copy)]
pub struct Closing<'a> {
    /// The report to open; none if none was written.
    pub report: Option<&'a Path>,
    /// What becomes of the lab.
    pub lab: LabAfter,
}

impl<W: Write> Terminal<W> {
    /// The blocked cases under the causes of their stages, the counts, where the report is, and what to do next.
    pub fn close(&mut self, report: &Report, closing: &Closing<'_>) -> io::Result<()> {
        self.nodes(report)?;
        for (stage, cause, names) in blocked(report) {
            writeln!(self.out)?;
            let cases = counted(names.len(), "case");
            // The whole text was printed with the stage, so its first line is enough here.
            let told = self.told.contains(&stage);
            let shown = if told { told_above(cause) } else { cause.to_owned() };
            let text = format!("{cases}: stage {} failed: {}", stage.title(), clean(&shown));
            let text = text.replace('\n', "\n           ");
            writeln!(self.out, "  {}  {text}", self.style.open("BLOCKED"))?;
            for name in names {
                writeln!(self.out, "           {}", one_line(name))?;
            }
        }
        if self.section != Section::Start {
            writeln!(self.out)?;
        }
        let line = self.counts(report);
        self.right_aligned(&line, report.seconds)?;
        for told in &report.ending {
            writeln!(self.out, "  ({})", one_line(told))?;
        }
        if let Some(path) = closing.report {
            writeln!(self.out, "Report: {}", clean(&path.display().to_string()))?;
        }
        if let Some(hint) = hint(report, closing.lab) {
            writeln!(self.out, "{}", clean(&hint))?;
        }
        self.out.flush()
    }

    fn counts(&self, report: &Report) -> Line {
        let tally = report.tally();
        let style = self.style;
        let mut line = Line::default();
        if report.interrupted {
            line.painted("interrupted", |text| style.bad(text));
        }
        let parts: [(usize, &str, Paint); 6] = [
            (tally.refuted, "REFUTED", Style::bad),
            (tally.unobserved, "UNOBSERVED", Style::open),
            (tally.deadline, "DEADLINE", Style::open),
            (tally.blocked, "BLOCKED", Style::open),
            (tally.held, "held", Style::good),
            (tally.not_reached, "not reached", Style::open),
        ];
        let mut separator = if report.interrupted { ": " } else { "" };
        for (count, word, paint) in parts.into_iter().filter(|(count, ..)| *count > 0) {
            line.plain(separator);
            line.painted(&format!("{count} {word}"), |text| paint(style, text));
            if word == "held" && report.head.overridden > 0 {
                let words = tally.held_in_words();
                line.plain(words.strip_prefix(&format!("{count} {word}")).unwrap_or_default());
            }
            separator = ", ";
        }
        if line.columns == 0 {
            line.painted("no case was run", |text| style.bad(text));
        }
        if tally.not_on_backend > 0 {
            let (are, count) = (if tally.not_on_backend == 1 { "is" } else { "are" }, tally.not_on_backend);
            let do_not = if count == 1 { "does not" } else { "do not" };
            let backend = report.head.backend;
            line.plain(&if backend == BackendKind::Cluster {
                format!("; {count} {do_not} exist on this cluster")
            } else {
                format!("; {count} {are} about Kubernetes and Cilium and {do_not} exist on {backend}")
            });
        }
        if let Some(elsewhere) = crate::counts::of_another_topology(report) {
            line.plain(&format!("; {elsewhere}"));
        }
        line
    }
}

/// Blocked cases by what blocked them, in the order in which they were met.
pub(crate) fn blocked(report: &Report) -> Vec<(Stage, &str, Vec<&str>)> {
    let mut groups: Vec<(Stage, &str, Vec<&str>)> = Vec::new();
    for case in &report.cases {
        let CaseOutcome::Blocked { stage, cause } = &case.outcome else { continue };
        match groups.iter_mut().find(|(by, why, _)| by == stage && why == cause) {
            Some((_, _, names)) => names.push(&case.name),
            None => groups.push((*stage, cause, vec![&case.name])),
        }
    }
    groups
}

fn hint(report: &Report, lab: LabAfter) -> Option<String> {
    // The commands of the findings look around in a cluster that is there.
    if report.head.backend == BackendKind::Cluster {
        return None;
    }
    let about_the_lab =
        matches!(report.exit_reason(), ExitReason::NotHeld | ExitReason::StageFailed | ExitReason::DeadlinePassed);
    let place = report.cases.iter().flat_map(CaseReport::findings).find_map(|(finding, _)| match &finding.place {
        Place::Bridge => None,
        Place::Node(_) | Place::Pod(_) | Place::Router(_) => Some(finding.place.to_string()),
    });
    let place = place.as_deref().unwrap_or("NODE");
    let name = &report.head.lab;
    match lab {
        LabAfter::TakenDown => about_the_lab.then(|| {
            let routing = match report.head.routing {
                Routing::Native | Routing::Bgp => String::new(),
                other => format!(" --routing {other}"),
            };
            let stand = match (report.head.racks, report.head.routing) {
                (0, _) => String::new(),
                (racks, Routing::Native) => format!(" --topology racks --racks {racks} --routing native"),
                (racks, _) => format!(" --topology racks --racks {racks}"),
            };
            // On kind a lab always has a name: without `--name` that of the article's cluster.
            let (on, named) = match report.head.backend {
                BackendKind::Netns => ("", " --name lab"),
                BackendKind::Kind | BackendKind::Cluster => (" --on kind", ""),
            };
            let same = if report.head.deviations.is_empty() { "" } else { ", with the same overrides" };
            format!(
                "Look around in such a lab: `lab run{on}{stand}{routing} --keep-on-failure{named}`{same}, then `lab shell {place}`"
            )
        }),
        LabAfter::Kept => Some(format!(
            "The lab is still up: `lab shell --name {name} {place}` looks around, `lab down --name {name}` ends it"
        )),
        LabAfter::Found => about_the_lab.then(|| format!("Look around in this lab: `lab shell --name {name} {place}`")),
    }
}
