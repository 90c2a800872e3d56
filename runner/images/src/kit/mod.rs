//! A kit: one file with everything that a lab on kind needs, identified by digest, for use without a network.
//!
//! It is a sealed file ([`lab_sealed`]), not compressed as a whole: an archive for each image, compressed each for itself so that any of them can
//! be read without the others, the chart, and last `kit.json` ([`Index`]) with a checksum of each. What was cut off has
//! no `kit.json`; what was damaged has another checksum; what was exchanged for something else with its right checksum
//! has another configuration digest than the one that is judged against.

mod chart;
mod describe;
mod error;
mod index;
mod load;
mod open;
mod overrides;
mod pack;
mod section;
#[cfg(test)]
mod tests;
mod write;

pub use chart::verify as verify_chart;
pub use describe::describe;
pub use error::KitError;
use index::KIT;
pub use index::{INDEX_FILE, Index, KitChart, KitImage, Member, SCHEMA, Stored};
pub use load::Loaded;
pub use open::Kit;
pub use overrides::{deviations_by_kit, with_kit};
pub use pack::{Order, pack};
pub use write::KitWriter;
