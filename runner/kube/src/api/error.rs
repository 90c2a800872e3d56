//! Errors of talking to the API server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::shorten::cut;
use lab_base::failure::chain;

/// How many characters of a server's message are kept.
const MESSAGE: usize = 2000;

/// Errors of hyper and rustls about an answer that is not HTTP or not TLS, or that came before a request.
const NO_HTTP: [&str; 3] = ["invalid HTTP", "unexpected message from connection", "corrupt message"];
/// The prefixes that the client's layers put before the error of the layer below.
const LAYERS: [&str; 4] =
    ["ServiceError: ", "client error (Connect): ", "client error (SendRequest): ", "connection error: "];

/// Why a call of the API server failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The kubeconfig cannot be used.
    #[error("the kubeconfig {} cannot be used: {problem}; write it again with `kind export kubeconfig`, or make the lab again", file.display())]
    Kubeconfig {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A connection could not be made, or it broke.
    #[error(
        "{server} cannot be reached to {call}: {why}; `docker ps` shows whether the control plane's container runs"
    )]
    Unreachable {
        /// The server's URL.
        server: String,
        /// The call: a verb and an object.
        call: String,
        /// The reason.
        why: String,
    },
    /// The server's certificate is not the one that the kubeconfig expects, or the server does not accept this client.
    #[error(
        "{server} could not be asked to {call}: {why}; the kubeconfig belongs to another cluster, or the cluster was made again since"
    )]
    Untrusted {
        /// The server's URL.
        server: String,
        /// The call.
        call: String,
        /// The reason.
        why: String,
    },
    /// A command in a pod did not end in time, or did not begin.
    #[error("{call}: it has not ended within {deadline:?}")]
    Unended {
        /// The call.
        call: String,
        /// The deadline.
        deadline: Duration,
    },
    /// The server did not answer in time.
    #[error(
        "{server} was asked to {call} and did not answer within {deadline:?}; `docker ps` shows whether the control plane is paused, `docker stats --no-stream` whether it is short of CPU time or memory"
    )]
    Silent {
        /// The server's URL.
        server: String,
        /// The call.
        call: String,
        /// The time that it was given.
        deadline: Duration,
    },
    /// The object does not exist.
    #[error("{server} could not {call}: there is no such object")]
    Missing {
        /// The server's URL.
        server: String,
        /// The call.
        call: String,
    },
    /// The server answered with an error (`meta/v1` Status).
    #[error("{server} refused to {call}: {code} {reason}")]
    Refused {
        /// The server's URL.
        server: String,
        /// The call.
        call: String,
        /// The HTTP status code.
        code: u16,
        /// The server's message.
        reason: String,
    },
    /// The answer is not one of the Kubernetes API.
    #[error(
        "{server} was asked to {call}, and its answer cannot be read: {problem}; check whether another program listens at that port"
    )]
    Garbled {
        /// The server's URL.
        server: String,
        /// The call.
        call: String,
        /// What is wrong with the answer.
        problem: String,
    },
    /// The object exists, but a field in it is missing or has an unexpected form.
    #[error("{object} cannot be read: {problem}")]
    Unreadable {
        /// The object and the server.
        object: String,
        /// What is missing or wrong.
        problem: String,
    },
}

impl ApiError {
    /// Whether the call may succeed a moment later, since the server may be starting, restarting or busy.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Silent { .. } | Self::Unended { .. } => true,
            Self::Refused { code, .. } => matches!(code, 429 | 500 | 503 | 504),
            Self::Kubeconfig { .. }
            | Self::Untrusted { .. }
            | Self::Missing { .. }
            | Self::Garbled { .. }
            | Self::Unreadable { .. } => false,
        }
    }

    /// A short text without advice, for a line that says what was seen last.
    pub fn briefly(&self) -> String {
        match self {
            Self::Kubeconfig { problem, .. } => format!("the kubeconfig cannot be used: {problem}"),
            Self::Unreachable { why, .. } => format!("the API server cannot be reached: {why}"),
            Self::Untrusted { why, .. } => format!("the API server and this client do not trust each other: {why}"),
            Self::Unended { deadline, .. } => format!("the command has not ended within {deadline:?}"),
            Self::Silent { deadline, .. } => format!("the API server has not answered for {deadline:?}"),
            Self::Missing { call, .. } => format!("the API server could not {call}: there is no such object"),
            Self::Refused { call, code, reason, .. } => format!("the API server refused to {call}: {code} {reason}"),
            Self::Garbled { problem, .. } => format!("the API server's answer cannot be read: {problem}"),
            Self::Unreadable { object, problem } => format!("{object} cannot be read: {problem}"),
        }
    }

    pub(super) fn kubeconfig(file: &Path, problem: impl Into<String>) -> Self {
        Self::Kubeconfig { file: file.to_owned(), problem: problem.into() }
    }

    /// Turns an error of the client library into an [`ApiError`].
    pub(super) fn from_kube(server: &str, call: &str, error: &kube::Error) -> Self {
        let (server, call) = (server.to_owned(), call.to_owned());
        match error {
            kube::Error::Api(status) if status.code == 404 && status.reason == "NotFound" => {
                Self::Missing { server, call }
            }
            kube::Error::Api(status) if status.code == 401 => Self::Untrusted {
                server,
                call,
                why: "it does not accept this client's certificate (401 Unauthorized)".to_owned(),
            },
            kube::Error::Api(status) => {
                let message = if status.message.is_empty() { &status.reason } else { &status.message };
                Self::Refused { server, call, code: status.code, reason: cut(message, MESSAGE) }
            }
            kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) | kube::Error::LinesCodecMaxLineLengthExceeded => {
                Self::Garbled { server, call, problem: cut(&chain(error), MESSAGE) }
            }
            other => Self::from_transport(server, call, &cut(&chain(other), MESSAGE)),
        }
    }

    fn from_transport(server: String, call: String, message: &str) -> Self {
        // The library erases the types of the errors of lower layers, so only their text can be examined.
        let why = LAYERS.iter().fold(message, |message, layer| message.strip_prefix(layer).unwrap_or(message));
        let why =
            if why == "deadline has elapsed" { "it accepts requests and does not answer" } else { why }.to_owned();
        if why.to_ascii_lowercase().contains("certificate") {
            Self::Untrusted { server, call, why }
        } else if NO_HTTP.iter().any(|message| why.contains(message)) {
            Self::Garbled { server, call, problem: why }
        } else {
            Self::Unreachable { server, call, why }
        }
    }
}

impl From<ApiError> for lab_backend::LabError {
    fn from(error: ApiError) -> Self {
        Self::Api(Box::new(error))
    }
}
