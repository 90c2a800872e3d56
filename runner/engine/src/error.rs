//! Errors of talking to an Engine, each with what to do about it.

use std::time::Duration;

use super::endpoint::EndpointError;

/// Why an Engine could not be reached, or did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Its address cannot be determined.
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
    /// This user may not open its socket.
    #[error(
        "no permission for the Docker Engine at {endpoint}: this user may not open its socket; join its group, `sudo \
         usermod -aG docker $USER`, and log in anew, or `newgrp docker`"
    )]
    Permission {
        /// Where it is.
        endpoint: String,
    },
    /// Nothing listens at its address.
    #[error("no Docker Engine at {endpoint}: nothing listens there; start it, `sudo systemctl start docker`")]
    Refused {
        /// Where it was looked for.
        endpoint: String,
    },
    /// A connection could not be made.
    #[error(
        "no Docker Engine at {endpoint}: {why}; check that DOCKER_HOST or the Docker context has the right address"
    )]
    Unreachable {
        /// Where it was looked for.
        endpoint: String,
        /// The kernel's, the resolver's or TLS's reason.
        why: String,
    },
    /// Something else than an Engine answers at its address.
    #[error(
        "what answers at {endpoint} is not a Docker Engine: {why}; check that DOCKER_HOST or the Docker context has the right address"
    )]
    NotAnEngine {
        /// Where it answered.
        endpoint: String,
        /// How its answer differs from an Engine's.
        why: String,
    },
    /// It is too old.
    #[error(
        "the Docker Engine {version} at {endpoint} supports API versions up to {api}, and a lab needs at least {least}; \
         upgrade Docker to 20.10 or newer"
    )]
    TooOld {
        /// Where it is.
        endpoint: String,
        /// Its version.
        version: String,
        /// The newest API version that it supports.
        api: String,
        /// The oldest API version that a lab can be built with.
        least: String,
    },
    /// It is too new.
    #[error(
        "the Docker Engine {version} at {endpoint} supports API versions from {api} on, and this program supports them up \
         to {most}; use a newer lab, or an older Docker"
    )]
    TooNew {
        /// Where it is.
        endpoint: String,
        /// Its version.
        version: String,
        /// The oldest API version that it supports.
        api: String,
        /// The newest API version that this program supports.
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
        /// The time that it was given.
        deadline: Duration,
    },
    /// It refused the request.
    #[error("the Docker Engine would not {doing}: {message} (HTTP status {status})")]
    Answered {
        /// What it was asked to do.
        doing: String,
        /// The HTTP status.
        status: u16,
        /// The Engine's message.
        message: String,
    },
    /// The connection broke, or the answer cannot be read.
    #[error("asking the Docker Engine at {endpoint} to {doing} failed: {why}")]
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
        /// The runtime's message.
        why: String,
    },
    /// Nothing can be run in a container that is paused or has stopped.
    #[error("{container} {}; to change that: `docker {} {container}`", if *paused { "is paused" } else { "is not running" }, if *paused { "unpause" } else { "start" })]
    Halted {
        /// The container.
        container: String,
        /// True if it is paused, false if it does not run.
        paused: bool,
    },
    /// A program in a container did not end in time. It may still run there, because an Engine cannot end it.
    #[error("`{command}` in {container} did not end within {deadline:?}{}", if stderr.is_empty() { String::new() } else { format!("; its standard error ends with: {stderr}") })]
    NotEnded {
        /// The container.
        container: String,
        /// The command line.
        command: String,
        /// The time that it was given.
        deadline: Duration,
        /// The last lines of its standard error.
        stderr: String,
    },
    /// The Engine sent more than is accepted.
    #[error("{what} is larger than {most} octets, the most that lab accepts")]
    TooLarge {
        /// What was fetched.
        what: String,
        /// The largest size that is accepted.
        most: usize,
    },
}

impl EngineError {
    /// The same error with the container's name in place of its id, for the user.
    #[must_use]
    pub fn about(self, name: &str) -> Self {
        match self {
            Self::Halted { paused, .. } => Self::Halted { container: name.to_owned(), paused },
            other => other,
        }
    }

    /// Whether the Engine answered that the object does not exist.
    pub const fn is_missing(&self) -> bool {
        matches!(self, Self::Answered { status: 404, .. })
    }
}

impl From<EngineError> for lab_backend::LabError {
    fn from(error: EngineError) -> Self {
        Self::Engine(Box::new(error))
    }
}
