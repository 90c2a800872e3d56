//! The embedded lab: the article's topology in Linux network namespaces.

mod batched;
mod client;
pub mod control;
mod hello;
pub mod holder;
mod lab;
pub mod namespace;
mod observed;
pub mod plan;
mod pods;
mod routing;
mod service;
mod settle;
mod topology;
mod world;

pub use lab::{Lifetime, NetnsLab, take_down};
pub use service::MASQUERADE_CHAIN;
pub use world::BuildError;
