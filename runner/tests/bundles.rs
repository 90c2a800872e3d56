//! Kits and bundles are sealed files, and whatever is damaged, exchanged or hostile is refused by name, in either. And
//! bundles: what goes in and what does not, and that the verdicts of real runs are reproduced from them.

#[path = "bundles/contents.rs"]
mod contents;
#[path = "bundles/damaged.rs"]
mod damaged;
#[path = "bundles/hostile.rs"]
mod hostile;
#[path = "bundles/kits.rs"]
mod kits;
#[path = "bundles/made.rs"]
mod made;
#[path = "bundles/program.rs"]
mod program;
#[path = "bundles/replayed.rs"]
mod replayed;
#[path = "bundles/sealed.rs"]
mod sealed;
#[path = "bundles/untrue.rs"]
mod untrue;
