//! What the runner says to the process that holds a lab, and what it answers: one JSON document a line, over the
//! Unix socket in the lab's state folder.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

use super::plan::Spec;
use lab_model::observe::{NodeName, Place, Role};
use lab_model::stage::Stage;

/// Name of the socket within the lab's state folder.
pub const SOCKET: &str = "control.sock";

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Order {
    /// Build this stage; the ones before it must have been built.
    Build(Stage),
    /// Say what there is.
    Describe,
    /// Let go of a node's namespace, and its pods': the kernel takes them away, as if the node had been stopped.
    StopNode(NodeName),
    /// Make a stopped node and its pods anew, as they were built.
    StartNode(NodeName),
    /// End, and take everything along.
    Shutdown,
}

/// What the holder answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The stage stands.
    Built(Built),
    /// To [`Order::Describe`].
    Description(Description),
    /// Done.
    Done,
    /// Not done; why, in words.
    Failed(String),
}

/// A stage that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Built {
    /// Which.
    pub stage: Stage,
    /// What was made, for a reader: `6 direct routes`.
    pub summary: String,
    /// How long it took.
    pub elapsed: Duration,
}

/// What a holder has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// What was asked for.
    pub spec: Spec,
    /// Stages that stand, in order.
    pub built: Vec<Stage>,
    /// The nodes it has, in order.
    pub nodes: Vec<(NodeName, Role)>,
    /// Every namespace it has and the descriptor that holds it, as `fd/N` below the holder's `/proc/PID`.
    pub namespaces: Vec<(Place, PathBuf)>,
}
