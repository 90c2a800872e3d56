//! Delivers all images of a cluster to its nodes, except those that a node has already.

use crate::deliver::deliver;
use crate::on_node::node_images;
use crate::take::config_digest;
use async_recursion::async_recursion as boxed;
use std::collections::BTreeMap;
use std::time::Duration;

use super::{Archived, ImageError, NodeFailed, NodeImages, Origin, Wanted};
use lab_base::clock;
use lab_engine::Engine;
use lab_manifest::Digest;
use lab_model::observe::{ImageFrom, ImageSource, NodeName};

/// How long a node's container runtime may take to answer after the start of the node.
const RUNTIME_UP: Duration = Duration::from_mins(2);

/// An image to be delivered, and the nodes that need it.
#[derive(Debug)]
pub struct Parcel {
    /// The image.
    pub wanted: Wanted,
    /// Where its archive comes from.
    pub origin: Origin,
    /// The nodes that must have it.
    pub nodes: Vec<NodeName>,
}

/// The result of delivering a [`Parcel`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The image that the lab was built with, for the report.
    pub source: ImageSource,
    /// The nodes that it was copied to.
    pub moved: Vec<NodeName>,
    /// The nodes that had it already.
    pub there: Vec<NodeName>,
    /// The names that it was given on the nodes that it was copied to.
    pub given: Vec<String>,
    /// Bytes of content that each of those nodes received.
    pub bytes: u64,
    /// The time from the first question to a node to the last.
    pub elapsed: Duration,
}

impl Delivered {
    /// Whether every node knows it by its registry's digest too, so that a pod can name it by digest without a pull.
    pub fn is_known_by_digest(&self) -> bool {
        self.there.is_empty() && self.given.iter().any(|name| name.contains('@'))
    }
}

/// Delivers images to nodes, all at the same time. With `unpack`, containerd unpacks the layers now rather than when the
/// first container of an image is made. `tell` is called with the progress of each.
///
/// # Errors
/// [`ImageError`] for the first image that cannot be read, is not the expected one, or is not on a node afterwards.
#[boxed(?Send)]
pub async fn distribute(
    engine: &Engine,
    parcels: Vec<Parcel>,
    unpack: bool,
    tell: &dyn Fn(String),
) -> Result<Vec<Delivered>, ImageError> {
    let Some(first) = parcels.first() else { return Ok(Vec::new()) };
    let mut nodes: Vec<&NodeName> = parcels.iter().flat_map(|parcel| &parcel.nodes).collect();
    nodes.sort();
    nodes.dedup();
    let looks = nodes.iter().map(|node| node_images(engine, node, RUNTIME_UP));
    let looked = futures_util::future::join_all(looks).await;
    let (mut listed, mut failed) = (BTreeMap::new(), Vec::<NodeFailed>::new());
    for (node, look) in nodes.into_iter().zip(looked) {
        match look {
            Ok(images) => drop(listed.insert(node.clone(), images)),
            Err(error) => failed.push(error),
        }
    }
    if !failed.is_empty() {
        return Err(ImageError::Nodes { image: first.wanted.shown(), failed });
    }
    futures_util::future::try_join_all(parcels.into_iter().map(|parcel| send(engine, parcel, &listed, unpack, tell)))
        .await
}

async fn send(
    engine: &Engine,
    parcel: Parcel,
    listed: &BTreeMap<NodeName, NodeImages>,
    unpack: bool,
    tell: &dyn Fn(String),
) -> Result<Delivered, ImageError> {
    let Parcel { wanted, origin, nodes } = parcel;
    let begun = clock::now();
    let images: Vec<&NodeImages> = nodes.iter().filter_map(|node| listed.get(node)).collect();
    // The digest of the configuration is needed now only if a node has an image of that name, to compare the two. Reading
    // it from the archive takes time.
    let known = match &origin {
        Origin::Reader { config, .. } => Some(config.clone()),
        Origin::Engine(held) if images.iter().any(|listed| listed.get(&wanted.reference).is_some()) => {
            Some(config_digest(engine, &wanted, held).await?)
        }
        Origin::Engine(held) => held.config.clone(),
    };
    let has = |config: &Digest| images.iter().map(|listed| listed.has(&wanted.reference, config)).collect();
    let has: Vec<bool> = known.as_ref().map_or_else(|| vec![false; images.len()], has);
    let of =
        |wished: bool| nodes.iter().zip(&has).filter(move |(_, has)| **has == wished).map(|(node, _)| node.clone());
    let (there, moved): (Vec<NodeName>, Vec<NodeName>) = (of(true).collect(), of(false).collect());
    let mut source = source(&wanted, &origin, known);
    if moved.is_empty() {
        return Ok(Delivered { source, moved, there, given: Vec::new(), bytes: 0, elapsed: begun.elapsed() });
    }
    let tell_named = |progress: String| tell(format!("{}: {progress}", wanted.name));
    let Archived { config, given, bytes, .. } = deliver(engine, &wanted, origin, &moved, unpack, &tell_named).await?;
    source.config_digest = config.to_string();
    Ok(Delivered { source, moved, there, given, bytes, elapsed: begun.elapsed() })
}

fn source(wanted: &Wanted, origin: &Origin, config: Option<Digest>) -> ImageSource {
    let (engine_id, from) = match origin {
        Origin::Engine(held) => (Some(held.id.to_string()), wanted.from(held)),
        Origin::Reader { .. } => (None, ImageFrom::Kit),
    };
    ImageSource {
        name: wanted.name.clone(),
        reference: wanted.reference.familiar(),
        repo_digest: wanted.repo_digest().map(ToString::to_string),
        config_digest: config.map(|config| config.to_string()).unwrap_or_default(),
        engine_id,
        from,
        baked: None,
    }
}
