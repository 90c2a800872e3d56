//! What the verdicts say of one node, pod or route.

use lab_model::observe::Place;
use lab_model::report::{CaseOutcome, CaseReport, Report};

/// Whether anything speaks against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Cases about it were judged, and none found anything against it.
    Good,
    /// A case found something against it.
    Bad,
    /// No case about it has a verdict.
    Open,
}

impl Standing {
    /// Class of what is drawn; `report.css` has a colour for it.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Open => "open",
        }
    }

    /// A sign beside the colour.
    pub(super) const fn mark(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Bad => "✗",
            Self::Open => "?",
        }
    }
}

/// A standing, and the cases behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judged {
    pub(super) standing: Standing,
    /// The cases that found something against it.
    pub(super) against: Vec<String>,
}

impl Judged {
    /// In words, for those who see no colour.
    pub(super) fn words(&self) -> String {
        match self.standing {
            Standing::Good => "✓ nothing against it".to_owned(),
            Standing::Bad => format!("✗ {}", self.against.join(", ")),
            Standing::Open => "? no verdict".to_owned(),
        }
    }
}

/// Whether a case looked and came to a verdict.
const fn judged(case: &CaseReport) -> bool {
    matches!(case.outcome, CaseOutcome::Held { .. } | CaseOutcome::Refuted { .. })
}

/// What is known of a place from cases whose names begin with one of `areas`, and from findings there.
fn at(report: &Report, place: &Place, areas: &[&str]) -> Judged {
    let about = |case: &&CaseReport| areas.contains(&case.area());
    let against: Vec<String> = report
        .cases
        .iter()
        .filter(|case| case.findings().iter().any(|(finding, _)| finding.place == *place))
        .map(|case| case.name.clone())
        .collect();
    let standing = if !against.is_empty() {
        Standing::Bad
    } else if report.cases.iter().filter(about).any(judged) {
        Standing::Good
    } else {
        Standing::Open
    };
    Judged { standing, against }
}

/// Of a node.
pub(super) fn node(report: &Report, place: &Place) -> Judged {
    at(report, place, &["cluster", "l2", "routing"])
}

/// Of a pod.
pub(super) fn pod(report: &Report, place: &Place) -> Judged {
    at(report, place, &["service", "wire"])
}

/// Of a node's link to the bridge.
pub(super) fn link(report: &Report, place: &Place) -> Standing {
    let mut of_l2 = report.cases.iter().filter(|case| case.area() == "l2").peekable();
    let mut any = false;
    let mut bad = false;
    for case in of_l2.by_ref() {
        any |= judged(case);
        bad |= case.findings().iter().any(|(finding, _)| finding.place == *place);
    }
    match (bad, any) {
        (true, _) => Standing::Bad,
        (false, true) => Standing::Good,
        (false, false) => Standing::Open,
    }
}
