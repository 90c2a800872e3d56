//! Judges a run again, from its bundle alone.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use super::differences::Verdict;
use super::{BundleError, Opened, open, read};
use lab_evidence::{CaseState, Evidence, RunFile};
use lab_harness::cases;
use lab_model::deviation;
use lab_model::report::{CaseOutcome, CaseReport, Report, RunHead};

/// The result of judging a case again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Again {
    /// The same verdict as recorded.
    Reproduced {
        /// Whether its wording differs, because another version of the program wrote it.
        reworded: bool,
    },
    /// Another verdict than recorded.
    Differs(CaseOutcome),
    /// This program has no such case, so that its verdict cannot be reproduced.
    Unknown,
    /// The case cannot be judged again; with the reason.
    NotJudged(String),
}

/// A case of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// Its name.
    pub name: String,
    /// The recorded verdict; none for a case that has none.
    pub recorded: Option<CaseReport>,
    /// The result of judging it again.
    pub again: Again,
}

/// A run, judged again.
#[derive(Debug, Clone, PartialEq)]
pub struct Replay {
    /// The bundle.
    pub opened: Opened,
    /// Its cases in the order in which they were judged.
    pub cases: Vec<Replayed>,
}

impl Replay {
    /// Judges the run in this file again; nothing is written.
    ///
    /// # Errors
    /// [`BundleError`], when the bundle is damaged, incomplete or contradicts itself.
    pub fn open(path: &Path) -> Result<Self, BundleError> {
        let mut again = BTreeMap::new();
        let opened = open(path, &mut |run, evidence| remember(&mut again, run, evidence))?;
        Ok(Self::of(opened, again))
    }

    fn of(opened: Opened, mut again: BTreeMap<String, Judged>) -> Self {
        let mut recorded: Vec<(String, Option<CaseReport>)> = match &opened.report {
            Some(report) => report.cases.iter().map(|case| (case.name.clone(), Some(case.clone()))).collect(),
            None => Vec::new(),
        };
        // Cases that are not in the report: they have no verdict, or the run left no report. In the order of all cases.
        let position = |name: &str| cases::ALL.iter().position(|case| case.name == name);
        let mut rest: Vec<_> =
            opened.cases.values().filter(|case| recorded.iter().all(|(name, _)| *name != case.name)).collect();
        rest.sort_by_key(|case| (position(&case.name).unwrap_or(usize::MAX), case.name.clone()));
        recorded.extend(rest.into_iter().map(|case| (case.name.clone(), case.report.clone())));
        let running =
            |name: &str| opened.cases.values().any(|case| case.name == name && case.state == CaseState::Running);
        let cases = recorded
            .into_iter()
            .map(|(name, recorded)| {
                let again = match (&recorded, again.remove(&name)) {
                    (Some(recorded), judged) => compare(recorded, judged),
                    (None, _) if running(&name) => {
                        Again::NotJudged("it has no verdict: the run ended in the middle of it".to_owned())
                    }
                    (None, _) => Again::NotJudged("it has no verdict".to_owned()),
                };
                Replayed { name, recorded, again }
            })
            .collect();
        Self { opened, cases }
    }

    /// How many verdicts were reproduced, differ, and were not judged again.
    pub fn tally(&self) -> (usize, usize, usize) {
        let count = |is: fn(&Again) -> bool| self.cases.iter().filter(|case| is(&case.again)).count();
        (
            count(|again| matches!(again, Again::Reproduced { .. })),
            count(|again| matches!(again, Again::Differs(_) | Again::Unknown)),
            count(|again| matches!(again, Again::NotJudged(_))),
        )
    }

    /// 0 when every verdict that has evidence was reproduced, 1 when one differs, 2 when there was none to judge.
    pub fn exit_code(&self) -> u8 {
        match self.tally() {
            (_, 1.., _) => 1,
            (0, ..) => 2,
            _ => 0,
        }
    }

    /// The run's report; for a run that left none, a report made from its other files.
    pub fn report(&self) -> Report {
        let Opened { run, report, .. } = &self.opened;
        report.clone().unwrap_or_else(|| {
            let mut report = Report::new(RunHead {
                id: run.id.clone(),
                lab: run.lab.clone(),
                backend: run.backend,
                routing: run.routing,
                not_native: deviation::not_native(&run.deviations),
                nodes: run.expectations.nodes(),
                replicas: run.expectations.replicas,
                racks: run.expectations.racks.as_ref().map_or(0, |racks| racks.racks.len()),
                deviations: run.deviations.iter().map(ToString::to_string).collect(),
                overridden: self
                    .cases
                    .iter()
                    .filter(|case| case.recorded.as_ref().is_some_and(|case| !case.deviation.is_empty()))
                    .count(),
                notes: Vec::new(),
                version: run.version.clone(),
                host: run.host.clone(),
                started: run.started,
                selected: self.cases.len(),
            });
            report.cases = self.cases.iter().filter_map(|case| case.recorded.clone()).collect();
            report
        })
    }
}

/// Judges the run in a stream again; `path` is what errors name.
///
/// # Errors
/// [`BundleError`], when the bundle is damaged, incomplete or contradicts itself.
pub fn replay(source: impl Read, path: &Path) -> Result<Replay, BundleError> {
    let mut again = BTreeMap::new();
    let opened = read(source, path, &mut |run, evidence| remember(&mut again, run, evidence))?;
    Ok(Replay::of(opened, again))
}

/// The outcome of judging a case now, or why it cannot be judged.
#[derive(Debug)]
enum Judged {
    Outcome(CaseOutcome),
    NoEvidence,
    NoJudge,
}

fn remember(again: &mut BTreeMap<String, Judged>, run: &RunFile, evidence: &Evidence) {
    let ground = run.expectations.ground(run.backend);
    let judged = match (cases::find(&evidence.case.name).and_then(|case| case.body(ground)), evidence.judged()) {
        (_, None) => Judged::NoEvidence,
        (None, Some(_)) => Judged::NoJudge,
        (Some(body), Some(seen)) => Judged::Outcome((body.judge)(&seen.data, &run.expectations).into()),
    };
    again.insert(evidence.case.name.clone(), judged);
}

fn compare(recorded: &CaseReport, judged: Option<Judged>) -> Again {
    match (&recorded.outcome, judged) {
        (CaseOutcome::Blocked { stage, .. }, _) => {
            Again::NotJudged(format!("blocked: the stage {} had failed", stage.title()))
        }
        (CaseOutcome::Deadline { .. }, _) => Again::NotJudged("the program had run out of time".to_owned()),
        (CaseOutcome::NotInTopology, _) => Again::NotJudged("it is about another topology".to_owned()),
        (CaseOutcome::NotOnBackend, _) => Again::NotJudged("it does not exist on this backend".to_owned()),
        (_, Some(Judged::Outcome(now))) if Verdict::of(&now) == Verdict::of(&recorded.outcome) => {
            Again::Reproduced { reworded: now != recorded.outcome }
        }
        (_, Some(Judged::Outcome(now))) => Again::Differs(now),
        (_, Some(Judged::NoJudge)) => Again::Unknown,
        // A case whose observation failed has no records.
        (_, Some(Judged::NoEvidence) | None) => Again::NotJudged("it has no observations".to_owned()),
    }
}
