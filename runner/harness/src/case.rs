//! What a case is: a named claim of the article, the stage that it needs, the function that gathers its observations, and
//! its judge.

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
use lab_model::report::{Claim, Found};
use lab_model::stage::Stage;
use lab_model::{Judgement, NotHeld};

/// A future of a case's observations as JSON, or of the reason why they could not be made.
pub type Look<'a> = Pin<Box<dyn Future<Output = Result<Value, String>> + 'a>>;

/// How a case is decided: a look, which gathers observations, and a judge, which knows nothing else.
#[derive(Debug, Clone, Copy)]
pub struct Body {
    /// Gathers the observations that the judge needs. An error makes the case unobserved, never refuted.
    pub look: for<'a> fn(&'a Lab) -> Look<'a>,
    /// Judges the observations.
    pub judge: fn(&Value, &Expectations) -> Judgement,
    /// What the judge found beside the verdict, for who draws it; none where there is nothing to draw.
    pub found: Option<fn(&Value, &Expectations) -> Found>,
}

#[cfg(test)]
impl Body {
    /// A body for tests in which it is not used.
    pub const BLIND: Self = Self {
        look: |_lab| Box::pin(async { Err("nothing was looked at".to_owned()) }),
        judge: |_seen, _expect| Err(NotHeld::Unobserved("nothing was looked at".to_owned())),
        found: None,
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
    /// The claim, in one sentence.
    pub claim: &'static str,
    /// The pins that its judge compares with. If one of them is overridden, the verdict says so.
    pub against: &'static [Pinned],
    /// The stage that the lab must have reached.
    pub needs: Stage,
    /// The backends that it exists on, and how it is decided.
    pub on: On,
    /// The article's commands that show the same.
    pub shown: Shown,
    /// What it must say under each effect of a fault. Under an effect that is not listed, it must hold.
    pub turned: &'static [(Effect, Expect)],
    /// The explanation that `lab explain` prints.
    pub explanation: Explanation,
}

impl Case {
    /// The part of it that reports contain: name, step and claim.
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

    /// How it is decided on this backend; none if it does not exist there.
    pub const fn body(&self, backend: BackendKind) -> Option<Body> {
        match (self.on, backend) {
            (On::Both(body), BackendKind::Netns | BackendKind::Kind) | (On::KindOnly(body), BackendKind::Kind) => {
                Some(body)
            }
            (On::KindOnly(_), BackendKind::Netns) => None,
        }
    }
}

/// Judges observations that are stored as JSON. If they cannot be parsed, the case is unobserved.
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

/// What a judge finds in observations that are stored as JSON; nothing if they cannot be parsed.
pub fn find_stored<Seen: DeserializeOwned>(
    stored: &Value,
    expect: &Expectations,
    find: fn(&Seen, &Expectations) -> Found,
) -> Found {
    Seen::deserialize(stored).map(|seen| find(&seen, expect)).unwrap_or_default()
}

/// Turns the observations of a look into JSON, to be stored.
pub fn store<Seen: Serialize>(seen: &Seen) -> Result<Value, String> {
    serde_json::to_value(seen).map_err(|error| format!("the observations cannot be stored: {error}"))
}
