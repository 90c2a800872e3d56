//! Cilium's agents: running commands in their containers, and parsing what they report about themselves and the datapath.
//!
//! The summary of `cilium status` is not sufficient: it says OK while direct routes are missing. So the JSON output of
//! each agent is read: its status, its running configuration, its services and the BPF map.

pub mod agents;
mod config;
mod datapath;
mod refused;
mod services;
mod status;

pub use config::parse_config;
pub use datapath::{AgentEndpoint, missing, parse_endpoints};
pub use refused::{LOG_LINES, WARNING, parse_refused};
pub use services::{BackendStates, parse_services, parse_table};
pub use status::parse_status;
