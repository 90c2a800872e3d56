//! What became of one case, and what was found beside its verdict.

use serde::{Deserialize, Serialize};
use std::time::Duration;

use super::seconds;
use crate::leaving::Leaving;
use crate::observe::{NodeName, Place};
use crate::road::Road;
use crate::stage::Stage;
use crate::{Finding, Judgement, NotHeld, Proof};

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum CaseOutcome {
    /// The claim is true.
    Held {
        /// Why.
        proof: Proof,
    },
    /// The claim is false.
    Refuted {
        /// What was seen against it.
        findings: Vec<Finding>,
    },
    /// A stage it needs failed.
    Blocked {
        /// That stage.
        stage: Stage,
        /// Its own cause.
        cause: String,
    },
    /// Nothing was seen that could decide it.
    Unobserved {
        /// What was not seen, and where.
        missing: String,
    },
    /// The program ran out of time before anything was decided.
    Deadline {
        /// The time it had.
        #[serde(rename = "after_seconds", with = "seconds")]
        after: Duration,
        /// What was seen last.
        last: String,
    },
    /// It is about objects that this backend does not have. It was not looked at, and says nothing.
    NotOnBackend,
    /// It is about nodes that stand to each other otherwise than in this lab. It was not looked at, and says nothing.
    NotInTopology,
}

impl From<Judgement> for CaseOutcome {
    fn from(judgement: Judgement) -> Self {
        match judgement {
            Ok(proof) => Self::Held { proof },
            Err(NotHeld::Refuted(findings)) => Self::Refuted { findings },
            Err(NotHeld::Unobserved(missing)) => Self::Unobserved { missing },
        }
    }
}

/// A case with its verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseReport {
    /// `area::claim_in_words`.
    pub name: String,
    /// The article's step that makes the claim.
    pub article: String,
    /// What should hold, in one sentence.
    pub claim: String,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: CaseOutcome,
    /// How long the look and the judgement took.
    #[serde(with = "seconds")]
    pub seconds: Duration,
    /// Those of [`RunHead::deviations`](super::RunHead::deviations) that it is judged with: its verdict is not about the article's own lab.
    #[serde(default)]
    pub deviation: Vec<String>,
    /// What the claim needs: of a refuted case one line per finding, else the claim.
    pub expected: String,
    /// What was there: one line per finding, or the proof in one line, or why nothing was seen. Empty where the case
    /// does not exist.
    pub observed: String,
    /// Complete commands that show the findings by hand, in the order of the findings that have one.
    pub by_hand: Vec<String>,
    /// Files with what was seen, relative to the run's folder.
    pub evidence: Vec<String>,
    /// What its judge found beside the verdict.
    #[serde(flatten)]
    pub found: Found,
}

/// What a judge found of all that it looked at, for who draws it. Empty of a case that is about something else, or
/// looked at nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// About the way from each node to each peer's pods, in the nodes' order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roads: Vec<Road>,
    /// About each request to the outside, in the order in which they were made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaving: Vec<Leaving>,
    /// Nodes of a foreign cluster whose agents do not answer, in the cluster's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub silent: Vec<Silent>,
}

/// A node whose agent does not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silent {
    /// Its name.
    pub node: NodeName,
    /// What it did not answer, and why.
    pub why: String,
}

impl Found {
    /// About ways to peers' pods.
    pub fn roads(roads: Vec<Road>) -> Self {
        Self { roads, ..Self::default() }
    }

    /// About requests to the outside.
    pub fn leaving(leaving: Vec<Leaving>) -> Self {
        Self { leaving, ..Self::default() }
    }

    /// About nodes that do not answer.
    pub fn silent(silent: Vec<Silent>) -> Self {
        Self { silent, ..Self::default() }
    }

    /// Whether there is nothing.
    pub const fn is_empty(&self) -> bool {
        self.roads.is_empty() && self.leaving.is_empty() && self.silent.is_empty()
    }
}

/// What a case claims, in the words that its verdict is given with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim<'a> {
    /// `area::claim_in_words`.
    pub name: &'a str,
    /// The article's step that makes the claim.
    pub article: &'a str,
    /// What holds, in one sentence.
    pub claim: &'a str,
}

impl CaseReport {
    /// The verdict on a claim. `by_hand` makes the complete command out of a place and what is to be run there.
    pub fn new(
        claim: Claim<'_>,
        outcome: CaseOutcome,
        seconds: Duration,
        evidence: Vec<String>,
        by_hand: &dyn Fn(&Place, &str) -> String,
    ) -> Self {
        let (expected, observed) = in_words(claim.claim, &outcome);
        let commands = match &outcome {
            CaseOutcome::Refuted { findings } => findings
                .iter()
                .filter_map(|finding| Some(by_hand(&finding.place, finding.by_hand.as_deref()?)))
                .collect(),
            _ => Vec::new(),
        };
        Self {
            name: claim.name.to_owned(),
            article: claim.article.to_owned(),
            claim: claim.claim.to_owned(),
            outcome,
            seconds,
            deviation: Vec::new(),
            expected,
            observed,
            by_hand: commands,
            evidence,
            found: Found::default(),
        }
    }

    /// The part of the name before `::`.
    pub fn area(&self) -> &str {
        self.name.split_once("::").map_or(self.name.as_str(), |(area, _claim)| area)
    }

    /// The findings against it, each with its complete command; none unless it is refuted.
    pub fn findings(&self) -> Vec<(&Finding, Option<&str>)> {
        let CaseOutcome::Refuted { findings } = &self.outcome else { return Vec::new() };
        let mut commands = self.by_hand.iter();
        findings
            .iter()
            .map(|finding| (finding, finding.by_hand.as_ref().and_then(|_| commands.next()).map(String::as_str)))
            .collect()
    }
}

/// `place: text`, unless the text begins with the place already. What is about the lab as a whole (its objects, its
/// network) is found at the bridge, which tells a reader nothing.
pub fn at(place: &Place, text: &str) -> String {
    if *place == Place::Bridge {
        return text.to_owned();
    }
    let prefix = format!("{place}: ");
    if text.starts_with(&prefix) { text.to_owned() } else { prefix + text }
}

fn in_words(claim: &str, outcome: &CaseOutcome) -> (String, String) {
    let claim = claim.to_owned();
    match outcome {
        CaseOutcome::Held { proof } => (claim, proof.summary.clone()),
        CaseOutcome::Refuted { findings } => {
            let lines = |text: fn(&Finding) -> &str| {
                let lines: Vec<String> = findings.iter().map(|finding| at(&finding.place, text(finding))).collect();
                lines.join("\n")
            };
            (lines(|finding| &finding.expected), lines(|finding| &finding.observed))
        }
        CaseOutcome::Blocked { stage, cause } => (claim, format!("not looked at: {stage} failed: {cause}")),
        CaseOutcome::Unobserved { missing } => (claim, missing.clone()),
        CaseOutcome::Deadline { last, .. } => (claim, format!("last seen: {last}")),
        CaseOutcome::NotOnBackend | CaseOutcome::NotInTopology => (claim, String::new()),
    }
}
