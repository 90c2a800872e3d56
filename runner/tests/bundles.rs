//! Bundles: what goes in and what does not, that the verdicts of real runs are reproduced from them, and that whatever
//! is damaged, exchanged or hostile is refused by name.

#[path = "bundles/contents.rs"]
mod contents;
#[path = "bundles/damaged.rs"]
mod damaged;
#[path = "bundles/hostile.rs"]
mod hostile;
#[path = "bundles/made.rs"]
mod made;
#[path = "bundles/program.rs"]
mod program;
#[path = "bundles/replayed.rs"]
mod replayed;
#[path = "bundles/untrue.rs"]
mod untrue;
