//! Foreign clusters: clusters that this program did not build. They are read through their API server and by commands in
//! Cilium's agents, or from what `cilium sysdump` collected of them. What the probe tier makes there is its own, and is
//! taken away; nothing else is created, changed or removed.

mod cluster;
mod iproute;
mod iptext;
mod logs;
mod parse;
mod plan;
pub mod probe;
mod raw;
mod reading;
mod services;
mod survey;
pub mod sysdump;
pub mod tier;

pub use cluster::ForeignCluster;
pub use iproute::parse_tables;
pub use iptext::parse_printed_tables;
pub use parse::parse_lenient_table;
pub use plan::{Pair, Plan, pairs};
pub use reading::{Needs, NodeReading, Sends};
pub use survey::{Agent, Survey};
