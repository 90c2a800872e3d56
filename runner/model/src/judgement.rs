//! What a judge says of a claim, and with what.

use serde::{Deserialize, Serialize};

use crate::observe::Place;
use crate::reason::Reason;

/// What a judge says of a claim.
pub type Judgement = Result<Proof, NotHeld>;

/// Why a claim holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// One line for a reader, with numbers "of how many": `6 of 6 ARP answers come from the peer itself`.
    pub summary: String,
    /// Further lines, one observation each.
    pub details: Vec<String>,
}

impl Proof {
    /// A proof of one line.
    pub fn new(summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), details: Vec::new() }
    }

    /// The same with further lines.
    pub fn with_details(mut self, details: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(details);
        self
    }
}

/// Why a claim does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotHeld {
    /// It is false: at least one finding against it.
    Refuted(Vec<Finding>),
    /// Nothing was seen that could decide it; what is missing, and where.
    Unobserved(String),
}

impl NotHeld {
    /// The reasons of all findings; empty when it is unobserved.
    pub fn reasons(&self) -> Vec<Reason> {
        match self {
            Self::Refuted(findings) => findings.iter().map(|finding| finding.reason).collect(),
            Self::Unobserved(_) => Vec::new(),
        }
    }
}

/// One observation that a claim cannot be true with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What kind of thing is wrong.
    pub reason: Reason,
    /// Where it was seen.
    pub place: Place,
    /// What the claim needs.
    pub expected: String,
    /// What is there instead.
    pub observed: String,
    /// A command that shows it by hand, to be run at [`Finding::place`], for example `ip route get 10.0.2.7`.
    pub by_hand: Option<String>,
}

/// `Ok(proof)` when there are no findings, else the refutation.
///
/// # Errors
/// [`NotHeld::Refuted`] with the findings, when there are any.
pub fn unless_refuted(findings: Vec<Finding>, proof: impl FnOnce() -> Proof) -> Judgement {
    if findings.is_empty() { Ok(proof()) } else { Err(NotHeld::Refuted(findings)) }
}
