//! Calls of the Engine's API, each with a deadline and with errors that say what was asked.

use bollard::errors::Error;
use std::time::Duration;

use super::connect::Engine;
use super::error::EngineError;
use lab_base::clock;
use lab_base::failure::chain;

/// The deadline of a call that only reads.
pub(super) const ASK_DEADLINE: Duration = Duration::from_secs(10);

impl Engine {
    /// Waits for a call of [`Engine::client`]. `doing` completes `the Engine would not …`: `pull kindest/node`.
    ///
    /// # Errors
    /// [`EngineError::NoAnswer`] after the deadline, [`EngineError::Answered`] with the Engine's message when it
    /// refuses, [`EngineError::Broken`] when the connection breaks.
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

    /// Turns an error of the library into one of this crate.
    pub fn failed(&self, doing: &str, error: Error) -> EngineError {
        let doing = doing.to_owned();
        match error {
            Error::DockerResponseServerError { status_code, message } => {
                EngineError::Answered { doing, status: status_code, message: message.trim().to_owned() }
            }
            // An error in the middle of a stream of progress; the status was already sent as 200.
            Error::DockerStreamError { error } => EngineError::Answered { doing, status: 200, message: error },
            other => EngineError::Broken { endpoint: self.endpoint(), doing, why: describe(&other) },
        }
    }
}

/// The text of an error of the library, with its causes.
pub(super) fn describe(error: &Error) -> String {
    /// How many octets of an answer are quoted: what is not an Engine may answer with a whole page.
    const QUOTED: usize = 200;
    match error {
        Error::DockerResponseServerError { status_code, message } => {
            let end = message.char_indices().map(|(at, _)| at).take_while(|at| *at <= QUOTED).last().unwrap_or(0);
            let (quote, more) = if message.len() > QUOTED { (&message[..end], "…") } else { (message.as_str(), "") };
            format!("it answered with HTTP status {status_code}: {}{more}", quote.trim())
        }
        Error::JsonDataError { message, .. } => format!("its answer does not have the expected form: {message}"),
        other => chain(other),
    }
}
