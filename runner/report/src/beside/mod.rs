//! The article beside the lab: for each step that prints something, what the article printed and what this lab printed,
//! without what is drawn anew for each cluster, with the differences marked.
//!
//! It is for a reader, and decides nothing: judges read none of it. What this lab did not print is not seen, never the same.
//! Of one output a reader cannot tell everything either: that two peers' routes were swapped shows in no single `ip route`.

mod compare;
mod lab;
mod lines;
mod model;
mod steps;
#[cfg(test)]
mod tests;
mod text;
mod words;

use ipnet::Ipv4Net;
use serde::Deserialize;
use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

pub use model::{Beside, Mark, Outcome, Pair, SCHEMA, Shown, StepBeside};
pub use text::text;

use compare::{Printed, compare};
use lab_evidence::{EvidenceError, RUN_FILE, RunFolder};
use lab_model::BackendKind;
use steps::{STEPS, Step};
use words::{Reading, SERVICES};

/// Its name in a run's folder.
pub const FILE: &str = "beside.json";

/// The cases that the article's outputs are shown beside.
pub fn cases() -> impl Iterator<Item = &'static str> {
    STEPS.iter().map(|step| step.case)
}

/// Why there is no comparison.
#[derive(Debug, thiserror::Error)]
pub enum BesideError {
    /// A file of the run cannot be read.
    #[error("{}: it cannot be read", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is not what a run writes.
    #[error("{}: it is not a run's", path.display())]
    Shape {
        /// Which.
        path: PathBuf,
        /// Where.
        #[source]
        source: serde_json::Error,
    },
    /// It cannot be written.
    #[error(transparent)]
    Folder(#[from] EvidenceError),
}

/// Writes `beside.json` into a run's folder, whole or not at all.
///
/// # Errors
/// [`BesideError`], naming the file.
pub fn write(folder: &RunFolder) -> Result<(), BesideError> {
    let beside = of_run(folder.path())?;
    let shape = |source| BesideError::Shape { path: folder.path().join(FILE), source };
    let text = serde_json::to_string_pretty(&beside).map_err(shape)? + "\n";
    Ok(folder.write(FILE, text.as_bytes())?)
}

/// What of `run.json` decides how outputs are read.
#[derive(Deserialize)]
struct Run {
    backend: BackendKind,
    lab: String,
    #[serde(default)]
    deviations: Vec<serde_json::Value>,
    expectations: Expected,
}

#[derive(Deserialize)]
struct Expected {
    native_cidr: Ipv4Net,
    /// Older programs did not write it: Services could not be elsewhere.
    #[serde(default = "services")]
    service_cidr: Ipv4Net,
}

const fn services() -> Ipv4Net {
    SERVICES
}

/// Compares what a run kept with the article. `folder` is the run's, finished or not; its evidence is read and held against its hashes.
///
/// # Errors
/// When its `run.json` cannot be read. Evidence that is missing or was altered makes a step that is not seen, with the reason.
pub fn of_run(folder: &Path) -> Result<Beside, BesideError> {
    let path = folder.join(RUN_FILE);
    let text = fs::read_to_string(&path).map_err(|source| BesideError::Read { path: path.clone(), source })?;
    let run: Run = serde_json::from_str(&text).map_err(|source| BesideError::Shape { path, source })?;
    let steps = STEPS.iter().map(|step| of_step(step, &run, lab::shown(step, run.backend, folder))).collect();
    Ok(Beside { schema: SCHEMA, backend: run.backend, steps })
}

fn of_step(step: &Step, run: &Run, shown: Result<Shown, String>) -> StepBeside {
    let whole = StepBeside {
        step: step.id.to_owned(),
        case: step.case.to_owned(),
        outcome: Outcome::NotSeen,
        command: step.command.to_owned(),
        article: step.article.to_owned(),
        lab: None,
        missing: String::new(),
        left_out: 0,
        lines: Vec::new(),
    };
    match shown {
        Err(missing) => StepBeside { missing, ..whole },
        Ok(shown) => {
            let text = as_the_articles_cluster(&shown.text, &run.lab);
            let Expected { native_cidr: pods, service_cidr: services } = run.expectations;
            let reading = Reading { pods, services };
            let printed = Printed { text: &text, reading, deviates: !run.deviations.is_empty() };
            let compared = compare(step, articles(), &printed);
            StepBeside {
                outcome: compared.outcome,
                left_out: compared.left_out,
                lines: compared.pairs,
                lab: Some(shown),
                ..whole
            }
        }
    }
}

/// The article's pods are in its `ipv4NativeRoutingCIDR`.
fn articles() -> Reading {
    const NATIVE_CIDR: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8);
    Reading { pods: NATIVE_CIDR, services: SERVICES }
}

/// Nodes of a cluster of another name are called as those of the article's, `kind`.
fn as_the_articles_cluster(text: &str, cluster: &str) -> String {
    if cluster == "kind" {
        return text.to_owned();
    }
    let named = |text: String, node: &str| text.replace(&format!("{cluster}-{node}"), &format!("kind-{node}"));
    named(named(text.to_owned(), "control-plane"), "worker")
}
