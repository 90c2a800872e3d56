//! What a judgement must be, and whether one is that.

use std::collections::BTreeSet;

use crate::judge::{Finding, Judgement, NotHeld, Reason};

/// What a judgement must be.
#[derive(Debug, Clone, Copy)]
pub enum Expect {
    /// The claim holds.
    Held,
    /// It is refuted for exactly these reasons, each at exactly these places.
    Refuted(&'static [(Reason, &'static str)]),
    /// Nothing decides it, and what is missing says this.
    Unobserved(&'static str),
}

impl Expect {
    /// What is wrong with a judgement, if anything is.
    ///
    /// # Errors
    /// What it must be and what it is.
    pub fn check(self, judgement: &Judgement) -> Result<(), String> {
        let right = match (self, judgement) {
            (Self::Held, Ok(_proof)) => true,
            (Self::Refuted(wanted), Err(NotHeld::Refuted(findings))) => found(findings) == of(wanted),
            (Self::Unobserved(what), Err(NotHeld::Unobserved(missing))) => missing.contains(what),
            _ => false,
        };
        if right { Ok(()) } else { Err(format!("must be {}\n  and is  {}", self.words(), words(judgement))) }
    }

    /// In words: `refuted: route_missing at kind-worker`.
    pub fn words(self) -> String {
        match self {
            Self::Held => "held".to_owned(),
            Self::Refuted(wanted) => format!("refuted: {}", listed(&of(wanted))),
            Self::Unobserved(what) => format!("unobserved: …{what}…"),
        }
    }
}

type Found = BTreeSet<(Reason, String)>;

fn of(wanted: &[(Reason, &str)]) -> Found {
    wanted.iter().map(|&(reason, place)| (reason, place.to_owned())).collect()
}

fn found(findings: &[Finding]) -> Found {
    findings.iter().map(|finding| (finding.reason, finding.place.to_string())).collect()
}

fn listed(found: &Found) -> String {
    found.iter().map(|(reason, place)| format!("{reason} at {place}")).collect::<Vec<_>>().join(", ")
}

/// A judgement in words, in the same way.
pub fn words(judgement: &Judgement) -> String {
    match judgement {
        Ok(proof) => format!("held: {}", proof.summary),
        Err(NotHeld::Unobserved(missing)) => format!("unobserved: {missing}"),
        Err(NotHeld::Refuted(findings)) => {
            let lines: Vec<_> = findings.iter().map(|finding| format!("\n    {}", finding.observed)).collect();
            format!("refuted: {}{}", listed(&found(findings)), lines.concat())
        }
    }
}
