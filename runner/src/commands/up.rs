//! `lab up`: a lab that stays.

use super::run::described;
use super::{print, program};
use crate::backend::netns::{Lifetime, NetnsLab};
use crate::cli::UpArgs;
use crate::failure::{Failure, code};
use crate::harness::{Setup, setup};
use crate::interrupt::Interrupt;
use crate::report::duration;
use crate::stage::Stage;
use crate::{clock, doctor};

pub(super) fn up(args: &UpArgs) -> Result<u8, Failure> {
    let setup = setup(&args.lab)?;
    if args.dry_run {
        return print(&format!("would build a lab named {} {}", args.name, described(&setup))).map(|()| 0);
    }
    let runtime = crate::runtime().map_err(|error| Failure::stage(&error))?;
    runtime.block_on(build(args, &setup))
}

async fn build(args: &UpArgs, setup: &Setup) -> Result<u8, Failure> {
    let mut interrupt = Interrupt::listen().map_err(|error| Failure::stage(&error))?;
    let program = program()?;
    let rows = doctor::netns(&program, &setup.spec, std::path::Path::new(".")).await;
    if let Some(refusals) = doctor::refusals(&rows) {
        return Err(Failure { code: code::DOCTOR, message: refusals });
    }
    print(&format!("lab {} {}", args.name, described(setup)))?;
    for note in setup.notes.iter().chain(&doctor::warnings(&rows)) {
        print(&format!("  ({note})\n"))?;
    }
    let lab = NetnsLab::start(&program, &args.name, setup.spec.clone(), Lifetime::Detached).await?;
    let built = tokio::select! {
        biased;
        () = interrupt.came() => Err(Failure { code: code::INTERRUPTED, message: "interrupted; the lab was taken down".to_owned() }),
        built = stages(&lab) => built,
    };
    if let Err(failure) = built {
        lab.down().await?;
        return Err(failure);
    }
    print(&format!(
        "\nThe lab stays until `lab down --name {name}`. Enter it: `lab shell --name {name} kind-worker`; check it: `lab verify --name {name}`\n",
        name = args.name
    ))?;
    Ok(0)
}

async fn stages(lab: &NetnsLab) -> Result<(), Failure> {
    print("\n")?;
    for stage in
        [Stage::ClusterCreated, Stage::BaseObserved, Stage::RoutingInstalled, Stage::NodesReady, Stage::WorkloadReady]
    {
        let begun = clock::now();
        let summary =
            if stage == Stage::BaseObserved { lab.observe_base().await? } else { lab.build(stage).await?.summary };
        print(&format!("  {:<14}  {summary:<70} {:>8}\n", stage.title(), duration(begun.elapsed())))?;
    }
    Ok(())
}
