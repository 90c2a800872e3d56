//! The data of a run, finished or interrupted: what `report.json` holds. `docs/report.md` describes it for those
//! who read the file.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::time::Duration;

use crate::host::HostFacts;
use crate::leaving::Leaving;
use crate::observe::{NodeName, Place};
use crate::road::Road;
use crate::stage::Stage;
use crate::{BackendKind, Routing};
use crate::{Finding, Judgement, NotHeld, Proof};

/// Version of the format of `report.json`. Keys may be added under the same number; one that is removed or changes
/// its meaning makes it a new one.
pub const SCHEMA: u32 = 1;

/// What is known of a run when it begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunHead {
    /// Id of the run: the name of its folder.
    pub id: String,
    /// Name of the lab.
    pub lab: String,
    /// What the lab is made of.
    pub backend: BackendKind,
    /// How pod traffic gets from node to node in it.
    pub routing: Routing,
    /// Values that the command line declared with which it gets there otherwise: `tunnel=vxlan`. Empty where there are none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub not_native: String,
    /// Nodes, of all roles.
    pub nodes: usize,
    /// Pods of the workload.
    pub replicas: usize,
    /// Racks that the nodes stand in; 0 where all are on one network.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub racks: usize,
    /// What the command line declared to be otherwise than it is pinned, each with the option that did.
    pub deviations: Vec<String>,
    /// How many of the selected cases are judged against a pin that is not the pinned one any more.
    #[serde(default)]
    pub overridden: usize,
    /// What a reader should know besides, for example why the other backend was not taken.
    pub notes: Vec<String>,
    /// Version of this program.
    pub version: String,
    /// The machine it ran on.
    pub host: HostFacts,
    /// When it began (RFC 3339 in the file).
    pub started: DateTime<Utc>,
    /// Cases that were selected, with those that do not exist on this backend. A run that has fewer verdicts than
    /// this did not get to the end.
    pub selected: usize,
}

impl RunHead {
    /// How pod traffic gets from node to node: `native routing`, or `routing with tunnel=vxlan` where that was declared.
    pub fn routing_in_words(&self) -> String {
        routing_in_words(self.routing, &self.not_native)
    }
}

/// As [`RunHead::routing_in_words`], before there is a run.
pub fn routing_in_words(routing: Routing, not_native: &str) -> String {
    if not_native.is_empty() { format!("{routing} routing") } else { format!("routing with {not_native}") }
}

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Version of the format: [`SCHEMA`].
    pub schema: u32,
    /// What was known when it began.
    #[serde(flatten)]
    pub head: RunHead,
    /// How long it took.
    #[serde(with = "seconds")]
    pub seconds: Duration,
    /// It was ended from outside before it was done.
    pub interrupted: bool,
    /// What became of the lab and of what it left behind; empty where there is nothing to say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ending: Vec<String>,
    /// The stages that were begun, in order.
    pub stages: Vec<StageReport>,
    /// The cases that have a verdict, in the order in which they were judged.
    pub cases: Vec<CaseReport>,
}

impl Report {
    /// A run that has just begun.
    pub const fn new(head: RunHead) -> Self {
        Self {
            schema: SCHEMA,
            head,
            seconds: Duration::ZERO,
            interrupted: false,
            ending: Vec::new(),
            stages: Vec::new(),
            cases: Vec::new(),
        }
    }
}

/// How a stage ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageOutcome {
    /// The state is reached.
    Done,
    /// It is not, and cases that need it are blocked.
    Failed,
}

/// A stage that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageReport {
    /// Which one.
    pub name: Stage,
    /// How it ended.
    pub outcome: StageOutcome,
    /// How long it took.
    #[serde(with = "seconds")]
    pub seconds: Duration,
    /// One line: what stands now, or, if it failed, why.
    pub summary: String,
}

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
    /// Those of [`RunHead::deviations`] that it is judged with: its verdict is not about the article's own lab.
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes what it asks about by reference")]
const fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// Durations as a number of seconds, to the microsecond.
pub mod seconds {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::Duration;

    /// As a number.
    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        let micros = duration.subsec_micros();
        serializer.serialize_f64(Duration::new(duration.as_secs(), micros * 1000).as_secs_f64())
    }

    /// From a number that is not negative.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        Duration::try_from_secs_f64(seconds).map_err(D::Error::custom)
    }
}
