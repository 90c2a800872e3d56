//! `lab-probe`: what is copied into the nodes of a cluster, and looks there.

use std::process::ExitCode;

fn main() -> ExitCode {
    lab_probe::main(std::env::args_os().skip(1))
}
