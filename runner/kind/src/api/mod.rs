//! The API server of a kind lab: looks, waits and the workload.
//!
//! A lab's server may be older than the oldest version that k8s-openapi describes, so only long-stable types are
//! read, unknown fields are passed over, and what is missing is said to be missing. Every call has a deadline.

mod call;
mod cilium;
pub mod convert;
mod endpoints;
mod error;
mod helm;
mod logs;
mod look;
mod stuck;
mod wait;
mod watch;
mod words;
mod workload;

pub use call::Api;
pub use endpoints::parse_slices;
pub use error::ApiError;
pub use helm::parse_release;
pub use watch::Patience;
pub use workload::{PullPolicy, Workload};
