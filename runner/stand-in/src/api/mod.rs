//! A stand-in for a cluster's API server: it serves recordings of a real one over HTTP, and makes faults on demand.

mod answer;
mod exec;
pub mod objects;
pub mod server;
