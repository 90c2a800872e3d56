//! Expected judgements, and comparing a judgement with one.

use std::collections::BTreeSet;

use lab_model::{Finding, Judgement, NotHeld, Reason};

/// An expected judgement.
#[derive(Debug, Clone, Copy)]
pub enum Expect {
    /// The claim holds.
    Held,
    /// It is refuted for exactly these reasons, each at exactly these places.
    Refuted(&'static [(Reason, &'static str)]),
    /// It is refuted for the reasons at the places of the first list, and possibly for some of the second list as well,
    /// because a cluster is observed at one moment of a change.
    RefutedAndPerhaps(&'static [(Reason, &'static str)], &'static [(Reason, &'static str)]),
    /// It is unobserved, and the text about what is missing contains this.
    Unobserved(&'static str),
}

impl Expect {
    /// Compares a judgement with this expectation.
    ///
    /// # Errors
    /// A text with both, if the judgement is another one.
    pub fn check(self, judgement: &Judgement) -> Result<(), String> {
        let right = match (self, judgement) {
            (Self::Held, Ok(_proof)) => true,
            (Self::Refuted(wanted), Err(NotHeld::Refuted(findings))) => reasons_found(findings) == reasons_of(wanted),
            (Self::RefutedAndPerhaps(wanted, perhaps), Err(NotHeld::Refuted(findings))) => {
                let (found, wanted) = (reasons_found(findings), reasons_of(wanted));
                found.is_superset(&wanted) && found.difference(&wanted).all(|other| reasons_of(perhaps).contains(other))
            }
            (Self::Unobserved(what), Err(NotHeld::Unobserved(missing))) => missing.contains(what),
            _ => false,
        };
        if right { Ok(()) } else { Err(format!("must be {}\n  and is  {}", self.describe(), describe(judgement))) }
    }

    /// The expectation as text: `refuted: route_missing at kind-worker`.
    pub fn describe(self) -> String {
        match self {
            Self::Held => "held".to_owned(),
            Self::Refuted(wanted) => format!("refuted: {}", listed(&reasons_of(wanted))),
            Self::RefutedAndPerhaps(wanted, perhaps) => {
                format!("refuted: {}, and perhaps {}", listed(&reasons_of(wanted)), listed(&reasons_of(perhaps)))
            }
            Self::Unobserved(what) => format!("unobserved: …{what}…"),
        }
    }
}

type Found = BTreeSet<(Reason, String)>;

fn reasons_of(wanted: &[(Reason, &str)]) -> Found {
    wanted.iter().map(|&(reason, place)| (reason, place.to_owned())).collect()
}

fn reasons_found(findings: &[Finding]) -> Found {
    findings.iter().map(|finding| (finding.reason, finding.place.to_string())).collect()
}

fn listed(found: &Found) -> String {
    found.iter().map(|(reason, place)| format!("{reason} at {place}")).collect::<Vec<_>>().join(", ")
}

/// A judgement as text, in the form of [`Expect::describe`].
pub fn describe(judgement: &Judgement) -> String {
    match judgement {
        Ok(proof) => format!("held: {}", proof.summary),
        Err(NotHeld::Unobserved(missing)) => format!("unobserved: {missing}"),
        Err(NotHeld::Refuted(findings)) => {
            let lines: Vec<_> = findings.iter().map(|finding| format!("\n    {}", finding.observed)).collect();
            format!("refuted: {}{}", listed(&reasons_found(findings)), lines.concat())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_model::Proof;
    use lab_model::Reason::{AgentsNotReady, NodeNotReady, OperatorsNotReady};
    use lab_model::observe::Place;

    fn refuted(reasons: &[Reason]) -> Judgement {
        let words = String::new;
        let finding = |reason: &Reason| Finding {
            reason: *reason,
            place: Place::Bridge,
            expected: words(),
            observed: words(),
            by_hand: None,
        };
        Err(NotHeld::Refuted(reasons.iter().map(finding).collect()))
    }

    #[test]
    fn what_may_be_seen_besides_does_not_stand_for_what_must() {
        let expected = Expect::RefutedAndPerhaps(&[(AgentsNotReady, "bridge")], &[(OperatorsNotReady, "bridge")]);
        assert_eq!(expected.check(&refuted(&[AgentsNotReady])), Ok(()));
        assert_eq!(expected.check(&refuted(&[AgentsNotReady, OperatorsNotReady])), Ok(()));
        for other in [
            refuted(&[OperatorsNotReady]),
            refuted(&[AgentsNotReady, NodeNotReady]),
            refuted(&[]),
            Ok(Proof::new("held")),
            Err(NotHeld::Unobserved("agents_not_ready".to_owned())),
        ] {
            let why = expected.check(&other).expect_err("not as it must be");
            let must = "must be refuted: agents_not_ready at bridge, and perhaps operators_not_ready at bridge\n";
            assert!(why.starts_with(must), "{why}");
        }
    }
}
