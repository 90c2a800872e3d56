//! All images of a cluster to its nodes; what is there already is not moved.

use crate::deliver::deliver;
use crate::on_node::node_images;
use crate::take::config_digest;
use std::time::Duration;

use super::{Archived, Held, ImageError, NodeFailed, Origin, Wanted};
use lab_base::clock;
use lab_engine::Engine;
use lab_manifest::Digest;
use lab_model::observe::{ImageFrom, ImageSource, NodeName};

/// For a node's container runtime to answer, from the start of its container.
const RUNTIME_UP: Duration = Duration::from_mins(2);

/// An image for some nodes.
#[derive(Debug)]
pub struct Parcel {
    /// Which.
    pub wanted: Wanted,
    /// Where its archive comes from.
    pub origin: Origin,
    /// Who gets it.
    pub nodes: Vec<NodeName>,
}

/// What came of a parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// What the lab was built with.
    pub source: ImageSource,
    /// The nodes that it was moved to.
    pub moved: Vec<NodeName>,
    /// The nodes that had it.
    pub there: Vec<NodeName>,
    /// The names that it was given on the nodes it was moved to.
    pub given: Vec<String>,
    /// Bytes of content that each of those got.
    pub bytes: u64,
    /// From the first look to the last.
    pub elapsed: Duration,
}

impl Delivered {
    /// Every node knows it by its registry's digest too, so that a pod can ask for it by that and nothing is pulled.
    pub fn is_known_by_digest(&self) -> bool {
        self.there.is_empty() && self.given.iter().any(|name| name.contains('@'))
    }
}

/// Passes images on to nodes, all at once. `unpack` lets containerd make the file systems now, and not when the
/// first container of an image is made. `tell` hears how far each is.
///
/// # Errors
/// [`ImageError`], for the first image that cannot be taken, is not what it should be, or is not on a node after.
pub async fn distribute(
    engine: &Engine,
    parcels: Vec<Parcel>,
    unpack: bool,
    tell: &dyn Fn(String),
) -> Result<Vec<Delivered>, ImageError> {
    futures_util::future::try_join_all(parcels.into_iter().map(|parcel| send(engine, parcel, unpack, tell))).await
}

async fn send(engine: &Engine, parcel: Parcel, unpack: bool, tell: &dyn Fn(String)) -> Result<Delivered, ImageError> {
    let Parcel { wanted, origin, nodes } = parcel;
    let begun = clock::now();
    let looks = nodes.iter().map(|node| node_images(engine, node, RUNTIME_UP));
    let (mut images, mut failed) = (Vec::new(), Vec::<NodeFailed>::new());
    for (node, look) in nodes.iter().zip(futures_util::future::join_all(looks).await) {
        match look {
            Ok(listed) => images.push((node, listed)),
            Err(error) => failed.push(error),
        }
    }
    if !failed.is_empty() {
        return Err(ImageError::Nodes { image: wanted.shown(), failed });
    }
    // Only where a node has something under the name must be known now what it should be.
    let known = match &origin {
        Origin::Reader { config, .. } => Some(config.clone()),
        Origin::Engine(held) if images.iter().any(|(_, listed)| listed.get(&wanted.reference).is_some()) => {
            Some(config_digest(engine, &wanted, held).await?)
        }
        Origin::Engine(held) => held.config.clone(),
    };
    let has = |config: &Digest| images.iter().map(|(_, listed)| listed.has(&wanted.reference, config)).collect();
    let has: Vec<bool> = known.as_ref().map_or_else(|| vec![false; images.len()], has);
    let of =
        |wished: bool| nodes.iter().zip(&has).filter(move |(_, has)| **has == wished).map(|(node, _)| node.clone());
    let (there, moved): (Vec<NodeName>, Vec<NodeName>) = (of(true).collect(), of(false).collect());
    let mut source = source(&wanted, &origin, known);
    if moved.is_empty() {
        return Ok(Delivered { source, moved, there, given: Vec::new(), bytes: 0, elapsed: begun.elapsed() });
    }
    let heard = |far: String| tell(format!("{}: {far}", wanted.name));
    let Archived { config, given, bytes, .. } = deliver(engine, &wanted, origin, &moved, unpack, &heard).await?;
    source.config_digest = config.to_string();
    Ok(Delivered { source, moved, there, given, bytes, elapsed: begun.elapsed() })
}

fn source(wanted: &Wanted, origin: &Origin, config: Option<Digest>) -> ImageSource {
    let (engine_id, from) = match origin {
        Origin::Engine(Held { id, .. }) => (Some(id.to_string()), wanted.from()),
        Origin::Reader { .. } => (None, ImageFrom::Kit),
    };
    ImageSource {
        name: wanted.name.clone(),
        reference: wanted.reference.familiar(),
        repo_digest: wanted.repo_digest().map(ToString::to_string),
        config_digest: config.map(|config| config.to_string()).unwrap_or_default(),
        engine_id,
        from,
    }
}
