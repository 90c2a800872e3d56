//! Errors of getting an image from a registry into the nodes.

use std::time::Duration;

use super::archive::ArchiveError;
use lab_engine::EngineError;
use lab_manifest::Digest;
use lab_model::observe::NodeName;

/// Why an image could not be pulled, loaded or delivered to the nodes.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The Engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The registry refuses further pulls from this address for now.
    #[error(
        "{image} cannot be pulled: its registry limits the rate (HTTP status 429): {said}; wait, or `docker login` and \
         `docker pull {image}`, which counts for your account, or use a kit: `lab up --kit FILE`"
    )]
    RateLimited {
        /// What was pulled.
        image: String,
        /// The Engine's message.
        said: String,
    },
    /// The registry does not have it, or refuses access to it.
    #[error(
        "{image} cannot be pulled: its registry does not have it, or requires a login: {said}; compare the name and the \
         digest in pins.json, or use a kit: `lab up --kit FILE`"
    )]
    NotThere {
        /// What was pulled.
        image: String,
        /// The Engine's message.
        said: String,
    },
    /// The Engine cannot reach the registry.
    #[error(
        "{image} cannot be pulled: the Engine does not reach its registry: {said}; check that the host has a network and \
         a resolver, and the Engine a proxy if it needs one (`docker info`), or use a kit: `lab up --kit FILE`"
    )]
    NoNetwork {
        /// What was pulled.
        image: String,
        /// The Engine's message.
        said: String,
    },
    /// The Engine's disk is full.
    #[error(
        "{image}: the Engine's disk is full: {said}; `docker system df` shows what takes room, `docker system prune` makes room"
    )]
    DiskFull {
        /// What was pulled or loaded.
        image: String,
        /// The Engine's message.
        said: String,
    },
    /// The Engine refused for another reason.
    #[error("{image} cannot be {action}: {said}; `docker pull` may show more")]
    Refused {
        /// What was pulled or loaded.
        image: String,
        /// What failed: `pulled`, `loaded`, `read`.
        action: &'static str,
        /// The Engine's message.
        said: String,
    },
    /// A node image with a cluster's images could not be baked.
    #[error("{image} cannot be baked: {why}; with `--stream-images` images are sent to each node instead")]
    NotBaked {
        /// The name that it was to have.
        image: String,
        /// What failed.
        why: String,
    },
    /// There was no progress for some time.
    #[error("{image}: {doing} made no progress for {deadline:?}; last: {last}")]
    Stalled {
        /// The image.
        image: String,
        /// What was being done.
        doing: &'static str,
        /// The time without progress that is allowed.
        deadline: Duration,
        /// The last progress that was reported.
        last: String,
    },
    /// It took longer than its deadline.
    #[error("{image}: {doing} took more than {deadline:?}; last: {last}")]
    Deadline {
        /// The image.
        image: String,
        /// What was being done.
        doing: &'static str,
        /// The time that it was given.
        deadline: Duration,
        /// The last progress that was reported.
        last: String,
    },
    /// The image is not pinned by digest, so it is never pulled, and the Engine does not have it.
    #[error(
        "the Engine has no image {reference}, which this lab needs as {name} and which lab does not pull, since it has no \
         digest in pins.json: build it or `docker load` it, or give another one with `--image {name}=REF`"
    )]
    NotLocal {
        /// Its key in pins.json.
        name: String,
        /// The name that it was looked for by.
        reference: String,
    },
    /// The Engine has pulled an image and does not list it under the digest that was asked for.
    #[error(
        "{image} was pulled, and the Engine does not know it by that digest but as {known}; remove it with `docker rmi {id}` and try again"
    )]
    NotByDigest {
        /// What was pulled.
        image: String,
        /// The names that the Engine has for it.
        known: String,
        /// The Engine's id of it.
        id: String,
    },
    /// Its archive is damaged or has another image.
    #[error("{image}: {source}")]
    Archive {
        /// The image.
        image: String,
        /// What is wrong.
        source: ArchiveError,
    },
    /// Some nodes did not import it.
    #[error("{image}: {}", failed.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Nodes {
        /// The image.
        image: String,
        /// For each of them, why not.
        failed: Vec<NodeFailed>,
    },
}

/// Why a node did not import an image.
#[derive(Debug, thiserror::Error)]
pub enum NodeFailed {
    /// A command could not be run on it.
    #[error("{node}: {source}")]
    Engine {
        /// The node.
        node: NodeName,
        /// Why not.
        source: Box<EngineError>,
    },
    /// The node's disk is full.
    #[error(
        "{node}: its disk is full: {said}; `docker exec {node} df -h /var` and `docker system df` show what takes room"
    )]
    DiskFull {
        /// The node.
        node: NodeName,
        /// containerd's message.
        said: String,
    },
    /// The command that imports it failed.
    #[error("{node}: `{command}` ended with exit code {code}: {said}")]
    Refused {
        /// The node.
        node: NodeName,
        /// What was run.
        command: String,
        /// Its exit code.
        code: i64,
        /// containerd's message.
        said: String,
    },
    /// The import stopped reading.
    #[error("{node}: the import read nothing for {deadline:?}; see `docker exec {node} journalctl -u containerd`")]
    Stalled {
        /// The node.
        node: NodeName,
        /// For how long.
        deadline: Duration,
    },
    /// The list of images that its container runtime has could not be read.
    #[error("{node}: the list of its images cannot be read: {why}")]
    Unread {
        /// The node.
        node: NodeName,
        /// Why not.
        why: String,
    },
    /// After the import, it has another image under the name, or none.
    #[error("{node}: after the import {reference} is {}, expected {expected}", found.as_deref().unwrap_or("missing"))]
    Unlike {
        /// The node.
        node: NodeName,
        /// The name.
        reference: String,
        /// The configuration's digest that it should have.
        expected: Digest,
        /// The image id that the name has; none if the name is missing.
        found: Option<String>,
    },
}
