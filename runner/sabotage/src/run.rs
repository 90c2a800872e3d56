//! A run of faults: several labs at the same time, with one fault at a time in each.

use async_recursion::async_recursion as boxed;
use futures_util::future::join_all;
use std::cell::{Cell, RefCell};
use std::path::Path;

use super::bench::{Bench, Size};
use super::fault::Fault;
use super::report::{FaultReport, Wrong};
use super::verify::Verdict;
use lab_backend::state::{StateDir, StateError};
use lab_backend::{Doing, LabError};
use lab_harness::Setup;
use lab_harness::lab::take_down;
use lab_manifest::DEFAULT_CLUSTER;
use lab_model::BackendKind;
use lab_netns::plan::Spec;

/// How many labs on netns are up at the same time. They take little CPU time, since most of a fault's time is waiting for
/// answers that do not come.
const LABS: usize = 4;

/// What the labs of a run are made from.
#[derive(Debug, Clone, Copy)]
pub enum Labs<'a> {
    /// Several on netns, with their state folders in this one.
    Netns(&'a Path),
    /// One on kind.
    Kind {
        /// Its setup.
        setup: &'a Setup,
        /// What is being done with it, to be shown.
        doing: &'a Doing,
    },
}

/// The observations of a case whose judgement was wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// The name of the file for them: `stale-backend.while.service-load_balancer_table_matches`.
    pub name: String,
    /// The observations.
    pub seen: serde_json::Value,
}

/// Something that happened in a run.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// A sound lab is built and judged.
    Sound,
    /// A fault is being made.
    Begun(&'a Fault),
    /// A fault was judged and is being undone.
    Undone(&'a Fault),
    /// A fault was undone and judged again.
    Done(&'a FaultReport),
}

/// A run of faults.
pub struct Run<'a> {
    pub(super) program: &'a Path,
    faults: &'a [Fault],
    from: Labs<'a>,
    id: &'a str,
    pub(super) tell: &'a dyn Fn(Event<'_>),
    next: Cell<usize>,
    labs: RefCell<Vec<StateDir>>,
    done: RefCell<Vec<(usize, FaultReport)>>,
    before: RefCell<Vec<Wrong>>,
    kept: RefCell<Vec<Kept>>,
}

/// The result of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The errors before any fault was made.
    pub before: Vec<Wrong>,
    /// The reports of the faults, in order.
    pub faults: Vec<FaultReport>,
    /// The observations of cases whose judgement was wrong.
    pub kept: Vec<Kept>,
}

impl<'a> Run<'a> {
    /// A run of these faults, in labs that are named after the run's id. `tell` is called with what happens.
    pub const fn new(
        program: &'a Path,
        faults: &'a [Fault],
        from: Labs<'a>,
        id: &'a str,
        tell: &'a dyn Fn(Event<'_>),
    ) -> Self {
        Self {
            program,
            faults,
            from,
            id,
            tell,
            next: Cell::new(0),
            labs: RefCell::new(Vec::new()),
            done: RefCell::new(Vec::new()),
            before: RefCell::new(Vec::new()),
            kept: RefCell::new(Vec::new()),
        }
    }

    pub(super) const fn backend(&self) -> BackendKind {
        match self.from {
            Labs::Netns(_) => BackendKind::Netns,
            Labs::Kind { .. } => BackendKind::Kind,
        }
    }

    /// The size of its sound labs, which is that of its faults.
    pub(super) fn size(&self) -> Size {
        let in_racks = self.faults.first().is_some_and(|fault| fault.ground().bgp);
        if in_racks { Size::RACKS } else { Size::ARTICLE }
    }

    /// Runs all faults. The future may be dropped before its end; [`Self::outcome`] then has what was done until then.
    #[boxed(?Send)]
    pub async fn run_all(&self) {
        let labs = match self.backend() {
            BackendKind::Netns => LABS,
            // One only, because the cluster has the article's names and network.
            BackendKind::Kind | BackendKind::Cluster => 1,
        };
        join_all((0..labs.min(self.faults.len())).map(|_| self.lane())).await;
    }

    /// Runs faults one after the other, in one lab at a time, until none is left.
    async fn lane(&self) {
        let mut sound = None;
        while let Some((index, fault)) = self.take() {
            let bench = if let Some(bench) = sound.take() {
                bench
            } else {
                (self.tell)(Event::Sound);
                match self.sound().await {
                    Ok(bench) => bench,
                    Err(wrong) => {
                        // If cases do not hold in a lab without a fault, faults show nothing, so the run ends.
                        self.before.borrow_mut().extend(wrong);
                        self.next.set(self.faults.len());
                        return;
                    }
                }
            };
            (self.tell)(Event::Begun(fault));
            let (report, left) = self.run_fault(fault, bench).await;
            (self.tell)(Event::Done(&report));
            self.done.borrow_mut().push((index, report));
            sound = left;
        }
        if let Some(bench) = sound {
            self.end(bench).await;
        }
    }

    fn take(&self) -> Option<(usize, &'a Fault)> {
        let index = self.next.get();
        let fault = self.faults.get(index)?;
        self.next.set(index + 1);
        Some((index, fault))
    }

    /// Starts one more lab, of which nothing is built yet. On netns it has this size, and `shape` may change the article's spec.
    pub(super) async fn start(&self, size: Size, shape: fn(&mut Spec)) -> Result<Bench, String> {
        match self.from {
            Labs::Netns(root) => {
                let state = self.claim_in(root).map_err(|error| error.to_string())?;
                Bench::start(self.program, state, size, shape).await.map_err(|failure| failure.to_string())
            }
            Labs::Kind { setup, doing } => {
                let claimed = Bench::claim_on_kind(self.program, setup, doing).await;
                let bench = claimed.map_err(|failure| failure.to_string())?;
                let name = setup.name.as_deref().unwrap_or(DEFAULT_CLUSTER);
                self.labs.borrow_mut().push(StateDir::open(name).map_err(|error| error.to_string())?);
                Ok(bench)
            }
        }
    }

    /// Claims a state folder for one more lab.
    fn claim_in(&self, root: &Path) -> Result<StateDir, StateError> {
        let number = self.labs.borrow().len() + 1;
        let state = StateDir::claim_in(root, &format!("{}-{number}", self.id))?;
        self.labs.borrow_mut().push(state.clone());
        Ok(state)
    }

    /// Keeps the observations of cases whose judgement was wrong.
    pub(super) fn keep(&self, fault: &str, when: &str, verdicts: &[Verdict], wrong: &[Wrong]) {
        let is_wrong = |verdict: &&Verdict| wrong.iter().any(|wrong| wrong.case() == Some(verdict.case.name));
        let kept = verdicts.iter().filter(is_wrong).filter_map(|verdict| {
            let name = format!("{fault}.{when}.{}", verdict.case.name.replace("::", "-"));
            verdict.seen.clone().map(|seen| Kept { name, seen })
        });
        self.kept.borrow_mut().extend(kept);
    }

    /// Takes down the labs that are still up.
    ///
    /// # Errors
    /// When something could not be removed.
    #[boxed(?Send)]
    pub async fn clean_up(&self) -> Result<(), LabError> {
        let labs = std::mem::take(&mut *self.labs.borrow_mut());
        for state in labs.iter().filter(|state| state.path().is_dir()) {
            take_down(state, self.program).await?;
        }
        Ok(())
    }

    /// The result so far.
    pub fn outcome(self) -> Outcome {
        let mut done = self.done.into_inner();
        done.sort_by_key(|(index, _)| *index);
        let faults = done.into_iter().map(|(_, report)| report).collect();
        Outcome { before: self.before.into_inner(), faults, kept: self.kept.into_inner() }
    }
}

impl std::fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run").field("id", &self.id).field("done", &self.done).finish_non_exhaustive()
    }
}
