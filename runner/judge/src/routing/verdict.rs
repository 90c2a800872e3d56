//! Whether a decision leads straight to a peer or to its pods, and if not, what is wrong with it.

use ipnet::Ipv4Net;
use std::net::Ipv4Addr;

use super::node::Node;
use super::{UPLINK, tunnel};
use crate::fib::{Decision, Flow, Refusal};
use lab_model::observe::{LookupOutcome, NextHop, Place, Route, RouteKind, TABLE_MAIN};
use lab_model::{Finding, Reason, words};

/// What packets are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    /// The pods of this CIDR, behind the peer: the peer is the router.
    Pods(Ipv4Net),
    /// The peer itself: there is no router.
    Itself,
}

/// A node, and a peer that its packets should go straight to.
#[derive(Clone, Copy)]
pub(super) struct Pair<'s, 'a> {
    pub(super) from: &'s Node<'a>,
    pub(super) aim: Aim,
    /// The address of the peer's eth0.
    pub(super) peer: Ipv4Addr,
}

/// What a decision means for the claim.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It leads straight to the peer.
    Direct,
    /// It does not: why, and what was seen.
    Astray(Reason, String),
    /// It could not be decided; on what it depends.
    Open(String),
}

impl<'s, 'a> Pair<'s, 'a> {
    /// Packets for the peer's pods; none where the peer's pod CIDR or address is not known.
    pub(super) fn to_pods(from: &'s Node<'a>, to: &Node<'_>) -> Option<Self> {
        Some(Self { from, aim: Aim::Pods(to.cidr?), peer: to.address? })
    }

    /// Packets for the peer's own address; none where it is not known.
    pub(super) fn to_itself(from: &'s Node<'a>, to: &Node<'_>) -> Option<Self> {
        Some(Self { from, aim: Aim::Itself, peer: to.address? })
    }

    /// What packets are for.
    pub(super) fn cidr(&self) -> Ipv4Net {
        match self.aim {
            Aim::Pods(cidr) => cidr,
            Aim::Itself => self.peer.into(),
        }
    }

    /// Addresses that stand for all that packets are for.
    pub(super) fn destinations(&self) -> Vec<Ipv4Addr> {
        match self.aim {
            Aim::Pods(cidr) => self.from.fib.samples(cidr),
            Aim::Itself => vec![self.peer],
        }
    }

    /// The route there should be, as `ip route` writes it.
    pub(super) fn route(&self) -> String {
        match self.aim {
            Aim::Pods(cidr) => format!("{cidr} via {} dev {UPLINK}", self.peer),
            Aim::Itself => format!("{} dev {UPLINK}", self.peer),
        }
    }

    /// What there should be.
    fn expected(&self) -> String {
        let no_router = if self.aim == Aim::Itself { ", with no router between" } else { "" };
        format!("{}: {}{no_router}", self.from.name, self.route())
    }

    /// A finding about a packet from here to the peer.
    pub(super) fn finding(&self, reason: Reason, flow: &Flow<'_>, observed: &str) -> Finding {
        Finding {
            reason,
            place: Place::Node(self.from.name.clone()),
            expected: self.expected(),
            observed: format!("{}: {observed}{}", self.from.name, origin(flow)),
            by_hand: Some(by_hand(self.from, flow)),
        }
    }

    /// Weighs what the rules and routes decide.
    pub(super) fn weigh(&self, flow: &Flow<'_>, decision: &Decision<'_>) -> Verdict {
        let destination = flow.destination;
        let (rule, table, taken) = match decision {
            Decision::Undecidable(why) => return Verdict::Open(why.clone()),
            Decision::NoRoute => {
                return Verdict::Astray(Reason::RouteMissing, format!("no route; {destination} leads nowhere"));
            }
            Decision::Refused(Refusal::Rule(rule)) => (rule.priority, None, Taken::Refused(words::rule(rule))),
            Decision::Refused(Refusal::Route(rule, route)) => {
                (rule.priority, Some(*route), Taken::Refused(words::route(route)))
            }
            Decision::Route { rule_priority, route, .. } => {
                if self.is_direct(route) {
                    return Verdict::Direct;
                }
                (*rule_priority, Some(*route), Taken::Route(route))
            }
        };
        if let Some(direct) = self.shadowed(table) {
            let what = match &taken {
                Taken::Refused(by) => format!("is refused by {by}"),
                Taken::Route(route) => format!("takes {}", words::route(route)),
            };
            let (reason, why) = match (self.aim, taken) {
                (Aim::Pods(_), _) => (Reason::Shadowed, None),
                // Every route to a peer is one beside the link's own: what counts is where it leads.
                (Aim::Itself, Taken::Refused(_)) => (Reason::RouteMissing, None),
                (Aim::Itself, Taken::Route(route)) => self.wrong(route.kind, &route.hops),
            };
            let why = why.map_or_else(String::new, |why| format!(": {why}"));
            let observed = format!("{destination} {what} (rule {rule}) before {}{why}", words::route(direct));
            return Verdict::Astray(reason, observed);
        }
        match taken {
            Taken::Refused(by) => {
                Verdict::Astray(Reason::RouteMissing, format!("no route; {destination} is refused by {by}"))
            }
            Taken::Route(route) if route.destination.prefix_len() == 0 => self.by_default(destination, &route.hops),
            Taken::Route(route) => self.astray(destination, &words::route(route), route.kind, &route.hops),
        }
    }

    /// Weighs what the kernel says, without regard to its rules and routes.
    pub(super) fn weigh_kernel(&self, destination: Ipv4Addr, outcome: &LookupOutcome) -> Verdict {
        match outcome {
            LookupOutcome::NoRoute(errno) => {
                Verdict::Astray(Reason::RouteMissing, format!("no route; the kernel says of {destination}: {errno}"))
            }
            LookupOutcome::Route { kind: RouteKind::Unicast, hop, .. } if self.leads_to_peer(hop) => Verdict::Direct,
            LookupOutcome::Route { kind, hop, .. } => {
                // The kernel does not say which destination it found; its default route is known by its hop.
                let mut defaults = self.from.fib.covering(TABLE_MAIN, Ipv4Net::default());
                if defaults.any(|route| route.hops.contains(hop)) {
                    return self.by_default(destination, std::slice::from_ref(hop));
                }
                let hops = std::slice::from_ref(hop);
                self.astray(destination, &format!("the kernel's own {}", words::hop(hop)), *kind, hops)
            }
        }
    }

    fn is_direct(&self, route: &Route) -> bool {
        route.kind == RouteKind::Unicast && matches!(route.hops.as_slice(), [hop] if self.leads_to_peer(hop))
    }

    fn leads_to_peer(&self, hop: &NextHop) -> bool {
        let to_peer = match self.aim {
            Aim::Pods(_) => hop.gateway == Some(self.peer.into()),
            // A route to the peer via the peer itself is resolved as one without a router is.
            Aim::Itself => hop.gateway.is_none_or(|gateway| gateway == self.peer),
        };
        to_peer && hop.device.as_deref() == Some(UPLINK) && !hop.encapsulates
    }

    /// The direct route of the main table that this one, or a rule where there is none, is taken before.
    fn shadowed(&self, taken: Option<&Route>) -> Option<&'a Route> {
        let direct = self.from.fib.covering(TABLE_MAIN, self.cidr()).find(|route| self.is_direct(route))?;
        // Within one table a route for the same destination wins by its metric: that one is the route then.
        let same = taken.is_some_and(|taken| taken.table == TABLE_MAIN && taken.destination == direct.destination);
        (!same).then_some(direct)
    }

    fn astray(&self, destination: Ipv4Addr, route: &str, kind: RouteKind, hops: &[NextHop]) -> Verdict {
        let takes = format!("{destination} takes {route}");
        match self.wrong(kind, hops) {
            (reason, Some(why)) => Verdict::Astray(reason, format!("{takes}: {why}")),
            (reason, None) => Verdict::Astray(reason, takes),
        }
    }

    /// What is wrong with a route that is not direct, and of a tunnel why it is one.
    fn wrong(&self, kind: RouteKind, hops: &[NextHop]) -> (Reason, Option<String>) {
        if let Some(why) = hops.iter().find_map(|hop| tunnel::why_tunnel(self.from.view, hop)) {
            return (Reason::ThroughTunnel, Some(why));
        }
        if kind != RouteKind::Unicast || hops.iter().any(|hop| hop.device.as_deref() != Some(UPLINK)) {
            return (Reason::WrongDevice, None);
        }
        match self.aim {
            Aim::Pods(_) => (Reason::WrongNextHop, None),
            Aim::Itself => (Reason::PeerBehindRouter, None),
        }
    }

    /// The packet has no route of its own, and these hops of a default route take it.
    fn by_default(&self, destination: Ipv4Addr, hops: &[NextHop]) -> Verdict {
        let leaves = hops.first().map_or_else(String::new, |hop| match hop.gateway {
            Some(gateway) => format!(" {}", words::via(gateway)),
            None => format!(" {}", words::hop(hop)),
        });
        let observed = format!("no route; {destination} would leave through default{leaves}");
        let reason = match self.aim {
            Aim::Pods(_) => Reason::RouteMissing,
            Aim::Itself => self.wrong(RouteKind::Unicast, hops).0,
        };
        Verdict::Astray(reason, observed)
    }
}

/// What took the packet.
enum Taken<'a> {
    Route(&'a Route),
    Refused(String),
}

/// Where a packet comes from, when that is not left to the kernel.
fn origin(flow: &Flow<'_>) -> String {
    match (flow.source, flow.iif) {
        (Some(source), Some(_link)) => format!(" (forwarded from {source})"),
        (Some(source), None) => format!(" (from {source})"),
        (None, _) => String::new(),
    }
}

/// The same question to the kernel by hand; where the link does not exist yet, its rules.
pub(super) fn by_hand(node: &Node<'_>, flow: &Flow<'_>) -> String {
    let destination = flow.destination;
    match (flow.source, flow.iif) {
        (Some(source), Some(link)) if node.view.link(link).is_some() => {
            format!("ip route get {destination} from {source} iif {link}")
        }
        (_, Some(_no_link)) => "ip rule show".to_owned(),
        (Some(source), None) => format!("ip route get {destination} from {source}"),
        (None, None) => format!("ip route get {destination}"),
    }
}
