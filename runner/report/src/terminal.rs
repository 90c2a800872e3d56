//! The report for a reader: lines as they come, on any output.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::heading;
use super::style::Style;
use lab_base::text::{clean, columns, counted, cut, duration, one_line, short_digests, told_above};
use lab_evidence::case_folder;
use lab_model::observe::Place;
use lab_model::report::{CaseOutcome, CaseReport, Report, StageOutcome, StageReport, at};
use lab_model::stage::Stage;
use lab_model::verdict::ExitReason;
use lab_model::{BackendKind, Routing};

/// Findings of one case that are printed in full; the others are in its `case.json`.
const FINDINGS_SHOWN: usize = 3;
/// What a stage's title is padded to: the longest is `base routes`.
const TITLE_WIDTH: usize = 14;

/// Follows the verdict of a case that was judged with a declared deviation.
const AGAINST: &str = " (against overridden pins)";

/// The label of commands that a bundle has.
const OF_A_BUNDLE: &str = "bundle's";

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

/// What was printed last: decides about blank lines and headings.
#[derive(Debug, PartialEq, Eq)]
enum Section {
    Start,
    Head,
    Stages,
    Cases { area: String },
}

/// Prints a run as it goes: [`head`](Self::head) once, [`stage`](Self::stage) and [`case`](Self::case) as each
/// ends, [`close`](Self::close) once. Blocked cases, and those that do not exist on the backend, wait for the close.
///
/// Every function fails only if the output does; a caller that prints to a pipe decides what a closed one means.
#[derive(Debug)]
pub struct Terminal<W> {
    out: W,
    style: Style,
    folder: PathBuf,
    name_width: usize,
    section: Section,
    explained: fn(&str) -> bool,
    /// The stages whose failure was printed.
    told: Vec<Stage>,
    /// The label of commands to look by hand.
    by_hand: &'static str,
}

impl<W: Write> Terminal<W> {
    /// Prints to `out`. `folder` is where the run's folder will be when it ends, `names` are the cases that will be
    /// printed: the longest decides about columns.
    pub fn new<'a>(out: W, style: Style, folder: impl Into<PathBuf>, names: impl IntoIterator<Item = &'a str>) -> Self {
        let name_width = names.into_iter().map(columns).max().unwrap_or(0);
        Self {
            out,
            style,
            folder: folder.into(),
            name_width,
            section: Section::Start,
            explained: |_case| false,
            told: Vec::new(),
            by_hand: "by hand",
        }
    }

    /// Says of a refuted case that `lab explain` tells why, where this knows it: a report may be of a version that had
    /// other cases.
    #[must_use]
    pub fn explaining(self, explained: fn(&str) -> bool) -> Self {
        Self { explained, ..self }
    }

    /// Marks commands to look by hand as those of a bundle: whoever made that wrote them, and they are not to be run unread.
    #[must_use]
    pub fn of_a_bundle(self) -> Self {
        Self { by_hand: OF_A_BUNDLE, ..self }
    }

    /// What is run on what, and what there is to know before.
    pub fn head(&mut self, report: &Report) -> io::Result<()> {
        let head = &report.head;
        let overridden = report.overridden().map(|words| format!("; {words}")).unwrap_or_default();
        let replicas = match head.backend {
            // No workload of this program's is there.
            BackendKind::Cluster => String::new(),
            BackendKind::Netns | BackendKind::Kind => format!(", {}", counted(head.replicas, "replica")),
        };
        let line = format!(
            "lab {} on {}: {}{replicas}, {}{overridden}",
            head.lab,
            head.backend,
            counted(head.nodes, "node"),
            head.routing_in_words()
        );
        writeln!(self.out, "{}", self.style.heading(&one_line(&line)))?;
        for deviation in &head.deviations {
            writeln!(self.out, "  (not as pinned: {})", short_digests(&one_line(deviation)))?;
        }
        for note in &head.notes {
            writeln!(self.out, "  ({})", short_digests(&one_line(note)))?;
        }
        let commands = report.cases.iter().flat_map(CaseReport::findings).any(|(_, by_hand)| by_hand.is_some());
        if commands && self.by_hand == OF_A_BUNDLE {
            writeln!(
                self.out,
                "  (lines after \"{OF_A_BUNDLE}\" are commands as the bundle has them: whoever made it wrote them, not this \
                 program; read one before you run it)"
            )?;
        }
        self.section = Section::Head;
        self.out.flush()
    }

    /// A stage that ended.
    pub fn stage(&mut self, stage: &StageReport) -> io::Result<()> {
        if !matches!(self.section, Section::Start | Section::Stages) {
            writeln!(self.out)?;
        }
        self.section = Section::Stages;
        let took = duration(stage.seconds);
        let mut line = Line::default();
        line.plain(&format!("  {:<TITLE_WIDTH$}  ", stage.name.title()));
        match stage.outcome {
            StageOutcome::Done => {
                let summary = one_line(&stage.summary);
                let room = self.style.limit().map(|limit| limit.saturating_sub(line.columns + columns(&took) + 2));
                line.plain(&room.map_or(summary.clone(), |room| cut(&summary, room)));
            }
            // A cause is printed whole, whatever the width of the terminal.
            StageOutcome::Failed => {
                line.painted("FAILED", |text| self.style.bad(text));
                let first = stage.summary.lines().next().unwrap_or_default();
                line.plain(&format!(": {}", one_line(first)));
            }
        }
        self.right_aligned(&line, stage.seconds)?;
        if stage.outcome == StageOutcome::Failed {
            self.told.push(stage.name);
            for more in stage.summary.lines().skip(1) {
                writeln!(self.out, "  {:<TITLE_WIDTH$}  {}", "", one_line(more))?;
            }
        }
        Ok(())
    }

    /// A case that was judged, under the heading of its area.
    pub fn case(&mut self, case: &CaseReport) -> io::Result<()> {
        self.case_with(case, "")
    }

    /// The same with a remark that follows the verdict.
    pub fn case_with(&mut self, case: &CaseReport, remark: &str) -> io::Result<()> {
        if matches!(case.outcome, CaseOutcome::Blocked { .. }) || super::counts::is_elsewhere(case) {
            return Ok(());
        }
        self.open_area(case.area())?;
        let name = one_line(&case.name);
        let against = format!("{}{remark}", if case.deviation.is_empty() { "" } else { AGAINST });
        match &case.outcome {
            CaseOutcome::Held { proof } => {
                let before = format!("  {name:<width$}   ", width = self.name_width);
                let summary = one_line(&proof.summary);
                let taken = 2 + 4 + columns(&before) + columns(&against);
                let room = self.style.limit().map(|limit| limit.saturating_sub(taken));
                let summary = room.map_or(summary.clone(), |room| cut(&summary, room));
                writeln!(self.out, "  {}{before}{summary}{against}", self.style.good("held"))?;
            }
            CaseOutcome::Refuted { .. } => {
                writeln!(self.out, "  {}  {name}{against}", self.style.bad("REFUTED"))?;
                self.findings(case)?;
            }
            CaseOutcome::Unobserved { missing } => {
                let silence = if missing.contains("nothing is proved") { "" } else { ": nothing is proved" };
                self.undecided("UNOBSERVED", &name, &format!("{}{silence}{remark}", missing.trim_end()))?;
            }
            CaseOutcome::Deadline { after, last } => {
                let text = format!("not done after {}; last seen: {last}{remark}", duration(*after));
                self.undecided("DEADLINE", &name, &text)?;
            }
            CaseOutcome::Blocked { .. } | CaseOutcome::NotOnBackend | CaseOutcome::NotInTopology => {}
        }
        self.out.flush()
    }

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

    fn open_area(&mut self, area: &str) -> io::Result<()> {
        match &self.section {
            Section::Cases { area: current } if current == area => return Ok(()),
            Section::Head | Section::Stages => writeln!(self.out)?,
            Section::Start | Section::Cases { .. } => {}
        }
        writeln!(self.out, " {}", self.style.heading(&one_line(heading(area))))?;
        self.section = Section::Cases { area: area.to_owned() };
        Ok(())
    }

    fn findings(&mut self, case: &CaseReport) -> io::Result<()> {
        let findings = case.findings();
        for (finding, by_hand) in findings.iter().take(FINDINGS_SHOWN) {
            self.detail("expected", &at(&finding.place, &finding.expected))?;
            self.detail("observed", &at(&finding.place, &finding.observed))?;
            if let Some(command) = by_hand {
                self.detail(self.by_hand, command)?;
            }
        }
        let more = findings.len().saturating_sub(FINDINGS_SHOWN);
        if more > 0 {
            let rest = self.folder.join(case_folder(&case.name)).join("case.json");
            writeln!(self.out, "           and {more} more in {}", clean(&rest.display().to_string()))?;
        }
        if (self.explained)(&case.name) { self.detail("why", &format!("`lab explain {}`", case.name)) } else { Ok(()) }
    }

    fn detail(&mut self, label: &str, text: &str) -> io::Result<()> {
        let text = clean(text.trim_end()).replace('\n', "\n                     ");
        writeln!(self.out, "           {}{text}", self.style.aside(&format!("{label:<10}")))
    }

    fn undecided(&mut self, word: &str, name: &str, text: &str) -> io::Result<()> {
        let indent = format!("\n{:width$}", "", width = 2 + columns(word) + 2);
        let text = clean(text).replace('\n', &indent);
        writeln!(self.out, "  {}  {name}   {text}", self.style.open(word))
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
        if let Some(elsewhere) = super::counts::of_another_topology(report) {
            line.plain(&format!("; {elsewhere}"));
        }
        line
    }

    fn right_aligned(&mut self, line: &Line, took: Duration) -> io::Result<()> {
        let took = duration(took);
        let gap = self.style.right_edge().saturating_sub(line.columns + columns(&took)).max(2);
        writeln!(self.out, "{}{:gap$}{}", line.text, "", self.style.aside(&took))?;
        self.out.flush()
    }
}

/// How a word is coloured.
type Paint = fn(Style, &str) -> String;

/// A line in the making, with its width without what only colours it.
#[derive(Debug, Default)]
struct Line {
    text: String,
    columns: usize,
}

impl Line {
    fn plain(&mut self, text: &str) {
        self.painted(text, str::to_owned);
    }

    fn painted(&mut self, text: &str, paint: impl Fn(&str) -> String) {
        self.columns += columns(text);
        self.text.push_str(&paint(text));
    }
}

/// Blocked cases by what blocked them, in the order in which they were met.
pub(super) fn blocked(report: &Report) -> Vec<(Stage, &str, Vec<&str>)> {
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

mod nodes;
#[cfg(test)]
mod tests;
