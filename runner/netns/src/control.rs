//! The messages between the runner and the process that holds a lab: one JSON document a line, over the Unix socket in
//! the lab's state folder.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

use super::announce::Announcing;
use super::plan::Spec;
use lab_model::observe::{NodeName, Place, Role};
use lab_model::stage::Stage;

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Order {
    /// Build this stage; the ones before it must have been built.
    Build(Stage),
    /// Describe the lab.
    Describe,
    /// Close a node's namespace and those of its pods. The kernel then removes them, as if the node had been stopped.
    StopNode(NodeName),
    /// Build a stopped node and its pods again.
    StartNode(NodeName),
    /// Announce a node's pod CIDR otherwise than the plan says, or not at all.
    Announce {
        /// The node.
        node: NodeName,
        /// How.
        how: Announcing,
    },
    /// Stop BIRD of this router as SIGSTOP does, and wait until no other router believes it any more.
    Silence(Place),
    /// Let BIRD of this router go on.
    Wake(Place),
    /// End, which removes the whole lab.
    Shutdown,
}

/// What the holder answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The stage was built.
    Built(Built),
    /// The answer to [`Order::Describe`].
    Description(Box<Description>),
    /// The order was carried out.
    Done,
    /// The order failed; with the reason.
    Failed(String),
}

/// A stage that was built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Built {
    /// The stage.
    pub stage: Stage,
    /// A text that says what was made: `6 direct routes`.
    pub summary: String,
    /// How long it took.
    pub elapsed: Duration,
}

/// The holder's description of its lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// The spec that the lab is built from.
    pub spec: Spec,
    /// The stages that are built, in order.
    pub built: Vec<Stage>,
    /// The nodes that run, in order.
    pub nodes: Vec<(NodeName, Role)>,
    /// Every namespace and the descriptor that keeps it alive, as `fd/N` below the holder's `/proc/PID`.
    pub namespaces: Vec<(Place, PathBuf)>,
}
