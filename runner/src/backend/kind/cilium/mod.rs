//! Cilium: what runs in its agents.

pub mod agents;
