//! What a judgement must be, and whether one is that.

use std::collections::BTreeSet;

use lab::expect::Expectations;
use lab::judge::{Finding, Judgement, NotHeld, Proof, Reason};
use lab::observe::Place;
use serde_json::Value;

/// What a judgement must be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expect {
    /// The claim holds.
    Held,
    /// It is refuted for exactly these reasons, each at exactly these places.
    Refuted(&'static [(Reason, &'static str)]),
    /// Nothing decides it, and what is missing says this.
    Unobserved(&'static str),
}

impl Expect {
    /// What is wrong with a judgement, if anything is.
    pub(crate) fn check(self, judgement: &Judgement) -> Result<(), String> {
        let right = match (self, judgement) {
            (Self::Held, Ok(_proof)) => true,
            (Self::Refuted(wanted), Err(NotHeld::Refuted(findings))) => found(findings) == of(wanted),
            (Self::Unobserved(what), Err(NotHeld::Unobserved(missing))) => missing.contains(what),
            _ => false,
        };
        if right { Ok(()) } else { Err(format!("must be {}\n  and is  {}", self.words(), words(judgement))) }
    }

    fn words(self) -> String {
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

fn words(judgement: &Judgement) -> String {
    match judgement {
        Ok(proof) => format!("held: {}", proof.summary),
        Err(NotHeld::Unobserved(missing)) => format!("unobserved: {missing}"),
        Err(NotHeld::Refuted(findings)) => {
            let lines: Vec<_> = findings.iter().map(|finding| format!("\n    {}", finding.observed)).collect();
            format!("refuted: {}{}", listed(&found(findings)), lines.concat())
        }
    }
}

/// What judges a case's observations.
pub(crate) type Judge = fn(&Value, &Expectations) -> Judgement;

/// What the first of [`BLIND`] does.
pub(crate) const ALWAYS_HOLDS: &str = "always holds";

/// Judges that do not look. A control that is content with one of them shows nothing.
pub(crate) const BLIND: [(&str, Judge); 3] =
    [(ALWAYS_HOLDS, always_holds), ("always refutes", always_refutes), ("never decides", never_decides)];

#[expect(clippy::unnecessary_wraps, reason = "it is a judge, and has a judge's signature")]
fn always_holds(_seen: &Value, _expect: &Expectations) -> Judgement {
    Ok(Proof::new("it always does"))
}

fn always_refutes(_seen: &Value, _expect: &Expectations) -> Judgement {
    // A reason that no control of a lab's expects at this place.
    Err(NotHeld::Refuted(vec![Finding {
        reason: Reason::NodeDoesNotAnswer,
        place: Place::Bridge,
        expected: String::new(),
        observed: "it never holds".to_owned(),
        by_hand: None,
    }]))
}

fn never_decides(_seen: &Value, _expect: &Expectations) -> Judgement {
    Err(NotHeld::Unobserved(String::new()))
}
