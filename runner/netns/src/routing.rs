//! Stage `routing_installed`: the routes to pods, in one of three modes, and masquerading.
//!
//! `native` is what Cilium's `autoDirectNodeRoutes` does (pkg/datapath/linux/node.go of 1.12): for every peer, check
//! that the next hop is on the link, then add `PODCIDR via PEER dev eth0`.

use nlink::netlink::fdb::FdbEntryBuilder;
use nlink::netlink::link::{LinkCreateExt, VxlanLink};
use nlink::netlink::neigh::Neighbor;
use nlink::netlink::types::route::RouteScope;
use nlink::{Ipv4Route, RouteMetrics};
use std::net::{IpAddr, Ipv4Addr};

use super::batched::via;
use super::plan::{LINK_MTU, NODE_DEVICE, NodePlan, VXLAN_DEVICE, VXLAN_OVERHEAD, VXLAN_PORT, VXLAN_VNI};
use super::service;
use super::world::{BuildError, NodeUp, World, doing};
use lab_model::Routing;

/// Builds it. What was made, in words.
pub(super) async fn build(world: &World) -> Result<String, BuildError> {
    let mut count = 0;
    for (index, plan, node) in world.running() {
        count += build_on(world, index, plan, node).await?;
    }
    Ok(match world.plan.spec.routing {
        Routing::Native => format!("{count} direct routes"),
        Routing::Vxlan => format!("{count} routes through {VXLAN_DEVICE}"),
        Routing::None => "no pod routes, as asked for".to_owned(),
    })
}

/// Builds it on one node. How many routes lead to peers.
pub(super) async fn build_on(world: &World, index: usize, plan: &NodePlan, node: &NodeUp) -> Result<usize, BuildError> {
    own_route(plan, node).await?;
    service::install_masquerade(world, plan, node).await?;
    match world.plan.spec.routing {
        Routing::Native => native(world, index, plan, node).await,
        Routing::Vxlan => vxlan(world, index, plan, node).await,
        Routing::None => Ok(0),
    }
}

/// All other nodes of the plan.
fn peers(world: &World, index: usize) -> impl Iterator<Item = &NodePlan> {
    world.plan.nodes.iter().enumerate().filter(move |(peer, _)| *peer != index).map(|(_, plan)| plan)
}

/// A node's own pod CIDR leads to its own router address, as Cilium's leads to `cilium_host`.
async fn own_route(plan: &NodePlan, node: &NodeUp) -> Result<(), BuildError> {
    let cidr = plan.pod_cidr;
    node.member
        .route
        .batch()
        .add_route(via(node.router, Ipv4Route::new(plan.router, 32).scope(RouteScope::Link)))
        .add_route(via(
            node.router,
            Ipv4Route::new(cidr.network(), cidr.prefix_len()).gateway(plan.router).prefsrc(plan.router),
        ))
        .execute_all()
        .await
        .map_err(doing(format!("{}: adding the route to its own pod CIDR {cidr}", plan.name)))
}

async fn native(world: &World, index: usize, plan: &NodePlan, node: &NodeUp) -> Result<usize, BuildError> {
    let mut count = 0;
    let mut batch = node.member.route.batch();
    for peer in peers(world, index) {
        next_hop_is_on_link(plan, node, peer.address.addr()).await?;
        let cidr = peer.pod_cidr;
        let route = Ipv4Route::new(cidr.network(), cidr.prefix_len()).gateway(peer.address.addr());
        batch = batch.add_route(via(node.eth0, route));
        count += 1;
    }
    batch.execute_all().await.map_err(doing(format!("{}: adding the direct routes", plan.name)))?;
    Ok(count)
}

/// As Cilium checks: the kernel's own route to the next hop must have no gateway and leave by eth0.
async fn next_hop_is_on_link(plan: &NodePlan, node: &NodeUp, next_hop: Ipv4Addr) -> Result<(), BuildError> {
    let route = node
        .member
        .route
        .lookup_route(IpAddr::V4(next_hop))
        .await
        .map_err(doing(format!("{}: looking up the next hop {next_hop}", plan.name)))?;
    if route.gateway().is_none() && route.oif() == Some(node.eth0) {
        return Ok(());
    }
    let via = route.gateway().map_or_else(|| "another link".to_owned(), ToString::to_string);
    Err(BuildError::NextHopNotOnLink { node: plan.name.to_string(), next_hop, via })
}

async fn vxlan(world: &World, index: usize, plan: &NodePlan, node: &NodeUp) -> Result<usize, BuildError> {
    let mtu = LINK_MTU.0 - VXLAN_OVERHEAD;
    let device = VxlanLink::new(VXLAN_DEVICE, VXLAN_VNI)
        .local(plan.address.addr())
        .dev_index(node.eth0)
        .port(VXLAN_PORT)
        .learning(false)
        .address(plan.tunnel_mac.0)
        .mtu(mtu);
    node.member.add_link(VXLAN_DEVICE, device.up()).await?;
    let tunnel = node.member.index(VXLAN_DEVICE).await?;
    let mut count = 0;
    let mut batch = node.member.route.batch();
    for peer in peers(world, index) {
        // As flannel does: the peer's router address is a neighbour on the tunnel, whose link-layer
        // address is forwarded to the peer node.
        let cidr = peer.pod_cidr;
        let neighbour = Neighbor::with_index_v4(tunnel, peer.router).lladdr(peer.tunnel_mac.0).permanent();
        let forward = FdbEntryBuilder::new(peer.tunnel_mac.0)
            .ifindex(tunnel)
            .dst(IpAddr::V4(peer.address.addr()))
            .permanent()
            .self_();
        let route = Ipv4Route::new(cidr.network(), cidr.prefix_len())
            .gateway(peer.router)
            .onlink()
            .prefsrc(plan.router)
            .metrics(RouteMetrics::new().mtu(mtu));
        batch = batch.add_neighbor(neighbour, tunnel).add_fdb(forward, tunnel, None).add_route(via(tunnel, route));
        count += 1;
    }
    batch
        .execute_all()
        .await
        .map_err(doing(format!("{}: adding the routes through {VXLAN_DEVICE} over {NODE_DEVICE}", plan.name)))?;
    Ok(count)
}
