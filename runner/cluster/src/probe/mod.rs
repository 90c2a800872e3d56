//! The probe tier: what is sent in a foreign cluster, between pods of this program's own. All of it is in one namespace, is
//! taken away after the run, and ends by itself where that is not done.

mod adjacency;
mod answers;
mod ask;
mod down;
mod inside;
mod look;
mod make;
mod objects;
mod policed;
mod program;
mod running;
mod traffic;

use std::cell::{Cell, OnceCell};

pub use down::{Left, sweep};
pub(super) use inside::Inside;
pub use inside::PODS;
pub use make::BACKENDS;
pub use objects::{OWN, Ours, TIME_TO_LIVE};

use self::look::Looked;
use self::make::Made;
use super::survey::Survey;
use lab_backend::{Doing, LabError};
use lab_kube::api::Api;
use lab_model::stage::Stage;

/// How large the probe is; 0 where it is not part of this program.
pub fn program_octets() -> usize {
    lab_probe_program::embedded().map_or(0, <[u8]>::len)
}

/// The probe tier of a run.
#[derive(Debug)]
pub struct Probe {
    ours: Ours,
    begun: Cell<bool>,
    raised: OnceCell<Result<String, String>>,
    made: OnceCell<Made>,
    looked: OnceCell<Looked>,
}

impl Probe {
    /// One of which nothing is made yet.
    pub const fn new(ours: Ours) -> Self {
        Self { ours, begun: Cell::new(false), raised: OnceCell::new(), made: OnceCell::new(), looked: OnceCell::new() }
    }

    /// Whose its objects are.
    pub const fn ours(&self) -> &Ours {
        &self.ours
    }

    fn begin(&self) {
        self.begun.set(true);
    }

    pub(super) const fn has_begun(&self) -> bool {
        self.begun.get()
    }

    fn never_begun(&self) {
        self.begun.set(false);
    }

    /// Makes all objects, once. A summary of it.
    ///
    /// # Errors
    /// When nothing can be looked at.
    pub(super) async fn raise(&self, api: &Api, survey: &Survey, doing: &Doing) -> Result<String, LabError> {
        let raised = if let Some(raised) = self.raised.get() {
            raised
        } else {
            let raised = self.raise_now(api, survey, doing).await;
            self.raised.get_or_init(|| raised)
        };
        raised.clone().map_err(|why| LabError::Stage { stage: Stage::WorkloadReady, why })
    }

    async fn raise_now(&self, api: &Api, survey: &Survey, doing: &Doing) -> Result<String, String> {
        let made = make::make(api, survey, self, doing).await?;
        let (ours, able, silent) = (&self.ours, made.on_nodes.len(), made.silent.len());
        let without = if silent == 0 { String::new() } else { format!("; {silent} take no part") };
        let summary = format!(
            "made in {}: {} pods on {able} nodes, {} of them behind the Service{without}; they end by themselves after {} min",
            ours.namespace,
            able * 2,
            made.backends.len(),
            TIME_TO_LIVE.as_secs() / 60
        );
        let _once = self.made.set(made);
        Ok(summary)
    }

    fn made(&self) -> Result<&Made, String> {
        self.made.get().ok_or_else(|| "nothing of the probe's is there".to_owned())
    }

    /// Takes everything away that was made. A line for each thing; none where nothing was.
    ///
    /// # Errors
    /// What is left, and how to take it away.
    pub(super) async fn take_down(&self, api: &Api, context: &str) -> Result<Vec<String>, LabError> {
        if !self.begun.get() {
            return Ok(Vec::new());
        }
        down::take_down(api, &self.ours, context).await.map_err(LabError::Left)
    }
}
