//! Running cases: what is asked for, the stages that are built for it, the verdicts, the evidence.

mod by_hand;
mod libtest;
mod options;
mod printed;
mod select;
mod session;
mod setup;
mod stages;

pub use libtest::{Harness, offered};
pub use options::{Event, LabSource, SessionOptions, Stopped};
pub use select::{Selection, selected};
pub(crate) use select::{nearest, nearest_of};
pub use session::Session;
pub(crate) use session::{new_id, utc_now};
pub use setup::{Made, Setup, setup, setup_on};
