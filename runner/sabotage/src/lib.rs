//! Sabotage: a sound lab is broken on purpose, one named fault at a time, and the cases must notice.
//!
//! Each fault of the table ([`ALL`]) says what is done where, which cases it turns and what each must say, and which
//! of them are named for it. [`Run`] makes it, has all cases judge, undoes it, and has all cases judge again. A fault
//! that the named cases do not notice has survived; a case that no fault is named for could hold whatever is broken.

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
mod table;
mod verify;

pub use bench::{Bench, Judged, Size};
pub use fault::{Apply, Fault, Undo};
pub use faults::{ALL, ON_KIND, check, judging, never_kill, table};
pub use lab_harness::expect::{Expect, words};
pub use lab_harness::turned::Effect;
pub use report::{Cell, CellReport, FaultReport, Head, JSON_FILE, Report, SCHEMA, Wrong, from_json};
pub use run::{Event, Kept, Labs, Outcome, Run};
pub use select::selected;
pub use table::{list, printed};
