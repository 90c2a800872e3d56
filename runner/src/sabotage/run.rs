//! A run: several labs at once, each with one fault at a time.

use futures_util::future::join_all;
use std::cell::{Cell, RefCell};
use std::path::Path;

use super::fault::Fault;
use super::report::{FaultReport, Wrong};
use crate::backend::LabError;
use crate::backend::netns::take_down;
use crate::state::{StateDir, StateError};

/// Labs that are up at the same time: most of a fault's time is waiting for a silence to end.
const LABS: usize = 4;

/// What happens in a run, as it happens.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// A sound lab is built and judged.
    Sound,
    /// A fault is begun.
    Begun(&'a Fault),
    /// A fault has come to its end.
    Done(&'a FaultReport),
}

/// A run of faults.
pub struct Run<'a> {
    pub(super) program: &'a Path,
    faults: &'a [Fault],
    /// The folder that the labs' state folders are made in.
    state_root: &'a Path,
    id: &'a str,
    tell: &'a dyn Fn(Event<'_>),
    next: Cell<usize>,
    labs: RefCell<Vec<StateDir>>,
    done: RefCell<Vec<(usize, FaultReport)>>,
    before: RefCell<Vec<Wrong>>,
}

impl<'a> Run<'a> {
    /// Of these faults, in labs that are called after the run's id. `tell` hears what happens.
    pub const fn new(
        program: &'a Path,
        faults: &'a [Fault],
        state_root: &'a Path,
        id: &'a str,
        tell: &'a dyn Fn(Event<'_>),
    ) -> Self {
        Self {
            program,
            faults,
            state_root,
            id,
            tell,
            next: Cell::new(0),
            labs: RefCell::new(Vec::new()),
            done: RefCell::new(Vec::new()),
            before: RefCell::new(Vec::new()),
        }
    }

    /// Makes them all. It may be dropped before its end; [`Self::outcome`] has what was done by then.
    pub async fn all(&self) {
        join_all((0..LABS.min(self.faults.len())).map(|_| self.lane())).await;
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

    /// A state folder for one more lab.
    pub(super) fn claim(&self) -> Result<StateDir, StateError> {
        let number = self.labs.borrow().len() + 1;
        let state = StateDir::claim_in(self.state_root, &format!("{}-{number}", self.id))?;
        self.labs.borrow_mut().push(state.clone());
        Ok(state)
    }

    /// Takes down what is left of its labs.
    ///
    /// # Errors
    /// When something stays.
    pub async fn clean_up(&self) -> Result<(), LabError> {
        let labs = std::mem::take(&mut *self.labs.borrow_mut());
        for state in labs.iter().filter(|state| state.path().is_dir()) {
            take_down(state).await?;
        }
        Ok(())
    }

    /// What went wrong before any fault was made, and what came of the faults, in their order.
    pub fn outcome(self) -> (Vec<Wrong>, Vec<FaultReport>) {
        let mut done = self.done.into_inner();
        done.sort_by_key(|(index, _)| *index);
        (self.before.into_inner(), done.into_iter().map(|(_, report)| report).collect())
    }
}

impl std::fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run").field("id", &self.id).field("done", &self.done).finish_non_exhaustive()
    }
}
