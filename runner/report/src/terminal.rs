//! The report for a reader: lines as they come, on any output.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use super::heading;
use super::style::Style;
use lab_base::text::{clean, columns, counted, cut, duration, one_line, short_digests};
use lab_evidence::case_folder;
use lab_model::BackendKind;
use lab_model::report::{CaseOutcome, CaseReport, Report, StageOutcome, StageReport, at};
use lab_model::stage::Stage;
use line::Line;

mod closing;
mod line;
mod nodes;
#[cfg(test)]
mod tests;

pub(super) use closing::blocked;
pub use closing::{Closing, LabAfter};

/// Findings of one case that are printed in full; the others are in its `case.json`.
const FINDINGS_SHOWN: usize = 3;
/// What a stage's title is padded to: the longest is `base routes`.
const TITLE_WIDTH: usize = 14;

/// Follows the verdict of a case that was judged with a declared deviation.
const AGAINST: &str = " (against overridden pins)";

/// The label of commands that a bundle has.
const OF_A_BUNDLE: &str = "bundle's";

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

    fn right_aligned(&mut self, line: &Line, took: Duration) -> io::Result<()> {
        let took = duration(took);
        let gap = self.style.right_edge().saturating_sub(line.columns + columns(&took)).max(2);
        writeln!(self.out, "{}{:gap$}{}", line.text, "", self.style.aside(&took))?;
        self.out.flush()
    }
}
