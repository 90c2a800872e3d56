//! Pauses, stops and starts containers.

use async_recursion::async_recursion as boxed;
use bollard::query_parameters::{KillContainerOptions, StopContainerOptionsBuilder};
use std::time::Duration;

use super::connect::Engine;
use super::error::EngineError;

/// How long the Engine waits for a stopped container's processes to end before it kills them.
const GRACE: Duration = Duration::from_secs(10);
/// The deadline for one container on a busy machine; it is longer than [`GRACE`].
const DEADLINE: Duration = Duration::from_mins(1);

impl Engine {
    /// Freezes all processes of a container, as `docker pause` does.
    ///
    /// # Errors
    /// [`EngineError::Answered`] for a container that does not run (409) or does not exist (404).
    #[boxed(?Send)]
    pub async fn pause_container(&self, container: &str) -> Result<(), EngineError> {
        self.call(&format!("pause {container}"), DEADLINE, self.docker.pause_container(container)).await
    }

    /// Lets all processes of a paused container go on.
    ///
    /// # Errors
    /// [`EngineError::Answered`] for a container that is not paused (500) or does not exist (404).
    #[boxed(?Send)]
    pub async fn unpause_container(&self, container: &str) -> Result<(), EngineError> {
        self.call(&format!("unpause {container}"), DEADLINE, self.docker.unpause_container(container)).await
    }

    /// Ends a container's processes. The container remains, but its addresses are free for others. A container that does
    /// not run is no error.
    ///
    /// # Errors
    /// [`EngineError::Answered`] for a container that does not exist (404).
    #[boxed(?Send)]
    pub async fn stop_container(&self, container: &str) -> Result<(), EngineError> {
        let grace = i32::try_from(GRACE.as_secs()).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::new().t(grace).build();
        self.call(&format!("stop {container}"), DEADLINE, self.docker.stop_container(container, Some(options))).await
    }

    /// Kills a container's processes. The container remains.
    ///
    /// # Errors
    /// [`EngineError::Answered`] for a container that does not run (409) or does not exist (404).
    #[boxed(?Send)]
    pub async fn kill_container(&self, container: &str) -> Result<(), EngineError> {
        let options = None::<KillContainerOptions>;
        self.call(&format!("kill {container}"), DEADLINE, self.docker.kill_container(container, options)).await
    }

    /// Starts a container that was stopped. It gets the lowest free address. A container that runs is no error.
    ///
    /// # Errors
    /// [`EngineError::Answered`] for a container that does not exist (404).
    #[boxed(?Send)]
    pub async fn start_container(&self, container: &str) -> Result<(), EngineError> {
        self.call(&format!("start {container}"), DEADLINE, self.docker.start_container(container, None)).await
    }
}
