//! All cases at once, of a lab as it is now.

use serde_json::Value;

use super::bench::{Bench, Judged};
use super::faults::judging;
use lab_harness::case::Case;
use lab_model::stage::Stage;
use lab_model::{Judgement, NotHeld};

/// A case and what it says.
#[derive(Debug, Clone)]
pub(super) struct Verdict {
    pub(super) case: &'static Case,
    pub(super) judgement: Judgement,
    /// The same in the names that the tables of faults have.
    pub(super) named: Judgement,
    /// What it saw; none if its look broke, or its stage could not be reached.
    pub(super) seen: Option<Value>,
}

/// Cases of a lab, one after the other. Traffic is sent and observed once, before the first that needs it.
pub(super) struct Verification<'a> {
    bench: &'a Bench,
    traffic: Option<Result<(), String>>,
}

impl<'a> Verification<'a> {
    pub(super) const fn of(bench: &'a Bench) -> Self {
        Self { bench, traffic: None }
    }

    /// None for a case that does not exist here.
    pub(super) async fn judge(&mut self, case: &'static Case) -> Option<Verdict> {
        self.bench.is_doing(case.name);
        if case.needs == Stage::TrafficObserved && self.traffic.is_none() {
            self.traffic = Some(self.bench.step(Stage::TrafficObserved).await);
        }
        let Judged { judgement, seen } = match &self.traffic {
            // What was observed before must not stand in for what could not be observed now.
            Some(Err(why)) if case.needs == Stage::TrafficObserved => {
                Judged { judgement: Err(NotHeld::Unobserved(why.clone())), seen: None }
            }
            _ => self.bench.judge(case).await?,
        };
        // Names matter where something is not as it should be, and are asked of the API server.
        let named = match &judgement {
            Ok(_) => judgement.clone(),
            Err(_) => self.bench.names().await.judgement(&judgement),
        };
        Some(Verdict { case, judgement, named, seen })
    }
}

/// What each case says, in the article's order. Traffic is sent and observed anew.
pub(super) async fn verify(bench: &Bench) -> Vec<Verdict> {
    let mut verification = Verification::of(bench);
    let mut verdicts = Vec::new();
    for case in judging(bench.backend()) {
        verdicts.extend(verification.judge(case).await);
    }
    verdicts
}
