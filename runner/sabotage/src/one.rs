//! Runs one fault in one lab: makes it, judges, undoes it, judges again.

use std::time::{Duration, Instant};

use super::bench::Bench;
use super::fault::{Apply, Fault, InRacks, Undo};
use super::report::{CellReport, FaultReport, Phases, Wrong, broken};
use super::run::{Event, Run};
use super::settle::{healed, settled};
use super::verify::{Patience, Verdict, verify};
use lab_base::clock;
use lab_model::BackendKind;
use lab_model::stage::Stage;

/// The deadlines of the steps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadlines {
    /// For building a lab.
    build: Duration,
    /// For making or undoing a fault, and for ending a lab.
    make: Duration,
    /// For judging all cases of one lab; each observation has deadlines of its own.
    judge: Duration,
    /// For a cluster to notice a fault.
    pub(super) settle: Duration,
    /// For a cluster to recover after a fault was undone.
    pub(super) heal: Duration,
}

pub(super) const fn deadlines(backend: BackendKind) -> Deadlines {
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
        BackendKind::Kind | BackendKind::Cluster => {
            Deadlines { build: minutes(30), make: minutes(6), judge: minutes(8), settle: minutes(3), heal: minutes(8) }
        }
    }
}

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

async fn judged(bench: &Bench, patience: Patience<'_>) -> Result<Vec<Verdict>, Wrong> {
    let deadline = deadlines(bench.backend()).judge;
    let all = Box::pin(async { Ok::<_, String>(verify(bench, patience).await) });
    in_time(deadline, "all verdicts", all, not_made).await
}

impl Run<'_> {
    /// Builds a lab up to the stage before traffic, with this fault or without one.
    async fn built(&self, fault: Option<&Fault>) -> Result<Bench, Wrong> {
        in_time(deadlines(self.backend()).build, "a lab", Box::pin(self.build(fault)), not_made).await
    }

    async fn build(&self, fault: Option<&Fault>) -> Result<Bench, String> {
        let apply = fault.map(|fault| fault.apply);
        let shape = match apply {
            Some(Apply::Built(_, shape) | Apply::Racks(InRacks::Built(shape))) => shape,
            _ => |_spec: &mut _| {},
        };
        let mut bench = self.start(fault.map_or(self.size(), Fault::size), shape).await?;
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
        let wrong = self.all_hold(judged(&bench, Patience::AsInARun).await, None);
        if wrong.is_empty() {
            return Ok(bench);
        }
        self.end(bench).await;
        Err(wrong)
    }

    /// The errors of a lab without a fault: before the first fault, or after one was undone.
    fn all_hold(&self, judged: Result<Vec<Verdict>, Wrong>, after: Option<&Fault>) -> Vec<Wrong> {
        match judged {
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
        let mut laps = Laps::begin();
        if fault.needs_its_own_lab() {
            let (cases, mut wrong) = self.in_its_own_lab(fault, &mut laps).await;
            let again = self.sound().await;
            self.end(sound).await;
            laps.end(|phases| &mut phases.healed);
            let sound = again.map_err(|broken| wrong.extend(broken)).ok();
            return (laps.report(fault, cases, wrong), sound);
        }
        let mut bench = sound;
        let made = make(fault, &mut bench).await;
        laps.end(|phases| &mut phases.made);
        let (cases, mut wrong) = match made {
            Ok(()) => {
                settled(fault, &bench).await;
                laps.end(|phases| &mut phases.noticed);
                self.judge_with(fault, &bench).await
            }
            Err(why) => (Vec::new(), vec![why]),
        };
        laps.end(|phases| &mut phases.judged);
        let before = wrong.len();
        (self.tell)(Event::Undone(fault));
        let undone = undo(fault, &mut bench).await;
        laps.end(|phases| &mut phases.undone);
        match undone {
            Ok(()) => {
                let after = match healed(fault, &bench).await {
                    Some(verdicts) => Ok(verdicts),
                    None => judged(&bench, Patience::None).await,
                };
                wrong.extend(self.all_hold(after, Some(fault)));
            }
            Err(why) => wrong.push(why),
        }
        laps.end(|phases| &mut phases.healed);
        if wrong.len() == before {
            return (laps.report(fault, cases, wrong), Some(bench));
        }
        // The next fault begins with a sound lab again.
        self.end(bench).await;
        (laps.report(fault, cases, wrong), None)
    }

    async fn in_its_own_lab(&self, fault: &Fault, laps: &mut Laps) -> (Vec<CellReport>, Vec<Wrong>) {
        let built = self.built(Some(fault)).await;
        laps.end(|phases| &mut phases.made);
        match built {
            Ok(bench) => {
                let seen = self.judge_with(fault, &bench).await;
                laps.end(|phases| &mut phases.judged);
                self.end(bench).await;
                laps.end(|phases| &mut phases.undone);
                seen
            }
            Err(why) => (Vec::new(), vec![why]),
        }
    }
}

impl Run<'_> {
    /// Judges all cases while a fault is made. Returns what each said, and what of that is wrong.
    async fn judge_with(&self, fault: &Fault, bench: &Bench) -> (Vec<CellReport>, Vec<Wrong>) {
        match judged(bench, Patience::With(fault)).await {
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
            Apply::Racks(InRacks::Acts(acts)) => {
                let acts = acts(bench.plan());
                bench.tamper(acts).await
            }
            Apply::Racks(InRacks::Announce(node, how)) => bench.announce(node, how).await,
            Apply::Racks(InRacks::Silence(at)) => bench.silence(at).await,
            Apply::Racks(InRacks::Configure { at, text, instead }) => bench.configure(at, text, instead).await,
            Apply::Cluster { how, .. } => bench.break_cluster(how).await,
            Apply::Before(..) | Apply::Built(..) | Apply::Sized { .. } | Apply::Racks(InRacks::Built(_)) => {
                Err("it needs a lab of its own".to_owned())
            }
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

/// The time that a fault takes, phase by phase.
struct Laps {
    begun: Instant,
    since: Instant,
    phases: Phases,
}

impl Laps {
    fn begin() -> Self {
        let now = clock::now();
        Self { begun: now, since: now, phases: Phases::default() }
    }

    /// Ends this phase; the next one begins.
    fn end(&mut self, phase: fn(&mut Phases) -> &mut Duration) {
        let now = clock::now();
        *phase(&mut self.phases) += now - self.since;
        self.since = now;
    }

    fn report(&self, fault: &Fault, cases: Vec<CellReport>, wrong: Vec<Wrong>) -> FaultReport {
        FaultReport {
            name: fault.name.to_owned(),
            what: fault.what.to_owned(),
            stage: fault.stage(),
            undone: fault.undone().to_owned(),
            named: fault.kills.iter().map(|case| (*case).to_owned()).collect(),
            cases,
            wrong,
            seconds: self.begun.elapsed(),
            phases: self.phases,
        }
    }
}
