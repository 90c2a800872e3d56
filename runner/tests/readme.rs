//! Both READMEs and docs/ say what is true: tables, commands, versions, links and the graph of crates are compared with the
//! program and the repository, and the transcripts with runs that are made here.

#[path = "readme/commands.rs"]
mod commands;
#[path = "readme/facts.rs"]
mod facts;
#[path = "readme/graph.rs"]
mod graph;
#[path = "readme/links.rs"]
mod links;
#[path = "readme/markdown.rs"]
mod markdown;
#[path = "readme/overrides.rs"]
mod overrides;
#[path = "readme/pages.rs"]
mod pages;
#[path = "readme/steps.rs"]
mod steps;
#[path = "readme/transcripts.rs"]
mod transcripts;
