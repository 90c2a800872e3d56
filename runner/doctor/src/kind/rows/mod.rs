//! One row for each thing that can be wrong: pure functions from facts to rows.

pub(super) mod bridge_filter;
pub(super) mod cgroups;
pub(super) mod disk;
pub(super) mod docker;
pub(super) mod iptables;
pub(super) mod kernel;
pub(super) mod leftovers;
pub(super) mod limits;
pub(super) mod locality;
pub(super) mod memory;
pub(super) mod names;
pub(super) mod occupied;
pub(super) mod pods;
pub(super) mod probe;
pub(super) mod proxies;
pub(super) mod racks;
pub(super) mod segment;
pub(super) mod snap;
pub(super) mod tools;
pub(super) mod workload;
