//! Who is who in the article's lab.

use lab_model::observe::{NodeName, Place, PodName};
use lab_netns::plan::{NodePlan, Plan, PodPlan};

/// The bridge's namespace, and what is about the lab as a whole.
pub const BRIDGE: &str = "bridge";
/// The control plane.
pub const CONTROL_PLANE: &str = "kind-control-plane";
/// The first worker.
pub const WORKER: &str = "kind-worker";
/// The second.
pub const WORKER2: &str = "kind-worker2";
/// The pod on the first worker.
pub const POD1: &str = "hello-app-1";
/// The pod on the second.
pub const POD2: &str = "hello-app-2";

/// A node as a place.
pub fn node(name: &str) -> Place {
    Place::Node(NodeName::from(name))
}

/// A pod as a place.
pub fn pod(name: &str) -> Place {
    Place::Pod(PodName::from(name))
}

/// A node of this plan.
///
/// # Panics
/// When the plan has no such node.
pub fn node_plan<'a>(plan: &'a Plan, name: &str) -> &'a NodePlan {
    plan.nodes.iter().find(|node| node.name.0 == name).expect("the lab has this node")
}

/// A pod of this plan.
///
/// # Panics
/// When the plan has no such pod.
pub fn pod_plan<'a>(plan: &'a Plan, name: &str) -> &'a PodPlan {
    plan.pods.iter().find(|pod| pod.name.0 == name).expect("the lab has this pod")
}
