//! The options of a session, the events that it reports, and the errors that stop it.

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
    /// It is made on demand, with this name or the run's id as its name.
    Made {
        /// The name; none for the run's id.
        name: Option<String>,
        /// How long it lives.
        lifetime: Lifetime,
    },
    /// The lab of this name, which is up already.
    Found(String),
    /// A foreign cluster, which the session is given; by the name of its context.
    Foreign(String),
}

/// The options of a session.
#[derive(Debug, Clone)]
pub struct SessionOptions {
    /// The path of this program, which is started again as holder and probe.
    pub program: PathBuf,
    /// Where the lab comes from.
    pub source: LabSource,
    /// The folder that the run's folder is made in.
    pub runs_dir: PathBuf,
    /// The deadline for the observations of each case.
    pub case_deadline: Duration,
}

/// Something that happened in a session.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// A stage ended.
    Stage(&'a StageReport),
    /// A case was judged.
    Case(&'a CaseReport),
    /// Something began that may take a while.
    Working(&'a str),
    /// A stage is still being reached.
    Waiting {
        /// The stage.
        stage: Stage,
        /// What is being done; empty if that is not known.
        doing: &'a str,
        /// How long it has taken so far.
        elapsed: Duration,
    },
    /// A note about the run as a whole, for the user.
    Note(&'a str),
    /// The run is over; this is its folder.
    Kept(&'a Path),
}

/// Why a session stopped. It is not a verdict on any case.
#[derive(Debug)]
pub enum Stopped {
    /// A signal came.
    Interrupted,
    /// Evidence could not be kept.
    Evidence(EvidenceError),
    /// Another lab has taken the name since it was found to be free.
    Taken(StateError),
}

impl From<EvidenceError> for Stopped {
    fn from(error: EvidenceError) -> Self {
        Self::Evidence(error)
    }
}
