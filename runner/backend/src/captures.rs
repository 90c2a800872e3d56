//! The runner's end of the probe's packet captures: starts probes that capture, stops them, and reads their answers.

use futures_util::future::join_all;
use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use crate::LabError;
use lab_base::exec::{Finished, Invocation, Running};
use lab_base::failure::chain;
use lab_model::observe::Place;
use lab_model::request::{Answered, Ask, CAPTURE_READY};

/// How long a probe may take until all its captures run.
const READY_DEADLINE: Duration = Duration::from_secs(10);
/// How long a probe may take to end after its standard input is closed, which tells it to stop.
const STOP_DEADLINE: Duration = Duration::from_secs(20);

/// Packet captures that are running, in one probe or in several.
#[derive(Debug)]
pub struct Captures {
    parts: Vec<Part>,
    fetch: Option<Box<dyn Fetch>>,
}

/// Copies the capture files to the paths that were asked for, for a probe that cannot write there itself: one in a
/// container writes within that container.
pub trait Fetch: fmt::Debug {
    /// Copies the file of each answer. Where that fails, the answer is replaced by the error.
    fn fetch<'a>(&'a self, answers: &'a mut [Answered]) -> Pin<Box<dyn Future<Output = ()> + 'a>>;
}

/// One probe, with the place of each of its captures and the position of each among the captures of all probes.
#[derive(Debug)]
struct Part {
    running: Running,
    asked: Vec<(usize, Place)>,
}

impl Captures {
    /// Starts one probe with captures, and waits until all of them run.
    ///
    /// # Errors
    /// When they do not all run in time; the error has the probe's last lines on standard error.
    pub async fn start(probe: Invocation, asks: &[Ask]) -> Result<Self, LabError> {
        let asked = asks.iter().cloned().enumerate().collect();
        Self::start_all(vec![(probe, asked)], None).await
    }

    /// Starts several probes, each with captures and their positions among all, and waits until all of them run.
    ///
    /// # Errors
    /// When they do not all run in time; the error has the last lines on standard error of one that does not. All
    /// probes are killed then.
    pub async fn start_all(
        probes: Vec<(Invocation, Vec<(usize, Ask)>)>,
        fetch: Option<Box<dyn Fetch>>,
    ) -> Result<Self, LabError> {
        let parts = join_all(probes.into_iter().map(|(probe, asked)| Part::start(probe, asked))).await;
        Ok(Self { parts: parts.into_iter().collect::<Result<_, _>>()?, fetch })
    }

    /// Stops all captures and returns one answer for each, in the order in which they were asked for. When a probe
    /// does not end or its output cannot be read, each of its answers is that error.
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
    /// When it failed, or its output is not a list of answers.
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
