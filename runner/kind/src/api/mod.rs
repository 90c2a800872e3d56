//! The API server of a kind lab: reading objects, waiting for states, and the workload.
//!
//! A lab's server may be older than the oldest version that k8s-openapi describes. So only types that have long been
//! stable are read, unknown fields are ignored, and a missing field is an error or none. Every call has a deadline.

mod call;
mod cilium;
pub mod convert;
mod endpoints;
mod error;
mod helm;
mod logs;
mod look;
mod shorten;
mod stuck;
mod wait;
mod watch;
mod workload;

pub use call::Api;
pub use endpoints::parse_slices;
pub use error::ApiError;
pub use helm::parse_release;
pub use watch::Patience;
pub use workload::{PullPolicy, Workload};
