//! Finds images in the Engine, or pulls them by their registry's digest.

use async_recursion::async_recursion as boxed;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt;
use std::time::Duration;

use super::archive::{self, Naming, Platform};
use super::instead::obtain;
use super::pulled::{Layers, refused};
use super::reader::{Feed, feed};
use super::{Find, ImageError, Wanted};
use lab_base::clock;
use lab_engine::{Engine, EngineError};
use lab_manifest::Digest;

/// The deadline of a question about an image.
const ASK_DEADLINE: Duration = Duration::from_secs(10);
/// How long a pull may go without progress. Registries make clients wait, but not this long.
const STALL: Duration = Duration::from_mins(2);

/// An image that the Engine has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The Engine's id of it.
    pub id: Digest,
    /// Its names in registries: `quay.io/cilium/cilium@sha256:…`.
    pub repo_digests: Vec<String>,
    /// The platform that it is for.
    pub platform: Platform,
    /// Its size in bytes, as the Engine reports it.
    pub size: u64,
    /// The digest of its configuration, if the Engine uses that as its id.
    pub config: Option<Digest>,
    /// Whether it was pulled or loaded now; false if the Engine had it already.
    pub taken: bool,
}

/// Makes sure that the Engine has an image: pulls it if it is missing and is found by digest, or takes it from where
/// [`Wanted::instead`] says. `tell` is called with the progress.
///
/// # Errors
/// [`ImageError`]: no network, rate limited, not in the registry, no space, no progress, or not in the Engine.
#[boxed(?Send)]
pub async fn take(
    engine: &Engine,
    wanted: &Wanted,
    deadline: Duration,
    tell: &dyn Fn(String),
) -> Result<Held, ImageError> {
    if let Some(held) = held(engine, wanted).await? {
        return Ok(held);
    }
    match (&wanted.find, &wanted.instead) {
        (Find::Digest(digest), _) => pull(engine, wanted, digest, deadline, tell).await?,
        (Find::Local(_), Some(instead)) => obtain(engine, wanted, instead, deadline, tell).await?,
        (Find::Local(_), None) => {
            return Err(ImageError::NotLocal { name: wanted.name.clone(), reference: wanted.shown() });
        }
    }
    match held(engine, wanted).await? {
        Some(held) => Ok(Held { taken: true, ..held }),
        None => Err(ImageError::NotThere {
            image: wanted.shown(),
            said: "the Engine reported that it has it now, but does not have it".to_owned(),
        }),
    }
}

/// The image, if the Engine has it.
///
/// # Errors
/// When the Engine does not answer, or finds an image by a digest that the image does not have.
#[boxed(?Send)]
pub async fn held(engine: &Engine, wanted: &Wanted) -> Result<Option<Held>, ImageError> {
    let name = match &wanted.find {
        Find::Digest(digest) => format!("{}@{digest}", wanted.reference.repository()),
        Find::Local(found_by) => found_by.clone(),
    };
    let doing = format!("look for the image {name}");
    let found = match engine.call(&doing, ASK_DEADLINE, engine.client().inspect_image(&name)).await {
        Ok(found) => found,
        Err(error) if error.is_missing() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let broken = |why: String| EngineError::Broken { endpoint: engine.endpoint(), doing: doing.clone(), why };
    let id = Digest::try_from(found.id.unwrap_or_default()).map_err(|error| broken(error.to_string()))?;
    let repo_digests = found.repo_digests.unwrap_or_default();
    if let Find::Digest(digest) = &wanted.find
        && id != *digest
        && !repo_digests.iter().any(|known| known.ends_with(digest.as_str()))
    {
        let known = if repo_digests.is_empty() { "nothing".to_owned() } else { repo_digests.join(", ") };
        return Err(ImageError::NotByDigest { image: wanted.shown(), known, id: id.to_string() });
    }
    let platform = Platform {
        os: found.os.unwrap_or_else(|| "linux".to_owned()),
        architecture: found.architecture.unwrap_or_default(),
    };
    let size = found.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
    let config = (!has_containerd_store(engine).await?).then(|| id.clone());
    Ok(Some(Held { id, repo_digests, platform, size, config, taken: false }))
}

/// Whether the Engine keeps images in containerd's store, and so uses the digests of their manifests as ids (the default
/// of Docker 29; `GET /info`, `DriverStatus`).
async fn has_containerd_store(engine: &Engine) -> Result<bool, EngineError> {
    let info = engine.call("describe itself", ASK_DEADLINE, engine.client().info()).await?;
    let rows = info.driver_status.unwrap_or_default();
    Ok(rows.iter().any(|row| row.iter().any(|text| text.starts_with("io.containerd.snapshotter"))))
}

async fn pull(
    engine: &Engine,
    wanted: &Wanted,
    digest: &Digest,
    deadline: Duration,
    tell: &dyn Fn(String),
) -> Result<(), ImageError> {
    let image = wanted.shown();
    let options =
        CreateImageOptionsBuilder::default().from_image(wanted.reference.repository()).tag(digest.as_str()).build();
    let mut layers = Layers::default();
    let pulling = async {
        let mut stream = Box::pin(engine.client().create_image(Some(options), None, None));
        loop {
            let next = clock::within(STALL, "progress", stream.next()).await.map_err(|_passed| None)?;
            match next {
                None => return Ok(()),
                Some(Ok(info)) => tell(format!("{}: {}", wanted.name, layers.update(&info))),
                Some(Err(error)) => return Err(Some(engine.failed(&format!("pull {image}"), error))),
            }
        }
    };
    let ended = clock::within(deadline, "a pull", pulling).await;
    let doing = "pulling it";
    match ended {
        Ok(Ok(())) => Ok(()),
        Ok(Err(Some(error))) => Err(refused(&image, "pulled", error)),
        Ok(Err(None)) => Err(ImageError::Stalled { image, doing, deadline: STALL, last: layers.summary() }),
        Err(_passed) => Err(ImageError::Deadline { image, doing, deadline, last: layers.summary() }),
    }
}

/// The digest of an image's configuration, by which container runtimes identify it. If the Engine uses another id, it is
/// read from the image's archive.
///
/// # Errors
/// When the archive does not contain the image.
#[boxed(?Send)]
pub async fn config_digest(engine: &Engine, wanted: &Wanted, held: &Held) -> Result<Digest, ImageError> {
    if let Some(config) = &held.config {
        return Ok(config.clone());
    }
    let naming = wanted.naming(held.platform.clone(), None);
    let (feed, reader) = feed();
    let read = tokio::task::spawn_blocking(move || archive::pass_on(reader, std::io::sink(), &naming));
    let (fed, read) = tokio::join!(export(engine, held, feed), read);
    fed?;
    let read =
        read.map_err(|error| ImageError::Refused { image: wanted.shown(), action: "read", said: error.to_string() })?;
    read.map(|archived| archived.config).map_err(|source| ImageError::Archive { image: wanted.shown(), source })
}

/// Streams an image's archive from the Engine (`GET /images/{id}/get`) to a reader, no faster than it reads.
pub async fn export(engine: &Engine, held: &Held, feed: Feed) -> Result<(), ImageError> {
    let doing = format!("export the image {}", held.id);
    let mut stream = Box::pin(engine.client().export_image(held.id.as_str()));
    loop {
        match engine.call(&doing, STALL, async { Ok(stream.next().await) }).await? {
            None => return Ok(()),
            Some(Ok(bytes)) => {
                if !feed.give(bytes).await {
                    // The reader has stopped; it reports why.
                    return Ok(());
                }
            }
            Some(Err(error)) => {
                let error = engine.failed(&doing, error);
                feed.break_off(&error.to_string()).await;
                return Err(error.into());
            }
        }
    }
}

impl Wanted {
    /// What it must be, and the names that it is passed on with.
    pub fn naming(&self, platform: Platform, config: Option<Digest>) -> Naming {
        Naming { reference: self.reference.clone(), repo_digest: self.repo_digest().cloned(), platform, config }
    }
}
