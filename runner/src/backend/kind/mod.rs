//! The article's lab: Docker, kind, Kubernetes and Cilium.

pub mod engine;
pub mod images;
