//! The ways to break a cluster that is up: by commands in its nodes, by the Engine, or by Helm.

mod agents;
mod liar;
mod make;
mod names;
mod who;

pub(super) use agents::{KUBECTL, remove_agents_command, restore_agents_command};
pub use make::Standing;
pub use names::Names;
pub use who::Who;

/// A command in a node, and the command that undoes it. Both are lines for `sh` in the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeCommand {
    /// The node, as the article calls it: `kind-worker`.
    pub node: &'static str,
    /// The command.
    pub make: String,
    /// The command that undoes it.
    pub undo: String,
}

/// How a cluster is broken.
#[derive(Debug, Clone, Copy)]
pub enum Breakage {
    /// These commands, one after the other; undone in reverse order.
    Commands(fn(&Who) -> Result<Vec<NodeCommand>, String>),
    /// This node is paused, as `docker pause` does.
    Paused(&'static str),
    /// All nodes are stopped and started again, in an order that gives another address to the control plane, since Docker
    /// assigns the lowest free address.
    Restarted,
    /// What was observed before Cilium is observed once more, now that it runs.
    ObservedTooLate,
    /// The Engine is asked through a socket that says of it that it runs without root.
    LyingEngine,
    /// All agents are removed and come back with a wrong address of the API server. It is the last address of the lab's own
    /// network, which no node has, so that no packet leaves that network.
    ServiceHost,
}
