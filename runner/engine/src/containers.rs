//! Containers of a lab that are no nodes: routers.

use async_recursion::async_recursion as boxed;
use bollard::models::{ContainerCreateBody, HostConfig, NetworkingConfig};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, ListContainersOptionsBuilder, RemoveContainerOptionsBuilder,
};
use bytes::Bytes;
use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::api::ASK_DEADLINE;
use super::connect::Engine;
use super::error::EngineError;
use super::networks::at;

/// The deadline for making, starting or removing a container.
const CHANGE_DEADLINE: Duration = Duration::from_mins(1);

/// A container to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewContainer {
    /// Its name.
    pub name: String,
    /// The image's name or id.
    pub image: String,
    /// The program that it runs, with its arguments.
    pub command: Vec<String>,
    /// Its label, and the label's value.
    pub label: (String, String),
    /// The network that it is on, and its address there.
    pub network: (String, Ipv4Addr),
    /// Files that it begins with: a tar archive, unpacked in its root folder.
    pub files: Vec<u8>,
}

impl NewContainer {
    fn body(&self) -> ContainerCreateBody {
        let (network, address) = &self.network;
        ContainerCreateBody {
            hostname: Some(self.name.clone()),
            image: Some(self.image.clone()),
            entrypoint: Some(self.command.clone()),
            cmd: Some(Vec::new()),
            labels: Some([self.label.clone()].into()),
            // It writes into /proc/sys of its namespace.
            host_config: Some(HostConfig {
                privileged: Some(true),
                network_mode: Some(network.clone()),
                ..HostConfig::default()
            }),
            networking_config: Some(NetworkingConfig {
                endpoints_config: Some([(network.clone(), at(*address))].into()),
            }),
            ..ContainerCreateBody::default()
        }
    }
}

impl Engine {
    /// Makes a container, puts its files there, and starts it.
    ///
    /// # Errors
    /// When the Engine refuses. A container that was made is left to who takes the lab down.
    #[boxed(?Send)]
    pub async fn make_container(&self, new: &NewContainer) -> Result<(), EngineError> {
        let options = CreateContainerOptionsBuilder::new().name(&new.name).build();
        let doing = format!("make the container {}", new.name);
        let made = self.docker.create_container(Some(options), new.body());
        let id = self.call(&doing, CHANGE_DEADLINE, made).await?.id;
        self.upload(&id, "/", Bytes::from(new.files.clone())).await?;
        self.call(&format!("start {}", new.name), CHANGE_DEADLINE, self.docker.start_container(&id, None)).await
    }

    /// The names of the containers with this label, running or not.
    ///
    /// # Errors
    /// When the Engine does not answer or refuses.
    #[boxed(?Send)]
    pub async fn containers_with(&self, label: &str, value: &str) -> Result<Vec<String>, EngineError> {
        let filters = HashMap::from([("label", vec![format!("{label}={value}")])]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let doing = format!("list the containers with the label {label}");
        let listed = self.call(&doing, ASK_DEADLINE, self.docker.list_containers(Some(options))).await?;
        let name = |names: Option<Vec<String>>| Some(names?.first()?.trim_start_matches('/').to_owned());
        let mut names: Vec<String> =
            listed.into_iter().filter_map(|container| name(container.names).or(container.id)).collect();
        names.sort();
        Ok(names)
    }

    /// Removes a container with its volumes, running or not. It is no error if there is none.
    ///
    /// # Errors
    /// When the Engine does not answer or refuses.
    #[boxed(?Send)]
    pub async fn remove_container(&self, name: &str) -> Result<(), EngineError> {
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        let removal = self.docker.remove_container(name, Some(options));
        match self.call(&format!("remove the container {name}"), CHANGE_DEADLINE, removal).await {
            Err(error) if error.is_missing() => Ok(()),
            // Another program is removing it at this moment.
            Err(EngineError::Answered { status: 409, message, .. }) if message.contains("already in progress") => {
                Ok(())
            }
            other => other,
        }
    }
}
