//! The result of a run of sabotage: `sabotage.json`, and the exit code.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

use super::fault::Fault;
use super::verify::Verdict;
use lab_base::failure::code;
use lab_harness::expect::{Expect, describe};
use lab_model::BackendKind;
use lab_model::host::HostFacts;
use lab_model::observe::Place;
use lab_model::stage::Stage;
use lab_model::verdict::ExitReason;
use lab_model::{Judgement, NotHeld, Reason};

/// Version of the format of `sabotage.json`.
pub const SCHEMA: u32 = 1;
/// Its name in a run's folder.
pub const JSON_FILE: &str = "sabotage.json";

/// What is known when the run begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// Id of the run: the name of its folder.
    pub id: String,
    /// What the labs are made of.
    pub backend: BackendKind,
    /// Version of this program.
    pub version: String,
    /// The machine.
    pub host: HostFacts,
    /// When it began.
    pub started: DateTime<Utc>,
    /// Names of the faults that were selected.
    pub selected: Vec<String>,
    /// Whether all faults on netns were selected. Then each case must kill at least one. On kind this is not required,
    /// because much of what the cases on kind alone are about cannot be broken in a cluster that is up.
    pub whole_table: bool,
    /// Names of the cases that judge, in the article's order.
    pub cases: Vec<String>,
    /// The replacements of pins, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deviations: Vec<String>,
}

/// A run of sabotage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Version of the format: [`SCHEMA`].
    pub schema: u32,
    /// What was known when it began.
    #[serde(flatten)]
    pub head: Head,
    /// How long it took.
    #[serde(with = "lab_model::report::seconds")]
    pub seconds: Duration,
    /// Whether a signal ended it.
    pub interrupted: bool,
    /// The errors before any fault was made: a lab in which not all cases hold, or that cannot be built.
    pub before: Vec<Wrong>,
    /// The faults that were run to their end, in the order of the table.
    pub faults: Vec<FaultReport>,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaultReport {
    /// Its name.
    pub name: String,
    /// What was done, and where.
    pub what: String,
    /// When it was made: see [`Fault::stage`].
    pub stage: Stage,
    /// How it was undone, as text.
    pub undone: String,
    /// The cases that are named for it.
    pub named: Vec<String>,
    /// What each case said while it was made, in the article's order. Empty if it could not be made.
    pub cases: Vec<CellReport>,
    /// The errors; empty if all is well.
    pub wrong: Vec<Wrong>,
    /// How long it took, with undoing it and judging again.
    #[serde(with = "lab_model::report::seconds")]
    pub seconds: Duration,
    /// What of that was what. All zero in reports of older programs.
    #[serde(default)]
    pub phases: Phases,
}

/// How long the phases of a fault took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phases {
    /// Until it was made; with a lab that is built with it, until that was up.
    #[serde(with = "lab_model::report::seconds")]
    pub made: Duration,
    /// Then until the cluster had noticed it.
    #[serde(with = "lab_model::report::seconds")]
    pub noticed: Duration,
    /// Then until all cases were judged.
    #[serde(with = "lab_model::report::seconds")]
    pub judged: Duration,
    /// Then until it was undone.
    #[serde(with = "lab_model::report::seconds")]
    pub undone: Duration,
    /// Then until all cases held again, in one look at all of them.
    #[serde(with = "lab_model::report::seconds")]
    pub healed: Duration,
}

impl Phases {
    /// Each with its name, in order.
    pub const fn named(&self) -> [(&'static str, Duration); 5] {
        [
            ("made", self.made),
            ("noticed", self.noticed),
            ("judged", self.judged),
            ("undone", self.undone),
            ("healed", self.healed),
        ]
    }
}

/// What a case did under a fault, compared with what the fault declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// It is named for the fault, and is refuted as declared.
    Killed,
    /// It does not hold, as declared.
    Turned,
    /// It holds, as declared.
    Held,
    /// It differs from what is declared.
    Wrong,
}

/// What a case said under a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellReport {
    /// The case.
    pub name: String,
    /// The comparison with what the fault declares.
    pub cell: Cell,
    /// The reasons and places for which it was refuted; empty if it was not.
    pub reasons: Vec<(Reason, Place)>,
    /// Its judgement as text.
    pub said: String,
}

/// An error in a run of sabotage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Wrong {
    /// A case that is named for the fault was not refuted as declared.
    Survived {
        /// The case.
        case: String,
        /// A text with the expected and the actual judgement.
        why: String,
    },
    /// Another case did not hold although that is not declared, or not as declared.
    NotDeclared {
        /// The case.
        case: String,
        /// A text with the expected and the actual judgement.
        why: String,
    },
    /// A case did not hold after the fault was undone, or before any was made.
    Broken {
        /// The case.
        case: String,
        /// A text with the expected and the actual judgement.
        why: String,
    },
    /// The fault could not be undone.
    NotUndone {
        /// Why.
        why: String,
    },
    /// A lab could not be built, or the fault not be made.
    NotMade {
        /// Why.
        why: String,
    },
    /// A step took longer than its deadline.
    Deadline {
        /// A text with the step and its deadline.
        why: String,
    },
}

impl Wrong {
    /// The case that it is about.
    pub fn case(&self) -> Option<&str> {
        match self {
            Self::Survived { case, .. } | Self::NotDeclared { case, .. } | Self::Broken { case, .. } => Some(case),
            Self::NotUndone { .. } | Self::NotMade { .. } | Self::Deadline { .. } => None,
        }
    }
}

impl CellReport {
    /// Compares a verdict with what the fault declares. Returns the result, and the error if they differ.
    pub(super) fn of(fault: &Fault, verdict: &Verdict) -> (Self, Option<Wrong>) {
        let name = verdict.case.name;
        let (expected, named) = (fault.expects(name), fault.kills.contains(&name));
        let (cell, wrong) = match (expected.check(&verdict.named), expected) {
            (Err(why), _) if named => (Cell::Wrong, Some(Wrong::Survived { case: name.to_owned(), why })),
            (Err(why), _) => (Cell::Wrong, Some(Wrong::NotDeclared { case: name.to_owned(), why })),
            (Ok(()), Expect::Held) => (Cell::Held, None),
            (Ok(()), _) if named => (Cell::Killed, None),
            (Ok(()), _) => (Cell::Turned, None),
        };
        let reasons = reasons(&verdict.judgement);
        (Self { name: name.to_owned(), cell, reasons, said: describe(&verdict.judgement) }, wrong)
    }
}

/// The errors of a lab that should be sound: its verdicts that are not `held`.
pub(super) fn broken(verdicts: &[Verdict]) -> Vec<Wrong> {
    let wrong = |verdict: &Verdict| {
        let why = Expect::Held.check(&verdict.judgement).err()?;
        Some(Wrong::Broken { case: verdict.case.name.to_owned(), why })
    };
    verdicts.iter().filter_map(wrong).collect()
}

fn reasons(judgement: &Judgement) -> Vec<(Reason, Place)> {
    match judgement {
        Err(NotHeld::Refuted(findings)) => {
            let found: BTreeSet<(Reason, Place)> =
                findings.iter().map(|finding| (finding.reason, finding.place.clone())).collect();
            found.into_iter().collect()
        }
        Ok(_) | Err(NotHeld::Unobserved(_)) => Vec::new(),
    }
}

impl FaultReport {
    /// Whether all cases that are named for it were refuted as declared.
    pub fn is_killed(&self) -> bool {
        !self.cases.is_empty() && !self.wrong.iter().any(|wrong| matches!(wrong, Wrong::Survived { .. }))
    }
}

impl Report {
    /// A run that has just begun.
    pub const fn new(head: Head) -> Self {
        Self {
            schema: SCHEMA,
            head,
            seconds: Duration::ZERO,
            interrupted: false,
            before: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// How many faults were killed.
    pub fn killed(&self) -> usize {
        self.faults.iter().filter(|fault| fault.is_killed()).count()
    }

    /// The cases that have killed no fault in this run.
    pub fn killed_none(&self) -> Vec<&str> {
        let cells = self.faults.iter().flat_map(|fault| &fault.cases);
        let killers: BTreeSet<&str> =
            cells.filter(|cell| cell.cell == Cell::Killed).map(|cell| cell.name.as_str()).collect();
        self.head.cases.iter().map(String::as_str).filter(|case| !killers.contains(case)).collect()
    }

    /// All errors of the run.
    pub fn wrong(&self) -> impl Iterator<Item = &Wrong> {
        self.before.iter().chain(self.faults.iter().flat_map(|fault| &fault.wrong))
    }

    /// The exit code. When several apply, interruption comes first, then wrong verdicts, then what could not be made, then
    /// deadlines. A run without faults is not a success.
    pub fn exit_code(&self) -> u8 {
        let is = |kind: fn(&Wrong) -> bool| self.wrong().any(kind);
        let refuted = |wrong: &Wrong| !matches!(wrong, Wrong::NotMade { .. } | Wrong::Deadline { .. });
        if self.interrupted {
            ExitReason::Interrupted.code()
        } else if is(refuted) {
            ExitReason::NotHeld.code()
        } else if is(|wrong| matches!(wrong, Wrong::NotMade { .. })) {
            ExitReason::StageFailed.code()
        } else if is(|wrong| matches!(wrong, Wrong::Deadline { .. })) {
            ExitReason::DeadlinePassed.code()
        } else if self.head.selected.is_empty() {
            code::USAGE
        } else if self.faults.len() < self.head.selected.len()
            || self.head.whole_table && !self.killed_none().is_empty()
        {
            ExitReason::NotHeld.code()
        } else {
            ExitReason::Held.code()
        }
    }

    /// As JSON, with the exit code.
    ///
    /// # Errors
    /// If a value of it has no JSON form.
    pub fn to_json(&self) -> serde_json::Result<String> {
        #[derive(Serialize)]
        struct Document<'a> {
            #[serde(flatten)]
            report: &'a Report,
            killed: usize,
            killed_none: Vec<&'a str>,
            exit_code: u8,
        }
        let (killed, killed_none, exit_code) = (self.killed(), self.killed_none(), self.exit_code());
        serde_json::to_string_pretty(&Document { report: self, killed, killed_none, exit_code }).map(|text| text + "\n")
    }
}

/// Reads what [`Report::to_json`] wrote.
///
/// # Errors
/// A text: that it has another version, or the parser's error.
pub fn from_json(text: &str) -> Result<Report, String> {
    #[derive(Deserialize)]
    struct Version {
        schema: u32,
    }
    let wrong = |error: serde_json::Error| format!("this is not the form of a report of `lab sabotage`: {error}");
    let Version { schema } = serde_json::from_str(text).map_err(wrong)?;
    if schema != SCHEMA {
        return Err(format!(
            "schema: expected {SCHEMA}, found {schema}: this report was written by another version of lab"
        ));
    }
    serde_json::from_str(text).map_err(wrong)
}
