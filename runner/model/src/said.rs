//! What a command of the article said.

use serde::{Deserialize, Serialize};

use crate::observe::Place;

/// A command that was run, and all that it said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Where it was run; the bridge stands for the Docker host.
    pub place: Place,
    /// The command.
    pub command: String,
    /// Its exit code; none where it could not be run, or was ended by a signal.
    pub code: Option<i64>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error, or why it could not be run.
    pub stderr: String,
}
