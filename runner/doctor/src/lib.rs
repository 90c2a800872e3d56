//! The doctor: checks what a lab needs from this machine before anything is built. Each row says what was found, why it
//! matters and what to do.

mod cluster;
mod files;
pub mod kind;
mod limits;
mod netns;
mod remedies;
mod trial;

use serde::{Deserialize, Serialize};

pub use cluster::{ProbeTier, cluster};
pub use kind::{KindDoctorInput, WorkloadImage, kind};
pub use netns::netns;
pub use trial::{Refused, Tried, main as try_namespaces};

/// The result of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All is well.
    Ok,
    /// A lab can be built, with the restriction that the row describes.
    Warning,
    /// No lab can be built.
    Refusal,
}

/// One check and its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The name of the check, `area.subject`; it stays the same between versions.
    pub id: String,
    /// The result.
    pub outcome: Outcome,
    /// What was found.
    pub found: String,
    /// Why it matters.
    pub why: String,
    /// What to do, as a command if one is enough; empty when all is well.
    pub remedy: String,
}

impl Row {
    fn ok(id: &str, found: impl Into<String>, why: &str) -> Self {
        Self {
            id: id.to_owned(),
            outcome: Outcome::Ok,
            found: found.into(),
            why: why.to_owned(),
            remedy: String::new(),
        }
    }

    fn bad(outcome: Outcome, id: &str, found: impl Into<String>, why: &str, remedy: impl Into<String>) -> Self {
        Self { id: id.to_owned(), outcome, found: found.into(), why: why.to_owned(), remedy: remedy.into() }
    }
}

/// All refusals in one text; none if nothing is refused.
pub fn refusals(rows: &[Row]) -> Option<String> {
    let refused: Vec<String> = rows
        .iter()
        .filter(|row| row.outcome == Outcome::Refusal)
        .map(|row| format!("{}: {}; {}: {}", row.id, row.found, row.why, row.remedy))
        .collect();
    (!refused.is_empty()).then(|| refused.join("\n"))
}

/// All warnings as texts, and a last text that says which command explains them.
pub fn warnings(rows: &[Row]) -> Vec<String> {
    let warned = rows.iter().filter(|row| row.outcome == Outcome::Warning);
    let mut texts: Vec<String> = warned.map(|row| format!("{}: {}", row.id, row.found)).collect();
    if !texts.is_empty() {
        texts.push("`lab doctor` shows why that matters, and what to do".to_owned());
    }
    texts
}

/// The rows as the table that `lab doctor` prints.
pub fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.id.len()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for row in rows {
        let word = match row.outcome {
            Outcome::Ok => "ok",
            Outcome::Warning => "warning",
            Outcome::Refusal => "REFUSED",
        };
        lines.push(format!("  {word:<7}  {:<width$}  {}\n", row.id, row.found));
        if row.outcome != Outcome::Ok {
            for line in std::iter::once(row.why.as_str()).chain(row.remedy.lines()) {
                lines.push(format!("  {:<7}  {:<width$}  {line}\n", "", ""));
            }
        }
    }
    lines.concat()
}
