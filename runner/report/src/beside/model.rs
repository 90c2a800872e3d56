//! What `beside.json` holds. `docs/report.md` describes it for those who read the file.

use serde::{Deserialize, Serialize};

use lab_model::BackendKind;

/// Version of the format of `beside.json`. Keys may be added under the same number.
pub const SCHEMA: u32 = 1;

/// The article's outputs beside this lab's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beside {
    /// Version of the format: [`SCHEMA`].
    pub schema: u32,
    /// What the lab is made of.
    pub backend: BackendKind,
    /// The article's steps that print something, in its order.
    pub steps: Vec<StepBeside>,
}

/// What a comparison came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Each line is the same, once what is drawn anew for each cluster is taken out.
    Same,
    /// The same but for what is declared to differ, each with its reason.
    Declared,
    /// Something else differs.
    Differs,
    /// This lab printed nothing for it: there is nothing to compare.
    NotSeen,
}

/// A step of the article.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepBeside {
    /// Its name.
    pub step: String,
    /// The case among whose evidence this lab's output is.
    pub case: String,
    /// What it came to.
    pub outcome: Outcome,
    /// The article's command.
    pub command: String,
    /// What the article printed, as it stands there.
    pub article: String,
    /// What this lab printed; none if nothing was seen.
    pub lab: Option<Shown>,
    /// Why nothing was seen; empty if something was.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub missing: String,
    /// Rows of this lab's output that the article does not show, and that were not compared.
    pub left_out: usize,
    /// The lines, normalised: beside each other where they belong together.
    pub lines: Vec<Pair>,
}

/// What this lab printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Where: a node, or `host`.
    pub place: String,
    /// The command that was run; of what is rendered, the one that prints the like.
    pub command: String,
    /// Its exit code; none where it was not run.
    pub code: Option<i64>,
    /// No program printed it: it was written from what the probe saw.
    pub rendered: bool,
    /// The output, as it stands; of a command that failed with what it said of it.
    pub text: String,
}

/// How two lines compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// They are the same, normalised.
    Same,
    /// They differ in what is declared to differ.
    Declared,
    /// They differ, or one of them is missing.
    Differs,
}

/// Two lines, normalised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// How they compare.
    pub mark: Mark,
    /// The article's; none where it has none.
    pub article: Option<String>,
    /// This lab's; none where it has none.
    pub lab: Option<String>,
    /// Why they may differ, of what is declared to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<String>,
}
