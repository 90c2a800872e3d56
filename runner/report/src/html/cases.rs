//! The cases as the page shows them, and what is to be read first.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use crate::counts::{Word, word};
use crate::heading;
use crate::terminal::blocked;
use lab_base::text::duration;
use lab_base::text::{cut, one_line};
use lab_evidence::case_folder;
use lab_model::report::at;
use lab_model::report::{CaseOutcome, CaseReport, Report, StageOutcome};

/// Findings of one case that are shown; the others are in its `case.json`.
const FINDINGS_SHOWN: usize = 12;

/// Characters of a proof beside a case's name; all of it is below.
const BESIDE: usize = 110;

/// The cases of one area, under its heading.
#[derive(Debug)]
pub(super) struct Area {
    pub(super) heading: String,
    pub(super) cases: Vec<CaseView>,
}

/// A case.
#[derive(Debug)]
pub(super) struct CaseView {
    /// Its id on the page.
    pub(super) id: String,
    pub(super) name: String,
    pub(super) word: Word,
    pub(super) claim: String,
    /// Beside the name: what proves it, in a line; empty where it did not hold.
    pub(super) beside: String,
    pub(super) article: String,
    pub(super) took: String,
    /// Begins unfolded.
    pub(super) open: bool,
    pub(super) deviation: Vec<String>,
    /// The proof, or why there is no verdict: a line, and more.
    pub(super) said: Vec<String>,
    pub(super) details: Vec<String>,
    pub(super) findings: Vec<FindingView>,
    pub(super) more_findings: usize,
    pub(super) evidence: Vec<Link>,
}

/// A finding against a case.
#[derive(Debug)]
pub(super) struct FindingView {
    pub(super) reason: String,
    pub(super) expected: String,
    pub(super) observed: String,
    pub(super) by_hand: Option<String>,
}

/// A file in the run's folder.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) text: String,
    /// Whether it is a plain path below the run's folder: only then is it linked.
    pub(super) safe: bool,
}

/// Something that did not go well, in the order in which it should be read.
#[derive(Debug)]
pub(super) struct Root {
    pub(super) word: &'static str,
    pub(super) class: &'static str,
    /// A case's name, or a stage.
    pub(super) what: String,
    /// The case's id on the page, if it is one.
    pub(super) id: Option<String>,
    pub(super) why: String,
}

/// The cases by area, in the order in which they were judged; without those that the backend does not have.
pub(super) fn areas(report: &Report) -> Vec<Area> {
    let mut ids = BTreeSet::new();
    let mut areas: Vec<(String, Area)> = Vec::new();
    for case in report.cases.iter().filter(|case| !crate::counts::is_elsewhere(case)) {
        let view = case_view(case, unique(&mut ids, &case.name));
        if let Some((_, area)) = areas.iter_mut().find(|(area, _)| area == case.area()) {
            area.cases.push(view);
        } else {
            let heading = heading(case.area()).to_owned();
            areas.push((case.area().to_owned(), Area { heading, cases: vec![view] }));
        }
    }
    areas.into_iter().map(|(_, area)| area).collect()
}

/// An id for a case that no other has.
fn unique(ids: &mut BTreeSet<String>, name: &str) -> String {
    let folder = case_folder(name);
    let plain = folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let mut id = format!("case-{plain}");
    while !ids.insert(id.clone()) {
        id.push_str("-again");
    }
    id
}

fn case_view(case: &CaseReport, id: String) -> CaseView {
    let (said, details) = match &case.outcome {
        CaseOutcome::Held { proof } => (vec![proof.summary.clone()], proof.details.clone()),
        CaseOutcome::Refuted { .. } => (Vec::new(), Vec::new()),
        CaseOutcome::Blocked { stage, cause } => {
            (vec![format!("not looked at: stage {} failed", stage.title())], vec![cause.clone()])
        }
        CaseOutcome::Unobserved { missing } => {
            let silence = if missing.contains("nothing is proved") { "" } else { ": nothing is proved" };
            (vec![format!("{}{silence}", missing.trim_end())], Vec::new())
        }
        CaseOutcome::Deadline { after, last } => {
            (vec![format!("not done after {}", duration(*after)), format!("last seen: {last}")], Vec::new())
        }
        CaseOutcome::NotOnBackend | CaseOutcome::NotInTopology => {
            let why = (!case.observed.is_empty()).then(|| case.observed.clone());
            (vec!["It was not looked at, and says nothing.".to_owned()], why.into_iter().collect())
        }
    };
    let beside = match &case.outcome {
        CaseOutcome::Held { proof } => cut(&one_line(&proof.summary), BESIDE),
        _ => String::new(),
    };
    let findings = case.findings();
    let shown = findings.iter().take(FINDINGS_SHOWN).map(|(finding, command)| FindingView {
        reason: finding.reason.to_string(),
        expected: at(&finding.place, &finding.expected),
        observed: at(&finding.place, &finding.observed),
        by_hand: command.map(str::to_owned),
    });
    CaseView {
        id,
        name: case.name.clone(),
        word: word(&case.outcome),
        claim: case.claim.clone(),
        beside,
        article: case.article.clone(),
        took: duration(case.seconds),
        open: !matches!(case.outcome, CaseOutcome::Held { .. }) && !crate::counts::is_elsewhere(case),
        deviation: case.deviation.clone(),
        said,
        details,
        findings: shown.collect(),
        more_findings: findings.len().saturating_sub(FINDINGS_SHOWN),
        evidence: case.evidence.iter().map(|path| Link { text: path.clone(), safe: is_below(path) }).collect(),
    }
}

/// A path of plain names: what a report names as evidence may be anything.
fn is_below(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|component| matches!(component, Component::Normal(_)))
}

/// Failed stages with the cases they block, then what is false, then what was not seen or not done.
pub(super) fn roots(report: &Report, areas: &[Area]) -> Vec<Root> {
    let mut roots: Vec<Root> = Vec::new();
    for stage in report.stages.iter().filter(|stage| stage.outcome == StageOutcome::Failed) {
        let blocked = blocked(report).into_iter().filter(|(by, ..)| *by == stage.name).map(|(.., names)| names.len());
        let blocked: usize = blocked.sum();
        let so = if blocked == 0 { String::new() } else { format!(" ({blocked} cases are blocked by it)") };
        roots.push(Root {
            word: "FAILED",
            class: "bad",
            what: format!("stage {}", stage.name.title()),
            id: None,
            why: format!("{}{so}", stage.summary),
        });
    }
    let refuted = |case: &CaseView| case.word.class == "bad";
    let open = |case: &CaseView| case.word.class == "open" && case.word.label != "BLOCKED";
    for fits in [&refuted as &dyn Fn(&CaseView) -> bool, &open] {
        for case in areas.iter().flat_map(|area| &area.cases).filter(|case| fits(case)) {
            let why = case.findings.first().map_or_else(|| case.said.join("; "), |finding| finding.observed.clone());
            let (word, class) = (case.word.label, case.word.class);
            roots.push(Root { word, class, what: case.name.clone(), id: Some(case.id.clone()), why });
        }
    }
    roots
}
