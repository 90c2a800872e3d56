//! The Docker Engine: connecting to it, its facts, commands and files in its containers, and the probe in a lab's nodes.
//!
//! Everything goes through the Engine's API (<https://docs.docker.com/engine/api/>), with one exception: a probe that
//! captures is started by `docker exec`, so that it is a child process that can be stopped by closing its input.

mod api;
mod connect;
mod containers;
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
pub use containers::NewContainer;
pub use context::Settings;
pub use endpoint::{Endpoint, EndpointError, Host};
pub use error::EngineError;
pub use header::ProgramHeader;
pub use networks::NewNetwork;
pub use nodes::{CLUSTER_LABEL, RACKS_LABEL, ROLE_LABEL, node_container};
pub use probe::{NodeProbe, PodPlace, Pods, router_container};
pub use program::{PROBE_VARIABLE, Program, ProgramError};
pub use run::{Ran, Started};
