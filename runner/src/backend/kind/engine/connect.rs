//! Finding the Engine, and agreeing with it on a version of its API.

use bollard::{API_DEFAULT_VERSION, ClientVersion, Docker};
use std::cmp::Ordering;
use std::fmt;
use std::io::{Error, ErrorKind};
use std::path::Path;
use std::time::Duration;
use tokio::net::{TcpStream, UnixStream};

use super::api::told;
use super::context::Settings;
use super::endpoint::{Endpoint, Host};
use super::error::EngineError;
use crate::clock;

/// For a connection, and for the Engine to say who it is.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// Seconds until the headers of an answer: a stop-gap of the library's, as each call has a deadline of its own.
const HEADERS_DEADLINE: u64 = 3600;
/// The oldest API that a lab can be built with (Docker 20.10): the first whose containers can have a cgroup namespace
/// of their own, without which Cilium's socket load balancing attaches to the host's root.
const OLDEST: Version = Version { major: 1, minor: 41 };

/// A version of the Engine's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Always 1 so far.
    pub major: usize,
    /// Counts up with the Engine's features.
    pub minor: usize,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.')?;
        Some(Self { major: major.parse().ok()?, minor: minor.parse().ok()? })
    }

    const fn of(version: ClientVersion) -> Self {
        Self { major: version.major_version, minor: version.minor_version }
    }
}

/// A Docker Engine that has answered. Cheap to clone: all clones are the same connection.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(super) docker: Docker,
    pub(super) endpoint: Endpoint,
    pub(super) said: Said,
}

/// What it said when it was asked who it is (`GET /version`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) version: String,
    pub(super) newest: Version,
    pub(super) oldest: Option<Version>,
    /// The kernel's architecture, as Go has it: `amd64`.
    pub(super) architecture: Option<String>,
}

impl Engine {
    /// Connects to the Engine that the docker program would take: `DOCKER_HOST`, `DOCKER_CONTEXT`, the current context
    /// or the default socket, and agrees with it on an API version.
    ///
    /// # Errors
    /// [`EngineError`], each naming where the Engine was looked for, what happened and what to do.
    pub async fn connect() -> Result<Self, EngineError> {
        Self::connect_to(Settings::of_this_process().endpoint()?).await
    }

    /// Connects to the Engine that is there.
    ///
    /// # Errors
    /// As [`Engine::connect`].
    pub async fn connect_to(endpoint: Endpoint) -> Result<Self, EngineError> {
        knock(&endpoint).await?;
        let docker = client(&endpoint)?;
        let said = ask_who(&docker, &endpoint).await?;
        let own = Version::of(*API_DEFAULT_VERSION);
        let agreed = own.min(said.newest);
        check(&endpoint, &said, own)?;
        // The library negotiates by asking a second time; what it asks with is the same.
        let docker = speaking(docker, agreed);
        Ok(Self { docker, endpoint, said })
    }

    /// Where it is: `unix:///var/run/docker.sock`.
    pub fn endpoint(&self) -> String {
        self.endpoint.to_string()
    }

    /// The environment with which the `docker` and `kind` programs reach this very Engine.
    pub fn environment(&self) -> Vec<(String, String)> {
        self.endpoint.environment()
    }

    /// The API version that was agreed on.
    pub fn api(&self) -> Version {
        Version::of(*API_DEFAULT_VERSION).min(self.said.newest)
    }

    /// The library's client, for what this module does not offer. Calls go through [`Engine::call`], for their deadline
    /// and their error.
    pub const fn client(&self) -> &Docker {
        &self.docker
    }

    /// The architecture of its kernel as Go has it, `amd64`; none where it did not tell.
    pub fn architecture(&self) -> Option<&str> {
        self.said.architecture.as_deref()
    }
}
