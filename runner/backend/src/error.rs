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
    /// The lab's state folder cannot be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// The Docker Engine refused a request or did not answer.
    #[error(transparent)]
    Engine(Box<dyn Error + Send + Sync>),
    /// The API server refused a request or did not answer.
    #[error(transparent)]
    Api(Box<dyn Error + Send + Sync>),
    /// kind, helm or cilium failed.
    #[error("`{command}`: {why}")]
    Tool {
        /// The command line.
        command: String,
        /// How it ended, and the last lines of its standard error.
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
        /// The last lines that it wrote to its log, if any.
        why: Option<String>,
    },
    /// The process that should hold the lab did not come up.
    #[error("the lab's namespaces could not be made: {why}; `lab doctor --on netns` shows what this machine lacks")]
    HolderNotStarted {
        /// The last lines of its standard error, or how it ended.
        why: String,
    },
    /// The lab's holder did not answer an order in time.
    #[error("the lab {name} did not answer {order} within {deadline:?}")]
    Silent {
        /// The lab.
        name: String,
        /// The order.
        order: String,
        /// How long the answer was waited for.
        deadline: Duration,
    },
    /// A stage could not be built.
    #[error("{stage}: {why}")]
    Stage {
        /// Which stage.
        stage: Stage,
        /// Its reason.
        why: String,
    },
    /// The lab's holder refused an order, or its answer does not fit the order.
    #[error("the lab {name} could not {order}: {why}")]
    Refused {
        /// The lab.
        name: String,
        /// The order.
        order: String,
        /// Its reason.
        why: String,
    },
    /// The probe's output is not an answer.
    #[error("the probe's answer cannot be read: {0}")]
    Probe(String),
    /// The probe could not be copied into a node, or not be started there.
    #[error("the probe cannot be run: {0}")]
    Unasked(String),
    /// Something that was made in a foreign cluster is there still: what, and how it is taken away.
    #[error("{0}")]
    Left(String),
    /// A deliberate fault could not be made.
    #[error("the deliberate fault could not be made: {why}")]
    NotTampered {
        /// What `lab tamper` wrote to standard error.
        why: String,
    },
    /// A deliberate fault could not be taken back.
    #[error("the deliberate fault could not be undone: {why}")]
    NotUndone {
        /// What `lab tamper` wrote to standard error.
        why: String,
    },
    /// A place that the lab does not have.
    #[error("there is no {place} in the lab {name}; it has {there}")]
    NoPlace {
        /// What was asked for.
        place: String,
        /// The lab.
        name: String,
        /// The places that the lab has.
        there: String,
    },
    /// A folder for captures could not be made.
    #[error("cannot make a folder for packet captures in {path}: {source}")]
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
