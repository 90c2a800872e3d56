//! What the holder owns: the namespaces of a lab and netlink sockets in them. Dropping it ends them.

use lab_netlink::{Protocol, Request, Socket, add_host_address, set_up};
use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use tokio::task::AbortHandle;

use super::namespace::{Namespace, NamespaceError};
use super::plan::{Plan, PlanError};
use lab_base::exec;
use lab_base::exec::{ExecError, Running};
use lab_model::observe::Place;

/// A step of building a lab failed.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A netlink request failed.
    #[error("{place}: {source}")]
    Netlink {
        /// The node, the pod or the bridge.
        place: String,
        /// What was being done, and the kernel's reason.
        source: lab_netlink::Error,
    },
    /// A namespace could not be made or entered.
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    /// A socket could not be opened.
    #[error("{doing}: {source}")]
    Socket {
        /// What was being done, and where.
        doing: String,
        /// The kernel's reason.
        source: io::Error,
    },
    /// BIRD could not be started.
    #[error("{place}: {}", lab_base::failure::chain(source))]
    Bird {
        /// The ToR, or the router.
        place: String,
        /// Why.
        source: ExecError,
    },
    /// A file of BIRD's could not be written.
    #[error("{}: {source}", path.display())]
    Written {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The topology does not fit.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A next hop is not on the link, so a direct route via it cannot be installed.
    #[error("{node}: the next hop {next_hop} is not on the link: the kernel would go via {via}")]
    NextHopNotOnLink {
        /// The node.
        node: String,
        /// The next hop.
        next_hop: Ipv4Addr,
        /// The gateway or link by which the kernel would reach it.
        via: String,
    },
    /// The lab has no such node, or the node is not in the state that the order needs.
    #[error("there is no {0}")]
    Missing(String),
    /// A part of the lab that the stage needs does not exist.
    #[error("{0} is gone")]
    Gone(String),
    /// A link or a node did not reach its state in time.
    #[error("{0}")]
    NotUp(String),
}

/// Adds the place to a netlink error: `.map_err(at("kind-worker"))`.
pub(super) fn at(place: &str) -> impl FnOnce(lab_netlink::Error) -> BuildError {
    move |source| BuildError::Netlink { place: place.to_owned(), source }
}

/// A namespace with a route-netlink socket in it.
pub(super) struct Member {
    pub(super) namespace: Namespace,
    pub(super) route: Socket,
}

impl Member {
    pub(super) fn create(name: &str, forwards: bool) -> Result<Self, BuildError> {
        let namespace = Namespace::create(name, forwards)?;
        let route = namespace.netlink(Protocol::Route)?;
        Ok(Self { namespace, route })
    }

    pub(super) fn name(&self) -> &str {
        self.namespace.name()
    }

    /// The index of the link of this name.
    pub(super) async fn index(&self, device: &str) -> Result<u32, BuildError> {
        self.route.index(device).await.map_err(at(self.name()))
    }

    /// Sends one request that changes something.
    pub(super) async fn make(&self, change: Request) -> Result<(), BuildError> {
        self.route.make(change).await.map_err(at(self.name()))
    }

    /// Sends several requests, in their order.
    pub(super) async fn make_all(&self, changes: &[Request]) -> Result<(), BuildError> {
        self.route.make_all(changes).await.map_err(at(self.name()))
    }

    /// Sets loopback and the link up, and gives the link an address without the route to its network.
    pub(super) async fn start(&self, device: &str, index: u32, address: Ipv4Addr) -> Result<(), BuildError> {
        self.make_all(&[set_up("lo"), add_host_address(index, address.into()), set_up(device)]).await
    }
}

/// All namespaces of a lab.
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) bridge: Member,
    /// The nodes, in the order of the plan; none for a node that was stopped.
    pub(super) nodes: Vec<Option<NodeUp>>,
    /// The pods, in the order of the plan, once the workload exists; none for a pod whose node was stopped.
    pub(super) pods: Vec<Option<Member>>,
    /// The ToRs, and then the router between them; empty where all nodes are on one bridge.
    pub(super) routers: Vec<RouterUp>,
    /// What announces the nodes' pod CIDRs, in the order of the plan; none for a node that announces nothing.
    pub(super) speakers: Vec<Option<AbortHandle>>,
    /// The servers of the pods that run, by the pods' positions in the plan.
    pub(super) servers: Vec<(usize, AbortHandle)>,
}

/// A router between racks.
pub(super) struct RouterUp {
    pub(super) place: Place,
    pub(super) member: Member,
    /// Its BGP daemon.
    pub(super) bird: Running,
}

impl RouterUp {
    /// How its daemon ended, and what it said last; none while it runs.
    pub(super) fn ended(&self) -> Option<String> {
        let end = self.bird.id().and_then(exec::ended)?;
        Some(format!("BIRD of {} ended with {end}: {}", self.place, self.bird.last_stderr_lines()))
    }
}

/// A node that runs.
pub(super) struct NodeUp {
    pub(super) member: Member,
    /// Index of its eth0.
    pub(super) eth0: u32,
    /// Index of the link with its router address.
    pub(super) router: u32,
}

impl World {
    /// Every namespace, and the descriptor below `/proc/PID` that leads to it.
    pub(super) fn namespaces(&self) -> Vec<(Place, PathBuf)> {
        let path = |member: &Member| PathBuf::from(format!("fd/{}", member.namespace.raw_fd()));
        let nodes =
            self.plan.nodes.iter().zip(&self.nodes).filter_map(|(plan, node)| {
                node.as_ref().map(|node| (Place::Node(plan.name.clone()), path(&node.member)))
            });
        let pods = self
            .plan
            .pods
            .iter()
            .zip(&self.pods)
            .filter_map(|(plan, pod)| pod.as_ref().map(|pod| (Place::Pod(plan.name.clone()), path(pod))));
        let routers = self.routers.iter().map(|router| (router.place.clone(), path(&router.member)));
        std::iter::once((Place::Bridge, path(&self.bridge))).chain(routers).chain(nodes).chain(pods).collect()
    }

    /// The namespace with the bridge that a node is on: the lab's own, or that of its rack's ToR.
    pub(super) fn hub(&self, node: &super::plan::NodePlan) -> &Member {
        self.routers.get(node.rack).map_or(&self.bridge, |tor| &tor.member)
    }

    /// The nodes that run, with their plans.
    pub(super) fn running(&self) -> impl Iterator<Item = (usize, &super::plan::NodePlan, &NodeUp)> {
        self.plan
            .nodes
            .iter()
            .zip(&self.nodes)
            .enumerate()
            .filter_map(|(index, (plan, node))| node.as_ref().map(|node| (index, plan, node)))
    }

    /// Closes the namespaces of a node and its pods. Returns false if there is no such node.
    pub(super) fn stop(&mut self, name: &lab_model::observe::NodeName) -> bool {
        let Some(index) = self.plan.nodes.iter().position(|node| node.name == *name) else { return false };
        let on_it: Vec<usize> = self.pods_of(index).collect();
        // Servers and speakers are ended too, because an open socket keeps its namespace alive.
        if let Some(speaker) = self.speakers.get_mut(index).and_then(Option::take) {
            speaker.abort();
        }
        self.servers.retain(|(pod, server)| {
            let stays = !on_it.contains(pod);
            if !stays {
                server.abort();
            }
            stays
        });
        for pod in on_it {
            if let Some(pod) = self.pods.get_mut(pod) {
                *pod = None;
            }
        }
        self.nodes[index] = None;
        true
    }

    /// The pods of a node, by their positions in the plan.
    pub(super) fn pods_of(&self, node: usize) -> impl Iterator<Item = usize> {
        self.plan.pods.iter().enumerate().filter(move |(_, pod)| pod.node == node).map(|(position, _)| position)
    }
}
