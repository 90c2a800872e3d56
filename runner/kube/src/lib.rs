//! The API server of a cluster, and Cilium's agents in it.

pub mod access;
pub mod api;
pub mod cilium;
pub mod dumped;
pub mod excerpt;
pub mod filter;
