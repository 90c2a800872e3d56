//! The probe in its pods: asked through commands there, as everywhere by JSON.

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use std::collections::BTreeMap;
use std::time::Duration;

use super::make::Made;
use super::objects::PROGRAM;
use crate::reading::AT_ONCE;
use lab_kube::api::{Api, OpenCommand, PodContainer, PodOutput};
use lab_model::observe::Place;
use lab_model::request::{Answer, Answered, Ask, CAPTURE_READY, Request};

/// The deadline for one run of the probe; it is longer than the deadlines of the requests in it.
const DEADLINE: Duration = Duration::from_secs(90);
/// Until captures run, with the connection.
const READY: Duration = Duration::from_secs(20);
/// Until what was captured is there, once they were told to end.
const STOPPED: Duration = Duration::from_secs(45);

/// Requests to one pod, with the position of each among all.
type Asked = Vec<(usize, Ask)>;
/// An answer, and its position.
type Placed = (usize, Answered);

/// Runs the probe with a line of questions. The end of standard input cannot be told to it, and so a shell makes it.
fn asking() -> String {
    format!("IFS= read -r asks && printf '%s\\n' \"$asks\" | {PROGRAM}")
}

/// The same, with captures that end at the next line, or when the connection is lost.
fn capturing() -> String {
    format!("IFS= read -r asks && {{ printf '%s\\n' \"$asks\"; IFS= read -r end; }} | {PROGRAM}")
}

impl Made {
    /// The pod at this place.
    fn at(&self, place: &Place) -> Result<&PodContainer, String> {
        match place {
            Place::Node(node) => self.on_nodes.get(node).ok_or_else(|| {
                self.silent.get(node).cloned().unwrap_or_else(|| format!("{node} has no pod of the probe's"))
            }),
            Place::Pod(pod) => self.clients.get(pod).ok_or_else(|| format!("there is no pod {pod} of the probe's")),
            Place::Bridge | Place::Router(_) => Err(format!("{place} is nothing that a foreign cluster has")),
        }
    }

    /// The requests by pod, and the answers to those that have none.
    fn locate(&self, asks: Vec<Ask>) -> (Vec<(&PodContainer, Asked)>, Vec<Placed>) {
        let mut groups: BTreeMap<&str, (&PodContainer, Asked)> = BTreeMap::new();
        let mut missing = Vec::new();
        for (position, ask) in asks.into_iter().enumerate() {
            match self.at(&ask.place) {
                Ok(at) => groups.entry(&at.pod).or_insert_with(|| (at, Vec::new())).1.push((position, ask)),
                Err(why) => missing.push((position, Answered { place: ask.place, answer: Err(why) })),
            }
        }
        (groups.into_values().collect(), missing)
    }

    /// Makes requests, in as many pods at once as an API server takes easily. One answer for each, in order.
    pub(super) async fn ask(&self, api: &Api, asks: Vec<(Place, Request)>) -> Vec<Answered> {
        self.ask_there(api, asks.into_iter().map(here).collect()).await
    }

    /// The same, also of other namespaces than the pods' own.
    pub(super) async fn ask_there(&self, api: &Api, asks: Vec<Ask>) -> Vec<Answered> {
        let (groups, mut answers) = self.locate(asks);
        let each = stream::iter(groups).map(async |(at, asked)| {
            let answered = ask_one(api, at, &asked).await;
            spread(asked, answered)
        });
        let all: Vec<Vec<Placed>> = each.buffer_unordered(AT_ONCE).collect().await;
        answers.extend(all.into_iter().flatten());
        in_order(answers)
    }

    /// Starts captures. One that does not run is an answer that says so.
    pub(super) async fn capture(&self, api: &Api, wanted: Vec<(Place, Request)>) -> Capturing {
        let (groups, missing) = self.locate(wanted.into_iter().map(here).collect());
        let each = stream::iter(groups).map(async |(at, asked)| {
            let opened = open(api, at, &asked).await;
            (asked, opened)
        });
        Capturing { parts: each.buffer_unordered(AT_ONCE).collect().await, missing }
    }
}

/// A request in the pod's own network namespace.
fn here((place, request): (Place, Request)) -> Ask {
    Ask { place, netns: None, request }
}

/// Captures that run.
pub(super) struct Capturing {
    parts: Vec<(Asked, Result<OpenCommand, String>)>,
    missing: Vec<Placed>,
}

impl Capturing {
    /// Ends them. One answer for each, in order.
    pub(super) async fn stop(self) -> Vec<Answered> {
        let stopped = self.parts.into_iter().map(async |(asked, opened)| {
            let answered = match opened {
                Err(why) => Err(why),
                Ok(command) => match command.finish(b"\n", STOPPED).await {
                    Ok(output) => parsed(&output, asked.len()),
                    Err(error) => Err(error.briefly()),
                },
            };
            spread(asked, answered)
        });
        let mut answers: Vec<Placed> = join_all(stopped).await.into_iter().flatten().collect();
        answers.extend(self.missing);
        in_order(answers)
    }
}

async fn ask_one(api: &Api, at: &PodContainer, asked: &Asked) -> Result<Vec<Answered>, String> {
    let line = line(asked)?;
    let ran = api.exec_with(at, &["sh", "-c", &asking()], &line, DEADLINE).await;
    parsed(&ran.map_err(|error| error.briefly())?, asked.len())
}

async fn open(api: &Api, at: &PodContainer, asked: &Asked) -> Result<OpenCommand, String> {
    let line = line(asked)?;
    let opened = api.open(at, &["sh", "-c", &capturing()], &line, CAPTURE_READY, READY).await;
    opened.map_err(|error| error.briefly())
}

fn line(asked: &Asked) -> Result<Vec<u8>, String> {
    let asks: Vec<&Ask> = asked.iter().map(|(_, ask)| ask).collect();
    let mut line = serde_json::to_vec(&asks).map_err(|error| error.to_string())?;
    line.push(b'\n');
    Ok(line)
}

fn parsed(output: &PodOutput, asked: usize) -> Result<Vec<Answered>, String> {
    if output.code != 0 {
        return Err(format!("the probe ended with exit code {}: {}", output.code, output.stderr.trim()));
    }
    let answered: Vec<Answered> =
        serde_json::from_str(&output.stdout).map_err(|error| format!("the probe's answer: {error}"))?;
    if answered.len() == asked {
        Ok(answered)
    } else {
        Err(format!("the probe was asked {asked} questions and gave {} answers", answered.len()))
    }
}

/// One answer for each request to a pod; if it gave none, the same error for each.
fn spread(asked: Asked, answered: Result<Vec<Answered>, String>) -> Vec<Placed> {
    let answers: Vec<Result<Answer, String>> = match answered {
        Ok(answered) => answered.into_iter().map(|answered| answered.answer).collect(),
        Err(why) => vec![Err(why); asked.len()],
    };
    let placed = |((position, ask), answer): ((usize, Ask), _)| (position, Answered { place: ask.place, answer });
    asked.into_iter().zip(answers).map(placed).collect()
}

fn in_order(mut answers: Vec<Placed>) -> Vec<Answered> {
    answers.sort_by_key(|(position, _)| *position);
    answers.into_iter().map(|(_, answered)| answered).collect()
}
