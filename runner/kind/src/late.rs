//! Containers that appear late. When `kind create cluster` is killed, Docker continues to make the containers that it was
//! asked for just before. They are in no listing yet and appear seconds later. But their names are in use from the first
//! moment, so if a container of a name can be made, Docker is not making another one of that name.

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

/// How long Docker may take to finish what it has begun; it takes seconds on a busy machine.
const DEADLINE: Duration = Duration::from_mins(1);
/// The time between two attempts to use the names.
const INTERVAL: Duration = Duration::from_millis(300);
/// The deadline for making or removing one container.
const CALL_DEADLINE: Duration = Duration::from_secs(30);

/// The names of a lab's nodes, and what is needed to test whether they are free.
#[derive(Debug)]
pub struct Names<'a> {
    /// The nodes that kind was to make.
    pub nodes: Vec<NodeName>,
    /// An image that the Engine has.
    pub image: String,
    /// The lab's mark. If this program is killed during a test, the test container is recognised as the lab's.
    pub mark: &'a Path,
}

impl Names<'_> {
    /// Waits until Docker makes no more containers with any of these names. While a name is in use, `remove` is called: it
    /// must remove this lab's containers and return the names that other containers have, which are not waited for.
    ///
    /// # Errors
    /// A text that says which names remain in use.
    pub async fn until_free(
        &self,
        engine: &Engine,
        mut remove: impl AsyncFnMut() -> Result<Vec<NodeName>, String>,
    ) -> Result<(), String> {
        let free = clock::until(DEADLINE, INTERVAL, "the end of the container creations that kind began", async || {
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

    /// Tests a name by making a container that is never started, and removing it.
    async fn is_free(&self, engine: &Engine, node: &NodeName) -> Result<bool, EngineError> {
        let options = CreateContainerOptionsBuilder::new().name(&node.0).build();
        let body = ContainerCreateBody {
            image: Some(self.image.clone()),
            // A command is required if the image has none; it is never run.
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
            // The image does not exist, so no container of it can be in the making.
            Err(EngineError::Answered { status: 404, .. }) => return Ok(true),
            Err(error) => return Err(error),
        };
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        engine.call(&doing, CALL_DEADLINE, engine.client().remove_container(&made.id, Some(options))).await?;
        Ok(true)
    }
}
