//! What goes wrong between this program and an Engine, with what to do about it.

use std::time::Duration;

use super::endpoint::EndpointError;

/// Something about an Engine, or asked of it, went wrong.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// It is not known where it is.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// Its socket does not exist.
    #[error(
        "no Docker Engine at {endpoint}: there is no such socket; install Docker (https://docs.docker.com/engine/install/) \
         and start it, `sudo systemctl start docker`, or set DOCKER_HOST to where one listens"
    )]
    NoSocket {
        /// Where it was looked for.
        endpoint: String,
    },
    /// Its socket is not for this user.
    #[error(
        "no permission for the Docker Engine at {endpoint}: its socket is not for this user; join its group, `sudo \
         usermod -aG docker $USER`, and log in anew, or `newgrp docker`"
    )]
    Permission {
        /// Where it is.
        endpoint: String,
    },
    /// Nobody listens there.
    #[error("no Docker Engine at {endpoint}: nobody listens there; start it, `sudo systemctl start docker`")]
    Refused {
        /// Where it was looked for.
        endpoint: String,
    },
    /// No connection came about.
    #[error("no Docker Engine at {endpoint}: {why}; see that DOCKER_HOST or the Docker context names the right one")]
    Unreachable {
        /// Where it was looked for.
        endpoint: String,
        /// The kernel's, the resolver's or TLS's reason.
        why: String,
    },
    /// Something answers there, and is no Engine.
    #[error(
        "what answers at {endpoint} is no Docker Engine: {why}; see that DOCKER_HOST or the Docker context is right"
    )]
    NotAnEngine {
        /// Where it answered.
        endpoint: String,
        /// What it said instead.
        why: String,
    },
    /// It is too old.
    #[error(
        "the Docker Engine {version} at {endpoint} speaks the API up to {api}, and {least} is the least that a lab can \
         be built with; upgrade Docker to 20.10 or newer"
    )]
    TooOld {
        /// Where it is.
        endpoint: String,
        /// Its version.
        version: String,
        /// The newest API it speaks.
        api: String,
        /// The oldest that is needed.
        least: String,
    },
    /// It is too new.
    #[error(
        "the Docker Engine {version} at {endpoint} speaks the API from {api} on, and {most} is the newest that this \
         program speaks; use a newer lab, or an older Docker"
    )]
    TooNew {
        /// Where it is.
        endpoint: String,
        /// Its version.
        version: String,
        /// The oldest API it speaks.
        api: String,
        /// The newest that this program speaks.
        most: String,
    },
    /// It did not answer in time.
    #[error(
        "the Docker Engine at {endpoint} did not {doing} within {deadline:?}; see `docker info`, and `journalctl -u docker` on its host"
    )]
    NoAnswer {
        /// Where it is.
        endpoint: String,
        /// What it was asked to do.
        doing: String,
        /// How long it could have taken.
        deadline: Duration,
    },
    /// It refused.
    #[error("the Docker Engine would not {doing}: {message} (HTTP status {status})")]
    Answered {
        /// What it was asked to do.
        doing: String,
        /// The HTTP status.
        status: u16,
        /// Its own words.
        message: String,
    },
    /// The connection broke, or what came over it cannot be read.
    #[error("the Docker Engine at {endpoint} was asked to {doing}: {why}")]
    Broken {
        /// Where it is.
        endpoint: String,
        /// What it was asked to do.
        doing: String,
        /// What happened.
        why: String,
    },
    /// The Engine's runtime could not run a program in a container.
    #[error("{program} cannot be run in {container}: {why}")]
    NotRunnable {
        /// The container.
        container: String,
        /// The program.
        program: String,
        /// The runtime's own words.
        why: String,
    },
    /// Nothing can be run in a container that is paused or has stopped.
    #[error("{container} {}: docker {} {container}", if *paused { "is paused" } else { "is not running" }, if *paused { "unpause" } else { "start" })]
    Halted {
        /// The container.
        container: String,
        /// It is paused; else it does not run at all.
        paused: bool,
    },
    /// A program in a container did not end in time. It may still run there: an Engine cannot end it.
    #[error("`{command}` in {container} did not end within {deadline:?}{}", if stderr.is_empty() { String::new() } else { format!("; its last words: {stderr}") })]
    NotEnded {
        /// The container.
        container: String,
        /// The command line.
        command: String,
        /// How long it could have taken.
        deadline: Duration,
        /// The last lines of its standard error.
        stderr: String,
    },
    /// More was sent than can be right.
    #[error("{what} is larger than {most} octets")]
    TooLarge {
        /// What was fetched.
        what: String,
        /// The most that is taken.
        most: usize,
    },
}

impl EngineError {
    /// The same about a container that a reader knows by this name.
    #[must_use]
    pub fn about(self, name: &str) -> Self {
        match self {
            Self::Halted { paused, .. } => Self::Halted { container: name.to_owned(), paused },
            other => other,
        }
    }

    /// Whether the Engine said that what was asked for does not exist.
    pub const fn is_missing(&self) -> bool {
        matches!(self, Self::Answered { status: 404, .. })
    }
}

impl From<EngineError> for lab_backend::LabError {
    fn from(error: EngineError) -> Self {
        Self::Engine(Box::new(error))
    }
}
