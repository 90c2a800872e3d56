//! What can go wrong with an image on its way from a registry to the nodes.

use std::time::Duration;

use super::archive::ArchiveError;
use lab_engine::EngineError;
use lab_manifest::Digest;
use lab_model::observe::NodeName;

/// An image could not be taken or passed on.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The Engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The registry has had enough of this address.
    #[error(
        "{image} cannot be pulled: its registry limits the rate (HTTP status 429): {said}; wait, or `docker login` and \
         `docker pull {image}`, which counts for the account, or bring a kit: lab up --kit FILE"
    )]
    RateLimited {
        /// What was pulled.
        image: String,
        /// The Engine's words.
        said: String,
    },
    /// The registry does not have it, or does not show it.
    #[error(
        "{image} cannot be pulled: its registry does not have it, or not for everybody: {said}; compare the name and the \
         digest in pins.json, or bring a kit: lab up --kit FILE"
    )]
    NotThere {
        /// What was pulled.
        image: String,
        /// The Engine's words.
        said: String,
    },
    /// No way to the registry.
    #[error(
        "{image} cannot be pulled: the Engine does not reach its registry: {said}; see that the host has a network and \
         a resolver, and the Engine a proxy if it needs one (`docker info`), or bring a kit: lab up --kit FILE"
    )]
    NoNetwork {
        /// What was pulled.
        image: String,
        /// The Engine's words.
        said: String,
    },
    /// No room for it.
    #[error(
        "{image}: the Engine's disk is full: {said}; see `docker system df`, and `docker system prune` to make room"
    )]
    DiskFull {
        /// What was pulled or loaded.
        image: String,
        /// The Engine's words.
        said: String,
    },
    /// The Engine would not, for another reason.
    #[error("{image} cannot be {action}: {said}; `docker pull` may tell more")]
    Refused {
        /// What was pulled or loaded.
        image: String,
        /// `pulled`, `loaded`.
        action: &'static str,
        /// The Engine's words.
        said: String,
    },
    /// Nothing more came.
    #[error("{image}: {doing} made no progress for {deadline:?}; last: {last}")]
    Stalled {
        /// The image.
        image: String,
        /// What was going on.
        doing: &'static str,
        /// How long nothing came.
        deadline: Duration,
        /// What was seen last.
        last: String,
    },
    /// It took too long.
    #[error("{image}: {doing} took more than {deadline:?}; last: {last}")]
    Deadline {
        /// The image.
        image: String,
        /// What was going on.
        doing: &'static str,
        /// How long it could have taken.
        deadline: Duration,
        /// What was seen last.
        last: String,
    },
    /// No registry is asked for it, and the Engine does not have it.
    #[error(
        "the Engine has no image {reference}, which is {name} here and is not pulled: build it and `docker load` it, or \
         give another one: --image {name}=REF"
    )]
    NotLocal {
        /// Its key in pins.json.
        name: String,
        /// How it was looked for.
        reference: String,
    },
    /// The Engine has pulled something and does not know it by the digest.
    #[error(
        "{image} was pulled, and the Engine does not know it by that digest but as {known}; remove it: docker rmi {id}"
    )]
    NotByDigest {
        /// What was pulled.
        image: String,
        /// What the Engine knows it as.
        known: String,
        /// What the Engine calls it.
        id: String,
    },
    /// Its archive is not it.
    #[error("{image}: {source}")]
    Archive {
        /// The image.
        image: String,
        /// What is wrong.
        source: ArchiveError,
    },
    /// Some nodes did not take it.
    #[error("{image}: {}", failed.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Nodes {
        /// The image.
        image: String,
        /// Why not, each.
        failed: Vec<NodeFailed>,
    },
}

/// A node did not take an image.
#[derive(Debug, thiserror::Error)]
pub enum NodeFailed {
    /// Its command could not be run.
    #[error("{node}: {source}")]
    Engine {
        /// The node.
        node: NodeName,
        /// Why not.
        source: Box<EngineError>,
    },
    /// No room for it.
    #[error("{node}: no space is left for it: {said}; see `docker exec {node} df -h /var` and `docker system df`")]
    DiskFull {
        /// The node.
        node: NodeName,
        /// containerd's words.
        said: String,
    },
    /// containerd would not.
    #[error("{node}: `{command}` ended with exit code {code}: {said}")]
    Refused {
        /// The node.
        node: NodeName,
        /// What was run.
        command: String,
        /// Its exit code.
        code: i64,
        /// containerd's words.
        said: String,
    },
    /// It took nothing more.
    #[error("{node}: it took nothing more for {deadline:?}; see `docker exec {node} journalctl -u containerd`")]
    Stalled {
        /// The node.
        node: NodeName,
        /// For how long.
        deadline: Duration,
    },
    /// Its container runtime could not say what it has.
    #[error("{node}: what images it has cannot be read: {why}")]
    Unread {
        /// The node.
        node: NodeName,
        /// Why not.
        why: String,
    },
    /// It has another image under the name afterwards.
    #[error("{node}: after the import {reference} is {}, expected {expected}", found.as_deref().unwrap_or("not there"))]
    Unlike {
        /// The node.
        node: NodeName,
        /// The name.
        reference: String,
        /// The configuration's digest that it should have.
        expected: Digest,
        /// What is there.
        found: Option<String>,
    },
}
