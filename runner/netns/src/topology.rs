//! Stage `cluster_created`: the bridge, the nodes on it, their base routes and router addresses.

use ipnet::Ipv4Net;
use std::path::Path;

use lab_netlink::{NewLink, NewRoute, Protocol, add_address, add_host_address, set_up};

use super::namespace::Namespace;
use super::plan::{LINK_MTU, NodePlan, Plan, ROUTER_DEVICE, ROUTER_PEER_DEVICE};
use super::racks;
use super::world::{BuildError, Member, NodeUp, World};
use lab_model::observe::{MacAddr, UPLINK};
use lab_model::words;

/// Builds the stage. The bridge is made in the namespace of this process.
///
/// With racks, that one stays empty, and each ToR has a bridge of its own. `state` is where their BIRD has its files.
pub(super) async fn build(plan: Plan, state: &Path) -> Result<World, BuildError> {
    let namespace = Namespace::current("bridge")?;
    let route = namespace.netlink(Protocol::Route)?;
    let bridge = Member { namespace, route };
    let routers = if let Some(racks) = &plan.spec.racks {
        racks::build(&plan, racks, state).await?
    } else {
        build_bridge(&bridge, &plan.spec.bridge, plan.gateway).await?;
        Vec::new()
    };
    let mut world =
        World { plan, bridge, nodes: Vec::new(), pods: Vec::new(), routers, speakers: Vec::new(), servers: Vec::new() };
    let mut nodes = Vec::with_capacity(world.plan.nodes.len());
    for node in &world.plan.nodes {
        nodes.push(Some(build_node(world.hub(node), &world.plan, node).await?));
    }
    world.speakers.resize(nodes.len(), None);
    world.nodes = nodes;
    Ok(world)
}

/// What the stage has made, as text.
pub(super) fn summary(plan: &Plan) -> String {
    match plan.racks() {
        None => format!("1 bridge, {} nodes on {}", plan.nodes.len(), plan.gateway.trunc()),
        Some(racks) => {
            let networks: Vec<String> = racks.racks.iter().map(|rack| rack.gateway.trunc().to_string()).collect();
            let networks = words::few(&networks, 3, ", ");
            format!("{} nodes in {} racks on {networks}, a router between them", plan.nodes.len(), racks.racks.len())
        }
    }
}

/// Makes the bridge that nodes hang on, with their gateway's address.
pub(super) async fn build_bridge(hub: &Member, name: &str, gateway: Ipv4Net) -> Result<(), BuildError> {
    let [a, b, c, d] = gateway.addr().octets();
    let mac = MacAddr([0x02, 0x42, a, b, c, d]);
    hub.make_all(&[set_up("lo"), NewLink::bridge(name).mac(mac.0).up().add()]).await?;
    let index = hub.index(name).await?;
    hub.make(add_address(index, gateway)).await
}

/// Builds one node and connects it to the bridge in the namespace `hub`.
pub(super) async fn build_node(hub: &Member, plan: &Plan, node: &NodePlan) -> Result<NodeUp, BuildError> {
    let name = &node.name.0;
    let bridge_index = hub.index(&plan.spec.bridge).await?;
    let member = Member::create(name, true)?;
    let end = NewLink::peer(UPLINK).mtu(LINK_MTU.0).mac(node.mac.0).netns(member.namespace.file());
    let veth = NewLink::veth(&node.port, &end).mtu(LINK_MTU.0).master(bridge_index).up();
    hub.make(veth.add()).await?;
    let eth0 = member.index(UPLINK).await?;
    // The prefix length of the router address shows the node's pod CIDR. Routes are added by a later stage.
    member
        .make_all(&[
            set_up("lo"),
            add_address(eth0, node.address),
            set_up(UPLINK),
            NewRoute::default_via(node.gateway.addr()).by(eth0).add(),
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
