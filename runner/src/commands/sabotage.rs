//! `lab sabotage`: breaks a sound lab on purpose; the cases must notice.

use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

use super::{print, print_json_text, program};
use crate::cli::{Format, SabotageArgs};
use lab_backend::Doing;
use lab_backend::state::StateDir;
use lab_base::clock;
use lab_base::failure::{Failure, code};
use lab_base::interrupt::Interrupt;
use lab_doctor as doctor;
use lab_evidence::RunFolder;
use lab_harness::wanted::{On, Wanted};
use lab_harness::{Selection, Setup, new_id, setup, utc_now};
use lab_model::{BackendKind, Routing, Topology};
use lab_report::Progress;
use lab_sabotage::{
    Event, Fault, Head, JSON_FILE, Labs, Outcome, Report, Run, judging, list, printed, selected, table,
};

/// How often the line that says what is waited for is updated.
const TICK: Duration = Duration::from_millis(200);

pub(super) fn sabotage(args: &SabotageArgs) -> Result<u8, Failure> {
    if args.backend() == BackendKind::Cluster {
        return Err(never());
    }
    let selection = Selection { filter: args.fault.clone(), exact: args.exact, skip: args.skip.clone() };
    let faults = selected(table(args.ground()), &selection)?;
    if args.list {
        return print(&list(&faults)).map(|()| 0);
    }
    let setup = lab(args)?;
    if args.dry_run {
        return print(&plan(args, &setup, &faults)).map(|()| 0);
    }
    let runtime = lab_base::runtime().map_err(|error| Failure::stage(&error))?;
    runtime.block_on(Box::pin(run(args, &setup, &faults)))
}

/// Why there is no sabotage in a foreign cluster.
fn never() -> Failure {
    Failure::usage(
        "--on cluster: sabotage breaks labs that this program has built, and never a cluster of somebody's own",
    )
}

/// The setup of the lab that is broken: as in the article, with the options' values in place of pins.
fn lab(args: &SabotageArgs) -> Result<Setup, Failure> {
    let on = match args.backend() {
        BackendKind::Netns => On::Netns,
        BackendKind::Kind => On::Kind,
        BackendKind::Cluster => return Err(never()),
    };
    let only_on_kind = [("--name", args.name.is_some()), ("--pod-pool", args.overrides.pod_pool.is_some())];
    if let (On::Netns, Some((option, _))) = (on, only_on_kind.into_iter().find(|(_, given)| *given)) {
        return Err(Failure::usage(format!(
            "{option} is for `--on kind` only: on netns, sabotage builds its labs with the article's values, and names \
             them after the run; leave it out, or give `--on kind`"
        )));
    }
    if on == On::Kind && args.ground().bgp {
        return Err(Failure::usage(
            "--topology racks: its faults are made on netns; give `--on netns`, or leave `--topology racks` out",
        ));
    }
    setup(&Wanted {
        on,
        name: args.name.clone(),
        routing: if args.ground().bgp { Routing::Bgp } else { Routing::Native },
        topology: if args.ground().bgp { Topology::Racks } else { Topology::Flat },
        racks: None,
        nodes: None,
        replicas: None,
        manifests: None,
        overrides: args.overrides.given(),
        stream_images: args.images.stream_images,
    })
}

async fn run(args: &SabotageArgs, setup: &Setup, faults: &[Fault]) -> Result<u8, Failure> {
    let mut interrupt = Interrupt::listen().map_err(|error| Failure::stage(&error))?;
    let (program, state_root) = (program()?, StateDir::root()?);
    let refused = tokio::select! {
        biased;
        () = interrupt.came() => {
            return Err(Failure { code: code::INTERRUPTED, message: "interrupted; nothing was built".to_owned() });
        }
        rows = lab_harness::examine(&program, setup, &args.runs_dir) => doctor::refusals(&rows),
    };
    if let Some(refusals) = refused {
        return Err(Failure { code: code::DOCTOR, message: refusals });
    }
    let head = head(setup, faults, &args.runs_dir);
    let id = head.id.clone();
    let run_file = setup.run_file(&id, setup.name.as_deref().unwrap_or(&id), &head.host, head.started);
    let folder = RunFolder::create(&args.runs_dir, &run_file).map_err(|error| Failure::input(&error))?;
    let mut report = Report::new(head);
    let begun = clock::now();

    let doing = Doing::default();
    let labs = match args.backend() {
        BackendKind::Netns => Labs::Netns(&state_root),
        BackendKind::Kind => Labs::Kind { setup, doing: &doing },
        BackendKind::Cluster => return Err(never()),
    };
    let progress = Shown::new(faults.len(), &doing);
    let tell = |event: Event<'_>| progress.hear(event);
    let run = Run::new(&program, faults, labs, &id, &tell);
    report.interrupted = tokio::select! {
        biased;
        () = interrupt.came() => true,
        () = Box::pin(progress.during(run.run_all())) => false,
    };
    if report.interrupted && args.backend() == BackendKind::Kind {
        progress.begins("interrupted; taking the lab down");
    }
    let down = progress.during(run.clean_up()).await;
    let Outcome { before, faults, kept } = run.outcome();
    (report.before, report.faults) = (before, faults);
    // Ctrl-C sends the signal to all processes of the group, so a fault or a lab may have failed because of it.
    report.interrupted |= interrupt.has_come().await;
    report.seconds = begun.elapsed();
    progress.clear();

    for one in &kept {
        let seen = serde_json::to_vec(&one.seen).map_err(|error| Failure::input(&error))?;
        folder.write(&format!("{}.json", one.name), &seen).map_err(|error| Failure::input(&error))?;
    }
    let json = report.to_json().map_err(|error| Failure::input(&error))?;
    folder.write(JSON_FILE, json.as_bytes()).map_err(|error| Failure::input(&error))?;
    let folder = folder.finish().map_err(|error| Failure::input(&error))?;
    match args.format {
        Format::Json => print_json_text(&json)?,
        Format::Text => print(&format!("{}Report: {}\n", printed(&report), folder.join(JSON_FILE).display()))?,
    }
    down?;
    Ok(report.exit_code())
}

fn head(setup: &Setup, faults: &[Fault], runs_dir: &Path) -> Head {
    Head {
        id: new_id(runs_dir),
        backend: setup.backend,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: lab_evidence::host_facts(),
        started: utc_now(),
        selected: faults.iter().map(|fault| fault.name.to_owned()).collect(),
        whole_table: whole_table(setup, faults),
        cases: judging(setup.ground()).map(|case| case.name.to_owned()).collect(),
        deviations: setup.deviations.iter().map(ToString::to_string).collect(),
    }
}

/// Whether these are all faults that every case must kill one of. Faults of racks are for the claims about racks alone.
fn whole_table(setup: &Setup, faults: &[Fault]) -> bool {
    let first_case = setup.backend == BackendKind::Netns && !setup.ground().bgp;
    first_case && faults.len() == table(setup.backend).len()
}

/// Shows on standard error what is being done.
struct Shown<'a> {
    progress: RefCell<Progress<std::io::Stderr>>,
    /// What is being done with the lab on kind.
    doing: &'a Doing,
    /// The faults that are in place now.
    made: RefCell<Vec<&'static str>>,
    /// The text that says how far the run is.
    state: RefCell<String>,
    done: RefCell<usize>,
    all: usize,
    begun: std::time::Instant,
}

impl<'a> Shown<'a> {
    fn new(all: usize, doing: &'a Doing) -> Self {
        let progress = RefCell::new(Progress::on_stderr());
        let shown = Self {
            progress,
            doing,
            made: RefCell::default(),
            state: RefCell::default(),
            done: RefCell::default(),
            all,
            begun: clock::now(),
        };
        shown.count("");
        shown
    }

    fn hear(&self, event: Event<'_>) {
        match event {
            Event::Sound => self.count("building a sound lab"),
            Event::Begun(fault) => {
                self.made.borrow_mut().push(fault.name);
                self.count("");
            }
            Event::Undone(_) => self.count("undoing"),
            Event::Done(report) => {
                self.made.borrow_mut().retain(|name| *name != report.name);
                *self.done.borrow_mut() += 1;
                self.count("");
            }
        }
        self.show();
    }

    fn count(&self, what: &str) {
        let made = self.made.borrow().join(", ");
        let what = [what, &made].into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join(" ");
        self.state(&format!("{} of {} faults: {what}", *self.done.borrow(), self.all));
    }

    /// Begins a step that is printed even where progress is not a line that is redrawn.
    fn begins(&self, what: &str) {
        self.state(what);
        self.doing.now("");
        self.progress.borrow_mut().begins(what);
    }

    fn state(&self, what: &str) {
        what.trim_end_matches(": ").clone_into(&mut self.state.borrow_mut());
    }

    fn show(&self) {
        self.progress.borrow_mut().busy(&self.state.borrow(), &self.doing.text(), self.begun.elapsed());
    }

    /// Awaits the work, and shows progress meanwhile.
    async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = Box::pin(work);
        loop {
            match clock::within(TICK, "the next look at the clock", &mut work).await {
                Ok(done) => return done,
                Err(_still_at_it) => self.show(),
            }
        }
    }

    fn clear(&self) {
        self.progress.borrow_mut().clear();
    }
}

fn plan(args: &SabotageArgs, setup: &Setup, faults: &[Fault]) -> String {
    let cases = judging(args.ground()).count();
    let lines: Vec<String> = faults.iter().map(|fault| format!("  {} ({})\n", fault.name, fault.when())).collect();
    let labs = match args.backend() {
        BackendKind::Netns => "sound labs".to_owned(),
        BackendKind::Kind | BackendKind::Cluster => {
            format!("the sound lab {}", setup.name.as_deref().unwrap_or_default())
        }
    };
    format!(
        "would build {labs} on {}, in which {cases} of {cases} cases must hold\n\
         would make and undo, one at a time in each lab, {} of {} faults:\n{}\
         would keep the report in {}\n",
        args.backend(),
        faults.len(),
        table(args.ground()).len(),
        lines.concat(),
        args.runs_dir.display()
    )
}
