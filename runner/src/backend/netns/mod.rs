//! The embedded lab: the article's topology in Linux network namespaces.

pub mod control;
pub mod holder;
mod hello;
pub mod namespace;
pub mod plan;
mod pods;
mod routing;
mod service;
mod settle;
mod topology;
mod world;

pub use world::BuildError;
