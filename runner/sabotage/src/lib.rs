//! Sabotage: breaks a sound lab on purpose, one named fault at a time, and checks that the cases notice.
//!
//! Each fault in the table ([`ALL`]) says what is done where, which cases it turns, what each of them must say, and which
//! of them are named for it. [`Run`] makes the fault, judges all cases, undoes the fault, and judges all cases again. A
//! fault that the named cases do not notice has survived. If no fault is named for a case, nothing shows that the case can
//! fail.

pub mod acts;
mod bench;
pub mod cluster;
mod fault;
mod faults;
#[cfg(test)]
mod matrix;
pub mod members;
mod one;
mod report;
mod run;
mod select;
mod settle;
mod table;
mod verify;

pub use bench::{Bench, Judged, Size};
pub use fault::{Apply, Fault, Undo};
pub use faults::{ALL, IN_RACKS, ON_KIND, check, judging, never_kill, table};
pub use lab_harness::expect::{Expect, describe};
pub use lab_harness::turned::Effect;
pub use report::{Cell, CellReport, FaultReport, Head, JSON_FILE, Phases, Report, SCHEMA, Wrong, from_json};
pub use run::{Event, Kept, Labs, Outcome, Run};
pub use select::selected;
pub use table::{list, printed};
