//! What reads captures, bundles, kits, manifests and the output of tools, given real inputs that were changed at random:
//! it may refuse them, but must not panic, hang, or take memory without bound; and what it writes again must read back as
//! the same.
//!
//! `LAB_FUZZ_SECONDS` is for how long, of each test; a second where it is not set. Failures are made as small as they can
//! be and printed.

#[path = "fuzz/archives.rs"]
mod archives;
#[path = "fuzz/bundles.rs"]
mod bundles;
#[path = "fuzz/captures.rs"]
mod captures;
#[path = "fuzz/change.rs"]
mod change;
#[path = "fuzz/driver.rs"]
mod driver;
#[path = "fuzz/manifests.rs"]
mod manifests;
#[path = "fuzz/observations.rs"]
mod observations;
#[path = "fuzz/seeds.rs"]
mod seeds;
#[path = "fuzz/texts.rs"]
mod texts;
