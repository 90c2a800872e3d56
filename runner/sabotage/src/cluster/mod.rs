//! How a lab on kind is broken: a cluster that is up, with commands in its nodes, by its Engine, or by Helm.

mod agents;
mod make;
mod names;
mod who;

pub(super) use agents::{KUBECTL, again, without};
pub use make::Standing;
pub use names::Names;
pub use who::Who;

/// A command in a node, and the one that takes it back. Both are lines for the node's own `sh`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeCommand {
    /// The node, as the article calls it: `kind-worker`.
    pub node: &'static str,
    /// What is done.
    pub make: String,
    /// What takes it back.
    pub undo: String,
}

/// How a cluster is broken.
#[derive(Debug, Clone, Copy)]
pub enum Breakage {
    /// These commands, one after the other; taken back in the opposite order.
    Commands(fn(&Who) -> Result<Vec<NodeCommand>, String>),
    /// This node is paused, as `docker pause` does.
    Paused(&'static str),
    /// All nodes are stopped and started again, in an order in which the control plane gets another address than it had:
    /// Docker hands out the lowest one that is free.
    Restarted,
    /// All agents are taken away and come back with an address of the API server that is no node's: the last one of the
    /// lab's own network, so that nothing leaves it.
    ServiceHost,
}
