//! Stage `workload_ready`: pods shaped as Cilium shapes them, their servers, and the Service.

use nlink::netlink::link::VethLink;
use nlink::netlink::types::route::RouteScope;
use nlink::{Ipv4Route, RouteMetrics};

use super::batched::via;
use super::plan::{LINK_MTU, NODE_DEVICE, PodPlan, VXLAN_OVERHEAD};
use super::world::{BuildError, Member, World, doing};
use lab_model::Routing;

/// Makes the pods. Their servers and the Service come after.
pub(super) async fn build(world: &mut World) -> Result<(), BuildError> {
    let mut pods = Vec::with_capacity(world.plan.pods.len());
    for pod in &world.plan.pods {
        let member = build_pod(world, pod).await?;
        pods.push(Some(member));
    }
    world.pods = pods;
    Ok(())
}

/// A pod has one link with a /32, a route to its node's router address and the default route via it; its node has
/// a /32 route to the pod (Cilium 1.12, `endpointRoutes` aside).
pub(super) async fn build_pod(world: &World, pod: &PodPlan) -> Result<Member, BuildError> {
    let node_plan = &world.plan.nodes[pod.node];
    let node = world.nodes[pod.node].as_ref().ok_or_else(|| BuildError::Gone(node_plan.name.to_string()))?;
    let member = Member::create(&pod.name.0, false)?;
    let veth = VethLink::new(pod.host_device.as_str(), NODE_DEVICE).mtu(LINK_MTU.0).peer_mtu(LINK_MTU.0);
    node.member.add_veth(veth, &member, &pod.host_device).await?;
    let eth0 = member.index(NODE_DEVICE).await?;
    let host_end = node.member.index(&pod.host_device).await?;
    member.loopback().await?;
    member.add_host_address(eth0, pod.address, 32).await?;
    member.up(eth0, NODE_DEVICE).await?;
    // Packets to pods behind the overlay must leave room for its headers (Cilium's route MTU).
    let default = Ipv4Route::default_route().gateway(node_plan.router);
    let default = match world.plan.spec.routing {
        Routing::Vxlan => default.metrics(RouteMetrics::new().mtu(LINK_MTU.0 - VXLAN_OVERHEAD)),
        Routing::Native | Routing::None => default,
    };
    member
        .route
        .batch()
        .add_route(via(eth0, Ipv4Route::new(node_plan.router, 32).scope(RouteScope::Link)))
        .add_route(via(eth0, default))
        .execute_all()
        .await
        .map_err(doing(format!("{}: adding the pod's routes", pod.name)))?;
    node.member
        .route
        .add_route(Ipv4Route::new(pod.address, 32).dev_index(host_end).scope(RouteScope::Link))
        .await
        .map_err(doing(format!("{}: adding the route to {}", node_plan.name, pod.name)))?;
    Ok(member)
}
