//! Judges that do not look.

use lab_model::expect::Expectations;
use lab_model::observe::Place;
use lab_model::{Finding, Judgement, NotHeld, Proof, Reason};
use serde_json::Value;

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
