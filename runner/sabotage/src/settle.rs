//! Waits for a cluster, which notices a fault and recovers from it in its own time.

use std::time::Duration;

use super::bench::Bench;
use super::fault::{Apply, Fault};
use super::faults::judging;
use super::one::deadlines;
use super::verify::{Patience, Verdict, Verification, verify_while};
use lab_base::clock;
use lab_base::clock::{Poll, WaitError};
use lab_harness::case::Case;
use lab_harness::expect::Expect;
use lab_model::stage::Stage;

/// The time between two checks.
const INTERVAL: Duration = Duration::from_secs(1);

/// The cases that a cluster notices the fault by in its own time.
fn slow(fault: &Fault, bench: &Bench) -> impl Iterator<Item = &'static Case> {
    let settles = if let Apply::Cluster { settles, .. } = fault.apply { settles } else { &[] };
    judging(bench.ground()).filter(|case| settles.contains(&case.name))
}

/// Waits until a cluster has noticed the fault, or until the deadline; the judges then show what it has not noticed.
pub(super) async fn settled(fault: &Fault, bench: &Bench) {
    for case in slow(fault, bench) {
        let as_it_must = clock::until(deadlines(bench.backend()).settle, INTERVAL, case.name, async || {
            let mut verification = Verification::of(bench, Patience::None);
            verification.observe_for(case).await;
            let Some(verdict) = verification.judge(case).await else { return Poll::Ready(()) };
            match fault.expects(case.name).check(&verdict.named) {
                Ok(()) => Poll::Ready(()),
                Err(why) => Poll::<(), String>::NotYet(why),
            }
        });
        let _judged_later = Box::pin(as_it_must).await;
    }
}

/// Waits until all cases of a cluster hold again, or until the deadline. Returns the verdicts of all, once they hold, all of one
/// look; else the judges show what does not.
pub(super) async fn healed(fault: &Fault, bench: &Bench) -> Option<Vec<Verdict>> {
    let deadline = deadlines(bench.backend()).heal;
    if deadline.is_zero() {
        return None;
    }
    // Looked at one by one before all are: what is noticed late heals late, and a look at all takes the CPUs of what heals.
    let mut first: Vec<&Case> = slow(fault, bench).collect();
    let whole = clock::until(deadline, INTERVAL, "the cluster to be whole again", async || {
        for case in std::mem::take(&mut first) {
            let _all_later = Box::pin(holds_again(bench, case)).await;
        }
        let lacking = |verdicts: &[Verdict]| {
            verdicts.iter().find_map(|verdict| Some((verdict.case, Expect::Held.check(&verdict.judgement).err()?)))
        };
        let verdicts = verify_while(bench, Patience::None, |verdicts| lacking(verdicts).is_none()).await;
        let Some((case, why)) = lacking(&verdicts) else { return Poll::Ready(verdicts) };
        // The others are looked at again when this one holds.
        let _all_later = Box::pin(holds_again(bench, case)).await;
        Poll::NotYet(why)
    });
    Box::pin(whole).await.ok()
}

/// Waits until this case holds again, unless it needs traffic: that is sent when all others hold.
async fn holds_again(bench: &Bench, case: &'static Case) -> Result<(), WaitError> {
    if case.needs == Stage::TrafficObserved {
        return Ok(());
    }
    clock::until(deadlines(bench.backend()).heal, INTERVAL, case.name, async || {
        let Some(verdict) = Verification::of(bench, Patience::None).judge(case).await else { return Poll::Ready(()) };
        match Expect::Held.check(&verdict.judgement) {
            Ok(()) => Poll::Ready(()),
            Err(why) => {
                bench.is_doing(&format!("waiting for {} to hold again", case.name));
                Poll::<(), String>::NotYet(why)
            }
        }
    })
    .await
}
