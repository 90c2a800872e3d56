//! `lab verify`: runs the cases, with the options and the output of a Rust test program.

use std::io::{self, Write};
use std::path::Path;

use super::cluster::selection;
use super::{cluster, print, program};
use crate::cli;
use crate::cli::{LabArgs, VerifyArgs};
use lab_backend::state::StateDir;
use lab_base::failure::{Failure, complain};
use lab_base::text::clean;
use lab_harness::case;
use lab_harness::case::Case;
use lab_harness::cases;
use lab_harness::wanted::{On, Wanted};
use lab_harness::{Event, Harness, LabSource, Selection, SessionOptions, Setup, selected, setup, setup_on};
use lab_kind::made_from;
use lab_model::report::StageOutcome;
use lab_model::{BackendKind, Routing, Topology};
use lab_netns::{Lifetime, NetnsLab};
use lab_report::HTML_FILE;

pub(super) fn verify(args: VerifyArgs) -> Result<u8, Failure> {
    let on = match (&args.sysdump, args.lab.on) {
        (Some(_), cli::On::Auto | cli::On::Cluster) => cli::On::Cluster,
        (Some(_), _) => {
            return Err(Failure::usage("--sysdump is of a cluster; leave --on out, or give `--on cluster`"));
        }
        (None, on) => on,
    };
    cluster::refuse_without(on, &args.cluster, &[("--dry-run", args.dry_run)])?;
    if args.libtest.list && args.libtest.format.is_none() {
        return print(&list(&selection(&args))?).map(|()| 0);
    }
    if on == cli::On::Cluster {
        return cluster::verify(args);
    }
    let program = program()?;
    let source = source(&args)?;
    let setup = match &source {
        LabSource::Found(name) => setup_of_lab(&args, &program, name)?,
        LabSource::Made { .. } | LabSource::Foreign(_) => setup(&args.lab.wanted())?,
    };
    let options =
        SessionOptions { program, source, runs_dir: args.runs.runs_dir, case_deadline: args.runs.case_deadline };
    // libtest prints the verdicts only; a stage that failed is printed here, because it is the cause of many of them.
    Harness { arguments: args.libtest, setup, options, foreign: None }.run(|event| match event {
        Event::Stage(stage) if stage.outcome == StageOutcome::Failed => {
            complain(&format_args!("{} failed: {}", stage.name, stage.summary));
        }
        Event::Kept(folder) => {
            let _nobody_reads =
                writeln!(io::stderr(), "Report: {}", clean(&folder.join(HTML_FILE).display().to_string()));
        }
        Event::Note(note) => {
            let _nobody_reads = writeln!(io::stderr(), "{}", clean(note));
        }
        Event::Stage(_) | Event::Case(_) | Event::Working(_) | Event::Waiting { .. } => {}
    })
}

/// The lab to run the cases in: the named one, which must be up; without a name, `lab` if it is up, or the only lab that is
/// up; otherwise one that is built for the run.
fn source(args: &VerifyArgs) -> Result<LabSource, Failure> {
    let made = LabSource::Made { name: None, lifetime: Lifetime::Tied };
    if args.libtest.list {
        return Ok(made);
    }
    if let Some(name) = &args.lab.name {
        StateDir::open(name)?;
        return Ok(LabSource::Found(name.clone()));
    }
    let up = |state: &StateDir| {
        let known = state.read().ok().flatten().filter(|lab| !state.is_gone(lab));
        known.is_some_and(|lab| fits(args.lab.wanted().on, lab.backend))
    };
    let candidates = StateDir::all_that_stay()?.into_iter().filter(up).collect();
    Ok(StateDir::unnamed(candidates)?.map_or(made, |lab| LabSource::Found(lab.name().to_owned())))
}

const fn fits(on: On, backend: BackendKind) -> bool {
    matches!((on, backend), (On::Auto, _) | (On::Netns, BackendKind::Netns) | (On::Kind, BackendKind::Kind))
}

/// The setup of a lab that is up: number of nodes and replicas, routing and replaced pins are those that it was built with.
fn setup_of_lab(args: &VerifyArgs, program: &Path, name: &str) -> Result<Setup, Failure> {
    let state = StateDir::open(name)?;
    let mut lab = args.lab.wanted();
    if let Some(known) = state.read()? {
        if !fits(lab.on, known.backend) {
            let (asked, is) = (if lab.on == On::Kind { "kind" } else { "netns" }, known.backend);
            return Err(Failure::usage(format!("--on {asked}: the lab {name} is on {is}; leave --on out")));
        }
        if known.backend == BackendKind::Netns {
            lab.on = On::Netns;
        }
    }
    if let Some(option) = lab.overrides.first() {
        return Err(Failure::usage(format!(
            "{option}: the lab {name} is up already, and this option would need another lab; leave it out"
        )));
    }
    if state.read()?.is_some_and(|known| known.backend == BackendKind::Kind) {
        return setup_of_kind_lab(&args.lab, lab, &state);
    }
    let runtime = lab_base::runtime().map_err(|error| Failure::stage(&error))?;
    let spec = runtime.block_on(async { NetnsLab::attach(program, name).await.map(|lab| lab.plan().spec.clone()) })?;
    let racks = spec.racks.as_ref().map(|racks| racks.layout.racks.len());
    refuse_another(
        &args.lab,
        name,
        &Built { nodes: spec.nodes.len(), replicas: spec.replicas, routing: spec.routing, racks },
    )?;
    lab.nodes = Some(spec.nodes.len());
    lab.replicas = Some(spec.replicas);
    lab.routing = spec.routing;
    lab.racks = racks;
    lab.topology = if spec.racks.is_some() { Topology::Racks } else { Topology::Flat };
    let mut setup = setup(&lab)?;
    // If --manifests is given, the lab is judged against those, and not against what it was built from.
    if lab.manifests.is_none() {
        setup.recall(name)?;
        setup.spec = spec;
    }
    Ok(setup)
}

/// What a lab that is up was built with, of what options ask for.
struct Built {
    nodes: usize,
    replicas: usize,
    routing: Routing,
    /// None where all nodes are on one network.
    racks: Option<usize>,
}

/// Refuses options that would need another lab than the one that is up.
fn refuse_another(asked: &LabArgs, name: &str, built: &Built) -> Result<(), Failure> {
    let number =
        |asked: Option<usize>, built: usize| asked.filter(|asked| *asked != built).map(|asked| asked.to_string());
    let routing = asked.routing.map(Routing::from).filter(|routing| *routing != built.routing);
    let racks = built.racks.unwrap_or(0);
    let topology =
        (Topology::from(asked.topology) == Topology::Racks && built.racks.is_none()).then(|| "racks".to_owned());
    let others = [
        ("--topology", topology, "flat".to_owned()),
        ("--nodes", number(asked.nodes, built.nodes), built.nodes.to_string()),
        ("--replicas", number(asked.replicas, built.replicas), built.replicas.to_string()),
        ("--routing", routing.map(|routing| routing.to_string()), built.routing.to_string()),
        ("--racks", number(asked.racks, racks), racks.to_string()),
    ];
    match others.into_iter().find_map(|(option, asked, built)| Some((option, asked?, built))) {
        None => Ok(()),
        Some((option, asked, built)) => Err(Failure::usage(format!(
            "{option} {asked}: the lab {name} is up already, and was built with {built}; leave it out"
        ))),
    }
}

/// The setup of a lab on kind: what it was built from is in its state folder.
fn setup_of_kind_lab(asked: &LabArgs, mut args: Wanted, state: &StateDir) -> Result<Setup, Failure> {
    let Some(spec) = made_from(state)? else {
        return Err(Failure::usage(format!(
            "the lab {name} was never completely started, so there is nothing to verify; `lab down --name {name}` removes \
             what is left of it",
            name = state.name()
        )));
    };
    let racks = spec.expect.racks.as_ref().map(|racks| racks.racks.len());
    let built = Built { nodes: spec.nodes.len(), replicas: spec.expect.replicas, routing: spec.routing, racks };
    refuse_another(asked, state.name(), &built)?;
    args.name = Some(state.name().to_owned());
    args.nodes = Some(spec.nodes.len());
    args.replicas = Some(spec.expect.replicas);
    args.routing = spec.routing;
    args.racks = racks;
    args.topology = if spec.expect.racks.is_some() { Topology::Racks } else { Topology::Flat };
    let mut setup = setup_on(BackendKind::Kind, Vec::new(), &args)?;
    if args.manifests.is_none() {
        setup.recall(state.name())?;
        setup.manifests = spec.manifests;
    }
    Ok(setup)
}

/// A table of the selected cases. Nothing is built or observed for it.
///
/// # Errors
/// Exit code 2 when none is selected.
fn list(selection: &Selection) -> Result<String, Failure> {
    let listed: Vec<&Case> = cases::ALL.iter().filter(|case| selection.takes(case.name)).collect();
    if listed.is_empty() {
        // The same refusal as of a run.
        return selected(selection, BackendKind::Kind).map(|_cases| String::new());
    }
    let width = listed.iter().map(|case| case.name.len()).max().unwrap_or(0);
    let line = |case: &Case| {
        let on = if matches!(case.on, case::On::Both(_)) { "netns, kind" } else { "kind" };
        let cluster = if case.exists_on(BackendKind::Cluster) { ", cluster" } else { "" };
        format!("{:<width$}  {:<20}  {}\n", case.name, format!("{on}{cluster}"), case.claim)
    };
    Ok(listed.into_iter().map(line).collect::<Vec<String>>().concat())
}
