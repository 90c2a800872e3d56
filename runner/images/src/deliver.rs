//! Delivers one image to all nodes at the same time: its archive is read once, checked while it is read, and streamed to
//! `ctr images import` in each node.

use crate::on_node::expect_image;
use crate::take::export;
use std::io::Read;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;

use super::archive::{self, ArchiveError, Archived, Naming};
use super::reader::{feed, tee};
use super::{Held, ImageError, NodeFailed, Wanted};
use lab_base::clock;
use lab_engine::{Engine, EngineError};
use lab_manifest::Digest;
use lab_model::observe::NodeName;

/// How long a node may read nothing before it counts as stalled.
const STALL: Duration = Duration::from_mins(2);
/// How long containerd may take to finish after it has received everything.
const FINISH: Duration = Duration::from_mins(5);
/// How long the node's container runtime may take to list an image after containerd has imported it.
const LISTED: Duration = Duration::from_secs(10);

/// Where an image's archive comes from.
pub enum Origin {
    /// From the Engine, which has the image.
    Engine(Held),
    /// From a reader that may block: a kit.
    Reader {
        /// The archive.
        archive: Box<dyn Read + Send>,
        /// The platform that the image must be for.
        platform: archive::Platform,
        /// The digest that its configuration must have.
        config: Digest,
    },
}

impl std::fmt::Debug for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Engine(held) => f.debug_tuple("Engine").field(held).finish(),
            Self::Reader { config, .. } => f.debug_struct("Reader").field("config", config).finish_non_exhaustive(),
        }
    }
}

impl Origin {
    fn naming(&self, wanted: &Wanted) -> Naming {
        match self {
            Self::Engine(held) => wanted.naming(held.platform.clone(), held.config.clone()),
            Self::Reader { platform, config, .. } => wanted.naming(platform.clone(), Some(config.clone())),
        }
    }
}

/// The command that imports an image on a node. Without `--all-platforms`, because an archive has one platform, and
/// without `--digests`, which would add names with digests that no registry knows (containerd v1.6
/// `cmd/ctr/commands/images/import.go`).
fn import_command(unpack: bool) -> Vec<&'static str> {
    let mut command = vec!["ctr", "-n", "k8s.io", "images", "import"];
    if !unpack {
        command.push("--no-unpack");
    }
    command.push("-");
    command
}

/// Imports an image into these nodes, and checks that each then has it.
pub(super) async fn deliver(
    engine: &Engine,
    wanted: &Wanted,
    origin: Origin,
    nodes: &[NodeName],
    unpack: bool,
    tell: &dyn Fn(String),
) -> Result<Archived, ImageError> {
    let archived = pass(engine, wanted, origin, nodes, unpack, tell).await?;
    expect(engine, wanted, &archived.config, nodes).await?;
    Ok(archived)
}

/// Imports an image into these containers.
pub(super) async fn pass(
    engine: &Engine,
    wanted: &Wanted,
    origin: Origin,
    nodes: &[NodeName],
    unpack: bool,
    tell: &dyn Fn(String),
) -> Result<Archived, ImageError> {
    let naming = origin.naming(wanted);
    let (out, takers) = tee(nodes.len());
    let (feed, fed) = feed();
    let (archive, held): (Box<dyn Read + Send>, _) = match origin {
        Origin::Engine(held) => (Box::new(fed), Some(held)),
        Origin::Reader { archive, .. } => (archive, None),
    };
    let read = tokio::task::spawn_blocking(move || archive::pass_on(archive, out, &naming));
    let feeding = async {
        match held {
            Some(held) => export(engine, &held, feed).await,
            None => Ok(()),
        }
    };
    let imports = nodes.iter().zip(takers).map(|(node, chunks)| import(engine, node, chunks, unpack, tell));
    let imports = futures_util::future::join_all(imports);
    let (fed, read, imported) = tokio::join!(feeding, read, imports);
    fed?;
    let image = wanted.shown();
    let read = read.unwrap_or_else(|stopped| Err(ArchiveError::Write(std::io::Error::other(stopped))));
    let failed: Vec<NodeFailed> = imported.into_iter().filter_map(Result::err).collect();
    match read {
        // The archive could not be passed on because nodes stopped reading; their errors say why.
        Ok(_) | Err(ArchiveError::Write(_)) if !failed.is_empty() => Err(ImageError::Nodes { image, failed }),
        // The archive was broken off on purpose, so containerd's refusals of it are not reported.
        Err(source) => Err(ImageError::Archive { image, source }),
        Ok(archived) => Ok(archived),
    }
}

async fn import(
    engine: &Engine,
    node: &NodeName,
    mut chunks: Receiver<bytes::Bytes>,
    unpack: bool,
    tell: &dyn Fn(String),
) -> Result<(), NodeFailed> {
    let failed = |source: EngineError| NodeFailed::Engine { node: node.clone(), source: Box::new(source) };
    let command = import_command(unpack);
    let mut started = engine.start(&node.to_string(), command.clone(), true).await.map_err(failed)?;
    let mut bytes = 0_u64;
    while let Some(chunk) = chunks.recv().await {
        match clock::within(STALL, "a node's import", started.write(&chunk)).await {
            Ok(Ok(())) => {}
            // The import has ended early; its exit code and its standard error, read below, say why.
            Ok(Err(_closed)) => break,
            Err(_passed) => return Err(NodeFailed::Stalled { node: node.clone(), deadline: STALL }),
        }
        bytes += chunk.len() as u64;
        tell(format!("{node} has {} MB", bytes / 1_000_000));
    }
    // Dropped so that the other nodes no longer wait for this one.
    drop(chunks);
    let ran = started.finish(&[], FINISH).await.map_err(failed)?;
    if ran.success() {
        return Ok(());
    }
    let said = ran.stderr_text().trim().to_owned();
    if said.to_lowercase().contains("no space left on device") {
        return Err(NodeFailed::DiskFull { node: node.clone(), said });
    }
    Err(NodeFailed::Refused { node: node.clone(), command: command.join(" "), code: ran.code, said })
}

async fn expect(engine: &Engine, wanted: &Wanted, config: &Digest, nodes: &[NodeName]) -> Result<(), ImageError> {
    let looks = nodes.iter().map(|node| expect_image(engine, node, &wanted.reference, config, LISTED));
    let failed: Vec<NodeFailed> =
        futures_util::future::join_all(looks).await.into_iter().filter_map(Result::err).collect();
    if failed.is_empty() { Ok(()) } else { Err(ImageError::Nodes { image: wanted.shown(), failed }) }
}
