//! The runner's end of the probe: what it is started with, and reading its answers.

use std::time::Duration;

use super::{Answered, Ask, CAPTURE_READY};
use crate::backend::LabError;
use crate::exec::{Finished, Invocation, Running};

/// For all captures to be running.
const READY_DEADLINE: Duration = Duration::from_secs(10);
/// For captures to end once they are told to.
const STOP_DEADLINE: Duration = Duration::from_secs(20);

/// Captures that run.
#[derive(Debug)]
pub struct Captures {
    running: Running,
}

impl Captures {
    /// Starts the probe with captures, and waits until all of them run.
    ///
    /// # Errors
    /// When they do not all run in time; the probe's last words are in it.
    pub async fn start(probe: Invocation, asks: &[Ask]) -> Result<Self, LabError> {
        let mut line = serde_json::to_vec(asks).map_err(|error| LabError::Probe(error.to_string()))?;
        line.push(b'\n');
        let mut running = probe.open()?;
        running.write(&line).await?;
        running.wait_for_line(CAPTURE_READY, READY_DEADLINE).await?;
        Ok(Self { running })
    }

    /// Stops them. One answer for each, in order.
    ///
    /// # Errors
    /// When the probe does not end, or says something else than answers.
    pub async fn stop(self) -> Result<Vec<Answered>, LabError> {
        Self::answers(&self.running.finish(STOP_DEADLINE).await?)
    }

    /// Reads the answers of a probe that has ended.
    ///
    /// # Errors
    /// When it failed, or said something else.
    pub fn answers(finished: &Finished) -> Result<Vec<Answered>, LabError> {
        if !finished.success() {
            return Err(LabError::Probe(format!("it ended with {}: {}", finished.exit, finished.stderr_text().trim())));
        }
        serde_json::from_slice(&finished.stdout).map_err(|error| LabError::Probe(error.to_string()))
    }
}
