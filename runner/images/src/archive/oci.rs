//! The OCI image layout: `index.json` leads to a manifest, through an index or directly, and that to the configuration
//! and the layers (image-spec v1.0 `image-layout.md`, `image-index.md`, `manifest.md`).

use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;

use super::docker::{self, Config};
use super::read::Content;
use super::{ArchiveError, Archived, Found, Layout, Naming, Platform};
use lab_manifest::Digest;

const INDEX: &str = "index.json";
/// The annotation with an image's full name (containerd v1.6 `images/annotations.go`).
const NAME: &str = "io.containerd.image.name";
/// The annotation with an image's tag (image-spec v1.0 `annotations.md`).
const TAG: &str = "org.opencontainers.image.ref.name";
/// The annotation of an entry that is not an image but an attestation about one (Docker buildx).
const ABOUT: &str = "vnd.docker.reference.type";

/// Content, by its digest (image-spec v1.0 `descriptor.md`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: Digest,
    size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    platform: Option<Platform>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

/// An index or a manifest; which one shows by its keys, because Docker does not write a media type into it.
#[derive(Debug, Deserialize)]
struct Document {
    manifests: Option<Vec<Descriptor>>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
}

fn blob(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

fn unusable(path: &str, problem: impl Into<String>) -> ArchiveError {
    ArchiveError::Document { path: path.to_owned(), problem: problem.into() }
}

/// Checks that the archive has the content and that its size is the announced one. [`super::read`] has verified its
/// digest. Returns its path.
fn present(content: &Content, descriptor: &Descriptor, named_in: &str) -> Result<String, ArchiveError> {
    let path = blob(&descriptor.digest);
    let (_path, file) = content.get(&path, named_in)?;
    if file.size == descriptor.size {
        return Ok(path);
    }
    Err(unusable(named_in, format!("{path} should have {} bytes and has {}", descriptor.size, file.size)))
}

/// An image's manifest, and how it was found.
struct Resolved {
    manifest: Descriptor,
    document: Document,
    /// The index that names the manifest; none if `index.json` names it directly.
    index: Option<Descriptor>,
}

/// The manifest that a descriptor of `index.json` leads to.
fn resolve(content: &Content, top: Descriptor, naming: &Naming) -> Result<Resolved, ArchiveError> {
    let top_path = present(content, &top, INDEX)?;
    let document: Document = content.document(&top_path, INDEX)?;
    let Some(manifests) = document.manifests else { return Ok(Resolved { manifest: top, document, index: None }) };
    let manifest = for_platform(manifests, naming)?;
    let document = content.document(&present(content, &manifest, &top_path)?, &top_path)?;
    Ok(Resolved { manifest, document, index: Some(top) })
}

/// The only image in `index.json` and all its names: `index.json` has an entry for each name.
fn only_image(content: &Content, naming: &Naming) -> Result<(Resolved, Vec<String>), ArchiveError> {
    let index: Document = content.document(INDEX, "the layout")?;
    let mut entries: Vec<Descriptor> = index.manifests.unwrap_or_default();
    entries.retain(|image| !image.annotations.contains_key(ABOUT));
    let name = |image: &Descriptor| image.annotations.get(NAME).or_else(|| image.annotations.get(TAG)).cloned();
    let names: Vec<String> = entries.iter().filter_map(name).collect();
    let shown: Vec<String> =
        entries.iter().map(|image| name(image).unwrap_or_else(|| image.digest.to_string())).collect();
    let mut found: Option<Resolved> = None;
    for entry in entries {
        let next = resolve(content, entry, naming)?;
        match &found {
            Some(found) if found.manifest.digest != next.manifest.digest => {
                return Err(ArchiveError::Several { names: shown });
            }
            // Two entries lead to the same manifest: keep the one through an index, which has one more digest.
            Some(found) if found.index.is_some() => {}
            _ => found = Some(next),
        }
    }
    found.map(|found| (found, names)).ok_or_else(|| unusable(INDEX, "it lists no image"))
}

/// The manifest for the platform, in an index.
fn for_platform(manifests: Vec<Descriptor>, naming: &Naming) -> Result<Descriptor, ArchiveError> {
    let mut found = Vec::new();
    for manifest in manifests.into_iter().filter(|manifest| !manifest.annotations.contains_key(ABOUT)) {
        match &manifest.platform {
            Some(platform) if *platform == naming.platform => return Ok(manifest),
            Some(platform) => found.push(platform.to_string()),
            None => found.push("an unnamed platform".to_owned()),
        }
    }
    let found = if found.is_empty() { "no platform".to_owned() } else { found.join(", ") };
    Err(ArchiveError::Platform { wanted: naming.platform.clone(), found })
}

/// Finds the image in an archive of the OCI layout.
pub(super) fn find(content: &Content, naming: &Naming) -> Result<Found, ArchiveError> {
    let (Resolved { manifest, document, index }, names) = only_image(content, naming)?;
    let path = blob(&manifest.digest);
    let (Some(config), Some(layers)) = (document.config, document.layers) else {
        return Err(unusable(&path, "it is neither an index nor a manifest of an image"));
    };
    let config_path = present(content, &config, &path)?;
    let described = Config::read(content, &config_path, &path, naming)?;
    let ids = described.layers(&config_path, layers.len())?;
    let mut layer_paths = Vec::new();
    for (layer, id) in layers.iter().zip(ids) {
        layer_paths.push(present(content, layer, &path)?);
        // The digest of a compressed layer differs from that of its tar archive, so it cannot be compared.
        let compressed = layer.media_type.ends_with("gzip") || layer.media_type.ends_with("zstd");
        if !compressed && layer.digest != *id {
            let (expected, found) = (id.clone(), layer.digest.clone());
            return Err(ArchiveError::Damaged { path: blob(&layer.digest), expected, found });
        }
    }
    let mut image = Archived {
        layout: Layout::Oci,
        config: config.digest,
        manifest: Some(manifest.digest.clone()),
        index: index.as_ref().map(|index| index.digest.clone()),
        platform: described.platform().clone(),
        names,
        given: Vec::new(),
        layers: layers.len(),
        bytes: content.bytes,
    };
    let mut entries = vec![named(&manifest, naming.reference.to_string(), naming.reference.tag().unwrap_or_default())];
    // The image gets the registry's digest as a name only if the archive contains what has that digest.
    if let Some(digest) = naming.repo_digest.as_ref().filter(|digest| image.proves(digest)) {
        let proved = index.as_ref().filter(|index| index.digest == *digest).unwrap_or(&manifest);
        entries.push(named(proved, format!("{}@{digest}", naming.reference.repository()), digest.as_str()));
    }
    image.given = entries.iter().filter_map(|entry| entry.annotations.get(NAME).cloned()).collect();
    let for_docker =
        docker::Image { config: config_path, repo_tags: Some(vec![naming.reference.to_string()]), layers: layer_paths };
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": entries,
    });
    let documents = vec![
        ("manifest.json", docker::document(&for_docker)?),
        ("oci-layout", json!({ "imageLayoutVersion": "1.0.0" }).to_string().into_bytes()),
        (INDEX, index.to_string().into_bytes()),
    ];
    Ok(Found { image, documents })
}

fn named(descriptor: &Descriptor, name: String, tag: &str) -> Descriptor {
    let annotations = BTreeMap::from([(NAME.to_owned(), name), (TAG.to_owned(), tag.to_owned())]);
    Descriptor { annotations, ..descriptor.clone() }
}
