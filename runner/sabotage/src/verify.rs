//! Judges all cases in the current state of a lab.

use serde_json::Value;

use super::bench::{Bench, Judged};
use super::faults::judging;
use lab_harness::case::Case;
use lab_model::stage::Stage;
use lab_model::{Judgement, NotHeld};

/// A case and its judgement.
#[derive(Debug, Clone)]
pub(super) struct Verdict {
    pub(super) case: &'static Case,
    pub(super) judgement: Judgement,
    /// The judgement with the names that the tables of faults use.
    pub(super) named: Judgement,
    /// The observations; none if they could not be made, or the stage could not be reached.
    pub(super) seen: Option<Value>,
}

/// Judges cases of a lab one after the other. Traffic is sent and observed once, before the first case that needs it.
pub(super) struct Verification<'a> {
    bench: &'a Bench,
    traffic: Option<Result<(), String>>,
}

impl<'a> Verification<'a> {
    pub(super) const fn of(bench: &'a Bench) -> Self {
        Self { bench, traffic: None }
    }

    /// Judges a case. None if it does not exist on the backend.
    pub(super) async fn judge(&mut self, case: &'static Case) -> Option<Verdict> {
        self.bench.is_doing(case.name);
        if case.needs == Stage::TrafficObserved && self.traffic.is_none() {
            self.traffic = Some(self.bench.step(Stage::TrafficObserved).await);
        }
        let Judged { judgement, seen } = match &self.traffic {
            // The lab still has traffic that was observed earlier; it must not be judged in place of the new one.
            Some(Err(why)) if case.needs == Stage::TrafficObserved => {
                Judged { judgement: Err(NotHeld::Unobserved(why.clone())), seen: None }
            }
            _ => self.bench.judge(case).await?,
        };
        // Names are needed only in judgements that do not hold; finding them takes a call of the API server.
        let named = match &judgement {
            Ok(_) => judgement.clone(),
            Err(_) => self.bench.names().await.judgement(&judgement),
        };
        Some(Verdict { case, judgement, named, seen })
    }
}

/// Judges all cases, in the article's order, with newly observed traffic.
pub(super) async fn verify(bench: &Bench) -> Vec<Verdict> {
    let mut verification = Verification::of(bench);
    let mut verdicts = Vec::new();
    for case in judging(bench.backend()) {
        verdicts.extend(verification.judge(case).await);
    }
    verdicts
}
