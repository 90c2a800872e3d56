//! What can go wrong with the API server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::words::cut;
use lab_base::failure::chain;

/// What of a server's own words is repeated, in characters.
const WORDS: usize = 2000;

/// What hyper and rustls say of an answer that is no HTTP or no TLS, and of words that came before any were asked for.
const NO_HTTP: [&str; 3] = ["invalid HTTP", "unexpected message from connection", "corrupt message"];
/// How the layers of the client begin what the one below them said.
const LAYERS: [&str; 4] =
    ["ServiceError: ", "client error (Connect): ", "client error (SendRequest): ", "connection error: "];

/// The API server could not be asked, or its answer is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The kubeconfig is no way to a server.
    #[error("the kubeconfig {} cannot be used: {problem}; kind writes it anew: `kind export kubeconfig`, or make the lab again", file.display())]
    Kubeconfig {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// No connection, or it broke.
    #[error(
        "{server} cannot be reached to {call}: {why}; `docker ps` tells whether the control plane's container runs"
    )]
    Unreachable {
        /// The server's URL.
        server: String,
        /// What was asked: a verb and an object.
        call: String,
        /// The reason.
        why: String,
    },
    /// It is not the server that the kubeconfig was written for, or it does not know this client.
    #[error("{server} was not asked to {call}: {why}; the kubeconfig is another cluster's: was this one made anew?")]
    Untrusted {
        /// The server's URL.
        server: String,
        /// What was asked.
        call: String,
        /// The reason.
        why: String,
    },
    /// No answer in time.
    #[error(
        "{server} was asked to {call} and did not answer within {deadline:?}; `docker stats --no-stream` tells whether the control plane is paused or starved"
    )]
    Silent {
        /// The server's URL.
        server: String,
        /// What was asked.
        call: String,
        /// How long it was waited for.
        deadline: Duration,
    },
    /// There is no such object.
    #[error("{server} could not {call}: there is no such object")]
    Missing {
        /// The server's URL.
        server: String,
        /// What was asked.
        call: String,
    },
    /// It answered with an error (`meta/v1` Status).
    #[error("{server} refused to {call}: {code} {reason}")]
    Refused {
        /// The server's URL.
        server: String,
        /// What was asked.
        call: String,
        /// The HTTP status code.
        code: u16,
        /// The server's words.
        reason: String,
    },
    /// It answered, and not with what was asked for.
    #[error(
        "{server} was asked to {call} and answered something else: {problem}; is there another program at that port?"
    )]
    Garbled {
        /// The server's URL.
        server: String,
        /// What was asked.
        call: String,
        /// What is wrong with the answer.
        problem: String,
    },
    /// The object is there, and what is looked for in it is not.
    #[error("{object} cannot be read: {problem}")]
    Unreadable {
        /// Which object, and where.
        object: String,
        /// What is missing or wrong.
        problem: String,
    },
}

impl ApiError {
    /// It may be another answer in a moment: a server that starts, restarts or is busy.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Silent { .. } => true,
            Self::Refused { code, .. } => matches!(code, 429 | 500 | 503 | 504),
            Self::Kubeconfig { .. }
            | Self::Untrusted { .. }
            | Self::Missing { .. }
            | Self::Garbled { .. }
            | Self::Unreadable { .. } => false,
        }
    }

    /// In a few words, for a line that says what was seen last.
    pub fn briefly(&self) -> String {
        match self {
            Self::Kubeconfig { problem, .. } => format!("the kubeconfig cannot be used: {problem}"),
            Self::Unreachable { why, .. } => format!("the API server cannot be reached: {why}"),
            Self::Untrusted { why, .. } => format!("the API server and this client do not trust each other: {why}"),
            Self::Silent { deadline, .. } => format!("the API server has not answered for {deadline:?}"),
            Self::Missing { call, .. } => format!("the API server could not {call}: there is no such object"),
            Self::Refused { call, code, reason, .. } => format!("the API server refused to {call}: {code} {reason}"),
            Self::Garbled { problem, .. } => format!("the API server answered something else: {problem}"),
            Self::Unreadable { object, problem } => format!("{object} cannot be read: {problem}"),
        }
    }

    pub(super) fn kubeconfig(file: &Path, problem: impl Into<String>) -> Self {
        Self::Kubeconfig { file: file.to_owned(), problem: problem.into() }
    }

    /// What the client library made of a call.
    pub(super) fn from_kube(server: &str, call: &str, error: &kube::Error) -> Self {
        let (server, call) = (server.to_owned(), call.to_owned());
        match error {
            kube::Error::Api(status) if status.code == 404 && status.reason == "NotFound" => {
                Self::Missing { server, call }
            }
            kube::Error::Api(status) if status.code == 401 => {
                Self::Untrusted { server, call, why: "it does not know this client (401 Unauthorized)".to_owned() }
            }
            kube::Error::Api(status) => {
                let words = if status.message.is_empty() { &status.reason } else { &status.message };
                Self::Refused { server, call, code: status.code, reason: cut(words, WORDS) }
            }
            kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) | kube::Error::LinesCodecMaxLineLengthExceeded => {
                Self::Garbled { server, call, problem: cut(&chain(error), WORDS) }
            }
            other => Self::from_transport(server, call, &cut(&chain(other), WORDS)),
        }
    }

    fn from_transport(server: String, call: String, words: &str) -> Self {
        // The library's own types of the layers below are erased: their words are all there is.
        let why = LAYERS.iter().fold(words, |words, layer| words.strip_prefix(layer).unwrap_or(words));
        let why = if why == "deadline has elapsed" { "it takes requests and says nothing" } else { why }.to_owned();
        if why.to_ascii_lowercase().contains("certificate") {
            Self::Untrusted { server, call, why }
        } else if NO_HTTP.iter().any(|words| why.contains(words)) {
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
