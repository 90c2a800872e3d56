//! The API server of a kind lab: looks, waits and the workload.
//!
//! A lab's server may be older than the oldest version that k8s-openapi describes, so only long-stable types are
//! read, unknown fields are passed over, and what is missing is said to be missing. Every call has a deadline.

mod call;
mod convert;
mod endpoints;
mod error;
mod look;
mod stuck;
mod watch;
mod words;

pub use call::Api;
pub use error::ApiError;
pub use watch::Patience;
