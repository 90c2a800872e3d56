//! What a baked image is made from.

use lab_base::sha256;
use lab_manifest::Digest;

use crate::{Origin, Wanted};

/// The repository of baked images in the Engine.
const REPOSITORY: &str = "lab-node";
/// Counts up when images are baked in another way, so that older ones are not taken for the same.
const METHOD: &str = "1";

/// An image that is baked into the node image.
#[derive(Debug)]
pub struct Ingredient {
    /// The image.
    pub wanted: Wanted,
    /// Where its archive comes from.
    pub origin: Origin,
}

impl Ingredient {
    /// What it is known by before its archive is read: the Engine's id of it, or the digest of its configuration in a kit.
    fn id(&self) -> &Digest {
        match &self.origin {
            Origin::Engine(held) => &held.id,
            Origin::Reader { config, .. } => config,
        }
    }
}

/// What a baked image is made from.
#[derive(Debug)]
pub struct Recipe {
    /// The name of the node image: `kindest/node:v1.25.3`.
    pub reference: String,
    /// What the Engine calls it.
    pub node: Digest,
    /// The images that are baked into it.
    pub images: Vec<Ingredient>,
}

impl Recipe {
    /// 64 hexadecimal digits that are the same for the same images in the same Engine.
    pub fn key(&self, endpoint: &str) -> String {
        let mut lines = vec![METHOD.to_owned(), endpoint.to_owned(), self.node.to_string()];
        let images = self.images.iter();
        lines.extend(images.map(|image| format!("{} {} {}", image.wanted.name, image.wanted.reference, image.id())));
        sha256(lines.join("\n").as_bytes())
    }

    /// The name of the baked image in the Engine, with this key: `lab-node:v1.25.3-0123456789ab`.
    pub(super) fn named(&self, key: &str) -> String {
        let tag = self.reference.rsplit_once(':').map_or("latest", |(_, tag)| tag);
        // A tag has 128 characters at most.
        let tag: String = tag.chars().take(100).collect();
        format!("{REPOSITORY}:{tag}-{}", key.get(..12).unwrap_or(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Find, Held, Platform, Reference};

    fn held(id: &[u8]) -> Held {
        let platform = Platform::linux("x86_64");
        Held { id: Digest::of(id), repo_digests: Vec::new(), platform, size: 1, config: None, taken: false }
    }

    fn recipe(node: &[u8], cilium: &[u8]) -> Recipe {
        let reference = Reference::in_full("quay.io/cilium/cilium:v1.12.4").unwrap();
        let find = Find::Local("cilium".to_owned());
        let wanted = Wanted { name: "cilium".to_owned(), reference, find, instead: None };
        let images = vec![Ingredient { wanted, origin: Origin::Engine(held(cilium)) }];
        Recipe { reference: "kindest/node:v1.25.3".to_owned(), node: Digest::of(node), images }
    }

    #[test]
    fn other_images_or_another_engine_are_another_recipe() {
        let here = "unix:///var/run/docker.sock";
        let key = recipe(b"node", b"cilium").key(here);
        assert_eq!(recipe(b"node", b"cilium").key(here), key);
        for other in [
            recipe(b"node", b"other").key(here),
            recipe(b"other", b"cilium").key(here),
            recipe(b"node", b"cilium").key(""),
        ] {
            assert_ne!(other, key);
        }
        assert_eq!(recipe(b"node", b"cilium").named(&key), format!("lab-node:v1.25.3-{}", &key[..12]));
    }
}
