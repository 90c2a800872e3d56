//! Runs one fault in one lab: makes it, judges, undoes it, judges again.

use std::time::{Duration, Instant};

use super::bench::{Bench, Size};
use super::fault::{Apply, Fault, Undo};
use super::faults::judging;
use super::report::{CellReport, FaultReport, Wrong, broken};
use super::run::{Event, Run};
use super::verify::{Verdict, Verification, verify};
use lab_base::clock;
use lab_base::clock::Poll;
use lab_harness::expect::Expect;
use lab_model::BackendKind;
use lab_model::stage::Stage;

/// The deadlines of the steps.
#[derive(Debug, Clone, Copy)]
struct Deadlines {
    /// For building a lab.
    build: Duration,
    /// For making or undoing a fault, and for ending a lab.
    make: Duration,
    /// For judging all cases of one lab; each observation has deadlines of its own.
    judge: Duration,
    /// For a cluster to notice a fault.
    settle: Duration,
    /// For a cluster to recover after a fault was undone.
    heal: Duration,
}

const fn deadlines(backend: BackendKind) -> Deadlines {
    const fn minutes(number: u64) -> Duration {
        Duration::from_mins(number)
    }
    match backend {
        // Changes in the kernel take effect at once.
        BackendKind::Netns => Deadlines {
            build: minutes(1),
            make: minutes(1),
            judge: minutes(2),
            settle: Duration::ZERO,
            heal: Duration::ZERO,
        },
        BackendKind::Kind => {
            Deadlines { build: minutes(30), make: minutes(6), judge: minutes(8), settle: minutes(3), heal: minutes(8) }
        }
    }
}

/// The time between two checks of a cluster that settles or heals.
const INTERVAL: Duration = Duration::from_secs(1);

/// Waits for work with a deadline; turns its error, or the deadline, into a [`Wrong`].
async fn in_time<T, E: ToString>(
    deadline: Duration,
    what: &str,
    work: impl Future<Output = Result<T, E>>,
    failed: fn(String) -> Wrong,
) -> Result<T, Wrong> {
    match clock::within(deadline, what, work).await {
        Ok(done) => done.map_err(|why| failed(why.to_string())),
        Err(passed) => Err(Wrong::Deadline { why: passed.to_string() }),
    }
}

const fn not_made(why: String) -> Wrong {
    Wrong::NotMade { why }
}

const fn not_undone(why: String) -> Wrong {
    Wrong::NotUndone { why }
}

async fn judged(bench: &Bench) -> Result<Vec<Verdict>, Wrong> {
    let deadline = deadlines(bench.backend()).judge;
    in_time(deadline, "all verdicts", Box::pin(async { Ok::<_, String>(verify(bench).await) }), not_made).await
}

/// Waits until a cluster has noticed the fault, or until the deadline; the judges then show what it has not noticed.
async fn settled(fault: &Fault, bench: &Bench) {
    let Apply::Cluster { settles, .. } = fault.apply else { return };
    let slow = judging(bench.backend()).filter(|case| settles.contains(&case.name));
    for case in slow {
        let as_it_must = clock::until(deadlines(bench.backend()).settle, INTERVAL, case.name, async || {
            let Some(verdict) = Verification::of(bench).judge(case).await else { return Poll::Ready(()) };
            match fault.expects(case.name).check(&verdict.named) {
                Ok(()) => Poll::Ready(()),
                Err(why) => Poll::<(), String>::NotYet(why),
            }
        });
        let _judged_later = Box::pin(as_it_must).await;
    }
}

/// Waits until all cases of a cluster hold again, or until the deadline; the judges then show what does not hold.
async fn healed(bench: &Bench) {
    let deadline = deadlines(bench.backend()).heal;
    if deadline.is_zero() {
        return;
    }
    let whole = clock::until(deadline, INTERVAL, "the cluster to be whole again", async || {
        let mut verification = Verification::of(bench);
        for case in judging(bench.backend()) {
            let Some(verdict) = verification.judge(case).await else { continue };
            if let Err(why) = Expect::Held.check(&verdict.judgement) {
                bench.is_doing(&format!("waiting for {} to hold again", case.name));
                return Poll::NotYet(why);
            }
        }
        Poll::Ready(())
    });
    let _judged_later = Box::pin(whole).await;
}

impl Run<'_> {
    /// Builds a lab up to the stage before traffic, with this fault or without one.
    async fn built(&self, fault: Option<&Fault>) -> Result<Bench, Wrong> {
        in_time(deadlines(self.backend()).build, "a lab", Box::pin(self.build(fault)), not_made).await
    }

    async fn build(&self, fault: Option<&Fault>) -> Result<Bench, String> {
        let apply = fault.map(|fault| fault.apply);
        let shape = match apply {
            Some(Apply::Built(_, shape)) => shape,
            _ => |_spec: &mut _| {},
        };
        let mut bench = self.start(fault.map_or(Size::ARTICLE, Fault::size), shape).await?;
        for stage in Stage::ALL.into_iter().filter(|stage| *stage != Stage::TrafficObserved) {
            if let Some(Apply::Before(before, acts)) = apply
                && before == stage
            {
                let acts = acts(bench.plan());
                bench.tamper(acts).await?;
            }
            bench.step(stage).await.map_err(|why| format!("{stage}: {why}"))?;
        }
        if let Some(Apply::Sized { acts, .. }) = apply {
            let acts = acts(bench.plan());
            bench.tamper(acts).await?;
        }
        Ok(bench)
    }

    /// Builds a lab without a fault, and checks that all cases hold.
    pub(super) async fn sound(&self) -> Result<Bench, Vec<Wrong>> {
        let bench = self.built(None).await.map_err(|wrong| vec![wrong])?;
        let wrong = self.all_hold(&bench, None).await;
        if wrong.is_empty() {
            return Ok(bench);
        }
        self.end(bench).await;
        Err(wrong)
    }

    /// The errors of a lab without a fault: before the first fault, or after one was undone.
    async fn all_hold(&self, bench: &Bench, after: Option<&Fault>) -> Vec<Wrong> {
        match judged(bench).await {
            Ok(verdicts) => {
                let wrong = broken(&verdicts);
                self.keep(after.map_or("before", |fault| fault.name), "after", &verdicts, &wrong);
                wrong
            }
            Err(wrong) => vec![wrong],
        }
    }

    /// Ends a lab. If that fails, [`Run::clean_up`] ends it by its state folder when the run is over.
    pub(super) async fn end(&self, bench: Bench) {
        let deadline = deadlines(self.backend()).make;
        let _taken_down_later = clock::within(deadline, "the end of a lab", bench.end()).await;
    }

    /// Makes a fault, judges all cases, undoes it and judges all cases again. Returns the report, and the lab if it is sound
    /// again.
    pub(super) async fn run_fault(&self, fault: &Fault, sound: Bench) -> (FaultReport, Option<Bench>) {
        let begun = clock::now();
        if fault.needs_its_own_lab() {
            let (cases, mut wrong) = self.in_its_own_lab(fault).await;
            let sound = match self.sound().await {
                Ok(again) => {
                    self.end(sound).await;
                    Some(again)
                }
                Err(broken) => {
                    wrong.extend(broken);
                    self.end(sound).await;
                    None
                }
            };
            return (report(fault, cases, wrong, begun), sound);
        }
        let mut bench = sound;
        let (cases, mut wrong) = match make(fault, &mut bench).await {
            Ok(()) => {
                settled(fault, &bench).await;
                self.judge_with(fault, &bench).await
            }
            Err(why) => (Vec::new(), vec![why]),
        };
        let before = wrong.len();
        (self.tell)(Event::Undone(fault));
        match undo(fault, &mut bench).await {
            Ok(()) => {
                healed(&bench).await;
                wrong.extend(self.all_hold(&bench, Some(fault)).await);
            }
            Err(why) => wrong.push(why),
        }
        let report = |wrong| report(fault, cases, wrong, begun);
        if wrong.len() == before {
            return (report(wrong), Some(bench));
        }
        // The next fault begins with a sound lab again.
        self.end(bench).await;
        (report(wrong), None)
    }

    async fn in_its_own_lab(&self, fault: &Fault) -> (Vec<CellReport>, Vec<Wrong>) {
        match self.built(Some(fault)).await {
            Ok(bench) => {
                let seen = self.judge_with(fault, &bench).await;
                self.end(bench).await;
                seen
            }
            Err(why) => (Vec::new(), vec![why]),
        }
    }
}

impl Run<'_> {
    /// Judges all cases while a fault is made. Returns what each said, and what of that is wrong.
    async fn judge_with(&self, fault: &Fault, bench: &Bench) -> (Vec<CellReport>, Vec<Wrong>) {
        match judged(bench).await {
            Ok(verdicts) => {
                let (cells, wrong): (Vec<_>, Vec<_>) =
                    verdicts.iter().map(|verdict| CellReport::of(fault, verdict)).unzip();
                let wrong: Vec<Wrong> = wrong.into_iter().flatten().collect();
                self.keep(fault.name, "while", &verdicts, &wrong);
                (cells, wrong)
            }
            Err(why) => (Vec::new(), vec![why]),
        }
    }
}

async fn make(fault: &Fault, bench: &mut Bench) -> Result<(), Wrong> {
    let deadline = deadlines(bench.backend()).make;
    let make = async {
        match fault.apply {
            Apply::Acts(acts) => {
                let acts = acts(bench.plan());
                bench.tamper(acts).await
            }
            Apply::Stop(node) => bench.stop(node).await,
            Apply::Cluster { how, .. } => bench.break_cluster(how).await,
            Apply::Before(..) | Apply::Built(..) | Apply::Sized { .. } => Err("it needs a lab of its own".to_owned()),
        }
    };
    in_time(deadline, "the fault", Box::pin(make), not_made).await
}

async fn undo(fault: &Fault, bench: &mut Bench) -> Result<(), Wrong> {
    let deadline = deadlines(bench.backend()).make;
    let undo = async {
        let then = match fault.undo {
            Undo::PutBack | Undo::BuiltAgain => None,
            Undo::PutBackAnd(acts) | Undo::Acts(acts) => Some(acts),
        };
        if !matches!(fault.undo, Undo::Acts(_)) {
            bench.undo().await.map_err(|error| error.to_string())?;
        }
        match then {
            Some(acts) => {
                let acts = acts(bench.plan());
                bench.change(acts).await
            }
            None => Ok(()),
        }
    };
    in_time(deadline, "undoing the fault", Box::pin(undo), not_undone).await
}

fn report(fault: &Fault, cases: Vec<CellReport>, wrong: Vec<Wrong>, begun: Instant) -> FaultReport {
    FaultReport {
        name: fault.name.to_owned(),
        what: fault.what.to_owned(),
        stage: fault.stage(),
        undone: fault.undone().to_owned(),
        named: fault.kills.iter().map(|case| (*case).to_owned()).collect(),
        cases,
        wrong,
        seconds: begun.elapsed(),
    }
}
