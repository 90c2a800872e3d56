//! One fault in one lab: made, judged, undone, judged again.

use std::time::{Duration, Instant};

use super::bench::Bench;
use super::fault::{Apply, Fault, Undo};
use super::report::{CellReport, FaultReport, Wrong, broken};
use super::run::Run;
use super::verify::{Verdict, verify};
use crate::clock;
use crate::stage::Stage;

/// For building a lab, for making or undoing a fault.
const MAKE_DEADLINE: Duration = Duration::from_mins(1);
/// For all cases of one lab: each look has its own deadlines, seconds long.
const JUDGE_DEADLINE: Duration = Duration::from_mins(2);

/// What became of something that has a deadline.
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
    in_time(JUDGE_DEADLINE, "all verdicts", Box::pin(async { Ok::<_, String>(verify(bench).await) }), not_made).await
}

impl Run<'_> {
    /// A lab that is complete but for its traffic, built with this fault or without any.
    async fn built(&self, fault: Option<&Fault>) -> Result<Bench, Wrong> {
        in_time(MAKE_DEADLINE, "a lab", Box::pin(self.build(fault)), not_made).await
    }

    async fn build(&self, fault: Option<&Fault>) -> Result<Bench, String> {
        let apply = fault.map(|fault| fault.apply);
        let shape = match apply {
            Some(Apply::Built(_, shape)) => shape,
            _ => |_spec: &mut _| {},
        };
        let state = self.claim().map_err(|error| error.to_string())?;
        let mut bench = Bench::start(self.program, state, shape).await.map_err(|failure| failure.to_string())?;
        for stage in Stage::ALL.into_iter().filter(|stage| *stage != Stage::TrafficObserved) {
            if let Some(Apply::Before(before, acts)) = apply
                && before == stage
            {
                let acts = acts(bench.plan());
                bench.tamper(acts).await?;
            }
            bench.step(stage).await.map_err(|why| format!("{stage}: {why}"))?;
        }
        Ok(bench)
    }

    /// A lab without a fault, in which all cases hold.
    pub(super) async fn sound(&self) -> Result<Bench, Vec<Wrong>> {
        let bench = self.built(None).await.map_err(|wrong| vec![wrong])?;
        let wrong = match judged(&bench).await {
            Ok(verdicts) => broken(&verdicts),
            Err(wrong) => vec![wrong],
        };
        if wrong.is_empty() {
            return Ok(bench);
        }
        self.end(bench).await;
        Err(wrong)
    }

    /// Ends a lab; one that does not end is ended by its state folder, with all others, when the run is over.
    pub(super) async fn end(&self, bench: Bench) {
        let _taken_down_later = clock::within(MAKE_DEADLINE, "the end of a lab", bench.end()).await;
    }

    /// Makes a fault, has it judged, undoes it and has the lab judged again. With a sound lab, as long as there is one.
    pub(super) async fn one(&self, fault: &Fault, sound: Bench) -> (FaultReport, Option<Bench>) {
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
            Ok(()) => against(fault, &bench).await,
            Err(why) => (Vec::new(), vec![why]),
        };
        let before = wrong.len();
        match undo(fault, &mut bench).await {
            Ok(()) => match judged(&bench).await {
                Ok(verdicts) => wrong.extend(broken(&verdicts)),
                Err(why) => wrong.push(why),
            },
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
                let seen = against(fault, &bench).await;
                self.end(bench).await;
                seen
            }
            Err(why) => (Vec::new(), vec![why]),
        }
    }
}

/// What the cases say while a fault stands, and what of that is wrong.
async fn against(fault: &Fault, bench: &Bench) -> (Vec<CellReport>, Vec<Wrong>) {
    match judged(bench).await {
        Ok(verdicts) => {
            let (cells, wrong): (Vec<_>, Vec<_>) =
                verdicts.iter().map(|verdict| CellReport::of(fault, verdict)).unzip();
            (cells, wrong.into_iter().flatten().collect())
        }
        Err(why) => (Vec::new(), vec![why]),
    }
}

async fn make(fault: &Fault, bench: &mut Bench) -> Result<(), Wrong> {
    let make = async {
        match fault.apply {
            Apply::Acts(acts) => {
                let acts = acts(bench.plan());
                bench.tamper(acts).await
            }
            Apply::Stop(node) => bench.stop(node).await,
            Apply::Before(..) | Apply::Built(..) => Err("it needs a lab of its own".to_owned()),
        }
    };
    in_time(MAKE_DEADLINE, "the fault", make, not_made).await
}

async fn undo(fault: &Fault, bench: &mut Bench) -> Result<(), Wrong> {
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
    in_time(MAKE_DEADLINE, "undoing the fault", undo, not_undone).await
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
