//! `lab`'s command line: its options, its commands, and the explanations of its cases. What they do stands in the crates
//! beside this one; `docs/architecture.md` has the graph.

pub mod cli;
pub mod commands;
pub mod explain;
