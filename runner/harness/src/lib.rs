//! Runs cases: which lab is asked for, the stages that are built for it, the verdicts, the evidence.

mod by_hand;
pub mod case;
pub mod cases;
mod examine;
pub mod expect;
pub mod explanation;
mod foreign;
pub mod found;
pub mod lab;
mod libtest;
mod options;
mod printed;
mod select;
mod session;
mod setup;
mod stages;
pub mod turned;
pub mod wanted;

pub use by_hand::by_hand;
pub use examine::examine;
pub use foreign::{ThereExplained, cluster_reads, configuration, explained_there, foreign_setup};
pub use libtest::{Harness, offered};
pub use options::{Event, LabSource, SessionOptions, Stopped};
pub use select::{Selection, nearest, nearest_of, selected};
pub use session::{Session, new_id, utc_now};
pub use setup::{Made, Setup, setup, setup_on};
