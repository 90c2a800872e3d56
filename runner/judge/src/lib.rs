//! Judges: pure functions from observations to a judgement.
//!
//! A judge reads nothing but its arguments. It holds a claim only for a reason that it can show ([`Proof`]),
//! refutes it with every [`Finding`] against it, and says that nothing was seen where nothing was seen.

pub mod adjacency;
pub mod bgp;
pub mod cilium;
pub mod cluster;
pub mod engine;
pub mod fib;
#[cfg(test)]
mod fixture;
pub mod foreign;
pub mod routing;
pub mod service;
#[cfg(test)]
mod tests;
mod weighing;
pub mod wire;

pub use lab_model::{Finding, Judgement, NotHeld, Proof, Reason, unless_refuted};

use lab_model::expect::{ClusterExpectations, Expectations};

/// What a lab on kind should be; without it nothing about one can be decided.
fn of_cluster(expect: &Expectations) -> Result<&ClusterExpectations, NotHeld> {
    let missing = "what the lab was built from does not say what a kind cluster should be";
    expect.cluster.as_ref().ok_or_else(|| NotHeld::Unobserved(missing.to_owned()))
}
