//! One call of the Engine's API: its deadline, and its error in words.

use bollard::errors::Error;
use std::time::Duration;

use super::connect::Engine;
use super::error::EngineError;
use lab_base::clock;
use lab_base::failure::chain;

/// For a call that only asks.
pub(super) const ASK_DEADLINE: Duration = Duration::from_secs(10);

impl Engine {
    /// Waits for a call of [`Engine::client`]. `doing` completes `the Engine would not …`: `pull kindest/node`.
    ///
    /// # Errors
    /// [`EngineError::NoAnswer`] after the deadline, [`EngineError::Answered`] with the Engine's own words when it
    /// refuses, [`EngineError::Broken`] for a connection that breaks.
    pub async fn call<T>(
        &self,
        doing: &str,
        deadline: Duration,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, EngineError> {
        match clock::within(deadline, doing, call).await {
            Ok(answer) => answer.map_err(|error| self.failed(doing, error)),
            Err(_passed) => Err(EngineError::NoAnswer { endpoint: self.endpoint(), doing: doing.to_owned(), deadline }),
        }
    }

    /// An error of the library's, in words.
    pub fn failed(&self, doing: &str, error: Error) -> EngineError {
        let doing = doing.to_owned();
        match error {
            Error::DockerResponseServerError { status_code, message } => {
                EngineError::Answered { doing, status: status_code, message: message.trim().to_owned() }
            }
            // What a stream of progress says in its middle, after status 200.
            Error::DockerStreamError { error } => EngineError::Answered { doing, status: 200, message: error },
            other => EngineError::Broken { endpoint: self.endpoint(), doing, why: told(&other) },
        }
    }
}

/// An error of the library's with what caused it.
pub(super) fn told(error: &Error) -> String {
    /// Octets of an answer that are quoted: a stranger's may be a whole page.
    const QUOTED: usize = 200;
    match error {
        Error::DockerResponseServerError { status_code, message } => {
            let end = message.char_indices().map(|(at, _)| at).take_while(|at| *at <= QUOTED).last().unwrap_or(0);
            let (quote, more) = if message.len() > QUOTED { (&message[..end], "…") } else { (message.as_str(), "") };
            format!("it answered with HTTP status {status_code}: {}{more}", quote.trim())
        }
        Error::JsonDataError { message, .. } => format!("its answer is not what it should be: {message}"),
        other => chain(other),
    }
}
