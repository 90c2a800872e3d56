//! `--on cluster`: the program against a stand-in of somebody's own cluster. The objects and what its agents print were
//! recorded from a real one.

#[path = "foreign/anonymised.rs"]
mod anonymised;
#[path = "foreign/asked.rs"]
mod asked;
#[path = "foreign/faults.rs"]
mod faults;
#[path = "foreign/inside.rs"]
mod inside;
#[path = "foreign/job.rs"]
mod job;
#[path = "foreign/kubelet.rs"]
mod kubelet;
#[path = "cli/left.rs"]
mod left;
#[path = "foreign/probe.rs"]
mod probe;
#[expect(dead_code, reason = "tests of the command line use the rest: what is watched line by line")]
#[path = "cli/process.rs"]
mod process;
#[path = "foreign/rights.rs"]
mod rights;
#[path = "foreign/table.rs"]
mod table;
#[path = "foreign/theirs.rs"]
mod theirs;
#[path = "kind/thread.rs"]
mod thread;
#[expect(dead_code, reason = "tests of the command line use the rest: labs that are up")]
#[path = "cli/world.rs"]
mod world;
