//! The program as a user meets it: real processes, their exit codes and messages, and nothing left behind.
//!
//! Every test passes as root and as an ordinary user. Some need programs besides, all of util-linux and coreutils:
//! `unshare`, `mount`, `setpriv`, `prlimit`, `sh`; a test that cannot start one fails and names it.

#[path = "cli/counts.rs"]
mod counts;
#[path = "cli/escapes.rs"]
mod escapes;
#[path = "cli/explain.rs"]
mod explain;
#[path = "cli/folders.rs"]
mod folders;
#[path = "cli/forbidden.rs"]
mod forbidden;
#[path = "cli/host.rs"]
mod host;
#[path = "cli/interrupts.rs"]
mod interrupts;
#[path = "cli/kills.rs"]
mod kills;
#[path = "cli/labs.rs"]
mod labs;
#[path = "cli/left.rs"]
mod left;
#[path = "cli/namespaces.rs"]
mod namespaces;
#[path = "cli/overrides.rs"]
mod overrides;
#[path = "cli/pages.rs"]
mod pages;
#[path = "cli/process.rs"]
mod process;
#[path = "cli/racks.rs"]
mod racks;
#[path = "cli/runs.rs"]
mod runs;
#[path = "cli/sabotage.rs"]
mod sabotage;
#[path = "cli/stages.rs"]
mod stages;
#[path = "cli/usage.rs"]
mod usage;
#[path = "cli/verify.rs"]
mod verify;
#[path = "cli/world.rs"]
mod world;
