//! The `lab` program.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    lab::commands::main(lab::cli::Cli::parse())
}
