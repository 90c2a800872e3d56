//! Whose stand-ins these are: the process that made them, and nobody once it is gone.

use std::collections::HashMap;
use std::time::Duration;

use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListNetworksOptionsBuilder, RemoveContainerOptionsBuilder,
    RemoveImageOptionsBuilder,
};
use lab_backend::state::ProcessId;
use lab_engine::{Engine, EngineError};

/// The label of all that is made here: the process that made it, as JSON.
pub const OWNER_LABEL: &str = "lab.stand-in.owner";

/// For one call of the Engine's API.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// The label's value for what this process makes.
///
/// # Panics
/// When there is no /proc.
pub fn own() -> String {
    let own = ProcessId::of(std::process::id().cast_signed()).expect("this process runs");
    serde_json::to_string(&own).expect("a process id is plain data")
}

/// Whether its maker has ended, on this machine and since it was booted last.
fn is_orphan(label: Option<&String>) -> bool {
    let own = ProcessId::of(std::process::id().cast_signed()).expect("this process runs");
    let owner = label.and_then(|label| serde_json::from_str::<ProcessId>(label).ok());
    owner.is_some_and(|owner| owner.boot_id == own.boot_id && !owner.is_alive())
}

/// Removes what tests that are gone have left. That another test does so at the same time is no failure.
pub(crate) async fn sweep(engine: &Engine) {
    let docker = engine.client();
    let filters = HashMap::from([("label", vec![OWNER_LABEL])]);
    let list = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    for container in docker.list_containers(Some(list)).await.unwrap_or_default() {
        if is_orphan(container.labels.unwrap_or_default().get(OWNER_LABEL)) {
            let _raced = remove_container(engine, &container.id.unwrap_or_default()).await;
        }
    }
    let list = ListNetworksOptionsBuilder::default().filters(&filters).build();
    for network in docker.list_networks(Some(list)).await.unwrap_or_default() {
        if is_orphan(network.labels.unwrap_or_default().get(OWNER_LABEL)) {
            let _raced = remove_network(engine, &network.id.unwrap_or_default()).await;
        }
    }
    let list = ListImagesOptionsBuilder::default().filters(&filters).build();
    for image in docker.list_images(Some(list)).await.unwrap_or_default() {
        if is_orphan(image.labels.get(OWNER_LABEL)) {
            let _raced = remove_image(engine, &image.id).await;
        }
    }
}

/// Removes the containers and networks that carry this process's label. What cannot be removed is said on standard
/// error: for the end of a test that has failed already.
pub async fn remove_all(engine: &Engine) {
    let label = format!("{OWNER_LABEL}={}", own());
    let filters = HashMap::from([("label", vec![label.as_str()])]);
    let mut errors = Vec::new();
    let list = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    for container in engine.client().list_containers(Some(list)).await.unwrap_or_default() {
        errors.extend(remove_container(engine, &container.id.unwrap_or_default()).await.err());
    }
    let list = ListNetworksOptionsBuilder::default().filters(&filters).build();
    for network in engine.client().list_networks(Some(list)).await.unwrap_or_default() {
        errors.extend(remove_network(engine, &network.id.unwrap_or_default()).await.err());
    }
    for error in errors {
        eprintln!("stand-ins are left behind: {error}");
    }
}

/// What is gone already is as good as removed.
fn gone(removed: Result<(), EngineError>) -> Result<(), EngineError> {
    match removed {
        Err(error) if error.is_missing() => Ok(()),
        other => other,
    }
}

pub(crate) async fn remove_container(engine: &Engine, id: &str) -> Result<(), EngineError> {
    let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
    let removed = engine.client().remove_container(id, Some(options));
    gone(engine.call(&format!("remove the container {id}"), DEADLINE, removed).await)
}

pub(crate) async fn remove_network(engine: &Engine, id: &str) -> Result<(), EngineError> {
    gone(engine.call(&format!("remove the network {id}"), DEADLINE, engine.client().remove_network(id)).await)
}

pub(crate) async fn remove_image(engine: &Engine, id: &str) -> Result<(), EngineError> {
    let options = RemoveImageOptionsBuilder::default().force(true).build();
    let removed = engine.client().remove_image(id, Some(options), None);
    gone(engine.call(&format!("remove the image {id}"), DEADLINE, removed).await.map(drop))
}
