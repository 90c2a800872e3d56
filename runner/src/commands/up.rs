//! `lab up`: builds a lab that stays until `lab down`.

use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use super::run::{describe_lab, list_deviations};
use super::{print, program};
use crate::cli::UpArgs;
use lab_backend::state::StateDir;
use lab_backend::{Doing, LabError};
use lab_base::clock;
use lab_base::failure::{Failure, code};
use lab_base::interrupt::Interrupt;
use lab_doctor as doctor;
use lab_harness::lab::Lab;
use lab_harness::{Setup, setup};
use lab_kind::{KindLab, artefacts};
use lab_model::BackendKind;
use lab_model::report::{StageOutcome, StageReport};
use lab_model::stage::Stage;
use lab_netns::{Lifetime, NetnsLab};
use lab_report::{Progress, Style, Terminal};

/// How often the line that says what is waited for is updated.
const TICK: Duration = Duration::from_millis(200);
/// The stages of a lab that is up.
const STAGES: [Stage; 5] =
    [Stage::ClusterCreated, Stage::BaseObserved, Stage::RoutingInstalled, Stage::NodesReady, Stage::WorkloadReady];

pub(super) fn up(args: &UpArgs) -> Result<u8, Failure> {
    let setup = setup(&args.lab.wanted())?;
    let name = setup.name_to_stay();
    StateDir::check_free(name)?;
    if args.dry_run {
        return print(&format!("would build a lab named {name} {}{}", describe_lab(&setup), list_deviations(&setup)))
            .map(|()| 0);
    }
    let runtime = lab_base::runtime().map_err(|error| Failure::stage(&error))?;
    runtime.block_on(build(&setup))
}

async fn build(setup: &Setup) -> Result<u8, Failure> {
    let mut interrupt = Interrupt::listen().map_err(|error| Failure::stage(&error))?;
    let program = program()?;
    let rows = tokio::select! {
        biased;
        () = interrupt.came() => return Err(interrupted("nothing was built")),
        rows = lab_harness::examine(&program, setup, Path::new(".")) => rows,
    };
    if let Some(refusals) = doctor::refusals(&rows) {
        return Err(Failure { code: code::DOCTOR, message: refusals });
    }
    let name = setup.name_to_stay();
    print(&format!("lab {name} {}", describe_lab(setup)))?;
    print(&list_deviations(setup))?;
    for note in setup.notes.iter().chain(&doctor::warnings(&rows)) {
        print(&format!("  ({note})\n"))?;
    }
    print("\n")?;
    let doing = Doing::default();
    let started = start(setup, &program, name, &doing).await;
    // Ctrl-C sends the signal to all processes of the group, so the holder that was being started may have ended by it.
    if started.is_err() && interrupt.has_come().await {
        return Err(interrupted("nothing was built"));
    }
    let lab = started?;
    let built = tokio::select! {
        biased;
        () = interrupt.came() => Err(interrupted("the lab was taken down")),
        built = stages(&lab, &doing) => built,
    };
    let built = built.and_then(|()| setup.remember(name).map_err(Failure::from));
    // The last stage may have ended at the same moment as the signal came.
    let built = if interrupt.has_come().await { Err(interrupted("the lab was taken down")) } else { built };
    if let Err(mut failure) = built {
        let kind = matches!(lab, Lab::Kind(_));
        let interrupted = failure.code == code::INTERRUPTED;
        if !interrupted && let Lab::Kind(lab) = &lab {
            let kept = with_progress("keeping logs of nodes and Cilium", &doing, keep_artefacts(lab)).await;
            failure.message += &kept;
        }
        let what = if interrupted { "interrupted; taking the lab down" } else { "taking the lab down" };
        // A lab on netns is taken down at once, so only one on kind shows progress.
        if kind { with_progress(what, &doing, lab.down()).await } else { lab.down().await }?;
        return Err(failure);
    }
    if let Lab::Kind(lab) = &lab
        && let Some(open) = lab.unsealed()?
    {
        print(&format!("  ({open})\n"))?;
    }
    let worker = lab.nodes().last().map_or_else(|| "kind-worker".to_owned(), |(node, _)| node.to_string());
    lab.stay()?;
    print(&format!(
        "\nThe lab stays until `lab down --name {name}`. Enter a node: `lab shell --name {name} {worker}`; run the cases: `lab verify --name {name}`\n"
    ))?;
    Ok(0)
}

/// Awaits work that may take a minute, and shows meanwhile what is being done.
async fn with_progress<T>(what: &str, doing: &Doing, work: impl Future<Output = T>) -> T {
    let (mut progress, begun) = (Progress::on_stderr(), clock::now());
    doing.now("");
    progress.begins(what);
    let mut work = Box::pin(work);
    loop {
        match clock::within(TICK, what, &mut work).await {
            Ok(done) => return done,
            Err(_still_at_it) => progress.busy(what, &doing.text(), begun.elapsed()),
        }
    }
}

/// Keeps the logs, events and routes of a lab's nodes in a new temporary folder, because `lab up` has no folder of a run.
/// Returns a line that names the folder.
async fn keep_artefacts(lab: &KindLab) -> String {
    let folder = tempfile::Builder::new().prefix(&format!("lab-{}-", lab.name())).tempdir();
    let kept = match folder {
        Ok(folder) => artefacts::gather(lab, folder.path()).await.map(|_files| folder.keep()),
        Err(error) => Err(error),
    };
    match kept {
        Ok(folder) => format!("\nlogs, events and routes of its nodes: {}", folder.join(artefacts::FOLDER).display()),
        Err(error) => format!("\nlogs, events and routes of its nodes could not be kept: {error}"),
    }
}

/// Starts an empty lab.
async fn start(setup: &Setup, program: &Path, name: &str, doing: &Doing) -> Result<Lab, LabError> {
    match setup.backend {
        BackendKind::Netns => {
            let lab = NetnsLab::start(program, name, setup.spec.clone(), Lifetime::Detached).await?;
            Ok(Lab::Netns(Box::new(lab)))
        }
        BackendKind::Kind => {
            let lab = KindLab::planned(program, name, setup.kind_spec(), doing).await?;
            lab.claim().await?;
            Ok(Lab::Kind(Box::new(lab)))
        }
        BackendKind::Cluster => Err(LabError::Unasked("a cluster that is there already is not built".to_owned())),
    }
}

fn interrupted(so: &str) -> Failure {
    Failure { code: code::INTERRUPTED, message: format!("interrupted; {so}") }
}

async fn stages(lab: &Lab, doing: &Doing) -> Result<(), Failure> {
    let mut progress = Progress::on_stderr();
    let mut terminal = Terminal::new(std::io::stdout(), Style::of_stdout(), "", []);
    for name in STAGES {
        let begun = clock::now();
        let mut raising = pin!(lab.raise(name, Stage::WorkloadReady));
        let raised = loop {
            match clock::within(TICK, name.title(), &mut raising).await {
                Ok(raised) => break raised,
                Err(_still_at_it) => progress.busy(name.title(), &doing.text(), begun.elapsed()),
            }
        };
        progress.clear();
        let (outcome, summary) = match &raised {
            Ok(summary) => (StageOutcome::Done, summary.clone()),
            Err(error) => (StageOutcome::Failed, error.to_string()),
        };
        // A closed pipe does not end the lab.
        let _reader_gone = terminal.stage(&StageReport { name, outcome, seconds: begun.elapsed(), summary });
        raised?;
    }
    Ok(())
}
