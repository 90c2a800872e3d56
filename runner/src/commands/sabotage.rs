//! `lab sabotage`: a sound lab is broken on purpose, and the cases must notice.

use std::cell::RefCell;
use std::path::Path;

use super::{print, program};
use crate::backend::BackendKind;
use crate::cli::{Format, SabotageArgs};
use crate::clock;
use crate::doctor;
use crate::evidence::{self, RunFile, RunFolder};
use crate::failure::{Failure, code};
use crate::harness::{Selection, Setup, new_id, utc_now};
use crate::interrupt::Interrupt;
use crate::report::{HostFacts, Progress};
use crate::sabotage::{ALL, Event, Fault, Head, JSON_FILE, Report, Run, article, judging, list, printed, selected};
use crate::state::StateDir;

pub(super) fn sabotage(args: &SabotageArgs) -> Result<u8, Failure> {
    let selection = Selection { filter: args.fault.clone(), exact: args.exact, skip: args.skip.clone() };
    if args.on == BackendKind::Kind {
        return Err(Failure::usage("--on kind: faults are made on netns only; leave it out"));
    }
    let faults = selected(ALL, &selection)?;
    if args.list {
        return print(&list(&faults)).map(|()| 0);
    }
    if args.dry_run {
        return print(&plan(&faults, &args.runs_dir)).map(|()| 0);
    }
    let setup = article()?;
    let runtime = crate::runtime().map_err(|error| Failure::stage(&error))?;
    runtime.block_on(Box::pin(run(args, &setup, &faults)))
}

async fn run(args: &SabotageArgs, setup: &Setup, faults: &[Fault]) -> Result<u8, Failure> {
    let mut interrupt = Interrupt::listen().map_err(|error| Failure::stage(&error))?;
    let (program, state_root) = (program()?, StateDir::root()?);
    let refused = tokio::select! {
        biased;
        () = interrupt.came() => {
            return Err(Failure { code: code::INTERRUPTED, message: "interrupted; nothing was built".to_owned() });
        }
        rows = doctor::examine(&program, setup, &args.runs_dir) => doctor::refusals(&rows),
    };
    if let Some(refusals) = refused {
        return Err(Failure { code: code::DOCTOR, message: refusals });
    }
    let head = head(setup, faults, &args.runs_dir);
    let id = head.id.clone();
    let folder = RunFolder::create(&args.runs_dir, &run_file(setup, &head)).map_err(|error| Failure::input(&error))?;
    let mut report = Report::new(head);
    let begun = clock::now();

    let progress = Shown::new(faults.len());
    let tell = |event: Event<'_>| progress.hear(event);
    let run = Run::new(&program, faults, &state_root, &id, &tell);
    report.interrupted = tokio::select! {
        biased;
        () = interrupt.came() => true,
        () = Box::pin(run.all()) => false,
    };
    let down = run.clean_up().await;
    (report.before, report.faults) = run.outcome();
    // A terminal's signal is for a whole group of processes: what was being made may have failed of it.
    report.interrupted |= interrupt.has_come().await;
    report.seconds = begun.elapsed();
    progress.clear();

    let json = report.to_json().map_err(|error| Failure::input(&error))?;
    folder.write(JSON_FILE, json.as_bytes()).map_err(|error| Failure::input(&error))?;
    let folder = folder.finish().map_err(|error| Failure::input(&error))?;
    print(&match args.format {
        Format::Json => json,
        Format::Text => format!("{}Report: {}\n", printed(&report), folder.join(JSON_FILE).display()),
    })?;
    down?;
    Ok(report.exit_code())
}

fn head(setup: &Setup, faults: &[Fault], runs_dir: &Path) -> Head {
    Head {
        id: new_id(runs_dir),
        backend: setup.backend,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: HostFacts::read(),
        started: utc_now(),
        selected: faults.iter().map(|fault| fault.name.to_owned()).collect(),
        whole_table: faults.len() == ALL.len(),
        cases: judging().map(|case| case.name.to_owned()).collect(),
    }
}

fn run_file(setup: &Setup, head: &Head) -> RunFile {
    RunFile {
        schema: evidence::SCHEMA,
        id: head.id.clone(),
        lab: head.id.clone(),
        version: head.version.clone(),
        started: head.started,
        backend: setup.backend,
        routing: setup.spec.routing,
        inputs: setup.inputs.clone(),
        expectations: setup.expect.clone(),
        deviations: setup.deviations.clone(),
        pins: setup.pins.clone(),
        host: head.host.clone(),
    }
}

/// What is being done, on standard error.
struct Shown {
    progress: RefCell<Progress<std::io::Stderr>>,
    /// Faults that are made now.
    made: RefCell<Vec<&'static str>>,
    done: RefCell<usize>,
    all: usize,
    begun: std::time::Instant,
}

impl Shown {
    fn new(all: usize) -> Self {
        let progress = RefCell::new(Progress::on_stderr());
        Self { progress, made: RefCell::default(), done: RefCell::default(), all, begun: clock::now() }
    }

    fn hear(&self, event: Event<'_>) {
        match event {
            Event::Sound => {}
            Event::Begun(fault) => self.made.borrow_mut().push(fault.name),
            Event::Done(report) => {
                self.made.borrow_mut().retain(|name| *name != report.name);
                *self.done.borrow_mut() += 1;
            }
        }
        let (done, made) = (*self.done.borrow(), self.made.borrow().join(", "));
        let what = format!("{done} of {} faults", self.all);
        self.progress.borrow_mut().busy(&what, &made, self.begun.elapsed());
    }

    fn clear(&self) {
        self.progress.borrow_mut().clear();
    }
}

fn plan(faults: &[Fault], runs_dir: &Path) -> String {
    let cases = judging().count();
    let lines: Vec<String> = faults.iter().map(|fault| format!("  {} ({})\n", fault.name, fault.when())).collect();
    format!(
        "would build sound labs on netns, in which {cases} of {cases} cases must hold\n\
         would make and undo, one at a time in each lab, {} of {} faults:\n{}\
         would keep the report in {}\n",
        faults.len(),
        ALL.len(),
        lines.concat(),
        runs_dir.display()
    )
}
