//! A node image that has a cluster's images in the store of its container runtime already, so that none has to be sent to
//! nodes that are made of it.
//!
//! It is baked once for each set of images ([`Recipe`]): in a container of the node image containerd imports and unpacks the
//! images as it would on a node, and what that container has then become is committed with the node image's own
//! configuration. It is the node image with one more layer. What was baked is
//! written down and found again by its digest, not by its name, which anybody can give to another image.
//!
//! Nothing is taken on trust from it: nodes are asked afterwards which images they have, and those that they lack are sent.

mod bake;
mod recipe;
mod record;
mod remove;

use async_recursion::async_recursion as boxed;
use bollard::models::ImageInspect;
use std::path::Path;
use std::time::Duration;

use super::ImageError;
use super::tag::tag;
use lab_engine::Engine;
use lab_model::observe::Baked;

pub use recipe::{Ingredient, Recipe};
use record::Record;
pub use remove::{remove_all, remove_builders};

/// The label of baked images, with the key of their recipe, and of the containers in which they are baked, with the lab's mark.
pub const LABEL: &str = "lab.baked";
/// The deadline for a question about an image.
const ASK_DEADLINE: Duration = Duration::from_secs(10);

/// What baking needs to know of the lab.
#[derive(Debug, Clone, Copy)]
pub struct Oven<'a> {
    /// The folder with the records of what was baked.
    pub records: &'a Path,
    /// The lab's mark. A container that is left when this program is killed is known as the lab's by it.
    pub mark: &'a str,
}

/// What there is of a recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The baked image.
    Baked {
        /// What was baked.
        what: Baked,
        /// Whether it was baked now; false if the Engine had it already.
        now: bool,
    },
    /// Its images cannot be baked; why not.
    Unfit(String),
}

/// The baked image of this recipe: the one that the Engine has, else one that is baked now.
///
/// # Errors
/// [`ImageError`]: the Engine refuses, an image's archive is not what it should be, or the disk is full.
#[boxed(?Send)]
pub async fn baked(
    engine: &Engine,
    oven: &Oven<'_>,
    recipe: Recipe,
    tell: &dyn Fn(String),
) -> Result<Found, ImageError> {
    let key = recipe.key(&engine.endpoint());
    match record::read(oven.records, &key) {
        Some(Record::Unfit(why)) => return Ok(Found::Unfit(why)),
        Some(Record::Baked(what)) if engine.image(&what.engine_id).await?.is_some() => {
            // Another image can have the name by now.
            tag(engine, &what.engine_id, &what.reference).await?;
            return Ok(Found::Baked { what, now: false });
        }
        Some(Record::Baked(_)) | None => {}
    }
    let record = bake::bake(engine, oven, &key, recipe, tell).await?;
    if let Record::Baked(what) = &record {
        tag(engine, &what.engine_id, &what.reference).await?;
    }
    record::write(oven.records, &key, &record).map_err(|error| ImageError::NotBaked {
        image: format!("an image with the record {key}"),
        why: format!("{}: {error}", oven.records.display()),
    })?;
    Ok(match record {
        Record::Baked(what) => Found::Baked { what, now: true },
        Record::Unfit(why) => Found::Unfit(why),
    })
}

/// An image as the Engine describes it; none if it has no such image.
async fn inspect(engine: &Engine, name: &str) -> Result<Option<ImageInspect>, ImageError> {
    let doing = format!("look for the image {name}");
    match engine.call(&doing, ASK_DEADLINE, engine.client().inspect_image(name)).await {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error.into()),
    }
}
