//! A run: several labs at once, each with one fault at a time.

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

/// Labs on netns that are up at the same time: most of a fault's time is waiting for a silence to end.
const LABS: usize = 4;

/// What the labs of a run are made from.
#[derive(Debug, Clone, Copy)]
pub enum Labs<'a> {
    /// Several on netns, with their state folders in this one.
    Netns(&'a Path),
    /// One on kind.
    Kind {
        /// What it is made to be.
        setup: &'a Setup,
        /// What is being done with it, for who shows it.
        doing: &'a Doing,
    },
}

/// What a case saw that was not as it must be.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// For a file: `stale-backend.while.service-load_balancer_table_matches`.
    pub name: String,
    /// What it saw.
    pub seen: serde_json::Value,
}

/// What happens in a run, as it happens.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// A sound lab is built and judged.
    Sound,
    /// A fault is begun.
    Begun(&'a Fault),
    /// It was judged, and is taken back.
    Undone(&'a Fault),
    /// A fault has come to its end.
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

/// What came of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// What went wrong before any fault was made.
    pub before: Vec<Wrong>,
    /// What came of the faults, in their order.
    pub faults: Vec<FaultReport>,
    /// What the cases saw that were not as they must be.
    pub kept: Vec<Kept>,
}

impl<'a> Run<'a> {
    /// Of these faults, in labs that are called after the run's id. `tell` hears what happens.
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

    /// Makes them all. It may be dropped before its end; [`Self::outcome`] has what was done by then.
    pub async fn all(&self) {
        let labs = match self.backend() {
            BackendKind::Netns => LABS,
            // Its cluster has the article's names and network.
            BackendKind::Kind => 1,
        };
        join_all((0..labs.min(self.faults.len())).map(|_| self.lane())).await;
    }

    /// One lab after the other, a fault at a time, as long as there are any.
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
                        // Nothing can be learned from a lab that does not hold as it is.
                        self.before.borrow_mut().extend(wrong);
                        self.next.set(self.faults.len());
                        return;
                    }
                }
            };
            (self.tell)(Event::Begun(fault));
            let (report, left) = self.one(fault, bench).await;
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

    /// One more lab, of which nothing is built yet: on netns it may be shaped otherwise than the article's.
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

    /// A state folder for one more lab.
    fn claim_in(&self, root: &Path) -> Result<StateDir, StateError> {
        let number = self.labs.borrow().len() + 1;
        let state = StateDir::claim_in(root, &format!("{}-{number}", self.id))?;
        self.labs.borrow_mut().push(state.clone());
        Ok(state)
    }

    /// Keeps what cases saw that are not as they must be.
    pub(super) fn keep(&self, fault: &str, when: &str, verdicts: &[Verdict], wrong: &[Wrong]) {
        let is_wrong = |verdict: &&Verdict| wrong.iter().any(|wrong| wrong.case() == Some(verdict.case.name));
        let kept = verdicts.iter().filter(is_wrong).filter_map(|verdict| {
            let name = format!("{fault}.{when}.{}", verdict.case.name.replace("::", "-"));
            verdict.seen.clone().map(|seen| Kept { name, seen })
        });
        self.kept.borrow_mut().extend(kept);
    }

    /// Takes down what is left of its labs.
    ///
    /// # Errors
    /// When something stays.
    pub async fn clean_up(&self) -> Result<(), LabError> {
        let labs = std::mem::take(&mut *self.labs.borrow_mut());
        for state in labs.iter().filter(|state| state.path().is_dir()) {
            take_down(state, self.program).await?;
        }
        Ok(())
    }

    /// What came of it.
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
