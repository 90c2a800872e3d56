//! The article's lab: Docker, kind, Kubernetes and Cilium.

pub mod artefacts;
mod cache;
pub mod chart;
pub mod config;
pub mod create;
mod distribution;
pub mod drift;
pub mod helm;
pub mod in_node;
mod install;
mod lab;
pub mod late;
mod node_image;
mod observed;
pub mod ownership;
mod pods;
pub mod racks;
mod said;
pub mod seal;
pub mod snapshot;
pub mod spec;
mod stages;
mod standing;
mod stored;
pub mod teardown;
pub mod tool;

pub use lab_kube::{api, cilium};

pub use in_node::NOT_IN_NODES;
pub use lab::KindLab;
pub use node_image::records;
pub use said::ByHand;
pub use standing::{drift_of, engine_of, made_from, standing, take_down_state};
pub use stored::{BeforeCni, FirstNodes, FirstReady};
