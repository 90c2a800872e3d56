//! Judges all cases in the current state of a lab.

use futures_util::{StreamExt, stream};
use serde_json::Value;

use super::bench::{Bench, Judged};
use super::fault::Fault;
use super::faults::judging;
use lab_harness::case::Case;
use lab_harness::expect::Expect;
use lab_model::stage::Stage;
use lab_model::{BackendKind, Judgement, NotHeld};

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

/// Which looks may wait for the cluster to become as it should be.
#[derive(Clone, Copy)]
pub(super) enum Patience<'a> {
    /// All that do so in any run.
    AsInARun,
    /// Those of cases that must hold with this fault: of the others it is known that they do not.
    With(&'a Fault),
    /// None: who asks looks again.
    None,
}

impl Patience<'_> {
    fn has_none_for(self, case: &Case) -> bool {
        match self {
            Self::AsInARun => false,
            Self::With(fault) => !matches!(fault.expects(case.name), Expect::Held),
            Self::None => true,
        }
    }
}

/// Judges cases of a lab. Traffic is sent and observed once, before the first case that needs it.
pub(super) struct Verification<'a> {
    bench: &'a Bench,
    patience: Patience<'a>,
    traffic: Option<Result<(), String>>,
}

impl<'a> Verification<'a> {
    pub(super) const fn of(bench: &'a Bench, patience: Patience<'a>) -> Self {
        Self { bench, patience, traffic: None }
    }

    /// Sends traffic and observes it, if this was not done and the case needs it.
    pub(super) async fn observe_for(&mut self, case: &Case) {
        if case.needs == Stage::TrafficObserved && self.traffic.is_none() {
            self.traffic = Some(self.bench.step(Stage::TrafficObserved).await);
        }
    }

    /// Judges a case. None if it does not exist on the backend.
    pub(super) async fn judge(&self, case: &'static Case) -> Option<Verdict> {
        self.bench.is_doing(case.name);
        let Judged { judgement, seen } = match &self.traffic {
            // The lab still has traffic that was observed earlier; it must not be judged in place of the new one.
            Some(Err(why)) if case.needs == Stage::TrafficObserved => {
                Judged { judgement: Err(NotHeld::Unobserved(why.clone())), seen: None }
            }
            _ => self.bench.judge(case, self.patience.has_none_for(case)).await?,
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
pub(super) async fn verify(bench: &Bench, patience: Patience<'_>) -> Vec<Verdict> {
    verify_while(bench, patience, |_verdicts| true).await
}

/// The same; no traffic is sent, and the cases that need it are left out, where `go_on` is against it after the others.
pub(super) async fn verify_while(
    bench: &Bench,
    patience: Patience<'_>,
    go_on: impl Fn(&[Verdict]) -> bool,
) -> Vec<Verdict> {
    let mut verification = Verification::of(bench, patience);
    let (on_the_wire, others): (Vec<&Case>, Vec<&Case>) =
        judging(bench.ground()).partition(|case| case.needs == Stage::TrafficObserved);
    let mut verdicts = Vec::new();
    // Traffic is sent when nobody looks at anything else.
    for cases in [others, on_the_wire] {
        if !go_on(&verdicts) {
            return verdicts;
        }
        if let Some(first) = cases.first() {
            verification.observe_for(first).await;
        }
        let judged = stream::iter(cases).map(|case| verification.judge(case)).buffered(at_once(bench.backend()));
        verdicts.extend(judged.collect::<Vec<_>>().await.into_iter().flatten());
    }
    let place = |verdict: &Verdict| judging(bench.ground()).position(|case| case.name == verdict.case.name);
    verdicts.sort_by_key(place);
    verdicts
}

/// How many cases look at the same time. In a cluster most of a look is waiting for programs in nodes to start and to end;
/// on netns looks are short, and each is to be the only one.
const fn at_once(backend: BackendKind) -> usize {
    match backend {
        BackendKind::Netns | BackendKind::Cluster => 1,
        BackendKind::Kind => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::ON_KIND;
    use lab_harness::cases;

    /// Cilium's components are waited for by their look, but not where a fault is known to turn them.
    #[test]
    fn only_a_case_that_must_hold_is_waited_for() {
        let components = cases::find("cilium::components_are_ok").unwrap();
        assert!(components.body(BackendKind::Kind).unwrap().at_once.is_some());
        let with = |name: &str| Patience::With(ON_KIND.iter().find(|fault| fault.name == name).unwrap());
        for (patience, waits) in [
            (Patience::AsInARun, true),
            (with("tunnel-device"), true),
            (with("agent-killed"), false),
            (Patience::None, false),
        ] {
            assert_eq!(!patience.has_none_for(components), waits);
        }
    }
}
