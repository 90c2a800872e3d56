//! `lab status`: lists the labs that exist, with their state.

use serde::Serialize;

use super::{print, print_json};
use crate::cli::{Format, StatusArgs};
use lab_backend::state::{LabState, Life, StateDir};
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
    /// `up`, `gone` (its process has ended), `untold` (whether that runs cannot be told from here), `starting` or
    /// `unreadable`; on kind also `unfinished` (the process that built
    /// it was killed before it was done, or its cluster was not created completely), `drifted` (it exists in Docker, but
    /// not as it was built) and `unreachable` (its Docker Engine does not answer).
    state: &'static str,
    /// Why its state cannot be read or told, if it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    folder: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    lab: Option<LabState>,
    /// The last stage that was reached, if the lab is on kind and was kept before its last stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    built: Option<Stage>,
    /// What differs from when the lab was built; only for labs on kind.
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
        Format::Json => return print_json(&rows).map(|()| 0),
        Format::Text if rows.is_empty() => "no lab is up; `lab up` makes one\n".to_owned(),
        Format::Text => rows.iter().map(line).collect(),
    };
    print(&text).map(|()| 0)
}

async fn row(state: &StateDir) -> Row {
    let (word, lab, why) = match state.read() {
        Ok(None) => ("starting", None, None),
        Ok(Some(lab)) => match state.life(&lab) {
            Life::Runs => ("up", Some(lab), None),
            Life::Ended if lab.holder.is_some() => ("gone", Some(lab), None),
            Life::Ended => ("unfinished", Some(lab), None),
            Life::Untold(why) => ("untold", Some(lab), Some(state.untold(&why).to_string())),
        },
        // The other labs are listed even if the state of one cannot be read.
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
    // A lab may have been kept although a stage failed, or because the selected cases needed no further stage.
    if row.state == "up" && row.lab.as_ref().is_some_and(|lab| lab.cluster.is_some() && lab.stays) {
        match standing(state) {
            Ok(built) if !built.contains(&Stage::ClusterCreated) => row.state = "unfinished",
            Ok(built) => row.built = built.into_iter().max().filter(|last| *last < Stage::WorkloadReady),
            Err(error) => (row.state, row.why) = ("unreadable", Some(error.to_string())),
        }
    }
    // An unfinished lab is not compared, because it was never recorded as built.
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
        format!("{what}: up{far}, kept alive by {by}\n")
    } else if row.state == "unfinished" {
        let remedy = format!("`lab down --name {}` removes what exists of it", row.name);
        let why =
            if lab.stays { "its cluster was not created completely" } else { "the process that built it has ended" };
        format!("{what}: not finished, because {why}; {remedy}\n")
    } else if row.state == "drifted" {
        let lines =
            row.drift.iter().map(|drift| format!("  {}\n    {}\n    {}\n", drift.found, drift.why, drift.remedy));
        format!("{what}: not as it was built\n{}", lines.collect::<String>())
    } else {
        format!("{what}: gone, because its process has ended; `lab down --name {}` removes what is left\n", row.name)
    }
}
