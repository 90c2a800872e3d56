//! What a case is: a named claim of the article, what it needs, how it is looked at, and who judges.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::pin::Pin;

use crate::cases::article::Shown;
use crate::expect::Expect;
use crate::explanation::Explanation;
use crate::lab::Lab;
use crate::turned::Effect;
use lab_model::BackendKind;
use lab_model::deviation::Pinned;
use lab_model::expect::Expectations;
use lab_model::report::Claim;
use lab_model::road::Road;
use lab_model::stage::Stage;
use lab_model::{Judgement, NotHeld};

/// What a look yields before it is judged, or why nothing could be looked at.
pub type Look<'a> = Pin<Box<dyn Future<Output = Result<Value, String>> + 'a>>;

/// How a case is decided: a look that gathers observations, and a judge that knows nothing else.
#[derive(Debug, Clone, Copy)]
pub struct Body {
    /// Gathers what the judge needs. An error is a look that broke: unobserved, never refuted.
    pub look: for<'a> fn(&'a Lab) -> Look<'a>,
    /// Decides.
    pub judge: fn(&Value, &Expectations) -> Judgement,
    /// What the judge found about the way from each node to each peer's pods, for who draws it; none where the case is
    /// about something else.
    pub roads: Option<fn(&Value, &Expectations) -> Vec<Road>>,
}

#[cfg(test)]
impl Body {
    /// A body for tests that are about something else: it sees nothing and decides nothing.
    pub const BLIND: Self = Self {
        look: |_lab| Box::pin(async { Err("nothing was looked at".to_owned()) }),
        judge: |_seen, _expect| Err(NotHeld::Unobserved("nothing was looked at".to_owned())),
        roads: None,
    };
}

/// Where a case exists.
#[derive(Debug, Clone, Copy)]
pub enum On {
    /// On every backend.
    Both(Body),
    /// On kind alone: about objects that only Docker, Kubernetes or Cilium have.
    KindOnly(Body),
}

/// A named claim of the article.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// `area::claim_in_words`.
    pub name: &'static str,
    /// The article's step that makes the claim.
    pub article: &'static str,
    /// What holds, in one sentence.
    pub claim: &'static str,
    /// The pins that its judge compares with: its verdict says so where one of them was overridden.
    pub against: &'static [Pinned],
    /// The state of the lab it needs.
    pub needs: Stage,
    /// Where it exists, and how it is decided there.
    pub on: On,
    /// Where the article shows the same.
    pub shown: Shown,
    /// What it says of the effects that a broken lab can have. Of those that are not here it says nothing: it holds.
    pub turned: &'static [(Effect, Expect)],
    /// All else that there is to know about it: `lab explain` prints it.
    pub explanation: Explanation,
}

impl Case {
    /// What it claims, in the words of its verdict.
    pub const fn claims(&self) -> Claim<'static> {
        Claim { name: self.name, article: self.article, claim: self.claim }
    }

    /// The part of the name before `::`.
    pub fn area(&self) -> &'static str {
        self.name.split_once("::").map_or(self.name, |(area, _claim)| area)
    }

    /// Whether it exists on this backend.
    pub const fn exists_on(&self, backend: BackendKind) -> bool {
        matches!(self.on, On::Both(_)) || matches!(backend, BackendKind::Kind)
    }

    /// How it is decided on this backend; none where it does not exist.
    pub const fn body(&self, backend: BackendKind) -> Option<Body> {
        match (self.on, backend) {
            (On::Both(body), BackendKind::Netns | BackendKind::Kind) | (On::KindOnly(body), BackendKind::Kind) => {
                Some(body)
            }
            (On::KindOnly(_), BackendKind::Netns) => None,
        }
    }
}

/// Judges observations that are stored as JSON. What does not read back is unobserved.
pub fn judge_stored<Seen: DeserializeOwned>(
    stored: &Value,
    expect: &Expectations,
    judge: fn(&Seen, &Expectations) -> Judgement,
) -> Judgement {
    match Seen::deserialize(stored) {
        Ok(seen) => judge(&seen, expect),
        Err(error) => Err(NotHeld::Unobserved(format!("the stored observations cannot be read: {error}"))),
    }
}

/// The ways to peers' pods in observations that are stored as JSON; none in what does not read back.
pub fn stored_roads<Seen: DeserializeOwned>(
    stored: &Value,
    expect: &Expectations,
    roads: fn(&Seen, &Expectations) -> Vec<Road>,
) -> Vec<Road> {
    Seen::deserialize(stored).map(|seen| roads(&seen, expect)).unwrap_or_default()
}

/// Turns what a look gathered into what is stored.
pub fn store<Seen: Serialize>(seen: &Seen) -> Result<Value, String> {
    serde_json::to_value(seen).map_err(|error| format!("the observations cannot be stored: {error}"))
}
