//! The cases as a libtest program: `lab verify`, and `cargo test`.
//!
//! libtest-mimic lists, filters and prints; the session makes the verdicts, the evidence and the exit code. There is one
//! thread, because stages are built in order and cases could disturb each other.

use libtest_mimic::{Arguments, Failed, Trial};
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::options::{Event, SessionOptions, Stopped};
use super::printed::{printed, unprintable};
use super::select::{Selection, selected};
use super::session::Session;
use super::setup::Setup;
use crate::case::Case;
use crate::cases;
use crate::foreign;
use lab_base::failure::{Failure, chain, code, complain};
use lab_base::interrupt::Interrupt;
use lab_base::text::{clean, told_above};
use lab_cluster::ForeignCluster;
use lab_model::report::{CaseOutcome, CaseReport};
use lab_model::{BackendKind, Ground};

/// The cases that are given to libtest-mimic: those that exist on the backend. Others are left out rather than ignored,
/// because nextest counts a test that is ignored when it runs as passed.
pub fn offered(ground: impl Into<Ground>) -> impl Iterator<Item = &'static Case> {
    cases::on(ground)
}

/// What a libtest program is made with.
#[derive(Debug)]
pub struct Harness {
    /// libtest's own arguments.
    pub arguments: Arguments,
    /// The lab to build and what is expected of it.
    pub setup: Setup,
    /// The session's options.
    pub options: SessionOptions,
    /// The foreign cluster that the run is about, and the runtime that its connection belongs to; none for a lab.
    pub foreign: Option<(ForeignCluster, tokio::runtime::Runtime)>,
}

struct Shared {
    session: Session,
    interrupt: Interrupt,
    runtime: tokio::runtime::Runtime,
    broken: Option<String>,
}

impl Harness {
    /// Lists the cases, or runs the selected ones. Returns the exit code.
    ///
    /// `tell` is called with what happens, except for the verdicts, which libtest prints.
    ///
    /// # Errors
    /// [`Failure`] when the run could not be made or its reports could not be written.
    pub fn run(mut self, tell: fn(Event<'_>)) -> Result<u8, Failure> {
        let ground = self.setup.ground();
        // Always one thread. libtest-mimic would hang on zero.
        self.arguments.test_threads = Some(1);
        if self.arguments.list {
            let listed = offered(ground).map(|case| Trial::test(case.name, || Ok(()))).collect();
            let listed = printed(|| libtest_mimic::run(&self.arguments, listed));
            return match listed {
                None => unprintable(self.arguments.logfile.as_deref().map(Path::new)).map_or(Ok(0), Err),
                Some(_conclusion) => Ok(0),
            };
        }
        let selection = Selection {
            filter: self.arguments.filter.iter().cloned().collect(),
            exact: self.arguments.exact,
            skip: self.arguments.skip.clone(),
        };
        let (meant, beside): (Vec<&'static Case>, Vec<&'static Case>) = selected(&selection, ground)?
            .into_iter()
            .partition(|case| case.body(ground).is_some() && !is_not_there(case, &self.setup));
        // In a foreign cluster it depends on its configuration which cases exist: a report has those that do not as well.
        let beside: Vec<&'static Case> = if ground.backend == BackendKind::Cluster { beside } else { Vec::new() };
        if self.arguments.ignored {
            return Err(Failure::usage("--ignored selects nothing, because no case is ever ignored; leave it out"));
        }
        let logfile = self.arguments.logfile.as_deref().map(Path::new);
        if let Some(logfile) = logfile {
            File::create(logfile)
                .map_err(|error| Failure { code: code::INPUT, message: format!("{}: {error}", logfile.display()) })?;
        }
        let (cluster, runtime) = match self.foreign.take() {
            Some((cluster, runtime)) => (Some(cluster), runtime),
            None => (None, lab_base::runtime().map_err(|error| Failure::stage(&error))?),
        };
        let mut interrupt = runtime.block_on(async { Interrupt::listen() }).map_err(|error| Failure::stage(&error))?;
        let all: Vec<&Case> = meant.iter().chain(&beside).copied().collect();
        let needs = foreign::needs(&meant, &self.setup);
        let mut session = Session::begin(self.setup, self.options, &all)?;
        if let Some(cluster) = cluster {
            session.give(cluster, needs);
        }
        for case in beside {
            // It is settled before anything is looked at.
            let _settled = runtime.block_on(session.run_case(case, &mut interrupt, &mut |event| tell(event)));
        }
        if let Some(overridden) = session.report().overridden() {
            tell(Event::Note(&overridden));
        }
        let folder = session.final_folder();
        let shared = Arc::new(Mutex::new(Shared { session, interrupt, runtime, broken: None }));
        let trials = meant.iter().map(|case| trial(&shared, case, tell)).collect();
        // libtest's counts are used only to see whether it could print; the exit code is the session's.
        let counts = printed(|| libtest_mimic::run(&self.arguments, trials));

        let mut shared = Arc::into_inner(shared)
            .ok_or_else(|| Failure { code: code::STAGE, message: "a case is still running".to_owned() })?
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let mut unprinted = None;
        if counts.is_none() {
            for case in meant {
                let judged = shared.session.report().cases.iter().any(|report| report.name == case.name);
                // The verdict cannot be printed, but it is in the reports.
                let _verdict = if judged { Ok(()) } else { shared.run(case, tell) };
            }
            unprinted = unprintable(logfile);
        }
        let Shared { session, runtime, broken, .. } = shared;
        if ground.backend == BackendKind::Cluster
            && let Some(what) = session.ending(false)
        {
            tell(Event::Note(what));
        }
        let report = runtime.block_on(session.end(false))?;
        if ground.backend == BackendKind::Cluster {
            for note in &report.ending {
                tell(Event::Note(note));
            }
            for node in lab_report::by_node(&report) {
                tell(Event::Note(&node.in_words()));
            }
        }
        if let Some(broken) = broken {
            return Err(Failure { code: code::INPUT, message: broken });
        }
        if let Some(incomplete) = report.incomplete() {
            complain(&incomplete);
        }
        if let Some(overridden) = report.overridden() {
            tell(Event::Note(&overridden));
        }
        tell(Event::Kept(&folder));
        unprinted.map_or(Ok(report.exit_code()), Err)
    }
}

/// Whether the table says that a case does not exist in a foreign cluster.
fn is_not_there(case: &Case, setup: &Setup) -> bool {
    matches!(foreign::settled(case, setup), Some((CaseOutcome::NotOnBackend, _)))
}

fn trial(shared: &Arc<Mutex<Shared>>, case: &'static Case, tell: fn(Event<'_>)) -> Trial {
    let shared = Arc::clone(shared);
    Trial::test(case.name, move || {
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.run(case, tell)
    })
}

impl Shared {
    fn run(&mut self, case: &'static Case, tell: fn(Event<'_>)) -> Result<(), Failed> {
        if let Some(broken) = &self.broken {
            return Err(Failed::from(clean(broken)));
        }
        if self.session.report().interrupted {
            return Err(Failed::from("interrupted"));
        }
        let verdict = self.runtime.block_on(self.session.run_case(case, &mut self.interrupt, &mut |event| tell(event)));
        match verdict {
            Ok(report) if matches!(report.outcome, CaseOutcome::Held { .. }) => Ok(()),
            Ok(report) => Err(Failed::from(clean(&why_not(&report)))),
            Err(Stopped::Interrupted) => {
                self.session.interrupted();
                Err(Failed::from("interrupted"))
            }
            Err(Stopped::Taken(error)) => {
                self.broken = Some(error.to_string());
                Err(Failed::from(clean(&error.to_string())))
            }
            Err(Stopped::Evidence(error)) => {
                let broken = chain(&error);
                self.broken = Some(broken.clone());
                Err(Failed::from(clean(&broken)))
            }
        }
    }
}

fn why_not(report: &CaseReport) -> String {
    let word = match &report.outcome {
        CaseOutcome::Held { .. } => "held",
        CaseOutcome::Refuted { .. } => "refuted",
        CaseOutcome::Unobserved { .. } => "unobserved",
        CaseOutcome::Blocked { .. } => "blocked",
        CaseOutcome::Deadline { .. } => "deadline passed",
        CaseOutcome::NotOnBackend => "not on this backend",
        CaseOutcome::NotInTopology => "not in this topology",
    };
    let observed = match &report.outcome {
        // The whole failure of a stage was told when it came, and every case that it blocks has it.
        CaseOutcome::Blocked { .. } => told_above(&report.observed),
        _ => report.observed.clone(),
    };
    let mut text = format!("{word}\nexpected  {}\nobserved  {observed}", report.expected);
    for (number, command) in report.by_hand.iter().enumerate() {
        // One command often shows several findings.
        if report.by_hand[..number].contains(command) {
            continue;
        }
        text.push_str("\nby hand   ");
        text.push_str(command);
    }
    text
}
