//! The cases as `cargo test`: on netns, or on the backend that `LAB_ON` names.
//!
//! The same harness as `lab verify`, with its own lab, so that it runs under nextest too, one process a case.

use clap::Parser;
use lab::cli::LabArgs;
use lab_base::failure::{Failure, code};
use lab_harness::{Event, Harness, LabSource, SessionOptions, setup};
use lab_model::report::StageOutcome;
use lab_netns::Lifetime;
use libtest_mimic::Arguments;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// For each case's look.
const CASE_DEADLINE: Duration = Duration::from_mins(1);

/// The options of a lab, as on the command line of `lab run`.
#[derive(Debug, Parser)]
struct Options {
    #[command(flatten)]
    lab: LabArgs,
}

fn main() -> ExitCode {
    match run(Arguments::from_args()) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            eprintln!("lab: {failure}");
            ExitCode::from(failure.code)
        }
    }
}

fn run(arguments: Arguments) -> Result<u8, Failure> {
    let on = std::env::var("LAB_ON").unwrap_or_else(|_unset| "netns".to_owned());
    let Options { lab } = Options::try_parse_from(["lab", "--on", on.as_str()])
        .map_err(|error| Failure { code: code::USAGE, message: format!("LAB_ON={on}: {error}") })?;
    let runs = tempfile::tempdir().map_err(|error| Failure::input(&error))?;
    // Kept where CI collects them, if that is said.
    let runs_dir = std::env::var_os("LAB_RUNS_DIR").map_or_else(|| runs.path().to_owned(), PathBuf::from);
    let options = SessionOptions {
        program: PathBuf::from(env!("CARGO_BIN_EXE_lab")),
        source: LabSource::Made { name: None, lifetime: Lifetime::Tied },
        runs_dir,
        case_deadline: CASE_DEADLINE,
    };
    let tell = |event: Event<'_>| {
        if let Event::Stage(stage) = event
            && stage.outcome == StageOutcome::Failed
        {
            eprintln!("{} failed: {}", stage.name, stage.summary);
        }
    };
    Harness { arguments, setup: setup(&lab.wanted())?, options, foreign: None }.run(tell)
}
