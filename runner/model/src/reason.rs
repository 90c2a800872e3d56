//! The kinds of things that refute a claim.

use serde::{Deserialize, Serialize};
use std::fmt;

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
    /// A route to a peer's own address has a router as its next hop.
    PeerBehindRouter,
    /// A base route is missing.
    BaseRouteMissing,
    /// A route is there before routing was installed.
    RouteBeforeRouting,
    /// No route leads to a peer's pod CIDR but the default route, or none at all; or none to the peer itself.
    RouteMissing,
    /// A route to a peer's pod CIDR has another next hop than that peer.
    WrongNextHop,
    /// A route to a peer or its pod CIDR leads through a tunnel device or encapsulates.
    ThroughTunnel,
    /// A route to a peer or its pod CIDR leaves by another device than eth0 that is no tunnel.
    WrongDevice,
    /// A rule or a route of another table takes the packet before the direct route can.
    Shadowed,
    /// The kernel decides otherwise than the rules and routes it reported.
    KernelDisagrees,
    /// There is a tunnel device.
    TunnelDevice,
    /// A node's own pod CIDR leads to a peer or away from the node.
    OwnCidrLeadsAway,
    /// Within a pod, packets for other pods do not go to its own node, or the link for them is down.
    PodLeadsElsewhere,
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
    /// The ClusterIP is not within the network of Services.
    ClusterIpOutsideServiceCidr,
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
    /// A packet between two pods lost of its TTL between their nodes.
    RoutedInBetween,
    /// A node's BGP session with its ToR, or a ToR's with the router, is not established.
    SessionDown,
    /// A BGP session is configured for another AS, or another neighbour, than it should be.
    WrongSession,
    /// A router has not learnt a pod CIDR.
    NotLearnt,
    /// A router has a pod CIDR by another way than its node's.
    LearntElsewhere,
    /// A router's kernel forwards otherwise than its daemon says.
    DaemonDisagrees,
    /// A node has a route of its own to a peer's pod CIDR, or its default route does not lead to its ToR.
    OwnRouteToPeer,
    /// Pods' packets take another way through the routers than the declared one, or lose more or less of their TTL on it.
    WrongPath,
    /// A router passes on none of a pod's packets by a link of the fabric, or they come back to it.
    TurnedAway,
    /// The Docker Engine does not answer.
    EngineDoesNotAnswer,
    /// The API version that was agreed on with the Engine is too old.
    EngineApiTooOld,
    /// The Engine's storage driver cannot hold nodes.
    WrongStorage,
    /// The Engine reports a cgroup version that there is not.
    WrongCgroupVersion,
    /// The Engine runs without root.
    EngineRootless,
    /// The Engine refuses privileged containers.
    PrivilegedRefused,
    /// A node's container does not run.
    NodeNotRunning,
    /// Another image runs than the one that should.
    AnotherImage,
    /// An image was not taken by the digest that its registry should know it by.
    WrongRepositoryDigest,
    /// A port is published on an address that is not the host's loopback.
    PublishedBeyondLoopback,
    /// The API server is not published on 127.0.0.1.
    ApiNotPublished,
    /// There is a kube-proxy.
    KubeProxyRuns,
    /// A node has chains of kube-proxy's.
    KubeProxyChain,
    /// A node was Ready before there was a network plugin.
    ReadyBeforeCni,
    /// A node was not Ready, but not for want of a network plugin.
    NotReadyForAnotherReason,
    /// Something has another version than it should.
    WrongVersion,
    /// A node has another role or address than its container, another kernel than its host, or another system or runtime
    /// than the pinned image brings.
    NodeDiffers,
    /// Nodes of one image report different systems or runtimes.
    NodesDiffer,
    /// A container of the control plane is missing.
    ContainerMissing,
    /// A container of the control plane does not run.
    ContainerNotRunning,
    /// There is no such Helm release.
    NoRelease,
    /// The Helm release is not deployed.
    ReleaseNotDeployed,
    /// The Helm release is of another chart or version, or in another namespace.
    WrongChart,
    /// The Helm release has another value than it should.
    WrongValue,
    /// The Helm release has a value that nobody declared.
    UndeclaredValue,
    /// The Helm release leads to an address that is no control plane's now.
    StaleServiceHost,
    /// Not every node has a ready agent.
    AgentsNotReady,
    /// Operators are missing or not ready.
    OperatorsNotReady,
    /// All operators are on one node.
    OperatorsShareNode,
    /// There is a component that the article leaves out.
    UnexpectedComponent,
    /// An agent reports an error.
    AgentInError,
    /// A pod is not managed by Cilium.
    PodNotManaged,
    /// An agent runs with another configuration than it should.
    WrongAgentConfig,
    /// The `ConfigMap` that agents start from says otherwise than it should.
    WrongConfigMap,
    /// An agent's status says otherwise than it should.
    WrongAgentStatus,
    /// A node is not Ready.
    NodeNotReady,
    /// A node was Ready before its agent started.
    ReadyBeforeAgent,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The serialised name is the documented one; there is no second spelling.
        let text = serde_json::to_value(self).ok().and_then(|value| value.as_str().map(str::to_owned));
        f.pad(text.as_deref().unwrap_or("unknown"))
    }
}
