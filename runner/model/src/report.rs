//! The data of a run, finished or interrupted: what `report.json` holds. `docs/report.md` describes it for those
//! who read the file.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::time::Duration;

use crate::host::HostFacts;
use crate::stage::Stage;
use crate::{BackendKind, Routing};

mod case;
pub mod seconds;

pub use case::{CaseOutcome, CaseReport, Claim, Found, Silent, at};

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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes what it asks about by reference")]
const fn is_zero(number: &usize) -> bool {
    *number == 0
}
