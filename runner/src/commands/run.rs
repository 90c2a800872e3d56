//! `lab run`: builds a lab, runs the cases, reports, and takes the lab down.

use std::io::{self, Stdout};
use std::time::Duration;

use super::{print, program};
use crate::cli::RunArgs;
use lab_backend::state::StateDir;
use lab_base::clock;
use lab_base::failure::{Failure, chain, code};
use lab_base::interrupt::Interrupt;
use lab_base::text::short_digests;
use lab_harness::case::Case;
use lab_harness::{Event, LabSource, Selection, Session, SessionOptions, Setup, selected, setup};
use lab_model::deviation::{self, Deviation};
use lab_model::report::{Report, routing_in_words};
use lab_model::stage::Stage;
use lab_netns::Lifetime;
use lab_report::{Closing, HTML_FILE, LabAfter, Progress, Style, Terminal};

/// How often the line that says what is waited for is updated.
const TICK: Duration = Duration::from_millis(200);

/// Runs `lab run`. Returns its exit code.
pub(super) fn run(args: &RunArgs) -> Result<u8, Failure> {
    let setup = setup(&args.lab.wanted())?;
    let selection =
        Selection { filter: args.select.filter.clone(), exact: args.select.exact, skip: args.select.skip.clone() };
    let cases = selected(&selection, setup.ground())?;
    if args.dry_run {
        return print(&plan(&setup, &cases, args)).map(|()| 0);
    }
    if let Some(name) = &setup.name {
        StateDir::check_free(name)?;
    }
    let runtime = lab_base::runtime().map_err(|error| Failure::stage(&error))?;
    runtime.block_on(Box::pin(run_cases(args, setup, &cases)))
}

async fn run_cases(args: &RunArgs, setup: Setup, cases: &[&'static Case]) -> Result<u8, Failure> {
    let mut interrupt = Interrupt::listen().map_err(|error| Failure::stage(&error))?;
    // A lab that may be kept must outlive this process.
    let lifetime = if args.keep || args.keep_on_failure { Lifetime::Detached } else { Lifetime::Tied };
    let options = SessionOptions {
        program: program()?,
        source: LabSource::Made { name: setup.name.clone(), lifetime },
        runs_dir: args.runs.runs_dir.clone(),
        case_deadline: args.runs.case_deadline,
    };
    let mut session = Session::begin(setup, options, cases)?;
    let folder = session.final_folder();
    let names = cases.iter().map(|case| case.name);
    let mut lines = Lines::new(
        Terminal::new(io::stdout(), Style::of_stdout(), folder.clone(), names)
            .explaining(|case| lab_harness::cases::find(case).is_some()),
    );

    let stopped = Box::pin(go(&mut session, cases, &mut interrupt, &mut lines)).await;
    if stopped.is_err() && interrupt.noticed() {
        session.interrupted();
    }
    // A lab that was stopped while it was built is not kept, because it would not show what the options ask for.
    let keep = stopped.is_ok() && (args.keep || (args.keep_on_failure && session.report().exit_code() != 0));
    let kept = keep && session.lab().is_some();
    lines.progress.clear();
    let report = end(session, keep, &mut lines.progress).await?;
    let lab = if kept { LabAfter::Kept } else { LabAfter::TakenDown };
    let path = folder.join(HTML_FILE);
    lines.print(|terminal| terminal.close(&report, &Closing { report: Some(&path), lab }));
    match (stopped, lines.broken) {
        (Err(Some(failure)), _) => Err(failure),
        (_, Some(error)) => Err(Failure { code: code::INPUT, message: format!("writing to standard output: {error}") }),
        _ => Ok(report.exit_code()),
    }
}

/// Ends the session, and shows meanwhile what is waited for: Docker needs several seconds to remove nodes.
async fn end(session: Session, keep: bool, progress: &mut Progress<io::Stderr>) -> Result<Report, Failure> {
    let Some(what) = session.ending(keep) else { return Box::pin(session.end(keep)).await };
    let (doing, begun) = (session.doing().clone(), clock::now());
    doing.now("");
    progress.begins(what);
    let mut ending = Box::pin(session.end(keep));
    loop {
        match clock::within(TICK, what, &mut ending).await {
            Ok(ended) => {
                progress.clear();
                return ended;
            }
            Err(_still_at_it) => progress.busy(what, &doing.text(), begun.elapsed()),
        }
    }
}

/// Reaches the stages, then runs the cases in the article's order. The error is `None` for an interruption.
async fn go(
    session: &mut Session,
    cases: &[&'static Case],
    interrupt: &mut Interrupt,
    lines: &mut Lines,
) -> Result<(), Option<Failure>> {
    use lab_harness::Stopped;
    let stop = |stopped: Stopped| match stopped {
        Stopped::Interrupted => None,
        Stopped::Evidence(error) => Some(Failure { code: code::INPUT, message: chain(&error) }),
        Stopped::Taken(error) => Some(error.into()),
    };
    // The head of the report has the doctor's warnings, so it is printed after the doctor.
    let mut examined = Vec::new();
    let mut hear = |event: Event<'_>| match event {
        Event::Stage(stage) => examined.push(stage.clone()),
        other => lines.hear(other),
    };
    let doctor = session.reach(Stage::Doctor, interrupt, &mut hear).await;
    lines.print(|terminal| terminal.head(session.report()));
    for stage in &examined {
        lines.hear(Event::Stage(stage));
    }
    doctor.map_err(stop)?;
    let ground = session.ground();
    let needed = cases.iter().filter(|case| case.body(ground).is_some()).map(|case| case.needs).max();
    session.reach(needed.unwrap_or(Stage::Doctor), interrupt, &mut |event| lines.hear(event)).await.map_err(stop)?;
    for case in cases {
        let judged = Box::pin(session.run_case(case, interrupt, &mut |event| lines.hear(event))).await;
        judged.map_err(stop)?;
    }
    Ok(())
}

/// Prints the report to standard output and progress to standard error. Progress is cleared before each line of the report,
/// so that they do not mix on a terminal.
struct Lines {
    terminal: Terminal<Stdout>,
    progress: Progress<io::Stderr>,
    broken: Option<io::Error>,
}

impl Lines {
    fn new(terminal: Terminal<Stdout>) -> Self {
        Self { terminal, progress: Progress::on_stderr(), broken: None }
    }

    /// A closed pipe (`lab run | head`) does not end the run; another error of writing is reported at the end.
    fn print(&mut self, line: impl FnOnce(&mut Terminal<Stdout>) -> io::Result<()>) {
        self.progress.clear();
        if let Err(error) = line(&mut self.terminal)
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            self.broken.get_or_insert(error);
        }
    }

    fn hear(&mut self, event: Event<'_>) {
        match event {
            Event::Stage(stage) => self.print(|terminal| terminal.stage(stage)),
            Event::Case(case) => self.print(|terminal| terminal.case(case)),
            Event::Working(what) => self.progress.working(what),
            Event::Waiting { stage, doing, elapsed } => self.progress.busy(stage.title(), doing, elapsed),
            Event::Kept(_) | Event::Note(_) => {}
        }
    }
}

/// A line that describes the lab of a setup.
pub(super) fn describe_lab(setup: &Setup) -> String {
    let spec = &setup.spec;
    let names: Vec<&str> = spec.nodes.iter().map(|(name, _)| name.0.as_str()).collect();
    let (shown, more) = names.split_at(names.len().min(3));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    format!(
        "on {}: {} nodes ({}{more}), {} replicas, {}\n",
        setup.backend,
        spec.nodes.len(),
        shown.join(", "),
        spec.replicas,
        routing_in_words(spec.routing, &deviation::not_native(&setup.deviations))
    )
}

/// The declared deviations from the pins, each on a line.
pub(super) fn list_deviations(setup: &Setup) -> String {
    let line = |deviation: &Deviation| format!("  (not as pinned: {})\n", short_digests(&deviation.to_string()));
    setup.deviations.iter().map(line).collect::<Vec<String>>().concat()
}

fn plan(setup: &Setup, cases: &[&'static Case], args: &RunArgs) -> String {
    let here: Vec<&&Case> = cases.iter().filter(|case| case.body(setup.ground()).is_some()).collect();
    let overridden = here.iter().filter(|case| !setup.deviations_of(case).is_empty()).count();
    let against =
        if overridden == 0 { String::new() } else { format!(", {overridden} of them against overridden pins") };
    let names: Vec<String> = here.iter().map(|case| format!("  {}\n", case.name)).collect();
    format!(
        "would build a lab {}{}would run {} cases{against}:\n{}would keep evidence and reports in {}\n",
        describe_lab(setup),
        list_deviations(setup),
        here.len(),
        names.concat(),
        args.runs.runs_dir.display()
    )
}
