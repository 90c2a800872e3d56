//! What a case is: a named claim of the article, the stage that it needs, the function that gathers its observations, and
//! its judge.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::pin::Pin;

use crate::cases::article::Shown;
use crate::cases::{foreign, topology};
use crate::expect::Expect;
use crate::explanation::Explanation;
use crate::lab::Lab;
use crate::turned::Effect;
use lab_model::deviation::Pinned;
use lab_model::expect::Expectations;
use lab_model::report::{Claim, Found};
use lab_model::stage::Stage;
use lab_model::{BackendKind, Ground};
use lab_model::{Judgement, NotHeld};

/// A future of a case's observations as JSON, or of the reason why they could not be made.
pub type Look<'a> = Pin<Box<dyn Future<Output = Result<Value, String>> + 'a>>;

/// How a case is decided: a look, which gathers observations, and a judge, which knows nothing else.
#[derive(Debug, Clone, Copy)]
pub struct Body {
    /// Gathers the observations that the judge needs. An error makes the case unobserved, never refuted.
    pub look: for<'a> fn(&'a Lab) -> Look<'a>,
    /// The same, of what there is at this moment; none where `look` never waits for the cluster to become as it should be.
    pub at_once: Option<for<'a> fn(&'a Lab) -> Look<'a>>,
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
        at_once: None,
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

    /// The same there: of a foreign cluster not all is claimed that is of a lab.
    pub fn claims_on(&self, ground: impl Into<Ground>) -> Claim<'static> {
        match foreign::find(self.name).filter(|_| ground.into().backend == BackendKind::Cluster) {
            Some(there) => Claim { claim: there.claim, ..self.claims() },
            None => self.claims(),
        }
    }

    /// The stage that it needs there: of a foreign cluster all is read at once, and all is sent at once.
    pub fn needs_on(&self, ground: impl Into<Ground>) -> Stage {
        match (ground.into().backend, foreign::find(self.name)) {
            (BackendKind::Cluster, Some(there)) if there.sends() => Stage::TrafficObserved,
            (BackendKind::Cluster, _) => Stage::RoutingInstalled,
            _ => self.needs,
        }
    }

    /// Whether something is sent for it in a foreign cluster: it is a case of the probe tier.
    pub fn is_probed(&self) -> bool {
        foreign::find(self.name).is_some_and(foreign::OnCluster::sends)
    }

    /// The part of the name before `::`.
    pub fn area(&self) -> &'static str {
        self.name.split_once("::").map_or(self.name, |(area, _claim)| area)
    }

    /// Whether it exists there.
    pub fn exists_on(&self, ground: impl Into<Ground>) -> bool {
        self.body(ground).is_some()
    }

    /// Whether it is about another of the article's two cases than labs there are built for.
    pub fn of_another_topology(&self, ground: impl Into<Ground>) -> bool {
        let ground = ground.into();
        ground.backend != BackendKind::Cluster && !topology::is_of(self.name, ground.bgp)
    }

    /// How it is decided there; none if it does not exist there.
    pub fn body(&self, ground: impl Into<Ground>) -> Option<Body> {
        let ground = ground.into();
        if self.of_another_topology(ground) {
            return None;
        }
        match (self.on, ground.backend) {
            (On::Both(body), BackendKind::Netns | BackendKind::Kind) | (On::KindOnly(body), BackendKind::Kind) => {
                Some(body)
            }
            (On::KindOnly(_), BackendKind::Netns) => None,
            (On::Both(_) | On::KindOnly(_), BackendKind::Cluster) => foreign::find(self.name).map(|there| there.body),
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
