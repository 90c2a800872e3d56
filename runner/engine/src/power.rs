//! Containers that are paused, stopped and started.

use bollard::query_parameters::StopContainerOptionsBuilder;
use std::time::Duration;

use super::connect::Engine;
use super::error::EngineError;

/// How long a node has to end by itself before it is killed.
const GRACE: Duration = Duration::from_secs(10);
/// For one container on a machine that does much else: more than the grace.
const DEADLINE: Duration = Duration::from_mins(1);

impl Engine {
    /// Freezes all processes of a container, as `docker pause` does.
    ///
    /// # Errors
    /// [`EngineError::Answered`] for a container that does not run (409) or does not exist (404).
    pub async fn pause_container(&self, container: &str) -> Result<(), EngineError> {
        self.call(&format!("pause {container}"), DEADLINE, self.docker.pause_container(container)).await
    }

    /// Lets them go on.
    ///
    /// # Errors
    /// [`EngineError::Answered`] for a container that is not paused (500) or does not exist (404).
    pub async fn unpause_container(&self, container: &str) -> Result<(), EngineError> {
        self.call(&format!("unpause {container}"), DEADLINE, self.docker.unpause_container(container)).await
    }

    /// Ends a container's processes; it stays, and loses its addresses. No error for one that does not run.
    ///
    /// # Errors
    /// [`EngineError::Answered`] for a container that does not exist (404).
    pub async fn stop_container(&self, container: &str) -> Result<(), EngineError> {
        let grace = i32::try_from(GRACE.as_secs()).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::new().t(grace).build();
        self.call(&format!("stop {container}"), DEADLINE, self.docker.stop_container(container, Some(options))).await
    }

    /// Starts a container that was stopped. It gets the lowest address that is free. No error for one that runs.
    ///
    /// # Errors
    /// [`EngineError::Answered`] for a container that does not exist (404).
    pub async fn start_container(&self, container: &str) -> Result<(), EngineError> {
        self.call(&format!("start {container}"), DEADLINE, self.docker.start_container(container, None)).await
    }
}
