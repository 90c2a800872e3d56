//! `lab up`: a lab that stays.

use super::run::{described, otherwise};
use super::{print, program};
use crate::backend::netns::{Lifetime, NetnsLab};
use crate::cli::UpArgs;
use crate::failure::{Failure, code};
use crate::harness::{Setup, setup};
use crate::interrupt::Interrupt;
use crate::report::{StageOutcome, StageReport, Style, Terminal};
use crate::stage::Stage;
use crate::state::StateDir;
use crate::{clock, doctor};

/// What stands when a lab is up.
const STAGES: [Stage; 5] =
    [Stage::ClusterCreated, Stage::BaseObserved, Stage::RoutingInstalled, Stage::NodesReady, Stage::WorkloadReady];

pub(super) fn up(args: &UpArgs) -> Result<u8, Failure> {
    let setup = setup(&args.lab)?;
    let name = setup.name_to_stay();
    StateDir::check_free(name)?;
    if args.dry_run {
        return print(&format!("would build a lab named {name} {}{}", described(&setup), otherwise(&setup)))
            .map(|()| 0);
    }
    let runtime = crate::runtime().map_err(|error| Failure::stage(&error))?;
    runtime.block_on(build(&setup))
}

async fn build(setup: &Setup) -> Result<u8, Failure> {
    let mut interrupt = Interrupt::listen().map_err(|error| Failure::stage(&error))?;
    let program = program()?;
    let rows = tokio::select! {
        biased;
        () = interrupt.came() => return Err(interrupted("nothing was built")),
        rows = doctor::netns(&program, &setup.spec, std::path::Path::new(".")) => rows,
    };
    if let Some(refusals) = doctor::refusals(&rows) {
        return Err(Failure { code: code::DOCTOR, message: refusals });
    }
    let name = setup.name_to_stay();
    print(&format!("lab {name} {}", described(setup)))?;
    print(&otherwise(setup))?;
    for note in setup.notes.iter().chain(&doctor::warnings(&rows)) {
        print(&format!("  ({note})\n"))?;
    }
    print("\n")?;
    let started = NetnsLab::start(&program, name, setup.spec.clone(), Lifetime::Detached).await;
    // A terminal's signal is for a whole group of processes: the one that was just being started may be gone by it.
    if started.is_err() && interrupt.has_come().await {
        return Err(interrupted("nothing was built"));
    }
    let lab = started?;
    let built = tokio::select! {
        biased;
        () = interrupt.came() => Err(interrupted("the lab was taken down")),
        built = stages(&lab) => built,
    };
    let built = built.and_then(|()| setup.remember(name).map_err(Failure::from));
    // The last stage may have ended in the same moment.
    let built = if interrupt.has_come().await { Err(interrupted("the lab was taken down")) } else { built };
    if let Err(failure) = built {
        lab.down().await?;
        return Err(failure);
    }
    lab.stay()?;
    print(&format!(
        "\nThe lab stays until `lab down --name {name}`. Enter it: `lab shell --name {name} kind-worker`; check it: `lab verify --name {name}`\n"
    ))?;
    Ok(0)
}

fn interrupted(so: &str) -> Failure {
    Failure { code: code::INTERRUPTED, message: format!("interrupted; {so}") }
}

async fn stages(lab: &NetnsLab) -> Result<(), Failure> {
    let mut terminal = Terminal::new(std::io::stdout(), Style::of_stdout(), "", []);
    for name in STAGES {
        let begun = clock::now();
        let raised = lab.raise(name).await;
        let (outcome, summary) = match &raised {
            Ok(summary) => (StageOutcome::Done, summary.clone()),
            Err(error) => (StageOutcome::Failed, error.to_string()),
        };
        // A reader that is gone does not end the lab.
        let _reader_gone = terminal.stage(&StageReport { name, outcome, seconds: begun.elapsed(), summary });
        raised?;
    }
    Ok(())
}
