//! Names of images. `hello-app:1.0` and `docker.io/library/hello-app:1.0` name the same image.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

use crate::{Digest, Tag};

/// A text of the command line that its option does not accept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found:?}")]
pub struct Unusable {
    /// A text that describes the accepted form.
    pub expected: String,
    /// The text that was given.
    pub found: String,
}

impl Unusable {
    pub(super) fn new(expected: impl Into<String>, found: &str) -> Self {
        Self { expected: expected.into(), found: found.to_owned() }
    }
}

/// A reference to an image: a name with a tag, a digest or both
/// (<https://github.com/distribution/reference>, the grammar at the head of `reference.go`). A reference from the command line
/// is kept as it was written; one that is read from a document is [written out in full](Self::in_full).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Reference {
    repository: String,
    tag: Option<Tag>,
    digest: Option<Digest>,
}

/// The tag of a reference that has neither tag nor digest, as Docker and containerd complete it.
const LATEST: &str = "latest";
/// Docker Hub, which is meant by names without a registry, and its folder that names without a slash are in.
const HUB: &str = "docker.io/";
const LIBRARY: &str = "library/";

impl Reference {
    /// Reads a name and a tag, and writes them out in full: a name without a registry is at Docker Hub, and there a name
    /// without a slash is in `library` (distribution/reference v0.6, `ParseNormalizedNamed`).
    ///
    /// # Errors
    /// For anything else, a name with a digest included.
    pub fn in_full(text: &str) -> Result<Self, Unusable> {
        let wrong = || Unusable::new("an image's name and tag such as quay.io/cilium/cilium:v1.12.4", text);
        let Self { repository, tag, digest } = text.parse().map_err(|_malformed: Unusable| wrong())?;
        if tag.is_none() || digest.is_some() {
            return Err(wrong());
        }
        let repository = match registry(&repository) {
            Some(_) if !repository.starts_with(HUB) => repository,
            own => {
                let path = own.map_or(repository.as_str(), |(_hub, path)| path);
                let library = if path.contains('/') { "" } else { LIBRARY };
                format!("{HUB}{library}{path}")
            }
        };
        // Written out in full, a name may exceed the limit of its length.
        if is_repository(&repository) { Ok(Self { repository, tag, digest: None }) } else { Err(wrong()) }
    }

    /// The short form that people and the Engine write, for example `hello-app:1.0`.
    pub fn familiar(&self) -> String {
        let text = self.to_string();
        let short = text.strip_prefix(HUB).map(|path| path.strip_prefix(LIBRARY).unwrap_or(path).to_owned());
        short.unwrap_or(text)
    }

    /// The name, with its registry if it has one, without tag and digest.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag; `latest` if there is neither a tag nor a digest.
    pub fn tag(&self) -> Option<&str> {
        match (&self.tag, &self.digest) {
            (Some(tag), _) => Some(tag.as_str()),
            (None, Some(_)) => None,
            (None, None) => Some(LATEST),
        }
    }

    /// The digest in its registry, if it has one.
    pub const fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tag = self.tag().map(|tag| format!(":{tag}")).unwrap_or_default();
        let digest = self.digest.as_ref().map(|digest| format!("@{digest}")).unwrap_or_default();
        f.pad(&format!("{}{tag}{digest}", self.repository))
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.to_string()
    }
}

impl TryFrom<String> for Reference {
    type Error = Unusable;

    fn try_from(text: String) -> Result<Self, Unusable> {
        Self::in_full(&text)
    }
}

impl FromStr for Reference {
    type Err = Unusable;

    fn from_str(text: &str) -> Result<Self, Unusable> {
        let wrong = || Unusable::new("an image's name such as quay.io/cilium/cilium:v1.12.4", text);
        if is_id(text) {
            return Err(Unusable::new("an image's name (`docker tag ID NAME:TAG` gives it one)", text));
        }
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(Digest::try_from(digest.to_owned()).map_err(|_malformed| wrong())?)),
            None => (text, None),
        };
        // A colon before the last slash is a registry's port.
        let tag_at = name.rfind(':').filter(|at| *at > name.rfind('/').unwrap_or(0));
        let (repository, tag) = match tag_at {
            Some(at) => (&name[..at], Some(Tag::try_from(name[at + 1..].to_owned()).map_err(|_malformed| wrong())?)),
            None => (name, None),
        };
        if !is_repository(repository) {
            return Err(wrong());
        }
        Ok(Self { repository: repository.to_owned(), tag, digest })
    }
}

/// Whether a text is the id of an image, as Docker prints it.
fn is_id(text: &str) -> bool {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a text is an image's name without tag and digest, with or without a registry.
fn is_repository(text: &str) -> bool {
    if text.len() > 255 {
        return false;
    }
    let path = match registry(text) {
        Some((host, _path)) if !is_registry(host) => return false,
        Some((_host, path)) => path,
        None => text,
    };
    path.split('/').all(|part| {
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
        ends(part.chars().next()) && ends(part.chars().last()) && part.chars().all(inner)
    })
}

/// The registry and the rest of the name, if there is a registry: a first part with a dot or a port, or `localhost`.
fn registry(text: &str) -> Option<(&str, &str)> {
    text.split_once('/').filter(|(host, _path)| host.contains(['.', ':']) || *host == "localhost")
}

fn is_registry(text: &str) -> bool {
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    let labels = host.split('.').all(|label| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    });
    labels && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_too_long_in_full_is_refused() {
        let name = |length: usize| format!("{}:1", "a".repeat(length));
        assert!(Reference::in_full(&name(255 - "docker.io/library/".len())).is_ok());
        assert!(Reference::in_full(&name(256 - "docker.io/library/".len())).is_err());
    }

    #[test]
    fn references_are_read_part_by_part() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let table = [
            ("hello-app", "hello-app", Some("latest"), false, "hello-app:latest"),
            ("hello-app:1.0", "hello-app", Some("1.0"), false, "hello-app:1.0"),
            ("localhost/a/b:x", "localhost/a/b", Some("x"), false, "localhost/a/b:x"),
            (
                "localhost:5000/kindest/node",
                "localhost:5000/kindest/node",
                Some("latest"),
                false,
                "localhost:5000/kindest/node:latest",
            ),
            (
                "Registry.example:443/a_b/c.d-e:V1",
                "Registry.example:443/a_b/c.d-e",
                Some("V1"),
                false,
                "Registry.example:443/a_b/c.d-e:V1",
            ),
            (&format!("kindest/node@{digest}"), "kindest/node", None, true, &format!("kindest/node@{digest}")),
            (
                &format!("kindest/node:v1@{digest}"),
                "kindest/node",
                Some("v1"),
                true,
                &format!("kindest/node:v1@{digest}"),
            ),
        ];
        for (text, repository, tag, has_digest, shown) in table {
            let reference: Reference = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(
                (reference.repository(), reference.tag(), reference.digest().is_some(), reference.to_string().as_str()),
                (repository, tag, has_digest, shown),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let digest = "ab".repeat(32);
        for text in [
            "",
            ":",
            "a:",
            ":x",
            "a/",
            "/a",
            "a//b",
            "A/b",
            "a b",
            "a:b:c",
            "a@sha256:ab",
            "-a",
            "a-",
            "a:.x",
            "localhost:0/a",
            "localhost:x/a",
            "ex..ample.org/a",
            "-x.org/a",
            &"a".repeat(256),
        ] {
            let error = text.parse::<Reference>().expect_err(text).to_string();
            assert_eq!(
                error,
                format!("expected an image's name such as quay.io/cilium/cilium:v1.12.4, found {text:?}")
            );
        }
        for id in [digest.clone(), format!("sha256:{digest}")] {
            let error = id.parse::<Reference>().expect_err("an id is no name").to_string();
            assert_eq!(
                error,
                format!("expected an image's name (`docker tag ID NAME:TAG` gives it one), found {id:?}")
            );
        }
    }

    #[test]
    fn names_are_written_out_in_full_and_short() {
        for (text, full, familiar) in [
            ("hello-app:1.0", "docker.io/library/hello-app:1.0", "hello-app:1.0"),
            ("kindest/node:v1.25.3", "docker.io/kindest/node:v1.25.3", "kindest/node:v1.25.3"),
            ("docker.io/library/hello-app:1.0", "docker.io/library/hello-app:1.0", "hello-app:1.0"),
            ("quay.io/cilium/cilium:v1.12.4", "quay.io/cilium/cilium:v1.12.4", "quay.io/cilium/cilium:v1.12.4"),
            ("docker.io/kindest/node:v1", "docker.io/kindest/node:v1", "kindest/node:v1"),
            ("127.0.0.1:5000/a/b:t", "127.0.0.1:5000/a/b:t", "127.0.0.1:5000/a/b:t"),
            ("localhost/a:t", "localhost/a:t", "localhost/a:t"),
        ] {
            let reference = Reference::in_full(text).expect(text);
            assert_eq!((reference.to_string().as_str(), reference.familiar().as_str()), (full, familiar));
            assert_eq!(Reference::in_full(full), Ok(reference));
        }
    }

    #[test]
    fn what_names_no_image_and_tag_is_refused() {
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
            let error = Reference::in_full(text).expect_err(text).to_string();
            assert_eq!(
                error,
                format!("expected an image's name and tag such as quay.io/cilium/cilium:v1.12.4, found {text:?}")
            );
        }
    }
}
