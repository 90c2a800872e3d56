//! Stage `cluster_created`: the bridge, the nodes on it, their base routes and router addresses.

use ipnet::Ipv4Net;
use lab_netlink::{NewLink, NewRoute, Protocol, add_address, add_host_address, set_up};

use super::namespace::Namespace;
use super::plan::{LINK_MTU, NodePlan, Plan, ROUTER_DEVICE, ROUTER_PEER_DEVICE};
use super::world::{BuildError, Member, NodeUp, World};
use lab_model::observe::{MacAddr, UPLINK};

/// Builds the stage. The bridge is made in the namespace of this process.
pub(super) async fn build(plan: Plan) -> Result<World, BuildError> {
    let namespace = Namespace::current("bridge")?;
    let route = namespace.netlink(Protocol::Route)?;
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
    bridge.make_all(&[set_up("lo"), NewLink::bridge(name).mac(mac.0).up().add()]).await?;
    let index = bridge.index(name).await?;
    bridge.make(add_address(index, plan.gateway)).await?;
    Ok(index)
}

/// Builds one node and connects it to the bridge.
pub(super) async fn build_node(
    bridge: &Member,
    bridge_index: u32,
    plan: &Plan,
    node: &NodePlan,
) -> Result<NodeUp, BuildError> {
    let name = &node.name.0;
    let member = Member::create(name, true)?;
    let end = NewLink::peer(UPLINK).mtu(LINK_MTU.0).mac(node.mac.0).netns(member.namespace.file());
    let veth = NewLink::veth(&node.port, &end).mtu(LINK_MTU.0).master(bridge_index).up();
    bridge.make(veth.add()).await?;
    let eth0 = member.index(UPLINK).await?;
    // The prefix length of the router address shows the node's pod CIDR. Routes are added by a later stage.
    member
        .make_all(&[
            set_up("lo"),
            add_address(eth0, node.address),
            set_up(UPLINK),
            NewRoute::default_via(plan.gateway.addr()).by(eth0).add(),
            NewLink::veth(ROUTER_DEVICE, &NewLink::peer(ROUTER_PEER_DEVICE)).up().add(),
            set_up(ROUTER_PEER_DEVICE),
        ])
        .await?;
    let router = member.index(ROUTER_DEVICE).await?;
    // The prefix length is valid, because it is that of a network.
    let announced = Ipv4Net::new(node.router, node.pod_cidr.prefix_len()).unwrap_or_else(|_long| node.router.into());
    member.make(add_host_address(router, announced)).await?;
    Ok(NodeUp { member, eth0, router })
}
