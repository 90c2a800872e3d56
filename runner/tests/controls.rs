//! Every judge on a real kernel: for each case that runs on netns, a lab in which it must hold, and labs with a
//! deliberate fault in which it must be refuted for exactly that fault's reasons, at exactly its places.
//!
//! Each control builds a lab of its own, as root or as any user who may make user namespaces, and is a test of its own:
//! `cargo test --test controls refutes_direct_route`.

#[path = "controls/bench.rs"]
mod bench;
#[path = "controls/blind.rs"]
mod blind;
#[path = "controls/cluster.rs"]
mod cluster;
#[path = "controls/control.rs"]
mod control;
#[path = "controls/l2.rs"]
mod l2;
#[path = "controls/modes.rs"]
mod modes;
#[path = "controls/routing.rs"]
mod routing;
#[path = "controls/service.rs"]
mod service;
#[path = "controls/table.rs"]
mod table;
#[path = "controls/wire.rs"]
mod wire;

use libtest_mimic::{Arguments, Trial};
use std::process::ExitCode;
use std::thread::available_parallelism;

/// Labs that are up at the same time, for each processor: most of a control's time is waiting for a silence to end.
const LABS_PER_PROCESSOR: usize = 4;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    let processors = available_parallelism().map_or(1, usize::from);
    arguments.test_threads.get_or_insert(LABS_PER_PROCESSOR * processors);
    // The slow ones are the last of the list, and should not be the last to begin.
    let controls = table::all().into_iter().rev().map(|control| Trial::test(control.name, move || Ok(control.run()?)));
    let modes = modes::ALL.iter().map(|mode| Trial::test(mode.name, move || Ok(mode.run()?)));
    let rules = table::RULES.iter().map(|(name, rule)| Trial::test(*name, move || Ok(rule()?)));
    libtest_mimic::run(&arguments, modes.chain(controls).chain(rules).collect()).exit_code()
}
