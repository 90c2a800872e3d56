//! The API server of a cluster: reading objects, waiting for states, commands in pods, and the workload of a lab.
//!
//! A lab's server may be older than the oldest version that k8s-openapi describes. So only types that have long been
//! stable are read, unknown fields are ignored, and a missing field is an error or none. Every call has a deadline.

mod call;
mod cilium;
pub mod convert;
mod endpoints;
mod error;
mod exec;
pub(crate) mod foreign;
mod helm;
mod logs;
mod look;
mod own;
mod review;
mod shorten;
mod stuck;
mod wait;
mod watch;
mod workload;

pub use call::Api;
pub use endpoints::parse_slices;
pub use error::ApiError;
pub use exec::{OpenCommand, PodContainer, PodOutput};
pub use foreign::{CiliumNodeSeen, ListedNode, ServicePort, SliceEndpoint, parse_all_slices, parse_cilium_nodes};
pub use helm::parse_release;
pub use own::OwnNamespace;
pub use review::Question;
pub use watch::Patience;
pub use workload::{PullPolicy, Workload};
