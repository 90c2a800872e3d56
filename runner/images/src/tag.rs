//! Gives an image of the Engine another name.

use bollard::query_parameters::TagImageOptionsBuilder;
use std::time::Duration;

use super::ImageError;
use lab_engine::Engine;

/// The deadline for it.
const DEADLINE: Duration = Duration::from_secs(30);

/// Gives the image with this id this name: `hello-app:1.0`.
pub(super) async fn tag(engine: &Engine, id: &str, name: &str) -> Result<(), ImageError> {
    let (repository, tag) = name.rsplit_once(':').unwrap_or((name, "latest"));
    let options = TagImageOptionsBuilder::default().repo(repository).tag(tag).build();
    let doing = format!("name the image {id} {name}");
    Ok(engine.call(&doing, DEADLINE, engine.client().tag_image(id, Some(options))).await?)
}
