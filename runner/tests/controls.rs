//! Every judge on a real kernel: a sound lab, in which each case that runs on netns must hold, and labs with a
//! deliberate fault, in which cases must be refuted for exactly that fault's reasons, at exactly its places.
//!
//! The faults are those of `lab sabotage`, and further ones for reasons that none of those brings about. Each control
//! builds a lab of its own, as root or as any user who may make user namespaces, and is a test of its own:
//! `cargo test --test controls direct-route-deleted`.

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
#[path = "controls/routing.rs"]
mod routing;
#[path = "controls/rules.rs"]
mod rules;
#[path = "controls/service.rs"]
mod service;
#[path = "controls/wire.rs"]
mod wire;

use libtest_mimic::{Arguments, Trial};
use std::process::ExitCode;
use std::thread::available_parallelism;

use crate::control::{Control, SOUND};

/// Labs that are up at the same time, for each processor: most of a control's time is waiting for a silence to end.
const LABS_PER_PROCESSOR: usize = 4;

/// All controls: the sound lab, the faults of `lab sabotage`, and those that are made here alone.
pub(crate) fn all() -> Vec<Control> {
    let own = [cluster::CONTROLS, l2::CONTROLS, routing::CONTROLS, service::CONTROLS, wire::CONTROLS].concat();
    let sabotage = lab_sabotage::ALL.iter().copied().map(Control::of);
    [SOUND].into_iter().chain(sabotage).chain(own).collect()
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    let processors = available_parallelism().map_or(1, usize::from);
    arguments.test_threads.get_or_insert(LABS_PER_PROCESSOR * processors);
    // The slow ones are the last of the list, and should not be the last to begin.
    let controls = all().into_iter().rev().map(|control| Trial::test(control.fault.name, move || Ok(control.run()?)));
    let rules = rules::ALL.iter().map(|(name, rule)| Trial::test(*name, move || Ok(rule()?)));
    libtest_mimic::run(&arguments, controls.chain(rules).collect()).exit_code()
}
