//! A stand-in for a cluster's API server: recordings of a real one, served over HTTP as an API server serves them, and
//! faults on demand.

mod answer;
pub mod objects;
pub mod server;
