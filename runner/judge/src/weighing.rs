//! What speaks against a claim and what is missing to decide it, gathered while a judge looks.

use std::collections::BTreeSet;
use std::fmt::Display;

use lab_model::observe::Place;
use lab_model::{Finding, Judgement, NotHeld, Proof, Reason, words};

/// How many gaps are named before the rest is only counted.
const GAPS_NAMED: usize = 3;

/// A judgement in the making.
#[derive(Debug, Default)]
pub(super) struct Weighing {
    findings: Vec<Finding>,
    gaps: Vec<String>,
}

impl Weighing {
    /// This refutes the claim.
    pub(super) fn refute(
        &mut self,
        reason: Reason,
        place: Place,
        expected: impl Into<String>,
        observed: impl Into<String>,
        by_hand: Option<String>,
    ) {
        self.push(Finding { reason, place, expected: expected.into(), observed: observed.into(), by_hand });
    }

    /// Adds a finding that was made elsewhere.
    pub(super) fn push(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// This was not seen, and the claim cannot hold without it.
    pub(super) fn miss(&mut self, gap: impl Into<String>) {
        let gap = gap.into();
        // The same gap may be met for several nodes or pairs; it is named once.
        if !self.gaps.contains(&gap) {
            self.gaps.push(gap);
        }
    }

    /// Adds all findings and gaps of another judgement in the making.
    pub(super) fn merge(&mut self, other: Self) {
        self.findings.extend(other.findings);
        other.gaps.into_iter().for_each(|gap| self.miss(gap));
    }

    /// Notes as missing each name that is listed twice: it would be counted in the place of one that is not there.
    pub(super) fn each_once<Name: Display + Ord>(&mut self, what: &str, names: impl IntoIterator<Item = Name>) {
        let mut known = BTreeSet::new();
        for name in names {
            if known.contains(&name) {
                self.miss(format!("{what} {name} is listed twice"));
            }
            known.insert(name);
        }
    }

    /// Findings come first: what is refuted is refuted whatever else was not seen.
    pub(super) fn conclude(self, proof: impl FnOnce() -> Proof) -> Judgement {
        if !self.findings.is_empty() {
            return Err(NotHeld::Refuted(self.findings));
        }
        if !self.gaps.is_empty() {
            return Err(NotHeld::Unobserved(words::few(&self.gaps, GAPS_NAMED, "; ")));
        }
        Ok(proof())
    }
}

/// Nothing was seen that could decide the claim.
pub(super) fn unobserved(what: impl Into<String>) -> Judgement {
    Err(NotHeld::Unobserved(what.into()))
}
