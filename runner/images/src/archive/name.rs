//! Names of images: `hello-app:1.0` and `docker.io/library/hello-app:1.0` are the same one.

use serde::{Deserialize, Serialize};
use std::fmt;

use lab_manifest::{Digest, Repository, Tag};

/// A registry, a repository in it and a tag, written out in full (distribution/reference v0.6 `ParseNormalizedNamed`:
/// without a registry it is Docker Hub's, and there without a slash it is in `library`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reference {
    repository: String,
    tag: String,
}

/// A text that names no image with a tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an image's name and tag such as quay.io/cilium/cilium:v1.12.4, found {0:?}")]
pub struct NameError(String);

const HUB: &str = "docker.io";

impl Reference {
    /// Reads `[REGISTRY/]NAME:TAG`.
    ///
    /// # Errors
    /// [`NameError`] for anything else, a name with a digest included.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let wrong = || NameError(text.to_owned());
        let (name, tag) = text.rsplit_once(':').ok_or_else(wrong)?;
        Tag::try_from(tag.to_owned()).map_err(|_malformed| wrong())?;
        // An id, which has the form of a name and is none.
        if Digest::try_from(text.to_owned()).is_ok() {
            return Err(wrong());
        }
        // A port is part of the registry's name, and only of that.
        let (registry, path) = match name.split_once('/') {
            Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (first, rest),
            _ => (HUB, name),
        };
        let (host, port) = registry.split_once(':').unwrap_or((registry, "0"));
        let path = if registry == HUB && !path.contains('/') { format!("library/{path}") } else { path.to_owned() };
        if port.parse::<u16>().is_err() || Repository::try_from(format!("{host}/{path}")).is_err() {
            return Err(wrong());
        }
        Ok(Self { repository: format!("{registry}/{path}"), tag: tag.to_owned() })
    }

    /// Registry and name: `docker.io/library/hello-app`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// As people write it: `hello-app:1.0`.
    pub fn familiar(&self) -> String {
        let short =
            self.repository.strip_prefix("docker.io/").map(|path| path.strip_prefix("library/").unwrap_or(path));
        format!("{}:{}", short.unwrap_or(&self.repository), self.tag)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.repository, self.tag)
    }
}

impl TryFrom<String> for Reference {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_out_in_full_and_short() {
        for (text, full, familiar) in [
            ("hello-app:1.0", "docker.io/library/hello-app:1.0", "hello-app:1.0"),
            ("kindest/node:v1.25.3", "docker.io/kindest/node:v1.25.3", "kindest/node:v1.25.3"),
            ("docker.io/library/hello-app:1.0", "docker.io/library/hello-app:1.0", "hello-app:1.0"),
            ("quay.io/cilium/cilium:v1.12.4", "quay.io/cilium/cilium:v1.12.4", "quay.io/cilium/cilium:v1.12.4"),
            ("127.0.0.1:5000/a/b:t", "127.0.0.1:5000/a/b:t", "127.0.0.1:5000/a/b:t"),
            ("localhost/a:t", "localhost/a:t", "localhost/a:t"),
        ] {
            let reference = Reference::parse(text).unwrap();
            assert_eq!((reference.to_string().as_str(), reference.familiar().as_str()), (full, familiar));
            assert_eq!(Reference::parse(full), Ok(reference));
        }
    }

    #[test]
    fn what_names_no_image_is_refused() {
        let id = format!("sha256:{}", "0".repeat(64));
        let digest = format!("kindest/node@{id}");
        for text in [
            "",
            ":",
            "hello-app",
            "hello-app:",
            ":1.0",
            "Hello:1",
            "a//b:1",
            "127.0.0.1:5000/a",
            "a:b:c",
            "a.b:x/y:1",
            &digest,
            &id,
        ] {
            assert_eq!(Reference::parse(text), Err(NameError(text.to_owned())), "{text:?}");
        }
    }
}
