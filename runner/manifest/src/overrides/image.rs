//! `--image NAME=REF`: a local image in place of a pinned one.

use serde::Serialize;
use std::fmt;
use std::str::FromStr;

use super::reference::{Reference, Unusable};
use crate::pins::{Image, Images};
use lab_model::deviation::ImageName;

/// The pin of an image.
pub const fn pinned(name: ImageName, images: &Images) -> &Image {
    match name {
        ImageName::Cilium => &images.cilium,
        ImageName::OperatorGeneric => &images.operator_generic,
        ImageName::HelloApp => &images.hello_app,
    }
}

/// `--image NAME=REF`: an image of the host's own Engine, in place of the pinned one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct LocalImage {
    /// The image that it replaces.
    pub name: ImageName,
    /// Its name in the Engine, with a tag and without a digest: when an image is loaded into a node, it keeps its tags, but
    /// not the digest that a registry gave it.
    pub reference: Reference,
}

impl fmt::Display for LocalImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}={}", self.name, self.reference))
    }
}

impl From<LocalImage> for String {
    fn from(image: LocalImage) -> Self {
        image.to_string()
    }
}

impl FromStr for LocalImage {
    type Err = Unusable;

    fn from_str(text: &str) -> Result<Self, Unusable> {
        let names = "NAME=REF, where NAME is cilium, operator-generic or hello-app";
        let (name, reference) = text.split_once('=').ok_or_else(|| Unusable::new(names, text))?;
        let name = ImageName::ALL.into_iter().find(|known| known.key() == name);
        let name = name.ok_or_else(|| Unusable::new(names, text))?;
        let reference: Reference = reference.parse()?;
        if reference.digest().is_some() {
            let expected = "a local image by its tag, without a digest (an image loses its registry's digest when it is \
                            loaded into the nodes)";
            return Err(Unusable::new(expected, &reference.to_string()));
        }
        Ok(Self { name, reference })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_a_tag_are_taken() {
        let image: LocalImage = "operator-generic=localhost:5000/operator:dev".parse().expect("it is one");
        assert_eq!(image.name, ImageName::OperatorGeneric);
        assert_eq!(image.reference.to_string(), "localhost:5000/operator:dev");
    }

    #[test]
    fn other_names_and_digests_are_refused() {
        let refused = |text: &str| text.parse::<LocalImage>().expect_err(text).to_string();
        for text in ["cilium", "=x", "node=kindest/node:v1.25.3", "operator=x", "Cilium=x"] {
            let expected = "expected NAME=REF, where NAME is cilium, operator-generic or hello-app";
            assert_eq!(refused(text), format!("{expected}, found {text:?}"));
        }
        assert!(refused("cilium=").ends_with(", found \"\""));
        let digest = format!("cilium=a:b@sha256:{}", "ab".repeat(32));
        assert!(refused(&digest).starts_with("expected a local image by its tag, without a digest"));
    }
}
