//! The plain data that probes return: no behaviour beyond reading it.
//!
//! Every type here is written to disk as evidence before it is judged, and can be read back and judged again.

mod cilium;
mod cluster;
mod engine;
mod link;
mod place;
mod reply;
mod route;
mod router;
mod service;
mod traffic;
mod view;

pub use cilium::{AgentConfig, AgentStatus, CiliumEndpointSeen, ComponentState, FailingController, HelmRelease};
pub use cluster::{
    Condition, ContainerState, DaemonSetSeen, DeploymentSeen, FilterListing, KubeContainer, KubeNode, KubePod,
    NestedContainer, NodeImage,
};
pub use engine::{
    Attachment, Baked, DockerNetwork, EngineFacts, EngineImage, ImageFrom, ImageSource, NetworkMember, NodeContainer,
    Privileged, PublishedPort, Subnet,
};
pub use link::{Address, Link, MacAddr, Mtu, Neighbour, NeighbourState, VxlanDetails};
pub use place::{NodeName, Place, PodName, Role};
pub use reply::{Connection, HttpOutcome, HttpReply, PingOutcome, PingReply, Resolution, Resolved};
pub use route::{
    Lookup, LookupOutcome, LookupQuery, NextHop, Route, RouteKind, Rule, RuleAction, TABLE_DEFAULT, TABLE_LOCAL,
    TABLE_MAIN,
};
pub use router::{BgpSession, DaemonSeen, Learnt, RouterSeen};
pub use service::{
    Backend, BackendState, Frontend, Listener, PodCidrs, PodSeen, Segment, SegmentMember, ServiceSeen, ServiceTable,
};
pub use traffic::{
    Capture, Frame, IcmpHeader, IpHeader, OutsideExchange, Payload, PodExchange, TcpHeader, Traffic, Tunnel, TunnelKind,
};
pub use view::{NetnsId, NetnsView};

/// The link by which a node hangs on the bridge, and a pod on its node (kind, Docker and Cilium name them so).
pub const UPLINK: &str = "eth0";
