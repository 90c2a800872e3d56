//! Connects to the Engine, and agrees with it on a version of its API.

use async_recursion::async_recursion as boxed;
use bollard::{API_DEFAULT_VERSION, ClientVersion, Docker};
use std::fmt;
use std::io::{Error, ErrorKind};
use std::path::Path;
use std::time::Duration;
use tokio::net::{TcpStream, UnixStream};

use super::api::describe;
use super::context::Settings;
use super::endpoint::{Endpoint, Host};
use super::error::EngineError;
use lab_base::clock;

/// The deadline for connecting, and again for the Engine's answer to `GET /version`.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// The library's own limit, in seconds, for the headers of an answer. It is long because each call here has a deadline.
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
    pub(super) identity: Identity,
}

/// The Engine's answer to `GET /version`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) version: String,
    pub(super) newest: Version,
    pub(super) oldest: Option<Version>,
    /// The kernel's architecture, as Go has it: `amd64`.
    pub(super) architecture: Option<String>,
}

impl Engine {
    /// Connects to the Engine that the docker program would use: `DOCKER_HOST`, `DOCKER_CONTEXT`, the current context
    /// or the default socket, and agrees with it on an API version.
    ///
    /// # Errors
    /// [`EngineError`], each naming where the Engine was looked for, what happened and what to do.
    pub async fn connect() -> Result<Self, EngineError> {
        Self::connect_to(Settings::of_this_process().endpoint()?).await
    }

    /// Connects to the Engine at this endpoint.
    ///
    /// # Errors
    /// As [`Engine::connect`].
    #[boxed(?Send)]
    pub async fn connect_to(endpoint: Endpoint) -> Result<Self, EngineError> {
        check_listening(&endpoint).await?;
        let docker = client(&endpoint)?;
        let identity = ask_identity(&docker, &endpoint).await?;
        let own = Version::of(*API_DEFAULT_VERSION);
        check_version(&endpoint, &identity, own)?;
        let docker = with_version(docker, own.min(identity.newest));
        Ok(Self { docker, endpoint, identity })
    }

    /// Another connection to the same Engine, for a thread of its own.
    ///
    /// # Errors
    /// As [`Engine::connect`].
    pub async fn again(&self) -> Result<Self, EngineError> {
        Self::connect_to(self.endpoint.clone()).await
    }

    /// The Engine's address: `unix:///var/run/docker.sock`.
    pub fn endpoint(&self) -> String {
        self.endpoint.to_string()
    }

    /// The same, in parts.
    pub const fn at(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The environment variables that make the `docker` and `kind` programs use this same Engine.
    pub fn environment(&self) -> Vec<(String, String)> {
        self.endpoint.environment()
    }

    /// The API version that was agreed on.
    pub fn api(&self) -> Version {
        Version::of(*API_DEFAULT_VERSION).min(self.identity.newest)
    }

    /// The library's client, for calls that this crate does not wrap. They must go through [`Engine::call`], which gives
    /// them a deadline and an error that says what was asked.
    pub const fn client(&self) -> &Docker {
        &self.docker
    }

    /// The architecture of its kernel as Go names it, `amd64`; none if the Engine did not say.
    pub fn architecture(&self) -> Option<&str> {
        self.identity.architecture.as_deref()
    }
}

/// Connects once without the library, whose errors no longer contain the kernel's reason.
async fn check_listening(endpoint: &Endpoint) -> Result<(), EngineError> {
    let connected = async {
        match &endpoint.host {
            Host::Unix(path) => UnixStream::connect(path).await.map(drop),
            Host::Tcp(address) => TcpStream::connect(address).await.map(drop),
        }
    };
    match clock::within(CONNECT_DEADLINE, "a connection", connected).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(not_connected(endpoint, &error)),
        Err(_passed) => Err(EngineError::Unreachable {
            endpoint: endpoint.to_string(),
            why: format!("it did not accept a connection within {CONNECT_DEADLINE:?}"),
        }),
    }
}

fn not_connected(endpoint: &Endpoint, error: &Error) -> EngineError {
    let by_socket = matches!(endpoint.host, Host::Unix(_));
    let endpoint = endpoint.to_string();
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory if by_socket => EngineError::NoSocket { endpoint },
        ErrorKind::PermissionDenied if by_socket => EngineError::Permission { endpoint },
        ErrorKind::ConnectionRefused => EngineError::Refused { endpoint },
        _ => EngineError::Unreachable { endpoint, why: error.to_string() },
    }
}

fn client(endpoint: &Endpoint) -> Result<Docker, EngineError> {
    let newest = API_DEFAULT_VERSION;
    let made = match (&endpoint.host, endpoint.tls.as_deref()) {
        (Host::Unix(path), _) => Docker::connect_with_unix(&path.to_string_lossy(), HEADERS_DEADLINE, newest),
        (Host::Tcp(address), None) => Docker::connect_with_http(address, HEADERS_DEADLINE, newest),
        (Host::Tcp(address), Some(folder)) => {
            let file = |name: &str| -> Box<Path> { folder.join(name).into() };
            let (key, cert, ca) = (file("key.pem"), file("cert.pem"), file("ca.pem"));
            Docker::connect_with_ssl(address, &key, &cert, &ca, HEADERS_DEADLINE, newest)
        }
    };
    made.map_err(|error| EngineError::Unreachable { endpoint: endpoint.to_string(), why: describe(&error) })
}

async fn ask_identity(docker: &Docker, endpoint: &Endpoint) -> Result<Identity, EngineError> {
    let doing = "tell its version";
    let answer = clock::within(CONNECT_DEADLINE, doing, docker.version()).await.map_err(|_passed| {
        EngineError::NoAnswer { endpoint: endpoint.to_string(), doing: doing.to_owned(), deadline: CONNECT_DEADLINE }
    })?;
    let not_an_engine = |why: String| EngineError::NotAnEngine { endpoint: endpoint.to_string(), why };
    let answer = answer.map_err(|error| not_an_engine(describe(&error)))?;
    let newest = answer.api_version.as_deref();
    let newest = newest.and_then(Version::parse).ok_or_else(|| {
        not_an_engine(match newest {
            Some(version) => format!("it names `{version}` as its API version"),
            None => "it names no API version".to_owned(),
        })
    })?;
    Ok(Identity {
        version: answer.version.unwrap_or_else(|| "of unknown version".to_owned()),
        newest,
        oldest: answer.min_api_version.as_deref().and_then(Version::parse),
        architecture: answer.arch,
    })
}

fn check_version(endpoint: &Endpoint, identity: &Identity, own: Version) -> Result<(), EngineError> {
    let (endpoint, version) = (endpoint.to_string(), identity.version.clone());
    if identity.newest < OLDEST {
        let (api, least) = (identity.newest.to_string(), OLDEST.to_string());
        return Err(EngineError::TooOld { endpoint, version, api, least });
    }
    match identity.oldest {
        Some(oldest) if oldest > own => {
            let (api, most) = (oldest.to_string(), own.to_string());
            Err(EngineError::TooNew { endpoint, version, api, most })
        }
        Some(_) | None => Ok(()),
    }
}

/// Puts the API version into each request's path. The library leaves it out, and an Engine then answers in its newest
/// version.
fn with_version(docker: Docker, version: Version) -> Docker {
    let prefix = format!("/v{version}");
    docker.with_request_modifier(move |mut request| {
        let mut parts = request.uri().clone().into_parts();
        let path = parts.path_and_query.as_ref().map_or("/", hyper::http::uri::PathAndQuery::as_str);
        if !path.starts_with("/v1.") {
            parts.path_and_query = format!("{prefix}{path}").parse().ok();
            if let Ok(uri) = hyper::Uri::from_parts(parts) {
                *request.uri_mut() = uri;
            }
        }
        request
    })
}
