//! The Docker Engine, and the containers that are nodes.

mod answers;
mod containers;
mod image;

pub use answers::docker_engine_answers;
pub use containers::three_node_containers_run;
