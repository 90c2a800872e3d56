//! Routes, rules and the kernel's answer to a lookup, as rtnetlink(7) reports them.

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr};

use super::Mtu;

/// `RT_TABLE_DEFAULT` (include/uapi/linux/rtnetlink.h).
pub const TABLE_DEFAULT: u32 = 253;
/// `RT_TABLE_MAIN`.
pub const TABLE_MAIN: u32 = 254;
/// `RT_TABLE_LOCAL`: addresses of this namespace, kept by the kernel.
pub const TABLE_LOCAL: u32 = 255;

/// `RTN_*`: what a route does with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the kernel's own names, documented in rtnetlink(7)")]
pub enum RouteKind {
    Unicast,
    Local,
    Broadcast,
    Anycast,
    Multicast,
    Blackhole,
    Unreachable,
    Prohibit,
    Throw,
    Nat,
    Unknown,
}

/// One hop of a route. Those of objects of their own (`ip nexthop`) are the route's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextHop {
    /// The router, which may be one of IPv6 (RFC 8950); none when the destination is on the link.
    pub gateway: Option<IpAddr>,
    /// Name of the link it leaves by; none for routes without one (blackhole).
    pub device: Option<String>,
    /// The route encapsulates by itself (`RTA_ENCAP`): a light-weight tunnel without a device of its own.
    pub encapsulates: bool,
}

/// An IPv4 route of any table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Routing table's number.
    pub table: u32,
    /// Destination; `0.0.0.0/0` is the default route.
    pub destination: Ipv4Net,
    /// What it does.
    pub kind: RouteKind,
    /// One, or several for a multipath route; empty where the kind needs none.
    pub hops: Vec<NextHop>,
    /// Preferred source address.
    pub source: Option<Ipv4Addr>,
    /// `RTPROT_*`: who made it (2 kernel, 3 boot, 4 static).
    pub protocol: u8,
    /// `RT_SCOPE_*`: 0 global, 253 link, 254 host.
    pub scope: u8,
    /// `RTA_PRIORITY`: lower wins among equal destinations; 0 where the kernel names none.
    pub metric: u32,
    /// Type of service it is limited to; 0 is any.
    pub tos: u8,
    /// MTU of this route, when it differs from its link's.
    pub mtu: Option<Mtu>,
}

/// What a rule does with the packets it matches (`fib_rules.h`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleAction {
    /// Look into this table.
    Lookup(u32),
    /// Go on at the rule of this priority.
    Goto(u32),
    /// Do nothing.
    Nop,
    /// Drop silently.
    Blackhole,
    /// Drop, and tell the sender that it is unreachable.
    Unreachable,
    /// Drop, and tell the sender that it is prohibited.
    Prohibit,
    /// Another one, by its number.
    Other(u8),
}

/// A routing rule (`ip rule`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Lower comes first.
    pub priority: u32,
    /// Source prefix; none is any.
    pub source: Option<Ipv4Net>,
    /// Destination prefix; none is any.
    pub destination: Option<Ipv4Net>,
    /// `(mark & mask) == value`: value and mask; none is any mark.
    pub fwmark: Option<(u32, u32)>,
    /// Name of the link the packet came in by; `lo` stands for packets of this host's own.
    pub iif: Option<String>,
    /// Name of the link that the socket is bound to.
    pub oif: Option<String>,
    /// The match is inverted (`not`).
    pub inverted: bool,
    /// Selectors that this type does not hold (tos, uid range, ports, protocol, tunnel id, suppressors), by name.
    pub other_selectors: Vec<String>,
    /// What it does.
    pub action: RuleAction,
}

impl Rule {
    /// A rule for every packet.
    pub const fn for_all(priority: u32, action: RuleAction) -> Self {
        Self {
            priority,
            source: None,
            destination: None,
            fwmark: None,
            iif: None,
            oif: None,
            inverted: false,
            other_selectors: Vec::new(),
            action,
        }
    }
}

/// A question to the kernel's own routing (`ip route get`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LookupQuery {
    /// Where the packet goes.
    pub destination: Ipv4Addr,
    /// Where it comes from; none lets the kernel choose, as for a packet of the host's own.
    pub source: Option<Ipv4Addr>,
    /// Name of the link it came in by; none for a packet of the host's own. Needs a source.
    pub iif: Option<String>,
}

/// What the kernel would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LookupOutcome {
    /// It would use this hop.
    Route {
        /// What the route does.
        kind: RouteKind,
        /// Where the packet would go.
        hop: NextHop,
        /// The table it was found in.
        table: u32,
    },
    /// It has none: the errno's text.
    NoRoute(String),
}

/// A question and the kernel's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lookup {
    /// What was asked.
    pub query: LookupQuery,
    /// What it said.
    pub outcome: LookupOutcome,
}
