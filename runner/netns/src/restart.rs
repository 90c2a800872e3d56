//! Stops a node of a lab that is up, and builds it again, as `docker stop` and `docker start` do with a node of kind.

use super::holder::serve_pod;
use super::world::{BuildError, World};
use super::{announce, pods, routing, service, settle, topology};
use lab_model::Routing;
use lab_model::observe::NodeName;
use lab_model::stage::Stage;

/// Closes the namespaces of a node and its pods, and waits until the kernel has removed the node's port on the bridge.
pub(super) async fn stop_node(world: &mut World, name: &NodeName) -> Result<(), BuildError> {
    if !world.stop(name) {
        return Err(BuildError::Missing(format!("node {name}")));
    }
    for node in world.plan.nodes.iter().filter(|node| node.name == *name) {
        settle::port_is_gone(world.hub(node), &node.port).await?;
    }
    Ok(())
}

/// Builds a stopped node again, up to the stages that the lab has reached, with its pods and their servers.
pub(super) async fn start_node(world: &mut World, name: &NodeName, built: &[Stage]) -> Result<(), BuildError> {
    let found = world.plan.nodes.iter().position(|node| node.name == *name);
    let Some(index) = found.filter(|index| world.nodes[*index].is_none()) else {
        return Err(BuildError::Missing(format!("stopped node {name}")));
    };
    let plan = world.plan.nodes[index].clone();
    let node = topology::build_node(world.hub(&plan), &world.plan, &plan).await?;
    if built.contains(&Stage::RoutingInstalled) {
        routing::build_on(world, index, &plan, &node).await?;
    }
    world.nodes[index] = Some(node);
    if built.contains(&Stage::RoutingInstalled) && world.plan.spec.routing == Routing::Bgp {
        announce::default(world, index)?;
    }
    if built.contains(&Stage::WorkloadReady) {
        start_workload(world, index).await?;
    }
    settle::links_are_up(world).await?;
    announce::until_learnt(world).await
}

async fn start_workload(world: &mut World, index: usize) -> Result<(), BuildError> {
    if let Some(node) = &world.nodes[index] {
        service::install_service(world, &node.member.namespace).await?;
    }
    for pod in world.pods_of(index).collect::<Vec<_>>() {
        let member = pods::build_pod(world, &world.plan.pods[pod]).await?;
        service::install_service(world, &member.namespace).await?;
        world.pods[pod] = Some(member);
        serve_pod(world, pod)?;
    }
    Ok(())
}
