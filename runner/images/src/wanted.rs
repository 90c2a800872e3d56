//! Which images a lab needs, and how each is found.

use super::Held;
use lab_manifest::Digest;
use lab_manifest::overrides::{Reference, Unusable};
use lab_manifest::pins::{Image, Images};
use lab_model::observe::ImageFrom;
use std::path::PathBuf;

/// How an image is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Find {
    /// By its registry's digest; it is pulled if the Engine does not have it.
    Digest(Digest),
    /// By a name or an id in the Engine; it is never pulled by that.
    Local(String),
}

/// Where an image that the Engine does not have under its name is taken from instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instead {
    /// An archive as `docker save` writes it.
    Archive(PathBuf),
    /// What upstream publishes, by its digest.
    Published {
        /// Its name, with its registry.
        reference: Reference,
        /// The digest in the registry.
        digest: Digest,
    },
}

/// An image that a lab needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its key in `pins.json`, `images`: `cilium`.
    pub name: String,
    /// The name that it gets on the nodes.
    pub reference: Reference,
    /// How it is found.
    pub find: Find,
    /// Where it is taken from if it is found by its name and the Engine has no image of that name.
    pub instead: Option<Instead>,
}

impl Wanted {
    /// An image of `pins.json`: found by its digest, or in the Engine if it has none because it is built locally.
    ///
    /// # Errors
    /// When the pin is not a valid name of an image.
    pub fn pinned(name: &str, image: &Image) -> Result<Self, Unusable> {
        let find = image.digest.clone().map_or_else(|| Find::Local(image.tagged()), Find::Digest);
        let published = image.published.as_ref().map(|published| {
            let reference = Reference::in_full(&format!("{}:{}", published.repository, image.tag))?;
            Ok(Instead::Published { reference, digest: published.digest.clone() })
        });
        let reference = Reference::in_full(&image.tagged())?;
        Ok(Self { name: name.to_owned(), reference, find, instead: published.transpose()? })
    }

    /// The image that the command line gives in place of this one: found by its digest if it has one, else in the Engine.
    /// On the nodes it gets the given name.
    ///
    /// # Errors
    /// When the given name is not a valid name of an image.
    pub fn replaced(self, given: &Reference) -> Result<Self, Unusable> {
        let tagged = format!("{}:{}", given.repository(), given.tag().or(self.reference.tag()).unwrap_or_default());
        let reference = Reference::in_full(&tagged)?;
        let find = given.digest().cloned().map_or(Find::Local(tagged), Find::Digest);
        Ok(Self { name: self.name, reference, find, instead: None })
    }

    /// All images of `pins.json`, in the order in which a lab needs them.
    ///
    /// # Errors
    /// When a pin is not a valid name of an image.
    pub fn all(pins: &Images) -> Result<[Self; 4], Unusable> {
        Ok([
            Self::pinned(NODE, &pins.node)?,
            Self::pinned(CILIUM, &pins.cilium)?,
            Self::pinned(OPERATOR, &pins.operator_generic)?,
            Self::pinned(HELLO_APP, &pins.hello_app)?,
        ])
    }

    /// Its registry's digest, if it is found by that.
    pub const fn repo_digest(&self) -> Option<&Digest> {
        match &self.find {
            Find::Digest(digest) => Some(digest),
            Find::Local(_) => None,
        }
    }

    /// The same, taken from this archive where the Engine does not have it.
    pub fn or_archive(self, archive: Option<PathBuf>) -> Self {
        Self { instead: archive.map(Instead::Archive).or(self.instead), ..self }
    }

    /// Where this image comes from, which the Engine has.
    pub const fn from(&self, held: &Held) -> ImageFrom {
        match (&self.find, &self.instead) {
            (Find::Digest(_), _) => ImageFrom::Registry,
            (Find::Local(_), Some(Instead::Archive(_))) if held.taken => ImageFrom::Archive,
            (Find::Local(_), Some(Instead::Published { .. })) if held.taken => ImageFrom::Published,
            (Find::Local(_), _) => ImageFrom::Local,
        }
    }

    /// The name for messages, which the docker program understands too: `quay.io/cilium/cilium:v1.12.4@sha256:…`.
    pub fn shown(&self) -> String {
        match &self.find {
            Find::Digest(digest) => format!("{}@{digest}", self.reference.familiar()),
            Find::Local(found_by) => found_by.clone(),
        }
    }
}

/// Key of a kind node's image in `pins.json`.
pub const NODE: &str = "node";
/// Key of the agent's image.
pub const CILIUM: &str = "cilium";
/// Key of the operator's image.
pub const OPERATOR: &str = "operator-generic";
/// Key of the workload's image.
pub const HELLO_APP: &str = "hello-app";

#[cfg(test)]
mod tests {
    use super::*;
    use lab_manifest::Manifests;

    #[test]
    fn pinned_images_are_found_by_digest_and_the_built_one_in_the_engine() {
        let pins = Manifests::embedded().unwrap().pins;
        let [node, cilium, operator, hello] = Wanted::all(&pins.images).unwrap();
        for (wanted, name) in [(&node, NODE), (&cilium, CILIUM), (&operator, OPERATOR)] {
            assert_eq!(wanted.name, name);
            assert!(matches!(wanted.find, Find::Digest(_)), "{wanted:?}");
        }
        let digest = pins.images.cilium.digest.clone().unwrap();
        assert_eq!(cilium.shown(), format!("quay.io/cilium/cilium:v1.12.4@{digest}"));
        assert_eq!(hello.find, Find::Local("hello-app:1.0".to_owned()));
        assert!(matches!(hello.instead, Some(Instead::Published { .. })), "{hello:?}");
        let archive = PathBuf::from("/nix/store/hello-app.tar.gz");
        assert_eq!(hello.clone().or_archive(None), hello);
        assert_eq!(hello.or_archive(Some(archive.clone())).instead, Some(Instead::Archive(archive)));
    }

    #[test]
    fn another_image_is_found_in_the_engine_or_by_its_own_digest() {
        let pins = Manifests::embedded().unwrap().pins;
        let node = Wanted::pinned(NODE, &pins.images.node).unwrap();
        let replaced = |given: &str| node.clone().replaced(&given.parse().unwrap()).unwrap();
        let local = replaced("localhost:5000/node:dev");
        assert_eq!(local.find, Find::Local("localhost:5000/node:dev".to_owned()));
        assert_eq!(local.instead, None);
        assert_eq!((local.name.as_str(), local.reference.familiar().as_str()), (NODE, "localhost:5000/node:dev"));
        assert_eq!(replaced("mine").find, Find::Local("mine:latest".to_owned()));
        let digest = Digest::of(b"another");
        let by_digest = replaced(&format!("kindest/node@{digest}"));
        assert_eq!(
            (by_digest.reference.familiar().as_str(), by_digest.repo_digest()),
            ("kindest/node:v1.25.3", Some(&digest))
        );
    }
}
