//! Nodes and pods of the article's lab, by name.

pub use lab_harness::turned::{BRIDGE, CONTROL_PLANE, POD1, POD2, WORKER, WORKER2};
/// The third worker, of a lab of four nodes or more.
pub const WORKER3: &str = "kind-worker3";
/// The pod on the third worker, of a lab of three replicas or more.
pub const POD3: &str = "hello-app-3";
use lab_model::observe::{NodeName, Place, PodName};
use lab_netns::plan::{NodePlan, Plan, PodPlan};

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
