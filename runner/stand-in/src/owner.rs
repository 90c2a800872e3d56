//! Marks stand-ins with the process that created them, so that those of an ended process can be removed.

use std::collections::HashMap;
use std::time::Duration;

use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListNetworksOptionsBuilder, RemoveContainerOptionsBuilder,
    RemoveImageOptionsBuilder,
};
use lab_backend::state::{Life, ProcessId};
use lab_engine::{Engine, EngineError};

/// The label of all stand-ins. Its value is the process that created them, as JSON.
pub const OWNER_LABEL: &str = "lab.stand-in.owner";

/// Deadline for a call of the Engine's API.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// The label's value for this process.
///
/// # Panics
/// When there is no /proc.
pub fn own() -> String {
    let own = ProcessId::of(std::process::id().cast_signed()).expect("this process runs");
    serde_json::to_string(&own).expect("a process id is plain data")
}

/// Whether the process in the label has ended, and ran on this machine since its last boot.
fn is_orphan(label: Option<&String>) -> bool {
    let own = ProcessId::of(std::process::id().cast_signed()).expect("this process runs");
    let owner = label.and_then(|label| serde_json::from_str::<ProcessId>(label).ok());
    owner.is_some_and(|owner| owner.boot_id == own.boot_id && owner.life() == Life::Ended)
}

/// Removes what ended tests left behind. Errors are ignored, because another test may do the same at the same time.
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

/// Removes the containers and networks with this process's label. Failures are printed to standard error only, because this
/// is for the end of a test that has failed already.
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

/// The result of a removal, without the error that the object does not exist.
fn ignore_missing(removed: Result<(), EngineError>) -> Result<(), EngineError> {
    match removed {
        Err(error) if error.is_missing() => Ok(()),
        other => other,
    }
}

pub(crate) async fn remove_container(engine: &Engine, id: &str) -> Result<(), EngineError> {
    let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
    let removed = engine.client().remove_container(id, Some(options));
    ignore_missing(engine.call(&format!("remove the container {id}"), DEADLINE, removed).await)
}

pub(crate) async fn remove_network(engine: &Engine, id: &str) -> Result<(), EngineError> {
    ignore_missing(engine.call(&format!("remove the network {id}"), DEADLINE, engine.client().remove_network(id)).await)
}

pub(crate) async fn remove_image(engine: &Engine, id: &str) -> Result<(), EngineError> {
    let options = RemoveImageOptionsBuilder::default().force(true).build();
    let removed = engine.client().remove_image(id, Some(options), None);
    ignore_missing(engine.call(&format!("remove the image {id}"), DEADLINE, removed).await.map(drop))
}
