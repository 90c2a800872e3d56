//! The embedded lab: the article's topology in Linux network namespaces.

pub mod announce;
mod ask;
pub mod bird;
mod client;
pub mod control;
mod hello;
pub mod holder;
mod lab;
pub mod namespace;
mod observed;
pub mod plan;
mod pods;
mod racks;
mod restart;
mod routing;
mod service;
mod settle;
mod silence;
mod speaker;
mod start;
pub mod tamper;
mod teardown;
mod topology;
mod world;

pub use lab::NetnsLab;
pub use service::MASQUERADE_CHAIN;
pub use start::Lifetime;
pub use teardown::take_down;
pub use world::BuildError;
