//! Judges: pure functions from observations to a judgement.
//!
//! A judge reads nothing but its arguments. It holds a claim only for a reason that it can show ([`Proof`]),
//! refutes it with every [`Finding`] against it, and says that nothing was seen where nothing was seen.

pub mod adjacency;
pub mod fib;
#[cfg(test)]
mod fixture;
pub mod routing;
pub mod seen;
pub mod service;
mod weighing;
pub mod wire;
mod words;

use serde::{Deserialize, Serialize};
use std::fmt;

use crate::observe::Place;

/// What a judge says of a claim.
pub type Judgement = Result<Proof, NotHeld>;

/// Why a claim holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// One line for a reader, with numbers "of how many": `6 of 6 ARP answers come from the peer itself`.
    pub summary: String,
    /// Further lines, one observation each.
    pub details: Vec<String>,
}

impl Proof {
    /// A proof of one line.
    pub fn new(summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), details: Vec::new() }
    }

    /// The same with further lines.
    pub fn with_details(mut self, details: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(details);
        self
    }
}

/// Why a claim does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotHeld {
    /// It is false: at least one finding against it.
    Refuted(Vec<Finding>),
    /// Nothing was seen that could decide it; what is missing, and where.
    Unobserved(String),
}

impl NotHeld {
    /// The reasons of all findings; empty when it is unobserved.
    pub fn reasons(&self) -> Vec<Reason> {
        match self {
            Self::Refuted(findings) => findings.iter().map(|finding| finding.reason).collect(),
            Self::Unobserved(_) => Vec::new(),
        }
    }
}

/// One observation that a claim cannot be true with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What kind of thing is wrong.
    pub reason: Reason,
    /// Where it was seen.
    pub place: Place,
    /// What the claim needs.
    pub expected: String,
    /// What is there instead.
    pub observed: String,
    /// A command that shows it by hand, to be run at [`Finding::place`], for example `ip route get 10.0.2.7`.
    pub by_hand: Option<String>,
}

/// `Ok(proof)` when there are no findings, else the refutation.
///
/// # Errors
/// [`NotHeld::Refuted`] with the findings, when there are any.
pub fn unless_refuted(findings: Vec<Finding>, proof: impl FnOnce() -> Proof) -> Judgement {
    if findings.is_empty() { Ok(proof()) } else { Err(NotHeld::Refuted(findings)) }
}

/// The kinds of things that refute a claim. A negative control must be refuted for exactly its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A node that should be there does not answer the probe.
    NodeDoesNotAnswer,
    /// There are more or fewer nodes of a role than there should be.
    WrongNodeCount,
    /// Two nodes share a network namespace.
    SharedNamespace,
    /// A node has no eth0, or no address on it.
    NoAddress,
    /// Two nodes have the same address.
    SharedAddress,
    /// A node is not on the bridge.
    NotOnBridge,
    /// Nodes are on the bridge but in different subnets.
    OtherSubnet,
    /// Nobody answers ARP for a peer.
    NoArpAnswer,
    /// Another link-layer address than the peer's own answers for it: a router in between.
    AnotherAnswersForPeer,
    /// A base route is missing.
    BaseRouteMissing,
    /// A route is there before routing was installed.
    RouteBeforeRouting,
    /// No route leads to a peer's pod CIDR but the default route, or none at all.
    RouteMissing,
    /// A route to a peer's pod CIDR has another next hop than that peer.
    WrongNextHop,
    /// A route to a peer's pod CIDR leads through a tunnel device or encapsulates.
    ThroughTunnel,
    /// A route to a peer's pod CIDR leaves by another device than eth0 that is no tunnel.
    WrongDevice,
    /// A rule or a route of another table takes the packet before the direct route can.
    Shadowed,
    /// The kernel decides otherwise than the rules and routes it reported.
    KernelDisagrees,
    /// There is a tunnel device.
    TunnelDevice,
    /// A node's own pod CIDR leads to a peer or away from the node.
    OwnCidrLeadsAway,
    /// There are more or fewer ready pods than replicas.
    WrongReplicaCount,
    /// Pods share a worker, or are not on a worker.
    NotOnTwoWorkers,
    /// A pod's address is not within its node's pod CIDR.
    OutsidePodCidr,
    /// There is no such Service.
    NoService,
    /// The ClusterIP is within a pod CIDR.
    ClusterIpWithinPodCidr,
    /// A ready pod is no endpoint.
    EndpointMissing,
    /// An endpoint is no ready pod.
    EndpointStale,
    /// The datapath's table lacks the frontend.
    FrontendMissing,
    /// The datapath's table lacks an endpoint.
    BackendMissing,
    /// The datapath's table has a backend that is no endpoint.
    BackendStale,
    /// A backend of the datapath's table is not active.
    BackendInactive,
    /// No connection was answered.
    NoAnswer,
    /// A connection was closed without a response.
    EmptyReply,
    /// A response had another status than 200.
    WrongStatus,
    /// A response was not hello-app's three lines, or named a host that is no pod of the workload.
    AnotherServerAnswers,
    /// Some connections were answered, others not.
    SomeUnanswered,
    /// One of the backends has not answered within the attempts.
    BackendNeverAnswers,
    /// A request from pod to pod across nodes was not answered.
    PodUnreachable,
    /// Pod traffic is inside a tunnel's packets.
    Encapsulated,
    /// Frames from pod to pod are not between the two nodes' own link-layer addresses.
    WrongFrameAddresses,
    /// The receiver sees another source address than the sending pod's.
    SourceTranslated,
    /// A packet of the link's whole MTU does not pass.
    MtuDoesNotFit,
    /// A request that leaves the native routing CIDR keeps the pod's address.
    NotMasqueraded,
    /// A request that leaves the native routing CIDR has an address that is neither the pod's nor its node's.
    MasqueradedAsAnother,
    /// A frame for the native routing CIDR goes to the gateway.
    LeaksToGateway,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The serialised name is the documented one; there is no second spelling.
        let text = serde_json::to_value(self).ok().and_then(|value| value.as_str().map(str::to_owned));
        f.pad(text.as_deref().unwrap_or("unknown"))
    }
}
