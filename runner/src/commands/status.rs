//! `lab status`: the labs that are up.

use serde::Serialize;

use super::print;
use crate::cli::{Format, StatusArgs};
use lab_backend::state::{LabState, StateDir};
use lab_base::clock;
use lab_base::failure::{Failure, chain};
use lab_base::text::duration;
use lab_kind::drift::Drift;
use lab_kind::{drift_of, standing};
use lab_model::stage::Stage;

/// A lab, as `lab status --format json` shows it.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    /// `up`, `gone` (its process has ended), `starting` or `unreadable`; on kind also `unfinished` (the process that made
    /// it was killed at that, or its cluster could not be created whole), `drifted` (Docker has it, but not as it was built) and `unreachable` (its Docker Engine
    /// does not answer).
    state: &'static str,
    /// Why what is known of it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    folder: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    lab: Option<LabState>,
    /// How far it was built: the last stage that stands, of a lab on kind that was kept before it was whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    built: Option<Stage>,
    /// What is not as it was when the lab was built; only of labs on kind.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    drift: Vec<Drift>,
}

pub(super) fn status(args: &StatusArgs) -> Result<u8, Failure> {
    let labs = match &args.name {
        Some(name) => vec![StateDir::open(name)?],
        None => StateDir::all()?,
    };
    let runtime = lab_base::runtime().map_err(|error| Failure::stage(&error))?;
    let rows: Vec<Row> = labs.iter().map(|lab| runtime.block_on(row(lab))).collect();
    let text = match args.format {
        Format::Json => serde_json::to_string_pretty(&rows).map_err(|error| Failure::input(&error))? + "\n",
        Format::Text if rows.is_empty() => "no lab is up; `lab up` makes one\n".to_owned(),
        Format::Text => rows.iter().map(line).collect(),
    };
    print(&text).map(|()| 0)
}

async fn row(state: &StateDir) -> Row {
    let (word, lab, why) = match state.read() {
        Ok(None) => ("starting", None, None),
        Ok(Some(lab)) if lab.is_gone() => ("gone", Some(lab), None),
        Ok(Some(lab)) if lab.is_unfinished() => ("unfinished", Some(lab), None),
        Ok(Some(lab)) => ("up", Some(lab), None),
        // One lab's trouble does not hide the others.
        Err(error) => ("unreadable", None, Some(error.to_string())),
    };
    let mut row = Row {
        name: state.name().to_owned(),
        state: word,
        why,
        folder: state.path().display().to_string(),
        lab,
        built: None,
        drift: Vec::new(),
    };
    // Kept after something of it had failed, or for cases that need no more.
    if row.state == "up" && row.lab.as_ref().is_some_and(|lab| lab.cluster.is_some() && lab.stays) {
        match standing(state) {
            Ok(built) if !built.contains(&Stage::ClusterCreated) => row.state = "unfinished",
            Ok(built) => row.built = built.into_iter().max().filter(|last| *last < Stage::WorkloadReady),
            Err(error) => (row.state, row.why) = ("unreadable", Some(error.to_string())),
        }
    }
    // Of one that was never whole there is no telling what it should be like.
    let whole = row.lab.as_ref().filter(|_| row.state == "up");
    if let Some(mark) = whole.and_then(|lab| lab.cluster.clone()) {
        match drift_of(state, &mark).await {
            Ok(drift) => {
                row.state = if drift.is_empty() { row.state } else { "drifted" };
                row.drift = drift;
            }
            Err(error) => (row.state, row.why) = ("unreachable", Some(chain(&error))),
        }
    }
    row
}

fn line(row: &Row) -> String {
    if let Some(why) = &row.why {
        return format!("{}  {}: {why}\n", row.name, row.state);
    }
    let Some(lab) = &row.lab else {
        return format!(
            "{}  starting, or was killed as it started; `lab down --name {}` removes it\n",
            row.name, row.name
        );
    };
    let age = clock::unix_now().saturating_sub(lab.created);
    let what = format!("{} on {}, {} routing, made {} ago", row.name, lab.backend, lab.routing, duration(age));
    if row.state == "up" {
        let process = lab.holder.as_ref().or_else(|| lab.maker.as_ref().filter(|_| !lab.stays));
        let by = process.map_or_else(|| "Docker".to_owned(), |process| format!("process {}", process.pid));
        let far = row.built.map(|stage| format!(" as far as the stage {}", stage.title())).unwrap_or_default();
        format!("{what}: up{far}, held by {by}\n")
    } else if row.state == "unfinished" {
        let remedy = format!("`lab down --name {}` removes what is there of it", row.name);
        let why = if lab.stays { "its cluster was not created whole" } else { "the process that made it has ended" };
        format!("{what}: not finished, and {why}; {remedy}\n")
    } else if row.state == "drifted" {
        let told =
            row.drift.iter().map(|drift| format!("  {}\n    {}\n    {}\n", drift.found, drift.why, drift.remedy));
        format!("{what}: not as it was built\n{}", told.collect::<String>())
    } else {
        format!("{what}: gone, its process has ended; `lab down --name {}` removes what is left\n", row.name)
    }
}
