//! The article's lab: Docker, kind, Kubernetes and Cilium.

pub mod api;
pub mod cilium;
pub mod config;
pub mod drift;
pub mod engine;
pub mod helm;
pub mod ownership;
pub mod seal;
pub mod teardown;
