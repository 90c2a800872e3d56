//! Packets that go to another node than the peer's: that one must lead them to the peer, and not back.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use crate::fib::{Decision, Fib, Flow};
use crate::weighing::Weighing;
use lab_model::foreign::ForeignRoutingSeen;
use lab_model::observe::{NodeName, Place, RouteKind};
use lab_model::road::{Road, Way};
use lab_model::{Reason, words};

/// A detour: who sends, for whom, and a destination that stands for it.
type Detour = (NodeName, NodeName, Ipv4Addr);

/// All detours, by the node that must lead them on.
#[derive(Debug, Default)]
pub(super) struct Detours(BTreeMap<NodeName, Vec<Detour>>);

impl Detours {
    pub(super) fn add(&mut self, from: NodeName, to: NodeName, via: NodeName, destination: Ipv4Addr) {
        self.0.entry(via).or_default().push((from, to, destination));
    }

    /// Follows each one step: each node's tables are read once more, one node after another.
    pub(super) fn judge(
        &self,
        seen: &ForeignRoutingSeen,
        owners: &BTreeMap<Ipv4Addr, &NodeName>,
        weighing: &mut Weighing,
        astray: &mut Vec<Road>,
    ) {
        for (via, detours) in &self.0 {
            let view = match seen.tables.get(via) {
                Some(Ok(tables)) => tables.view(),
                Some(Err(why)) => Err(why.clone()),
                None => Err("its routes were not read".to_owned()),
            };
            let view = match view {
                Ok(view) => view,
                Err(why) => {
                    weighing.miss(format!("{via}, which leads packets on: {why}"));
                    continue;
                }
            };
            let fib = Fib::new(&view);
            for (from, to, destination) in detours {
                let Some(observed) = follow(&fib, owners, via, (from, to, *destination), weighing) else { continue };
                weighing.refute(
                    Reason::WrongNextHop,
                    Place::Node(from.clone()),
                    format!("{from}: a way to the pods of {to}"),
                    format!("{from}: {observed}"),
                    Some(format!("ip route get {destination}")),
                );
                let peer = seen.nodes.iter().find(|node| node.name == *to);
                let pods = peer.and_then(|peer| peer.pod_networks.iter().find(|network| network.contains(destination)));
                astray.extend(pods.map(|pods| Road {
                    from: from.clone(),
                    to: to.clone(),
                    pods: *pods,
                    way: Way::Astray { reason: Reason::WrongNextHop, observed },
                }));
            }
        }
    }
}

/// Where a detour ends instead of at the peer; none where it gets there, and where that is not seen.
fn follow(
    fib: &Fib<'_>,
    owners: &BTreeMap<Ipv4Addr, &NodeName>,
    via: &NodeName,
    (from, to, destination): (&NodeName, &NodeName, Ipv4Addr),
    weighing: &mut Weighing,
) -> Option<String> {
    let decision = fib.decide(&Flow { destination, source: None, iif: None });
    let wrong = match &decision {
        Decision::Route { route, .. } if route.kind == RouteKind::Unicast => {
            if route.hops.is_empty() {
                weighing.miss(format!("{via}, which leads packets on: {} has no next hop", words::route(route)));
                return None;
            }
            let next: Vec<Option<&NodeName>> = route
                .hops
                .iter()
                .map(|hop| match hop.gateway {
                    Some(IpAddr::V4(address)) => owners.get(&address).copied(),
                    Some(IpAddr::V6(_)) | None => None,
                })
                .collect();
            if next.iter().all(|node| *node == Some(to)) {
                return None;
            }
            if next.contains(&Some(from)) {
                format!("which sends it back: {}", words::route(route))
            } else if let Some(node) = next.into_iter().flatten().find(|node| *node != to) {
                weighing.miss(format!("{from}: {destination} goes to {via} and on to {node}, which is not {to}"));
                return None;
            } else {
                // On to a router, whose routes are not seen.
                return None;
            }
        }
        Decision::Undecidable(why) => {
            weighing.miss(format!("{via}, which leads packets on: {why}"));
            return None;
        }
        Decision::Route { route, .. } => format!("where it ends: {}", words::route(route)),
        Decision::NoRoute | Decision::Refused(_) => "which has no route for it".to_owned(),
    };
    Some(format!("{destination} goes to {via}, {wrong}"))
}
