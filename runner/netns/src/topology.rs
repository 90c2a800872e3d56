//! Stage `cluster_created`: the bridge, the nodes on it, their base routes and router addresses.

use nlink::netlink::link::{BridgeLink, LinkCreateExt, VethLink};
use nlink::{Ipv4Address, Ipv4Route};

use super::namespace::Namespace;
use super::plan::{LINK_MTU, NODE_DEVICE, NodePlan, Plan, ROUTER_DEVICE, ROUTER_PEER_DEVICE};
use super::world::{BuildError, Member, NodeUp, World, doing};
use lab_model::observe::MacAddr;

/// Builds it. The namespace of this process becomes the one with the bridge.
pub(super) async fn build(plan: Plan) -> Result<World, BuildError> {
    let namespace = Namespace::current("bridge")?;
    let route = namespace.route()?;
    let bridge = Member { namespace, route };
    let bridge_index = build_bridge(&bridge, &plan).await?;
    let mut nodes = Vec::with_capacity(plan.nodes.len());
    for node in &plan.nodes {
        nodes.push(Some(build_node(&bridge, bridge_index, &plan, node).await?));
    }
    Ok(World { plan, bridge, nodes, pods: Vec::new(), servers: Vec::new() })
}

async fn build_bridge(bridge: &Member, plan: &Plan) -> Result<u32, BuildError> {
    let name = &plan.spec.bridge;
    let [a, b, c, d] = plan.gateway.addr().octets();
    let mac = MacAddr([0x02, 0x42, a, b, c, d]);
    bridge.loopback().await?;
    bridge.add_link(name, BridgeLink::new(name.as_str()).address(mac.0).up()).await?;
    let index = bridge.index(name).await?;
    bridge
        .route
        .add_address(Ipv4Address::with_index(index, plan.gateway.addr(), plan.gateway.prefix_len()))
        .await
        .map_err(doing(format!("{name}: adding the address {}", plan.gateway)))?;
    Ok(index)
}

/// One node on the bridge.
pub(super) async fn build_node(
    bridge: &Member,
    bridge_index: u32,
    plan: &Plan,
    node: &NodePlan,
) -> Result<NodeUp, BuildError> {
    let name = &node.name.0;
    let member = Member::create(name, true)?;
    let veth = VethLink::new(node.port.as_str(), NODE_DEVICE)
        .mtu(LINK_MTU.0)
        .peer_mtu(LINK_MTU.0)
        .peer_address(node.mac.0)
        .peer_netns_fd(member.namespace.file());
    bridge.add_link(&node.port, veth.master(bridge_index).up()).await?;
    let eth0 = member.index(NODE_DEVICE).await?;
    member.loopback().await?;
    member
        .route
        .add_address(Ipv4Address::with_index(eth0, node.address.addr(), node.address.prefix_len()))
        .await
        .map_err(doing(format!("{name}: adding the address {}", node.address)))?;
    member.up(eth0, NODE_DEVICE).await?;
    member
        .route
        .add_route(Ipv4Route::default_route().gateway(plan.gateway.addr()).dev_index(eth0))
        .await
        .map_err(doing(format!("{name}: adding the default route")))?;

    // The router address announces the pod CIDR, with its prefix length; the routes to it come with routing.
    member.add_link(ROUTER_DEVICE, VethLink::new(ROUTER_DEVICE, ROUTER_PEER_DEVICE).up()).await?;
    let router = member.index(ROUTER_DEVICE).await?;
    let router_peer = member.index(ROUTER_PEER_DEVICE).await?;
    member.up(router_peer, ROUTER_PEER_DEVICE).await?;
    member.add_host_address(router, node.router, node.pod_cidr.prefix_len()).await?;
    Ok(NodeUp { member, eth0, router })
}
