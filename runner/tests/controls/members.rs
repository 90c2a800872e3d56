//! Who is who in the labs of these controls.

use lab::backend::netns::plan::{NodePlan, Plan, PodPlan};
use lab::observe::{NodeName, Place, PodName};

pub(crate) const BRIDGE: &str = "bridge";
pub(crate) const CONTROL_PLANE: &str = "kind-control-plane";
pub(crate) const WORKER: &str = "kind-worker";
pub(crate) const WORKER2: &str = "kind-worker2";
/// On the first worker.
pub(crate) const POD1: &str = "hello-app-1";
/// On the second.
pub(crate) const POD2: &str = "hello-app-2";

pub(crate) fn node(name: &str) -> Place {
    Place::Node(NodeName::from(name))
}

pub(crate) fn pod(name: &str) -> Place {
    Place::Pod(PodName::from(name))
}

pub(crate) fn node_plan<'a>(plan: &'a Plan, name: &str) -> &'a NodePlan {
    plan.nodes.iter().find(|node| node.name.0 == name).expect("the lab has this node")
}

pub(crate) fn pod_plan<'a>(plan: &'a Plan, name: &str) -> &'a PodPlan {
    plan.pods.iter().find(|pod| pod.name.0 == name).expect("the lab has this pod")
}
