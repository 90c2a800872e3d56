//! The image that a lab's nodes are made of: one that was baked from the node image and has Cilium's images already, or the
//! node image itself.

use super::distribution::PULL_DEADLINE;
use super::lab::KindLab;
use super::stages::failed;
use super::stored::IMAGES_FILE;
use super::{cache, config};
use lab_backend::LabError;
use lab_base::failure::chain;
use lab_images::baked::{Found, Ingredient, Oven, Recipe};
use lab_images::{CILIUM, NODE, OPERATOR};
use lab_manifest::Digest;
use lab_model::observe::ImageSource;
use lab_model::stage::Stage;

const STAGE: Stage = Stage::ClusterCreated;
/// The images that are baked into the node image: large ones, which are the same in every lab with these pins. hello-app is
/// small, and anybody's own.
const BAKED: [&str; 2] = [CILIUM, OPERATOR];

/// The image that nodes are made of.
pub(super) struct NodeImage {
    /// Its name for kind.
    pub(super) reference: String,
    /// What to tell of it, where it was baked.
    pub(super) told: Option<String>,
}

impl KindLab {
    /// Makes sure that the Engine has the image that nodes are made of, and records it.
    pub(super) async fn node_image(&self) -> Result<NodeImage, LabError> {
        let (mut source, mut reference) = self.pinned_node_image().await?;
        let mut told = None;
        if self.spec.bake {
            let node = source.engine_id.clone().unwrap_or_default();
            let node = Digest::try_from(node).map_err(|error| failed(STAGE, error.to_string()))?;
            let recipe = Recipe { reference: source.reference.clone(), node, images: self.ingredients().await? };
            let (records, mark) = (records()?, config::mark_of(self.state()?.path()));
            let oven = Oven { records: &records, mark: &mark.display().to_string() };
            let taken = lab_images::baked::baked(&self.engine, &oven, recipe, &self.say()).await;
            let found = taken.map_err(|error| failed(STAGE, chain(&error)))?;
            match found {
                Found::Baked { what, now } => {
                    told = Some(format!("{}, baked {}", what.reference, if now { "now" } else { "before" }));
                    reference.clone_from(&what.reference);
                    source.baked = Some(what);
                }
                Found::Unfit(why) => told = Some(format!("{reference}, into which nothing is baked, since {why}")),
            }
        }
        self.state()?.write_json(IMAGES_FILE, &[source])?;
        Ok(NodeImage { reference, told })
    }

    /// The pinned node image, or the one that was given in its place: where it came from, and its name for kind.
    async fn pinned_node_image(&self) -> Result<(ImageSource, String), LabError> {
        let say = self.say();
        if self.spec.node_image.is_none()
            && let Some(kit) = self.kit()?
        {
            let loaded = kit.load_node(&self.engine, &say).await.map_err(|error| failed(STAGE, chain(&error)))?;
            let reference = loaded.source.reference.clone();
            return Ok((loaded.source, reference));
        }
        let wanted = self.wanted(NODE)?;
        let held = lab_images::take(&self.engine, &wanted, PULL_DEADLINE, &say).await;
        let held = held.map_err(|error| failed(STAGE, chain(&error)))?;
        let config = match &held.config {
            Some(config) => config.clone(),
            None => lab_images::config_digest(&self.engine, &wanted, &held)
                .await
                .map_err(|error| failed(STAGE, chain(&error)))?,
        };
        let source = ImageSource {
            name: NODE.to_owned(),
            reference: wanted.reference.familiar(),
            repo_digest: wanted.repo_digest().map(ToString::to_string),
            config_digest: config.to_string(),
            engine_id: Some(held.id.to_string()),
            from: wanted.from(&held),
            baked: None,
        };
        Ok((source, wanted.shown()))
    }

    async fn ingredients(&self) -> Result<Vec<Ingredient>, LabError> {
        let orders = self.orders(&BAKED)?;
        let taking = orders.parcels(&self.engine).await;
        let parcels = taking.map_err(|why| failed(STAGE, why))?;
        Ok(parcels.into_iter().map(|(wanted, origin)| Ingredient { wanted, origin }).collect())
    }
}

/// The folder with the records of baked images.
///
/// # Errors
/// When there is no folder for caches.
pub fn records() -> Result<std::path::PathBuf, LabError> {
    let why = "neither XDG_CACHE_HOME nor HOME is set, so what is baked cannot be recorded: set one, or give `--stream-images`";
    Ok(cache::folder().ok_or_else(|| failed(STAGE, why))?.join("node-images"))
}
