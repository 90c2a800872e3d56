//! Removes baked images, and containers in which one was being baked.

use bollard::query_parameters::{ListContainersOptionsBuilder, RemoveContainerOptionsBuilder, RemoveImageOptions};
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use super::record::{self, Record};
use super::{LABEL, inspect};
use crate::ImageError;
use lab_engine::{Engine, EngineError};

/// The deadline for listing, and for removing one.
const DEADLINE: Duration = Duration::from_mins(2);

/// Removes the containers in which an image was being baked for the lab with this mark when its command was killed. Returns
/// their ids.
///
/// # Errors
/// When the Engine does not answer or refuses.
pub async fn remove_builders(engine: &Engine, mark: &str) -> Result<Vec<String>, EngineError> {
    // Nodes of a baked image have the label too, with another value.
    let label = format!("{LABEL}={mark}");
    let filters = HashMap::from([("label", vec![label.as_str()])]);
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    let listed = engine.client().list_containers(Some(options));
    let listed = engine.call("list containers of the node image", DEADLINE, listed).await?;
    let ids: Vec<String> = listed.into_iter().filter_map(|container| container.id).collect();
    for id in &ids {
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        let removing = engine.client().remove_container(id, Some(options));
        engine.call(&format!("remove the container {id}"), DEADLINE, removing).await?;
    }
    Ok(ids)
}

/// Removes the baked images of these records that no container uses, each with its record. Returns the names of those that
/// were removed, and of those that are in use.
///
/// # Errors
/// When the Engine does not answer or refuses, or a record cannot be removed.
pub async fn remove_all(engine: &Engine, records: &Path) -> Result<(Vec<String>, Vec<String>), ImageError> {
    let (mut removed, mut kept) = (Vec::new(), Vec::new());
    for (file, record) in record::all(records) {
        let Record::Baked(baked) = record else {
            forget(&file)?;
            continue;
        };
        let tags = inspect(engine, &baked.engine_id).await?.map(|image| image.repo_tags.unwrap_or_default());
        // An image without a name is removed by its id, any other by its names.
        let names = tags.map(|tags| if tags.is_empty() { vec![baked.engine_id.clone()] } else { tags });
        let mut in_use = false;
        for name in names.iter().flatten() {
            let removing = engine.client().remove_image(name, None::<RemoveImageOptions>, None);
            match engine.call(&format!("remove the image {name}"), DEADLINE, removing).await {
                Ok(_gone) => {}
                Err(EngineError::Answered { status: 409, .. }) => in_use = true,
                Err(error) if error.is_missing() => {}
                Err(error) => return Err(error.into()),
            }
        }
        if in_use {
            kept.push(baked.reference);
            continue;
        }
        forget(&file)?;
        removed.push(baked.reference);
    }
    Ok((removed, kept))
}

fn forget(file: &Path) -> Result<(), ImageError> {
    std::fs::remove_file(file).map_err(|error| ImageError::Refused {
        image: file.display().to_string(),
        action: "removed",
        said: error.to_string(),
    })
}
