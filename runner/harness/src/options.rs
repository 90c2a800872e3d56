//! What a session is made with, what it tells as it goes, and what stops it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lab_backend::state::StateError;
use lab_evidence::EvidenceError;
use lab_model::report::{CaseReport, StageReport};
use lab_model::stage::Stage;
use lab_netns::Lifetime;

/// Where the lab comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabSource {
    /// Made on demand, of this name or the run's id.
    Made {
        /// The name; none for the run's id.
        name: Option<String>,
        /// How long it lives.
        lifetime: Lifetime,
    },
    /// Up already.
    Found(String),
}

/// What a session is made with.
#[derive(Debug, Clone)]
pub struct SessionOptions {
    /// This program's own file.
    pub program: PathBuf,
    /// Where the lab comes from.
    pub source: LabSource,
    /// The folder that the run's folder is made in.
    pub runs_dir: PathBuf,
    /// For each case's look.
    pub case_deadline: Duration,
}

/// What happens in a session, as it happens.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// A stage ended.
    Stage(&'a StageReport),
    /// A case was judged.
    Case(&'a CaseReport),
    /// Something takes a while.
    Working(&'a str),
    /// A stage is still being reached.
    Waiting {
        /// Which one.
        stage: Stage,
        /// What it is busy with, in words; empty where it says nothing of itself.
        doing: &'a str,
        /// For how long by now.
        elapsed: Duration,
    },
    /// What a reader should know of the run as a whole.
    Note(&'a str),
    /// The run is over, and its folder has its name.
    Kept(&'a Path),
}

/// Stops a session: not a verdict on any case.
#[derive(Debug)]
pub enum Stopped {
    /// A signal came.
    Interrupted,
    /// Evidence could not be kept.
    Evidence(EvidenceError),
    /// Another lab got the name since it was seen to be free.
    Taken(StateError),
}

impl From<EvidenceError> for Stopped {
    fn from(error: EvidenceError) -> Self {
        Self::Evidence(error)
    }
}
