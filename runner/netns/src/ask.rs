//! Looking into a lab's namespaces, capturing on its links, and making faults there. Each of these starts this program
//! once more, as the probe or as `lab tamper`.

use async_recursion::async_recursion as boxed;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::lab::NetnsLab;
use crate::tamper::{Act, Tamper, Tampered};
use lab_backend::LabError;
use lab_backend::captures::Captures;
use lab_base::exec::Invocation;
use lab_model::observe::Place;
use lab_model::request::{Answered, Ask, Request};

/// The deadline for one run of the probe; it is longer than the deadlines of the requests in it.
const PROBE_DEADLINE: Duration = Duration::from_secs(90);

impl NetnsLab {
    /// The file of a place's network namespace.
    ///
    /// # Errors
    /// When the lab has no such place.
    pub fn netns_file(&self, place: &Place) -> Result<PathBuf, LabError> {
        let description = self.description.borrow();
        let found = description.namespaces.iter().find(|(there, _)| there == place);
        let file = found.map(|(_, file)| Path::new("/proc").join(self.holder_pid().to_string()).join(file));
        file.ok_or_else(|| LabError::NoPlace {
            place: place.to_string(),
            name: self.name().to_owned(),
            there: description.namespaces.iter().map(|(place, _)| place.to_string()).collect::<Vec<_>>().join(", "),
        })
    }

    /// The user namespace that must be entered first; none for a lab that root made.
    pub fn userns_file(&self) -> Option<PathBuf> {
        self.user_namespace.then(|| Path::new("/proc").join(self.holder_pid().to_string()).join("ns/user"))
    }

    /// A command that runs a subcommand of this program, which enters the lab's user namespace first.
    pub fn program(&self, subcommand: &str) -> Invocation {
        let invocation = Invocation::new(&self.program).args([subcommand]);
        match self.userns_file() {
            Some(userns) => invocation.args(["--userns"]).args([userns]),
            None => invocation,
        }
    }

    /// Makes requests in namespaces, with one run of the probe. For a place that the lab does not have, or no longer has,
    /// the answer is an error.
    ///
    /// # Errors
    /// When the probe could not be run, or its output is not a list of answers.
    #[boxed(?Send)]
    pub async fn ask(&self, asks: Vec<(Place, Request)>) -> Result<Vec<Answered>, LabError> {
        let what = describe_asks(&asks);
        *self.doing.borrow_mut() = format!("{what}, without an answer yet");
        let (asks, missing) = self.locate(asks);
        let input = serde_json::to_vec(&asks).map_err(|error| LabError::Probe(error.to_string()))?;
        let answered = if asks.is_empty() {
            Vec::new()
        } else {
            Captures::answers(&self.program("probe").stdin(input).run(PROBE_DEADLINE).await?)?
        };
        *self.doing.borrow_mut() = format!("{what}, answered");
        merge(answered, missing)
    }

    /// The last request and whether it was answered, for the message of a deadline that passes.
    pub fn doing(&self) -> String {
        self.doing.borrow().clone()
    }

    /// Starts captures; they run until they are stopped.
    ///
    /// # Errors
    /// When they cannot all be started.
    #[boxed(?Send)]
    pub async fn capture(&self, wanted: Vec<(Place, Request)>) -> Result<Captures, LabError> {
        let (asks, missing) = self.locate(wanted);
        if let Some((_, missing)) = missing.into_iter().next() {
            return Err(LabError::Probe(missing.answer.err().unwrap_or_default()));
        }
        Captures::start(self.program("probe"), &asks).await
    }

    /// Makes deliberate faults: changes within namespaces, in order. All are made when this returns.
    ///
    /// # Errors
    /// When the lab has no such place, or a change could not be made.
    #[boxed(?Send)]
    pub async fn tamper(&self, acts: Vec<(Place, Act)>) -> Result<Tampered, LabError> {
        let changes = acts
            .into_iter()
            .map(|(place, act)| {
                let other = act.other().map(|other| self.netns_file(other)).transpose()?;
                Ok(Tamper { netns: self.netns_file(&place)?, other, act })
            })
            .collect::<Result<Vec<_>, LabError>>()?;
        Tampered::make(self.program("tamper"), &changes).await
    }

    /// The requests that can be made, and an answer with its position for each that cannot.
    fn locate(&self, asks: Vec<(Place, Request)>) -> (Vec<Ask>, Vec<(usize, Answered)>) {
        let mut located = Vec::with_capacity(asks.len());
        let mut missing = Vec::new();
        for (position, (place, request)) in asks.into_iter().enumerate() {
            match self.netns_file(&place) {
                Ok(file) => located.push(Ask { place, netns: Some(file), request }),
                Err(error) => missing.push((position, Answered { place, answer: Err(error.to_string()) })),
            }
        }
        (located, missing)
    }
}

/// A short description of requests: `view of kind-control-plane and 2 more`.
fn describe_asks(asks: &[(Place, Request)]) -> String {
    let Some((place, request)) = asks.first() else { return "nothing".to_owned() };
    let more = asks.len() - 1;
    let others = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{} of {place}{others}", request.name())
}

/// Inserts the answers that did not need the probe at their positions.
fn merge(answered: Vec<Answered>, missing: Vec<(usize, Answered)>) -> Result<Vec<Answered>, LabError> {
    let mut all = answered;
    for (position, answer) in missing {
        if position > all.len() {
            return Err(LabError::Probe("it gave fewer answers than it was asked for".to_owned()));
        }
        all.insert(position, answer);
    }
    Ok(all)
}
