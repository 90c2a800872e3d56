//! Compares two verdicts on the same case.

use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;

use lab_model::Reason;
use lab_model::observe::Place;
use lab_model::report::CaseOutcome;

/// The part of a verdict that is compared, without its wording: the outcome, and for a refuted case the reasons and places
/// of its findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    word: &'static str,
    findings: BTreeSet<(Reason, String)>,
}

impl Verdict {
    /// The verdict in an outcome.
    pub fn of(outcome: &CaseOutcome) -> Self {
        let word = match outcome {
            CaseOutcome::Held { .. } => "held",
            CaseOutcome::Refuted { .. } => "refuted",
            CaseOutcome::Unobserved { .. } => "unobserved",
            CaseOutcome::Blocked { .. } => "blocked",
            CaseOutcome::Deadline { .. } => "deadline",
            CaseOutcome::NotOnBackend => "not_on_backend",
            CaseOutcome::NotInTopology => "not_in_topology",
        };
        let findings = match outcome {
            CaseOutcome::Refuted { findings } => {
                findings.iter().map(|finding| (finding.reason, place(&finding.place))).collect()
            }
            _ => BTreeSet::new(),
        };
        Self { word, findings }
    }

    /// The outcome's word in reports.
    pub const fn word(&self) -> &'static str {
        self.word
    }
}

fn place(place: &Place) -> String {
    place.to_string()
}

/// One side of a difference between two verdicts, as text: the outcome and why it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The outcome's word in reports.
    pub outcome: String,
    /// Why: the proof, the reasons and places of findings, or the verdict's own message.
    pub why: String,
}

impl Difference {
    /// Describes an outcome.
    pub fn of(outcome: &CaseOutcome) -> Self {
        let verdict = Verdict::of(outcome);
        let why = match outcome {
            CaseOutcome::Held { proof } => proof.summary.clone(),
            CaseOutcome::Refuted { findings } => {
                let found = findings.iter().map(|finding| {
                    let reason = serde_json::to_value(finding.reason).ok();
                    let reason = reason.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
                    format!("{reason} at {}: {}", finding.place, finding.observed)
                });
                found.collect::<Vec<_>>().join("\n")
            }
            CaseOutcome::Unobserved { missing } => missing.clone(),
            CaseOutcome::Blocked { cause, .. } => cause.clone(),
            CaseOutcome::Deadline { last, .. } => last.clone(),
            CaseOutcome::NotOnBackend | CaseOutcome::NotInTopology => String::new(),
        };
        Self { outcome: verdict.word().to_owned(), why }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.outcome, self.why)
    }
}
