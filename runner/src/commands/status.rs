//! `lab status`: the labs that are up.

use serde::Serialize;

use super::print;
use crate::cli::{Format, StatusArgs};
use crate::clock;
use crate::failure::Failure;
use crate::report::duration;
use crate::state::{LabState, StateDir};

/// A lab, as `lab status --format json` shows it.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    /// `up`, `gone` (its process has ended), `starting` or `unreadable`.
    state: &'static str,
    /// Why what is known of it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    folder: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    lab: Option<LabState>,
}

pub(super) fn status(args: &StatusArgs) -> Result<u8, Failure> {
    let labs = match &args.name {
        Some(name) => vec![StateDir::open(name)?],
        None => StateDir::all()?,
    };
    let rows: Vec<Row> = labs.iter().map(row).collect();
    let text = match args.format {
        Format::Json => serde_json::to_string_pretty(&rows).map_err(|error| Failure::input(&error))? + "\n",
        Format::Text if rows.is_empty() => "no lab is up; `lab up` makes one\n".to_owned(),
        Format::Text => rows.iter().map(line).collect(),
    };
    print(&text).map(|()| 0)
}

fn row(state: &StateDir) -> Row {
    let (word, lab, why) = match state.read() {
        Ok(None) => ("starting", None, None),
        Ok(Some(lab)) if lab.is_gone() => ("gone", Some(lab), None),
        Ok(Some(lab)) => ("up", Some(lab), None),
        // One lab's trouble does not hide the others.
        Err(error) => ("unreadable", None, Some(error.to_string())),
    };
    Row { name: state.name().to_owned(), state: word, why, folder: state.path().display().to_string(), lab }
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
        let by = lab.holder.as_ref().map_or_else(|| "Docker".to_owned(), |holder| format!("process {}", holder.pid));
        format!("{what}: up, held by {by}\n")
    } else {
        format!("{what}: gone, its process has ended; `lab down --name {}` removes what is left\n", row.name)
    }
}
