//! Where one packet goes, and whether that is as it should be.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};

use super::Here;
use crate::fib::{Decision, Flow, Refusal};
use crate::routing::{links, tunnel};
use lab_model::foreign::{AgentLog, Beneath, Configuration, ForeignNode, RefusedRoute, RoutesBy};
use lab_model::observe::{NextHop, NodeName, Route, RouteKind};
use lab_model::{Reason, words};

/// `WireGuard`'s device (cilium 1.12 to 1.15: `pkg/wireguard/types/types.go`, `IfaceName`).
pub(super) const WIREGUARD: &str = "cilium_wg0";

/// What was found about a packet for a peer's pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// It goes to the peer itself.
    Direct,
    /// It leaves as it is, to a router of the network's.
    ByNetwork {
        /// The router; none where the address is on the link itself.
        router: Option<IpAddr>,
        /// By the default route.
        default: bool,
    },
    /// It goes to another node, which must lead it on.
    ByNode(NodeName),
    /// It goes where it should not.
    Astray(Reason, String),
    /// It depends on what was not seen.
    Open(String),
}

/// Judges packets of one node.
pub(super) struct Judge<'a> {
    pub(super) here: &'a Here<'a>,
    pub(super) owners: &'a BTreeMap<Ipv4Addr, &'a NodeName>,
    pub(super) configuration: &'a Configuration,
    /// What the node's agent logs of routes that it could not make; none where that was not read.
    pub(super) log: Option<&'a AgentLog>,
}

impl Judge<'_> {
    /// Judges one packet for a pod of a peer.
    pub(super) fn way(&self, peer: &ForeignNode, flow: &Flow<'_>) -> Way {
        let destination = flow.destination;
        match self.here.fib.decide(flow) {
            Decision::Undecidable(why) => Way::Open(why),
            Decision::NoRoute => {
                let why = if self.agents_make(peer) { self.why_missing(peer) } else { String::new() };
                Way::Astray(Reason::RouteMissing, format!("no route; {destination} leads nowhere{why}"))
            }
            Decision::Refused(Refusal::Rule(rule)) => Way::Astray(
                Reason::RouteMissing,
                format!("no route; {destination} is refused by rule {}", words::rule(rule)),
            ),
            Decision::Refused(Refusal::Route(_, route)) => Way::Astray(
                Reason::RouteMissing,
                format!("no route; {destination} is refused by {}", words::route(route)),
            ),
            Decision::Route { route, .. } => {
                // Of several hops any may be taken: the worst one counts.
                let hops = route.hops.iter().map(|hop| self.hop(peer, destination, route, hop));
                hops.reduce(worse).unwrap_or_else(|| {
                    let takes = format!("{destination} takes {}", words::route(route));
                    if route.kind == RouteKind::Unicast {
                        Way::Open(format!("{takes}, which has no next hop"))
                    } else {
                        Way::Astray(Reason::WrongDevice, takes)
                    }
                })
            }
        }
    }

    fn hop(&self, peer: &ForeignNode, destination: Ipv4Addr, route: &Route, hop: &NextHop) -> Way {
        let takes = || format!("{destination} takes {}", words::route(route));
        if route.kind != RouteKind::Unicast {
            return Way::Astray(Reason::WrongDevice, format!("{}: it ends on this node", takes()));
        }
        if let Some(device) = hop.device.as_deref().filter(|device| self.here.view.link(device).is_none()) {
            return Way::Open(format!("{}, and {device} is not among the node's links", takes()));
        }
        let encrypts = self.configuration.beneath == Beneath::WireGuard && hop.device.as_deref() == Some(WIREGUARD);
        if let Some(why) = tunnel::why_tunnel(self.here.view, hop).filter(|_why| !encrypts) {
            return Way::Astray(Reason::ThroughTunnel, format!("{}: {why}", takes()));
        }
        if encrypts {
            return Way::Direct;
        }
        if self.stays(hop) {
            return Way::Astray(Reason::WrongDevice, format!("{}: it leads to this node's own pods", takes()));
        }
        let of_peer = match hop.gateway {
            Some(IpAddr::V4(address)) => Some(address).filter(|address| peer.addresses.contains(address)),
            Some(IpAddr::V6(_)) | None => None,
        };
        if let Some(address) = of_peer {
            return match self.device_to(address) {
                Some(device) if hop.device.as_deref() != Some(device.as_str()) => {
                    Way::Astray(Reason::WrongDevice, format!("{}: the peer itself is reached by {device}", takes()))
                }
                _ => Way::Direct,
            };
        }
        let default = route.destination.prefix_len() == 0;
        let other = hop.gateway.and_then(|gateway| match gateway {
            IpAddr::V4(address) => self.owners.get(&address).copied(),
            IpAddr::V6(_) => None,
        });
        if self.agents_make(peer) {
            return match (default, other) {
                (true, _) => Way::Astray(Reason::RouteMissing, self.missing(peer, destination, hop)),
                (false, Some(node)) => Way::Astray(Reason::WrongNextHop, format!("{}, which is {node}", takes())),
                (false, None) => Way::Astray(Reason::WrongNextHop, takes()),
            };
        }
        match other {
            Some(node) if *node == self.here.node.name => {
                Way::Astray(Reason::WrongNextHop, format!("{}, which is this node itself", takes()))
            }
            Some(node) => Way::ByNode(node.clone()),
            None => Way::ByNetwork { router: hop.gateway, default },
        }
    }

    /// Whether this node's agent should have made a route to the peer itself.
    fn agents_make(&self, peer: &ForeignNode) -> bool {
        match self.configuration.routes {
            RoutesBy::Agents => true,
            RoutesBy::AgentsAndNetwork => peer.addresses.iter().any(|address| self.here.reaches(*address)),
            RoutesBy::Network => false,
        }
    }

    /// That there is no route of its own for a peer's pods, and why, as far as that is known.
    fn missing(&self, peer: &ForeignNode, destination: Ipv4Addr, hop: &NextHop) -> String {
        let by = hop.gateway.map_or_else(|| words::hop(hop), words::via);
        format!("no route; {destination} would leave through default {by}{}", self.why_missing(peer))
    }

    /// Why an agent has made no route to a peer, as far as the addresses and its log tell; empty where they tell nothing.
    fn why_missing(&self, peer: &ForeignNode) -> String {
        let refused = self.log.into_iter().flat_map(|log| &log.refused);
        let logged = refused.into_iter().find(|route| peer.addresses.contains(&route.to));
        let apart = !peer.addresses.iter().any(|address| self.here.reaches(*address));
        let mut text = String::new();
        if let (true, Some(address)) = (apart, peer.addresses.first()) {
            // Writing to a String cannot fail.
            let _ = write!(
                text,
                "; the nodes are in two subnets: {}'s {address} is in no subnet of this node's{}, and agents make routes within one \
                 alone",
                peer.name,
                self.here.own_subnet().map(|own| format!(" ({own})")).unwrap_or_default()
            );
        }
        let _ = match logged {
            Some(RefusedRoute { to, gateway }) => write!(
                text,
                "; its agent has logged `route to destination {to} contains gateway {gateway}, must be directly reachable`"
            ),
            None if apart => write!(text, ": of such a peer they log `must be directly reachable`"),
            None => Ok(()),
        };
        text
    }

    /// Whether the hop leads to pods of this node.
    fn stays(&self, hop: &NextHop) -> bool {
        let Some(link) = hop.device.as_deref().and_then(|device| self.here.view.link(device)) else { return false };
        let is_pod = |cidr| links::pod_links(self.here.view, Some(cidr)).any(|pod| pod.index == link.index);
        self.here.node.pod_networks.iter().any(|cidr| links::keeps(self.here.view, *cidr, hop) || is_pod(*cidr))
    }

    /// The link by which this node reaches an address of the peer itself.
    fn device_to(&self, destination: Ipv4Addr) -> Option<String> {
        match self.here.fib.decide(&Flow { destination, source: None, iif: None }) {
            Decision::Route { route, .. } if route.kind == RouteKind::Unicast => {
                let [hop] = route.hops.as_slice() else { return None };
                hop.device.clone()
            }
            _ => None,
        }
    }
}

/// The one of two that is worse.
pub(super) fn worse(one: Way, other: Way) -> Way {
    let rank = |way: &Way| match way {
        Way::Direct => 0,
        Way::ByNetwork { .. } => 1,
        Way::ByNode(_) => 2,
        Way::Open(_) => 3,
        Way::Astray(..) => 4,
    };
    if rank(&other) > rank(&one) { other } else { one }
}
