//! All cases at once, of a lab as it is now.

use super::bench::Bench;
use super::faults::judging;
use crate::case::Case;
use crate::judge::{Judgement, NotHeld};
use crate::stage::Stage;

/// A case and what it says.
#[derive(Debug, Clone)]
pub(super) struct Verdict {
    pub(super) case: &'static Case,
    pub(super) judgement: Judgement,
}

/// What each case says, in the article's order. Traffic is sent and observed anew.
pub(super) async fn verify(bench: &Bench) -> Vec<Verdict> {
    let mut traffic = None;
    let mut verdicts = Vec::new();
    for case in judging() {
        if case.needs == Stage::TrafficObserved && traffic.is_none() {
            traffic = Some(bench.step(Stage::TrafficObserved).await);
        }
        let judgement = match &traffic {
            // What was observed before must not stand in for what could not be observed now.
            Some(Err(why)) => Some(Err(NotHeld::Unobserved(why.clone()))),
            Some(Ok(())) | None => bench.judge(case).await,
        };
        verdicts.extend(judgement.map(|judgement| Verdict { case, judgement }));
    }
    verdicts
}
