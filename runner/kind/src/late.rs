//! Containers that come late. When `kind create cluster` is killed, Docker goes on with the containers that it was asked
//! for a moment before: no listing has them yet, and seconds later they are there. Their names are taken from the first
//! moment on, so that a name that can be taken is one for which nothing is on its way.

use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder};
use std::path::Path;
use std::time::Duration;

use super::config::MARK_IN_NODE;
use lab_base::clock;
use lab_base::clock::Poll;
use lab_base::failure::chain;
use lab_engine::{Engine, EngineError};
use lab_model::observe::NodeName;

/// For Docker to end what it has begun; seconds on a busy machine.
const DEADLINE: Duration = Duration::from_mins(1);
/// Between two tries of the names.
const INTERVAL: Duration = Duration::from_millis(300);
/// For one container to be made or removed.
const CALL_DEADLINE: Duration = Duration::from_secs(30);

/// What a name is tried with.
#[derive(Debug)]
pub struct Names<'a> {
    /// The nodes that kind was asked for.
    pub nodes: Vec<NodeName>,
    /// An image that the Engine has.
    pub image: String,
    /// The lab's mark: what is left of a try that was itself killed is found as the lab's.
    pub mark: &'a Path,
}

impl Names<'_> {
    /// Waits until nothing is on its way under any of the names. While one is taken, `remove` is to take away what this
    /// lab has, and to tell which nodes' names are somebody else's: those are not waited for.
    ///
    /// # Errors
    /// In words, when a name stays taken.
    pub async fn until_free(
        &self,
        engine: &Engine,
        mut remove: impl AsyncFnMut() -> Result<Vec<NodeName>, String>,
    ) -> Result<(), String> {
        let free = clock::until(DEADLINE, INTERVAL, "Docker to end what kind began", async || {
            let mut taken = Vec::new();
            for node in &self.nodes {
                match self.is_free(engine, node).await {
                    Ok(true) => {}
                    Ok(false) => taken.push(node.clone()),
                    Err(error) => return Poll::Failed(chain(&error)),
                }
            }
            if taken.is_empty() {
                return Poll::Ready(());
            }
            match remove().await {
                Ok(others) if taken.iter().all(|node| others.contains(node)) => Poll::Ready(()),
                Ok(_others) => {
                    let names: Vec<&str> = taken.iter().map(|node| node.0.as_str()).collect();
                    Poll::NotYet(format!("Docker is still making {}", names.join(", ")))
                }
                Err(why) => Poll::Failed(why),
            }
        });
        free.await.map_err(|error| error.to_string())
    }

    /// Takes the name with a container that never runs, and gives it back.
    async fn is_free(&self, engine: &Engine, node: &NodeName) -> Result<bool, EngineError> {
        let options = CreateContainerOptionsBuilder::new().name(&node.0).build();
        let body = ContainerCreateBody {
            image: Some(self.image.clone()),
            // It is never started; an image may name no command of its own.
            cmd: Some(vec!["true".to_owned()]),
            host_config: Some(HostConfig {
                binds: Some(vec![format!("{}:{MARK_IN_NODE}:ro", self.mark.display())]),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let doing = format!("try the name {node}");
        let made = engine.call(&doing, CALL_DEADLINE, engine.client().create_container(Some(options), body)).await;
        let made = match made {
            Ok(made) => made,
            Err(EngineError::Answered { status: 409, .. }) => return Ok(false),
            // Without the image nothing can be on its way.
            Err(EngineError::Answered { status: 404, .. }) => return Ok(true),
            Err(error) => return Err(error),
        };
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        engine.call(&doing, CALL_DEADLINE, engine.client().remove_container(&made.id, Some(options))).await?;
        Ok(true)
    }
}
