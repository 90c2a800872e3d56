//! The command line of `lab`: its options, its commands, and the explanations of its cases. The commands call the other
//! crates of this workspace; `docs/architecture.md` has their graph.

pub mod cli;
pub mod commands;
pub mod explain;
