//! The Docker Engine: where it is, what it tells, commands and files in its containers, and the probe in a lab's nodes.
//!
//! Everything goes through the Engine's API (<https://docs.docker.com/engine/api/>), save that a probe with captures is
//! held by the `docker` program: a process like any other that this program starts, talks to and ends.

mod api;
mod connect;
mod context;
mod endpoint;
mod error;
mod facts;
mod files;
mod header;
mod install;
mod networks;
mod nodes;
mod pcaps;
mod power;
mod probe;
mod program;
mod run;

pub use connect::{Engine, Version};
pub use context::Settings;
pub use endpoint::{Endpoint, EndpointError, Host};
pub use error::EngineError;
pub use header::ProgramHeader;
pub use nodes::{CLUSTER_LABEL, ROLE_LABEL, node_container};
pub use probe::{NodeProbe, PodPlace, Pods};
pub use program::{PROBE_VARIABLE, Program, ProgramError};
pub use run::{Ran, Started};
