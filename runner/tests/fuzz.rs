//! What reads captures, bundles, kits, manifests and the output of tools, given real inputs that were changed at random:
//! it may refuse them, but must not panic, hang, or take memory without bound; and what it writes again must read back as
//! the same.
//!
//! `LAB_FUZZ_SECONDS` is for how long, of each kind of input; a fifth of a second where it is not set. `-- --nocapture` prints,
//! for each kind, how many inputs were accepted and refused. Failures are made as small as they can be and printed.

#[path = "fuzz/archives.rs"]
mod archives;
#[path = "fuzz/bundles.rs"]
mod bundles;
#[path = "fuzz/captures.rs"]
mod captures;
#[path = "fuzz/change.rs"]
mod change;
#[path = "fuzz/documents.rs"]
mod documents;
#[path = "fuzz/driver.rs"]
mod driver;
#[path = "fuzz/files.rs"]
mod files;
#[path = "fuzz/foreign.rs"]
mod foreign;
#[path = "bundles/kits.rs"]
mod kits;
#[path = "fuzz/manifests.rs"]
mod manifests;
#[path = "fuzz/messages.rs"]
mod messages;
#[path = "fuzz/observations.rs"]
mod observations;
#[path = "fuzz/pages.rs"]
mod pages;
#[path = "fuzz/parts.rs"]
mod parts;
#[path = "fuzz/releases.rs"]
mod releases;
#[path = "fuzz/seeds.rs"]
mod seeds;
#[path = "fuzz/texts.rs"]
mod texts;
