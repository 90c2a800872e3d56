//! The commands, each in a file.

mod bundle;
mod cluster;
mod doctor;
mod down;
mod explain;
mod kit;
mod print;
mod replay;
mod report;
mod run;
mod sabotage;
mod shell;
mod status;
mod up;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use self::print::{print, print_json, print_json_text, print_made};
use crate::cli::{Cli, Command};
use lab_base::failure::{Failure, code, complain};
use lab_netns::tamper;

/// Runs the command of the command line, prints its failure if there is one, and returns the exit code.
pub fn main(cli: Cli) -> ExitCode {
    let done = match cli.command {
        Command::Probe { args } => return lab_probe::main(args),
        Command::Tamper(args) => return tamper::main(&args),
        Command::Hold(args) => return lab_netns::holder::main(&args),
        Command::TryNamespaces { namespaces } => return lab_doctor::try_namespaces(namespaces),
        Command::Enter(args) => shell::enter(&args),
        Command::Run(args) => run::run(&args),
        Command::Up(args) => up::up(&args),
        Command::Verify(args) => verify::verify(args),
        Command::Down(args) => down::down(&args),
        Command::Status(args) => status::status(&args),
        Command::Shell(args) => shell::shell(&args),
        Command::Doctor(args) => doctor::doctor(&args),
        Command::Report(args) => report::report(&args),
        Command::Explain(args) => explain::explain(&args),
        Command::Bundle(args) => bundle::bundle(&args),
        Command::Replay(args) => replay::replay(&args),
        Command::Sabotage(args) => sabotage::sabotage(&args),
        Command::Kit(args) => kit::kit(&args),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            complain(&failure);
            ExitCode::from(failure.code)
        }
    }
}

/// The path of this program's file, which is started again as holder and probe.
fn program() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(|error| Failure {
        code: code::STAGE,
        message: format!("the file of this program cannot be found, and lab must start it again as a helper: {error}"),
    })
}
