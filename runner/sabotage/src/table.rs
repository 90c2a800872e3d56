//! Prints faults: the list of faults, and the table of faults and cases.

use std::fmt::Write;

use super::fault::Fault;
use super::faults::judging;
use super::report::{Cell, FaultReport, Phases, Report, Wrong};
use lab_base::text::clean;
use lab_harness::expect::Expect;
use lab_model::BackendKind;
use std::time::Duration;

/// The list of faults: for each, what is done, when, the cases that kill it, the others that it turns, and how it is undone.
pub fn list(faults: &[Fault]) -> String {
    let mut text = String::new();
    for fault in faults {
        let turned = |case: &&str| !matches!(fault.expects(case), Expect::Held) && !fault.kills.contains(case);
        let turned: Vec<&str> = judging(fault.ground()).map(|case| case.name).filter(|case| turned(case)).collect();
        let _infallible = write!(
            text,
            "{} ({})\n  {}\n  killed by: {}\n",
            fault.name,
            fault.when(),
            fault.what,
            fault.kills.join(", ")
        );
        if !turned.is_empty() {
            let _infallible = writeln!(text, "  turns:     {}", turned.join(", "));
        }
        let _infallible = writeln!(text, "  undone:    {}", fault.undone());
    }
    text
}

/// A duration in seconds, always with the same unit, so that lines can be compared.
fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// A key of two characters for each case: the first letter of its area, and its number there.
fn keys(cases: &[String]) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for case in cases {
        let letter = case.chars().next().unwrap_or('?').to_ascii_uppercase();
        let number = keys.iter().filter(|key| key.starts_with(letter)).count() + 1;
        keys.push(format!("{letter}{number}"));
    }
    keys
}

const fn mark(cell: Cell) -> &'static str {
    match cell {
        Cell::Killed => "K",
        Cell::Turned => "t",
        Cell::Held => "·",
        Cell::Wrong => "!",
    }
}

/// The whole output: the table, its legend, the errors, and the summary.
pub fn printed(report: &Report) -> String {
    let mut text = format!(
        "lab {} on {}: {}, judged by {} cases each, and by all again when it was undone\n\n",
        report.head.id,
        report.head.backend,
        counted(report.head.selected.len()),
        report.head.cases.len()
    );
    for deviation in &report.head.deviations {
        let _infallible = writeln!(text, "  deviation: {}", clean(deviation));
    }
    if !report.head.deviations.is_empty() {
        text.push('\n');
    }
    if !report.faults.is_empty() {
        rows(&mut text, report);
        legend(&mut text, &report.head.cases);
        if report.head.backend == BackendKind::Kind {
            phases(&mut text, &report.faults);
        }
    }
    for wrong in &report.before {
        problem(&mut text, "before any fault", wrong);
    }
    for fault in &report.faults {
        for wrong in &fault.wrong {
            problem(&mut text, &fault.name, wrong);
        }
    }
    let killed_none = report.killed_none();
    if report.head.whole_table && !report.interrupted && report.before.is_empty() {
        for case in &killed_none {
            let _infallible = writeln!(text, "KILLS NONE  {case}: no fault was killed by it\n");
        }
    }
    text + &summary(report, &killed_none) + "\n"
}

fn rows(text: &mut String, report: &Report) {
    let width = report.faults.iter().map(|fault| fault.name.len()).max().unwrap_or(0);
    let keys = keys(&report.head.cases);
    let head: Vec<String> = keys.iter().map(|key| format!("{key:>2}")).collect();
    let _infallible = writeln!(text, "{:width$}  {}", "", head.join(" "));
    for fault in &report.faults {
        let cells: String = cells(fault, &report.head.cases, &keys);
        let _infallible = writeln!(text, "{:<width$} {cells}  {:>8}", fault.name, seconds(fault.seconds));
    }
    text.push('\n');
}

/// Where the seconds of each fault went: a cluster notices and heals in its own time.
fn phases(text: &mut String, faults: &[FaultReport]) {
    let head = "seconds";
    let width = faults.iter().map(|fault| fault.name.len()).fold(head.len(), usize::max);
    let heads = Phases::default().named().map(|(name, _time)| format!("{name:>7}"));
    let _infallible = writeln!(text, "{head:<width$}  {}", heads.join("  "));
    for fault in faults {
        let times = fault.phases.named().map(|(_name, time)| format!("{:>7.1}", time.as_secs_f64()));
        let _infallible = writeln!(text, "{:<width$}  {}", fault.name, times.join("  "));
    }
    text.push('\n');
}

/// A mark for each case, aligned with the end of its key.
fn cells(fault: &FaultReport, cases: &[String], keys: &[String]) -> String {
    let cell = |case: &String| fault.cases.iter().find(|cell| cell.name == *case).map_or("?", |cell| mark(cell.cell));
    let cells = cases.iter().zip(keys).map(|(case, key)| format!(" {:>width$}", cell(case), width = key.len().max(2)));
    cells.collect::<Vec<_>>().concat()
}

fn legend(text: &mut String, cases: &[String]) {
    text.push_str(
        "K  killed: the case is named for the fault, and is refuted for its reason at its place\n\
         t  turned: the case does not hold, as the fault says    ·  held    !  not as the fault says\n\n",
    );
    let lines: Vec<String> = keys(cases).iter().zip(cases).map(|(key, case)| format!("{key} {case}")).collect();
    let half = lines.len().div_ceil(2);
    let width = lines.iter().take(half).map(String::len).max().unwrap_or(0);
    for (index, left) in lines.iter().take(half).enumerate() {
        let right = lines.get(half + index).map(String::as_str).unwrap_or_default();
        let _infallible = writeln!(text, "{}", format!("{left:<width$}  {right}").trim_end());
    }
    text.push('\n');
}

fn problem(text: &mut String, fault: &str, wrong: &Wrong) {
    let (word, case, why) = match wrong {
        Wrong::Survived { case, why } => ("SURVIVED", case.as_str(), why),
        Wrong::NotDeclared { case, why } => ("NOT DECLARED", case.as_str(), why),
        Wrong::Broken { case, why } => ("STAYS BROKEN", case.as_str(), why),
        Wrong::NotUndone { why } => ("NOT UNDONE", "", why),
        Wrong::NotMade { why } => ("NOT MADE", "", why),
        Wrong::Deadline { why } => ("DEADLINE", "", why),
    };
    // Before any fault was made, the lab is not broken by one.
    let word = if fault.contains(' ') && word == "STAYS BROKEN" { "NOT SOUND" } else { word };
    let about = if case.is_empty() { String::new() } else { format!(": {case}") };
    let why = clean(why.trim_end()).replace('\n', "\n    ");
    let _infallible = writeln!(text, "{word}  {fault}{about}\n    {why}\n");
}

fn counted(faults: usize) -> String {
    if faults == 1 { "1 fault".to_owned() } else { format!("{faults} faults") }
}

/// The summary line.
fn summary(report: &Report, killed_none: &[&str]) -> String {
    let (faults, cases) = (report.faults.len(), report.head.cases.len());
    let counted = counted(faults);
    let kill = cases - killed_none.len();
    let of_cases = if kill == cases {
        format!("every one of {cases} cases kills at least one")
    } else {
        format!("{kill} of {cases} cases kill at least one")
    };
    let interrupted = if report.interrupted { "interrupted: " } else { "" };
    let rest = report.head.selected.len() - faults;
    let rest = if rest == 0 { String::new() } else { format!(", {rest} not made") };
    let wrong = report.wrong().count();
    let wrong = match wrong {
        0 => String::new(),
        1 => "; 1 thing is not as it must be".to_owned(),
        more => format!("; {more} things are not as they must be"),
    };
    format!("{interrupted}{counted}, {} killed{rest}; {of_cases}{wrong}  {}", report.killed(), seconds(report.seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_model::stage::Stage;

    fn fault(phases: Phases) -> FaultReport {
        FaultReport {
            name: "any".to_owned(),
            what: String::new(),
            stage: Stage::WorkloadReady,
            undone: String::new(),
            named: Vec::new(),
            cases: Vec::new(),
            wrong: Vec::new(),
            seconds: Duration::ZERO,
            phases,
        }
    }

    #[test]
    fn each_phase_stands_below_its_name() {
        let seconds = Duration::from_secs;
        let one = Phases {
            made: seconds(1),
            noticed: seconds(20),
            judged: seconds(300),
            undone: Duration::from_millis(40),
            healed: seconds(0),
        };
        let mut text = String::new();
        phases(&mut text, &[fault(one)]);
        assert_eq!(
            text,
            "seconds     made  noticed   judged   undone   healed\n\
             any          1.0     20.0    300.0      0.0      0.0\n\n"
        );
    }

    #[test]
    fn marks_stand_below_the_ends_of_their_keys() {
        let cases: Vec<String> = (0..12).map(|number| format!("cluster::{number}")).collect();
        let keys = keys(&cases);
        let fault = fault(Phases::default());
        let row = cells(&fault, &cases, &keys);
        let head = keys.iter().map(|key| format!(" {key:>2}")).collect::<Vec<_>>().concat();
        assert_eq!(row.len(), head.len());
        let ends = head.match_indices(' ').map(|(at, _)| at).skip(1).chain([head.len()]);
        let marks: Vec<usize> = row.match_indices('?').map(|(at, _)| at + 1).collect();
        assert_eq!(marks, ends.collect::<Vec<_>>(), "{head}\n{row}");
    }
}
