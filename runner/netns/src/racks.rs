//! Stage `cluster_created` with racks: a ToR for each, the router between them, and BIRD in each of these.

use std::path::Path;

use lab_netlink::{NewLink, Protocol, add_address, set_up};

use super::bird;
use super::namespace::Namespace;
use super::plan::{LINK_MTU, Plan, RacksSpec};
use super::topology;
use super::world::{BuildError, Member, RouterUp};
use lab_model::racks::{self, Rack, TOR_UPLINK, router_port};

/// Builds the ToRs and the router, in this order. `state` is where BIRD has its files.
pub(super) async fn build(plan: &Plan, spec: &RacksSpec, state: &Path) -> Result<Vec<RouterUp>, BuildError> {
    let layout = &spec.layout;
    let router = Member::create(racks::ROUTER, true)?;
    let own = ipnet::Ipv4Net::from(layout.router);
    router.make_all(&[set_up("lo"), add_address(router.index("lo").await?, own)]).await?;
    let mut members = Vec::with_capacity(layout.racks.len());
    for (position, rack) in layout.racks.iter().enumerate() {
        members.push(build_tor(plan, &router, position, rack).await?);
    }
    members.push(router);
    let mut routers = Vec::with_capacity(members.len());
    for (place, member) in layout.routers().zip(members) {
        let bird = bird::start(
            &spec.bird,
            state,
            &place,
            lab_bird::config(layout, &plan.spec.bridge, &place),
            &member.namespace,
        )?;
        routers.push(RouterUp { place, member, bird });
    }
    Ok(routers)
}

/// One ToR: the rack's bridge with the nodes' gateway address, and a link to the router.
async fn build_tor(plan: &Plan, router: &Member, position: usize, rack: &Rack) -> Result<Member, BuildError> {
    let namespace = Namespace::create(&racks::tor(position).to_string(), true)?;
    let route = namespace.netlink(Protocol::Route)?;
    let tor = Member { namespace, route };
    topology::build_bridge(&tor, &plan.spec.bridge, rack.gateway).await?;
    let port = router_port(position);
    let end = NewLink::peer(TOR_UPLINK).mtu(LINK_MTU.0).netns(tor.namespace.file());
    router.make(NewLink::veth(&port, &end).mtu(LINK_MTU.0).up().add()).await?;
    router.make(add_address(router.index(&port).await?, rack.router_end)).await?;
    tor.make_all(&[add_address(tor.index(TOR_UPLINK).await?, rack.tor_end), set_up(TOR_UPLINK)]).await?;
    Ok(tor)
}
