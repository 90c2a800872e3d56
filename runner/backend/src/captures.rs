//! The runner's end of the probe: what it is started with, and reading its answers.

use futures_util::future::join_all;
use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use crate::LabError;
use lab_base::exec::{Finished, Invocation, Running};
use lab_base::failure::chain;
use lab_model::observe::Place;
use lab_model::request::{Answered, Ask, CAPTURE_READY};

/// For all captures to be running.
const READY_DEADLINE: Duration = Duration::from_secs(10);
/// For captures to end once they are told to.
const STOP_DEADLINE: Duration = Duration::from_secs(20);

/// Captures that run, in one probe or in several.
#[derive(Debug)]
pub struct Captures {
    parts: Vec<Part>,
    fetch: Option<Box<dyn Fetch>>,
}

/// Brings the files that captures wrote to where they were asked for, where a probe cannot write there itself.
pub trait Fetch: fmt::Debug {
    /// Fetches them. An answer whose file cannot be fetched becomes the reason why.
    fn fetch<'a>(&'a self, answers: &'a mut [Answered]) -> Pin<Box<dyn Future<Output = ()> + 'a>>;
}

/// One probe, with whose captures it takes and their positions among all.
#[derive(Debug)]
struct Part {
    running: Running,
    asked: Vec<(usize, Place)>,
}

impl Captures {
    /// Starts the probe with captures, and waits until all of them run.
    ///
    /// # Errors
    /// When they do not all run in time; the probe's last words are in it.
    pub async fn start(probe: Invocation, asks: &[Ask]) -> Result<Self, LabError> {
        let asked = asks.iter().cloned().enumerate().collect();
        Self::start_all(vec![(probe, asked)], None).await
    }

    /// Starts several probes, each with captures and their positions among all, and waits until all of them run.
    ///
    /// # Errors
    /// When they do not all run in time; the last words of one that does not are in it. None runs on then.
    pub async fn start_all(
        probes: Vec<(Invocation, Vec<(usize, Ask)>)>,
        fetch: Option<Box<dyn Fetch>>,
    ) -> Result<Self, LabError> {
        let parts = join_all(probes.into_iter().map(|(probe, asked)| Part::start(probe, asked))).await;
        Ok(Self { parts: parts.into_iter().collect::<Result<_, _>>()?, fetch })
    }

    /// Stops them. One answer for each, in order; a probe that does not end, or says something else than answers, has
    /// the reason for its answers.
    pub async fn stop(self) -> Vec<Answered> {
        let mut answers: Vec<(usize, Answered)> =
            join_all(self.parts.into_iter().map(Part::stop)).await.into_iter().flatten().collect();
        answers.sort_by_key(|(position, _)| *position);
        let mut answers: Vec<Answered> = answers.into_iter().map(|(_, answered)| answered).collect();
        if let Some(fetch) = self.fetch {
            fetch.fetch(&mut answers).await;
        }
        answers
    }

    /// Reads the answers of a probe that has ended.
    ///
    /// # Errors
    /// When it failed, or said something else.
    pub fn answers(finished: &Finished) -> Result<Vec<Answered>, LabError> {
        if !finished.success() {
            return Err(LabError::Probe(format!("it ended with {}: {}", finished.exit, finished.stderr_text().trim())));
        }
        serde_json::from_slice(&finished.stdout).map_err(|error| LabError::Probe(error.to_string()))
    }
}

impl Part {
    async fn start(probe: Invocation, asked: Vec<(usize, Ask)>) -> Result<Self, LabError> {
        let asks: Vec<&Ask> = asked.iter().map(|(_, ask)| ask).collect();
        let mut line = serde_json::to_vec(&asks).map_err(|error| LabError::Probe(error.to_string()))?;
        line.push(b'\n');
        let mut running = probe.open()?;
        running.call(&line, CAPTURE_READY, READY_DEADLINE).await?;
        let asked = asked.into_iter().map(|(position, ask)| (position, ask.place)).collect();
        Ok(Self { running, asked })
    }

    async fn stop(self) -> Vec<(usize, Answered)> {
        let Self { running, asked } = self;
        let finished = running.finish(STOP_DEADLINE).await.map_err(LabError::from);
        let answers = match finished.and_then(|finished| Captures::answers(&finished)) {
            Ok(answers) if answers.len() == asked.len() => {
                answers.into_iter().map(|answered| answered.answer).collect()
            }
            Ok(answers) => {
                let why = format!("the probe took {} captures and gave {} answers", asked.len(), answers.len());
                vec![Err(why); asked.len()]
            }
            Err(error) => vec![Err(chain(&error)); asked.len()],
        };
        let answered = |((position, place), answer)| (position, Answered { place, answer });
        asked.into_iter().zip(answers).map(answered).collect()
    }
}
