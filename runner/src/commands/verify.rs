//! `lab verify`: the cases as a libtest program.

use std::io::{self, Write};

use super::{print, program};
use crate::backend::netns::{Lifetime, NetnsLab};
use crate::case::{Case, On};
use crate::cases;
use crate::cli::{DEFAULT_NAME, VerifyArgs};
use crate::failure::{Failure, complain};
use crate::harness::{Event, Harness, LabSource, SessionOptions, Setup, setup};
use crate::report::{JSON_FILE, StageOutcome};
use crate::state::StateDir;

pub(super) fn verify(args: VerifyArgs) -> Result<u8, Failure> {
    if args.libtest.list && args.libtest.format.is_none() {
        return print(&list()).map(|()| 0);
    }
    let mut setup = setup(&args.lab)?;
    let program = program()?;
    let source = source(&args)?;
    if let LabSource::Found(name) = &source {
        adopt(&mut setup, &args, &program, name)?;
    }
    let options =
        SessionOptions { program, source, runs_dir: args.runs.runs_dir, case_deadline: args.runs.case_deadline };
    // libtest prints the verdicts; a stage that failed is the cause of many.
    Harness { arguments: args.libtest, setup, options }.run(|event| match event {
        Event::Stage(stage) if stage.outcome == StageOutcome::Failed => {
            complain(&format_args!("{} failed: {}", stage.name, stage.summary));
        }
        Event::Kept(folder) => {
            let _nobody_reads = writeln!(io::stderr(), "Report: {}", folder.join(JSON_FILE).display());
        }
        Event::Stage(_) | Event::Case(_) | Event::Working(_) | Event::Waiting { .. } => {}
    })
}

/// A named lab must be up; the lab `lab` is taken if it is; else one is made.
fn source(args: &VerifyArgs) -> Result<LabSource, Failure> {
    if args.libtest.list {
        return Ok(LabSource::Made { name: None, lifetime: Lifetime::Tied });
    }
    if let Some(name) = &args.name {
        StateDir::open(name)?;
        return Ok(LabSource::Found(name.clone()));
    }
    let default = StateDir::open(DEFAULT_NAME).ok().and_then(|state| state.read().ok().flatten());
    if default.is_some_and(|lab| !lab.is_gone()) {
        return Ok(LabSource::Found(DEFAULT_NAME.to_owned()));
    }
    Ok(LabSource::Made { name: None, lifetime: Lifetime::Tied })
}

/// A lab that is up decides how many nodes and replicas there are, and how it routes.
fn adopt(setup: &mut Setup, args: &VerifyArgs, program: &std::path::Path, name: &str) -> Result<(), Failure> {
    let runtime = crate::runtime().map_err(|error| Failure::stage(&error))?;
    let spec = runtime.block_on(async { NetnsLab::attach(program, name).await.map(|lab| lab.plan().spec.clone()) })?;
    let mut lab = args.lab.clone();
    lab.nodes = Some(spec.nodes.len());
    lab.replicas = Some(spec.replicas);
    lab.routing = spec.routing;
    *setup = crate::harness::setup(&lab)?;
    Ok(())
}

/// All cases, for a reader. Nothing is built, touched or asked.
fn list() -> String {
    let width = cases::ALL.iter().map(|case| case.name.len()).max().unwrap_or(0);
    let line = |case: &Case| {
        let on = if matches!(case.on, On::Both(_)) { "netns, kind" } else { "kind" };
        format!("{:<width$}  {on:<11}  {}\n", case.name, case.claim)
    };
    cases::ALL.iter().map(line).collect::<Vec<String>>().concat()
}
