//! Stage `routing_installed`: the routes to pods, in one of four modes, and masquerading.
//!
//! `native` is what Cilium's `autoDirectNodeRoutes` does (pkg/datapath/linux/node.go of 1.12): for every peer, check
//! that the next hop is on the link, then add `PODCIDR via PEER dev eth0`.

use lab_netlink::{NewLink, NewRoute, Vxlan, add_forward, add_neighbour, nud};
use std::net::Ipv4Addr;

use super::plan::{LINK_MTU, NodePlan, VXLAN_DEVICE, VXLAN_OVERHEAD, VXLAN_PORT, VXLAN_VNI};
use super::world::{BuildError, NodeUp, World, at};
use super::{announce, service};
use lab_model::Routing;

/// Builds the stage on all running nodes. Returns a summary as text.
pub(super) async fn build(world: &mut World) -> Result<String, BuildError> {
    let mut count = 0;
    for (index, plan, node) in world.running() {
        count += build_on(world, index, plan, node).await?;
    }
    if world.plan.spec.routing == Routing::Bgp {
        for index in 0..world.plan.nodes.len() {
            announce::default(world, index)?;
        }
    }
    announce::until_learnt(world).await?;
    Ok(match world.plan.spec.routing {
        Routing::Native if world.plan.racks().is_some() => not_on_one_link(world, count),
        Routing::Native => format!("{count} direct routes"),
        Routing::Bgp => {
            let (nodes, routers) = (world.plan.nodes.len(), world.routers.len());
            format!("{nodes} nodes announce their pod CIDRs by BGP, {routers} routers have learnt all")
        }
        Routing::Vxlan => format!("{count} routes through {VXLAN_DEVICE}"),
        Routing::None => "no pod routes, as asked for".to_owned(),
    })
}

/// Builds the stage on one node. Returns the number of routes to peers.
pub(super) async fn build_on(world: &World, index: usize, plan: &NodePlan, node: &NodeUp) -> Result<usize, BuildError> {
    own_route(plan, node).await?;
    service::install_masquerade(world, plan, node).await?;
    match world.plan.spec.routing {
        Routing::Native => native(world, index, plan, node).await,
        Routing::Vxlan => vxlan(world, index, plan, node).await,
        Routing::Bgp | Routing::None => Ok(0),
    }
}

/// What Cilium only warns of: direct routes to nodes behind a router cannot be.
fn not_on_one_link(world: &World, count: usize) -> String {
    let nodes = world.plan.nodes.len();
    let refused = nodes * nodes.saturating_sub(1) - count;
    format!(
        "{count} direct routes; {refused} refused, since the next hop is behind a router and must be directly reachable: \
         that is the article's second case, `--routing bgp`"
    )
}

/// All other nodes of the plan.
fn peers(world: &World, index: usize) -> impl Iterator<Item = &NodePlan> {
    world.plan.nodes.iter().enumerate().filter(move |(peer, _)| *peer != index).map(|(_, plan)| plan)
}

/// Routes a node's own pod CIDR to its own router address, as Cilium routes it to `cilium_host`.
async fn own_route(plan: &NodePlan, node: &NodeUp) -> Result<(), BuildError> {
    let cidr = plan.pod_cidr;
    let own = NewRoute { source: Some(plan.router), ..NewRoute::to(cidr).by(node.router).via(plan.router) };
    node.member.make_all(&[NewRoute::to_host(plan.router).by(node.router).add(), own.add()]).await
}

async fn native(world: &World, index: usize, plan: &NodePlan, node: &NodeUp) -> Result<usize, BuildError> {
    let mut routes = Vec::new();
    for peer in peers(world, index) {
        let next_hop = peer.address.addr();
        match next_hop_is_on_link(plan, node, next_hop).await {
            // Cilium 1.12 warns, drops the error and goes on without the route (nodeUpdate() in pkg/datapath/linux/node.go).
            Err(BuildError::NextHopNotOnLink { .. }) if world.plan.racks().is_some() => continue,
            checked => checked?,
        }
        routes.push(NewRoute::to(peer.pod_cidr).by(node.eth0).via(next_hop).add());
    }
    node.member.make_all(&routes).await?;
    Ok(routes.len())
}

/// Checks, as Cilium does, that the next hop is on the link: the kernel's route to it has no gateway and uses eth0.
async fn next_hop_is_on_link(plan: &NodePlan, node: &NodeUp, next_hop: Ipv4Addr) -> Result<(), BuildError> {
    let way = node.member.route.way_to(next_hop).await.map_err(at(&plan.name.0))?;
    if way.gateway.is_none() && way.device == Some(node.eth0) {
        return Ok(());
    }
    let via = way.gateway.map_or_else(|| "another link".to_owned(), |gateway| gateway.to_string());
    Err(BuildError::NextHopNotOnLink { node: plan.name.to_string(), next_hop, via })
}

async fn vxlan(world: &World, index: usize, plan: &NodePlan, node: &NodeUp) -> Result<usize, BuildError> {
    let mtu = LINK_MTU.0 - VXLAN_OVERHEAD;
    let own = Vxlan {
        vni: VXLAN_VNI,
        port: VXLAN_PORT,
        local: Some(plan.address.addr()),
        device: Some(node.eth0),
        learning: false,
    };
    node.member.make(NewLink::vxlan(VXLAN_DEVICE, own).mac(plan.tunnel_mac.0).mtu(mtu).up().add()).await?;
    let tunnel = node.member.index(VXLAN_DEVICE).await?;
    let mut changes = Vec::new();
    for peer in peers(world, index) {
        // As flannel does: the peer's router address is a neighbour on the tunnel, whose link-layer
        // address is forwarded to the peer node.
        let mac = peer.tunnel_mac.0;
        let route = NewRoute { onlink: true, source: Some(plan.router), mtu: Some(mtu), ..NewRoute::to(peer.pod_cidr) };
        changes.extend([
            add_neighbour(tunnel, peer.router, mac, nud::PERMANENT),
            add_forward(tunnel, mac, peer.address.addr()),
            route.by(tunnel).via(peer.router).add(),
        ]);
    }
    node.member.make_all(&changes).await?;
    Ok(changes.len() / 3)
}
