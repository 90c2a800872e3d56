//! What can go wrong with a lab, on any backend.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use lab_base::failure::{Failure, chain};
use lab_model::stage::Stage;

use crate::state::StateError;

/// Something about a lab went wrong.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// Its state folder.
    #[error(transparent)]
    State(#[from] StateError),
    /// The Docker Engine.
    #[error(transparent)]
    Engine(Box<dyn Error + Send + Sync>),
    /// The API server.
    #[error(transparent)]
    Api(Box<dyn Error + Send + Sync>),
    /// kind, helm or cilium failed.
    #[error("`{command}`: {why}")]
    Tool {
        /// The command line.
        command: String,
        /// Its exit and its last words.
        why: String,
    },
    /// A process could not be run.
    #[error(transparent)]
    Exec(#[from] lab_base::exec::ExecError),
    /// The process that holds the lab is gone.
    #[error("the lab {name} is gone: the process that held it (pid {pid}) has ended{}; `lab down --name {name}` removes what is left", why.as_deref().map(|why| format!(": {why}")).unwrap_or_default())]
    HolderGone {
        /// The lab.
        name: String,
        /// The process.
        pid: i32,
        /// Its last words.
        why: Option<String>,
    },
    /// The process that should hold the lab did not come up.
    #[error("the lab's namespaces could not be made: {why}; `lab doctor --on netns` tells what is missing")]
    HolderNotStarted {
        /// Its last words.
        why: String,
    },
    /// It did not answer.
    #[error("the lab {name} did not answer {order} within {deadline:?}")]
    Silent {
        /// The lab.
        name: String,
        /// What it was told.
        order: String,
        /// How long it was waited for.
        deadline: Duration,
    },
    /// It could not do what it was told.
    #[error("{stage}: {why}")]
    Stage {
        /// Which stage.
        stage: Stage,
        /// Its reason.
        why: String,
    },
    /// It refused an order, or answered something else.
    #[error("the lab {name} did not {order}: {why}")]
    Refused {
        /// The lab.
        name: String,
        /// What it was told.
        order: String,
        /// Its reason.
        why: String,
    },
    /// The probe said something that is no answer.
    #[error("the probe's answer cannot be read: {0}")]
    Probe(String),
    /// The probe could not be brought to where it is to look, or not be started there.
    #[error("the probe cannot look: {0}")]
    Unasked(String),
    /// A deliberate fault could not be made.
    #[error("the fault could not be made: {why}")]
    NotTampered {
        /// What `lab tamper` said.
        why: String,
    },
    /// A deliberate fault could not be taken back.
    #[error("the fault could not be undone: {why}")]
    NotUndone {
        /// What `lab tamper` said.
        why: String,
    },
    /// A place that the lab does not have.
    #[error("there is no {place} in the lab {name}; it has {there}")]
    NoPlace {
        /// What was asked for.
        place: String,
        /// The lab.
        name: String,
        /// What it has.
        there: String,
    },
    /// A folder for captures could not be made.
    #[error("making a folder for captures in {path}: {source}")]
    Scratch {
        /// Where.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

impl From<LabError> for Failure {
    fn from(error: LabError) -> Self {
        match error {
            LabError::State(state) => Self::from(state),
            LabError::NoPlace { .. } => Self::usage(chain(&error)),
            _ => Self::stage(&error),
        }
    }
}
