//! Docker's archive layout: `manifest.json` names the configuration and the layers (moby/moby `image/spec/v1.2.md`).

use serde::{Deserialize, Serialize};

use super::read::Content;
use super::{ArchiveError, Archived, Found, Layout, Naming, Platform};
use lab_manifest::Digest;

const MANIFEST: &str = "manifest.json";

/// An image in `manifest.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Image {
    pub(super) config: String,
    #[serde(default)]
    pub(super) repo_tags: Option<Vec<String>>,
    pub(super) layers: Vec<String>,
}

/// The part of an image's configuration that is used here (image-spec v1.0 `config.md`).
#[derive(Debug, Deserialize)]
pub(super) struct Config {
    #[serde(flatten)]
    platform: Platform,
    rootfs: RootFs,
}

#[derive(Debug, Deserialize)]
struct RootFs {
    diff_ids: Vec<Digest>,
}

impl Config {
    /// Reads the configuration, and refuses one for another platform.
    pub(super) fn read(content: &Content, path: &str, named_in: &str, naming: &Naming) -> Result<Self, ArchiveError> {
        let config: Self = content.document(path, named_in)?;
        if config.platform != naming.platform {
            let found = config.platform.to_string();
            return Err(ArchiveError::Platform { wanted: naming.platform.clone(), found });
        }
        Ok(config)
    }

    pub(super) fn platform(&self) -> &Platform {
        &self.platform
    }

    /// The digests of the layers' tar archives; an error if their number is not that of the layers.
    pub(super) fn layers(&self, path: &str, count: usize) -> Result<&[Digest], ArchiveError> {
        let ids = &self.rootfs.diff_ids;
        if ids.len() == count {
            return Ok(ids);
        }
        let problem = format!("rootfs.diff_ids has {} layers, and the manifest {count}", ids.len());
        Err(ArchiveError::Document { path: path.to_owned(), problem })
    }
}

/// The only image in `manifest.json`; an error if there are several or none.
fn only_image(content: &Content) -> Result<Image, ArchiveError> {
    let mut images: Vec<Image> = content.document(MANIFEST, "the layout")?;
    match (images.pop(), images.len()) {
        (Some(image), 0) => Ok(image),
        (None, _) => Err(ArchiveError::Document { path: MANIFEST.to_owned(), problem: "it lists no image".to_owned() }),
        (Some(last), _) => {
            let names = images.into_iter().chain([last]).map(|image| {
                image.repo_tags.filter(|tags| !tags.is_empty()).map_or(image.config, |tags| tags.join(" = "))
            });
            Err(ArchiveError::Several { names: names.collect() })
        }
    }
}

/// The digest of the configuration that `manifest.json` names; none if the archive has no `manifest.json`.
pub(super) fn config_named(content: &Content) -> Result<Option<Digest>, ArchiveError> {
    if !content.has(MANIFEST) {
        return Ok(None);
    }
    let image = only_image(content)?;
    content.get(&image.config, MANIFEST).map(|(_path, file)| Some(file.digest.clone()))
}

/// The content of `manifest.json`, which Docker's own layout needs, and which old readers of an OCI layout need.
pub(super) fn document(image: &Image) -> Result<Vec<u8>, ArchiveError> {
    serde_json::to_vec(&[image])
        .map_err(|error| ArchiveError::Document { path: MANIFEST.to_owned(), problem: error.to_string() })
}

/// Finds the image in an archive of Docker's layout.
pub(super) fn find(content: &Content, naming: &Naming) -> Result<Found, ArchiveError> {
    let image = only_image(content)?;
    let (config_path, config_file) = content.get(&image.config, MANIFEST)?;
    let config = Config::read(content, config_path, MANIFEST, naming)?;
    let mut layers = Vec::new();
    for (path, id) in image.layers.iter().zip(config.layers(config_path, image.layers.len())?) {
        let (path, layer) = content.get(path, MANIFEST)?;
        if layer.digest != *id {
            let (expected, found) = (id.clone(), layer.digest.clone());
            return Err(ArchiveError::Damaged { path: path.to_owned(), expected, found });
        }
        layers.push(path.to_owned());
    }
    let given = naming.reference.to_string();
    let passed_on = Image { config: config_path.to_owned(), repo_tags: Some(vec![given.clone()]), layers };
    let documents = vec![(MANIFEST, document(&passed_on)?)];
    let image = Archived {
        layout: Layout::Docker,
        config: config_file.digest.clone(),
        manifest: None,
        index: None,
        platform: config.platform().clone(),
        names: image.repo_tags.unwrap_or_default(),
        given: vec![given],
        layers: passed_on.layers.len(),
        bytes: content.bytes,
    };
    Ok(Found { image, documents })
}
