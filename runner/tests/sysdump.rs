//! `lab verify --sysdump`: the program with zips as `cilium sysdump` writes them, made of what was recorded of a real cluster.

#[path = "sysdump/controls.rs"]
mod controls;
#[path = "cli/left.rs"]
mod left;
#[path = "sysdump/made.rs"]
mod made;
#[expect(dead_code, reason = "tests of the command line use the rest: what is watched line by line")]
#[path = "cli/process.rs"]
mod process;
#[path = "sysdump/real.rs"]
mod real;
#[path = "sysdump/refused.rs"]
mod refused;
#[path = "sysdump/text.rs"]
mod text;
#[expect(dead_code, reason = "tests of the command line use the rest: labs that are up")]
#[path = "cli/world.rs"]
mod world;
