//! Announcing the nodes' pod CIDRs, and waiting until the routers have learnt them.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::speaker::{self, Speech};
use super::world::{BuildError, RouterUp, World, at};
use lab_base::clock;
use lab_base::clock::Poll;
use lab_model::Routing;
use lab_model::observe::NodeName;

/// How long routers may take to learn all routes. BIRD waits up to a second before it connects; the rest is for machines
/// under load.
const DEADLINE: Duration = Duration::from_secs(20);
/// The time between two checks.
const INTERVAL: Duration = Duration::from_millis(5);

/// How a node announces its pod CIDR. All but the first are faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Announcing {
    /// As the plan says.
    AsPlanned,
    /// From another AS than the plan says.
    FromAnotherAs,
    /// It has a session, and announces nothing.
    Nothing,
    /// It has no session.
    NotAtAll,
}

impl fmt::Display for Announcing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::AsPlanned => "announce as planned",
            Self::FromAnotherAs => "announce from another AS",
            Self::Nothing => "announce nothing",
            Self::NotAtAll => "end",
        })
    }
}

/// Announces the pod CIDR of the node at this position as the plan says, if the node runs.
pub(super) fn default(world: &mut World, index: usize) -> Result<(), BuildError> {
    announce(world, index, Announcing::AsPlanned)
}

/// Announces a node's pod CIDR in another way from now on, and waits until all is as the plan says if that is how.
pub(super) async fn instead(world: &mut World, node: &NodeName, how: Announcing) -> Result<(), BuildError> {
    let index = world.plan.nodes.iter().position(|plan| plan.name == *node);
    let index = index.ok_or_else(|| BuildError::Missing(format!("node {node}")))?;
    announce(world, index, how)?;
    if how == Announcing::AsPlanned { until_learnt(world).await } else { until_withdrawn(world, index).await }
}

fn announce(world: &mut World, index: usize, how: Announcing) -> Result<(), BuildError> {
    if let Some(speaker) = world.speakers[index].take() {
        speaker.abort();
    }
    let (plan, layout) = (&world.plan.nodes[index], world.plan.racks());
    let (Some(node), Some(layout)) = (&world.nodes[index], layout) else { return Ok(()) };
    let rack = &layout.racks[plan.rack];
    let speech = Speech {
        own: plan.address.addr(),
        own_as: if how == Announcing::FromAnotherAs { layout.router_as } else { rack.node_as },
        tor: rack.gateway.addr(),
        tor_as: rack.tor_as,
        hold: layout.hold,
        pod_cidr: (how != Announcing::Nothing).then_some(plan.pod_cidr),
    };
    if how != Announcing::NotAtAll {
        let namespace = node.member.namespace.try_clone()?;
        world.speakers[index] = Some(tokio::task::spawn_local(speaker::speak(namespace, speech)).abort_handle());
    }
    Ok(())
}

/// Waits until every router's kernel has the way to every rack, to the router's own address and, with BGP, to every running
/// node's pods. Does nothing where there are no racks.
pub(super) async fn until_learnt(world: &World) -> Result<(), BuildError> {
    if world.plan.racks().is_none() {
        return Ok(());
    }
    let ways = ways(world);
    let waited = clock::until(DEADLINE, INTERVAL, "the routers' learning of all routes", async || {
        if let Some(ended) = world.routers.iter().find_map(RouterUp::ended) {
            return Poll::Failed(ended);
        }
        for way in &ways {
            match way.is_there(world).await {
                Ok(None) => {}
                Ok(Some(lacking)) => return Poll::NotYet(lacking),
                Err(error) => return Poll::Failed(error.to_string()),
            }
        }
        Poll::Ready(())
    })
    .await;
    waited.map_err(|error| BuildError::NotUp(error.to_string()))
}

/// How long routers may take to forget the pods of a node whose speaker has ended. The connection's end tells its ToR at once.
const WITHDRAWN: Duration = Duration::from_secs(2);

/// Waits until no router's kernel has a way to a node's pods any more.
async fn until_withdrawn(world: &World, index: usize) -> Result<(), BuildError> {
    let plan = &world.plan.nodes[index];
    let what = format!("the withdrawal of {} everywhere", plan.pod_cidr);
    let waited = clock::until(WITHDRAWN, INTERVAL, &what, async || {
        for router in &world.routers {
            if let Ok(way) = router.member.route.way_to(plan.router).await {
                let via = way.gateway.map_or_else(|| "on a link".to_owned(), |via| format!("via {via}"));
                return Poll::<(), String>::NotYet(format!("{} still has it {via}", router.place));
            }
        }
        Poll::Ready(())
    })
    .await;
    waited.map_err(|error| BuildError::NotUp(error.to_string()))
}

/// Where a router's packets to an address must go.
struct Way {
    router: usize,
    to: Ipv4Addr,
    via: Ipv4Addr,
}

impl Way {
    /// None where the router's kernel has it, else what it has instead.
    async fn is_there(&self, world: &World) -> Result<Option<String>, BuildError> {
        let router = &world.routers[self.router];
        let lacking =
            |instead: String| Ok(Some(format!("{}: {} {instead}, not via {}", router.place, self.to, self.via)));
        match router.member.route.way_to(self.to).await.map_err(at(router.member.name())) {
            Ok(way) if way.gateway == Some(self.via) => Ok(None),
            Ok(way) => lacking(way.gateway.map_or_else(|| "is on a link".to_owned(), |via| format!("goes via {via}"))),
            // The kernel has no route yet.
            Err(error) => lacking(error.to_string()),
        }
    }
}

/// All ways that there must be.
fn ways(world: &World) -> Vec<Way> {
    let Some(layout) = world.plan.racks() else { return Vec::new() };
    let router = layout.racks.len();
    let mut ways = Vec::new();
    // From each place to a rack: by the router's link to it, or by the ToR's to the router.
    let mut to_rack = |rack: usize, to: Ipv4Addr| {
        ways.push(Way { router, to, via: layout.racks[rack].tor_end.addr() });
        let others = layout.racks.iter().enumerate().filter(|(other, _)| *other != rack);
        ways.extend(others.map(|(other, at)| Way { router: other, to, via: at.router_end.addr() }));
    };
    for (position, rack) in layout.racks.iter().enumerate() {
        to_rack(position, rack.gateway.addr());
    }
    let bgp = world.plan.spec.routing == Routing::Bgp;
    let running: Vec<_> = world.running().filter(|_| bgp).map(|(_, plan, _)| plan).collect();
    for plan in &running {
        to_rack(plan.rack, plan.router);
    }
    for plan in running {
        ways.push(Way { router: plan.rack, to: plan.router, via: plan.address.addr() });
    }
    let outside = world.plan.outside();
    ways.extend(layout.racks.iter().enumerate().map(|(at, rack)| Way {
        router: at,
        to: *outside.ip(),
        via: rack.router_end.addr(),
    }));
    ways
}
