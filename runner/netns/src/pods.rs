//! Stage `workload_ready`: pods with links, addresses and routes as Cilium gives them.

use lab_model::observe::UPLINK;
use lab_netlink::{NewLink, NewRoute};

use super::plan::{LINK_MTU, PodPlan, VXLAN_OVERHEAD};
use super::world::{BuildError, Member, World};
use lab_model::Routing;

/// Makes the pods. Their servers and the Service are made afterwards.
pub(super) async fn build(world: &mut World) -> Result<(), BuildError> {
    let mut pods = Vec::with_capacity(world.plan.pods.len());
    for pod in &world.plan.pods {
        let member = build_pod(world, pod).await?;
        pods.push(Some(member));
    }
    world.pods = pods;
    Ok(())
}

/// Makes one pod: it has one link with a /32 address, a route to its node's router address, and the default route via that
/// address, as with Cilium 1.12. Its node gets a /32 route to the pod, which Cilium adds with `endpointRoutes` only.
pub(super) async fn build_pod(world: &World, pod: &PodPlan) -> Result<Member, BuildError> {
    let node_plan = &world.plan.nodes[pod.node];
    let node = world.nodes[pod.node].as_ref().ok_or_else(|| BuildError::Gone(node_plan.name.to_string()))?;
    let member = Member::create(&pod.name.0, false)?;
    let end = NewLink::peer(UPLINK).mtu(LINK_MTU.0).netns(member.namespace.file());
    node.member.make(NewLink::veth(&pod.host_device, &end).mtu(LINK_MTU.0).up().add()).await?;
    let eth0 = member.index(UPLINK).await?;
    let host_end = node.member.index(&pod.host_device).await?;
    member.start(UPLINK, eth0, pod.address).await?;
    // Packets to pods behind the overlay must leave room for its headers (Cilium's route MTU).
    let mtu = match world.plan.spec.routing {
        Routing::Vxlan => Some(LINK_MTU.0 - VXLAN_OVERHEAD),
        Routing::Native | Routing::Bgp | Routing::None => None,
    };
    let default = NewRoute { mtu, ..NewRoute::default_via(node_plan.router).by(eth0) };
    member.make_all(&[NewRoute::to_host(node_plan.router).by(eth0).add(), default.add()]).await?;
    node.member.make(NewRoute::to_host(pod.address).by(host_end).add()).await?;
    Ok(member)
}
