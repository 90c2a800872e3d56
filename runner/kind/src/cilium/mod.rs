//! Cilium's agents: what runs in their containers, and what they say of themselves and of the datapath.
//!
//! A banner is no proof: `cilium status` of the command line says OK while direct routes are missing. What is read
//! here is what each agent tells as JSON: its status, its running configuration, its services and the BPF map.

pub mod agents;
mod config;
mod datapath;
mod services;
mod status;

pub use config::parse_config;
pub use datapath::{AgentEndpoint, missing, parse_endpoints};
pub use services::{BackendStates, parse_services, parse_table};
pub use status::parse_status;
