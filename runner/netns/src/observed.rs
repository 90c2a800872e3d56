//! Observations that the other backend reads from Docker and the API server, read here from the kernel: which nodes are on
//! the bridge, which pod is on which node, and the Service.

use async_recursion::async_recursion as boxed;
use ipnet::Ipv4Net;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::bird;
use super::lab::NetnsLab;
use super::plan::ROUTER_DEVICE;
use lab_backend::LabError;
use lab_base::clock;
use lab_model::StoredBase;
use lab_model::observe::{
    Link, Mtu, NetnsView, NodeName, Place, PodCidrs, PodName, PodSeen, Role, RouteKind, RouterSeen, Segment,
    SegmentMember, ServiceSeen, ServiceTable, TABLE_MAIN, UPLINK,
};
use lab_model::racks;
use lab_model::request::{Answer, Answered, Request};

impl NetnsLab {
    async fn views(&self, places: Vec<Place>) -> Result<Vec<(Place, Result<NetnsView, String>)>, LabError> {
        let asks = places.into_iter().map(|place| (place, Request::View)).collect();
        let view = |answered: Answered| {
            let view = answered.answer.and_then(|answer| match answer {
                Answer::View(view) => Ok(view),
                other => Err(other.not("a view")),
            });
            (answered.place, view)
        };
        Ok(self.ask(asks).await?.into_iter().map(view).collect())
    }

    /// Observes the nodes before routing is installed, and stores the observation. Returns a summary as text.
    ///
    /// # Errors
    /// When a node cannot be looked into, or nothing can be stored.
    #[boxed(?Send)]
    pub async fn observe_base(&self) -> Result<String, LabError> {
        let places = self.nodes().iter().map(|(name, _)| Place::Node(name.clone())).collect();
        let views = self.views(places).await?;
        let mut nodes = BTreeMap::new();
        for ((name, _), (place, view)) in self.nodes().iter().zip(views) {
            let view = view.map_err(|why| LabError::Probe(format!("{place}: {why}")))?;
            nodes.insert(name.clone(), view);
        }
        let summary = format!("observed on {} nodes", nodes.len());
        let (observed, gateway) = (clock::unix_now(), *self.outside().ip());
        self.store_base(&StoredBase { observed, gateway, gateways: self.gateways(), nodes })?;
        Ok(summary)
    }

    /// The bridges, and the nodes whose eth0 is the other end of one of their ports.
    ///
    /// # Errors
    /// When a namespace with a bridge cannot be looked into.
    #[boxed(?Send)]
    pub async fn segments(&self) -> Result<Vec<Segment>, LabError> {
        let nodes = self.nodes().iter().map(|(name, _)| Place::Node(name.clone()));
        let hubs: Vec<Place> = match self.plan().racks() {
            None => vec![Place::Bridge],
            Some(layout) => (0..layout.racks.len()).map(racks::tor).collect(),
        };
        let mut hub_views = self.views(hubs.iter().cloned().chain(nodes).collect()).await?;
        let node_views = hub_views.split_off(hubs.len().min(hub_views.len()));
        let nodes: Vec<(NodeName, NetnsView)> = node_views
            .into_iter()
            .filter_map(|(place, view)| match (place, view) {
                (Place::Node(name), Ok(view)) => Some((name, view)),
                // A node that cannot be looked into is a member of no bridge.
                _ => None,
            })
            .collect();
        let mut segments = Vec::new();
        for (place, hub) in hub_views {
            let hub = hub.map_err(|why| match place {
                Place::Bridge => LabError::Probe(format!("the bridge's namespace: {why}")),
                place => LabError::Probe(format!("{place}: {why}")),
            })?;
            segments.extend(segments_of(&hub, &nodes, hubs.len() > 1));
        }
        Ok(segments)
    }

    /// What the ToRs and the router say and show; empty where there are none.
    ///
    /// # Errors
    /// When the probe could not be run.
    #[boxed(?Send)]
    pub async fn routers(&self) -> Result<Vec<RouterSeen>, LabError> {
        let Some(layout) = self.plan().racks() else { return Ok(Vec::new()) };
        let views = self.views(layout.routers().collect()).await?;
        let mut routers = Vec::with_capacity(views.len());
        for (place, kernel) in views {
            let daemon = bird::daemon(self.state.path(), &place).await;
            routers.push(RouterSeen { place, daemon, kernel });
        }
        Ok(routers)
    }

    /// Puts another text into the configuration of BIRD at a router, in place of each that is there, and has it read that.
    ///
    /// # Errors
    /// When the configuration does not have the text, cannot be written, or BIRD refuses it.
    #[boxed(?Send)]
    pub async fn reconfigure(&self, router: &str, text: &str, instead: &str) -> Result<(), String> {
        bird::reconfigure(self.state.path(), &Place::Router(router.to_owned()), text, instead).await
    }

    /// The links of routers by which pods' packets may go: to nodes, and between routers.
    pub fn router_links(&self) -> Vec<(Place, String)> {
        let plan = self.plan();
        let Some(layout) = plan.racks() else { return Vec::new() };
        let of_tor =
            |rack| [(racks::tor(rack), plan.spec.bridge.clone()), (racks::tor(rack), racks::TOR_UPLINK.to_owned())];
        let tors = (0..layout.racks.len()).flat_map(of_tor);
        tors.chain((0..layout.racks.len()).map(|rack| (racks::router(), racks::router_port(rack)))).collect()
    }

    /// Where each node's default route must lead, where that is not the same for all: in racks, its ToR.
    pub fn gateways(&self) -> BTreeMap<NodeName, Ipv4Addr> {
        let plan = self.plan();
        let own = plan.nodes.iter().filter(|_| plan.racks().is_some());
        own.map(|node| (node.name.clone(), node.gateway.addr())).collect()
    }

    /// The network of each node's router address.
    pub fn pod_cidrs(&self, nodes: &BTreeMap<NodeName, NetnsView>) -> PodCidrs {
        let cidr = |view: &NetnsView| view.address_of(ROUTER_DEVICE).map(|address| address.trunc());
        PodCidrs {
            source: format!("the address of {ROUTER_DEVICE} on each node"),
            by_node: nodes.iter().filter_map(|(name, view)| Some((name.clone(), cidr(view)?))).collect(),
        }
    }

    /// The pods, from what their own namespaces and the nodes' routes to them show.
    ///
    /// # Errors
    /// When the probe could not be run.
    #[boxed(?Send)]
    pub async fn pods(&self, nodes: &BTreeMap<NodeName, NetnsView>) -> Result<Vec<PodSeen>, LabError> {
        let names: Vec<PodName> = self.plan().pods.iter().map(|pod| pod.name.clone()).collect();
        let views = self.views(names.iter().cloned().map(Place::Pod).collect()).await?;
        let target_port = self.plan().spec.target_port;
        Ok(names
            .into_iter()
            .zip(views)
            .map(|(name, (_, view))| match view {
                Ok(view) => PodSeen {
                    name,
                    node: node_of(&view, nodes),
                    address: view.address_of(UPLINK).map(|address| address.addr()),
                    ready: view.listeners.iter().any(|listener| listener.port == target_port),
                },
                Err(_gone) => PodSeen { name, node: None, address: None, ready: false },
            })
            .collect())
    }

    /// The Service, from the nftables table of the control plane, since there is no API server.
    ///
    /// # Errors
    /// When that table cannot be read.
    #[boxed(?Send)]
    pub async fn service(&self) -> Result<ServiceSeen, LabError> {
        let control_planes: Vec<Place> = self
            .nodes()
            .iter()
            .filter(|(_, role)| *role == Role::ControlPlane)
            .map(|(name, _)| Place::Node(name.clone()))
            .collect();
        let tables = self.service_tables(&control_planes).await?;
        let Some((place, table)) = tables.into_iter().next() else {
            return Err(LabError::Probe("there is no control plane to ask for the Service".to_owned()));
        };
        let table = table.map_err(|why| LabError::Probe(format!("{place}: {why}")))?;
        let port = self.plan().spec.service_port;
        let frontend = table.frontends.iter().find(|frontend| frontend.address.port() == port);
        Ok(ServiceSeen {
            name: self.plan().spec.workload.clone(),
            source: format!("{} of {place}", table.source),
            cluster_ip: frontend.map(|frontend| frontend.address),
            endpoints: frontend.map(endpoints).unwrap_or_default(),
        })
    }

    /// The nftables table at each place.
    ///
    /// # Errors
    /// When the probe could not be run.
    #[boxed(?Send)]
    pub async fn service_tables(
        &self,
        places: &[Place],
    ) -> Result<Vec<(Place, Result<ServiceTable, String>)>, LabError> {
        let asks = places.iter().map(|place| (place.clone(), Request::ServiceTable)).collect();
        let table = |answered: Answered| {
            let table = answered.answer.and_then(|answer| match answer {
                Answer::ServiceTable(table) => Ok(table),
                other => Err(other.not("a service table")),
            });
            (answered.place, table)
        };
        Ok(self.ask(asks).await?.into_iter().map(table).collect())
    }
}

fn endpoints(frontend: &lab_model::observe::Frontend) -> Vec<SocketAddrV4> {
    frontend.backends.iter().map(|backend| backend.address).collect()
}

/// The bridges of one namespace. Where there are several such namespaces, indexes do not tell them apart, and a node is on the
/// bridge of its own network.
fn segments_of(hub: &NetnsView, nodes: &[(NodeName, NetnsView)], several: bool) -> Vec<Segment> {
    let bridges = hub.links.iter().filter(|link| link.kind.as_deref() == Some("bridge"));
    let segment = |bridge: &Link| {
        let gateway = hub.address_of(&bridge.name);
        let fits = |node: &NetnsView| {
            !several || gateway.map(|own| own.trunc()) == node.address_of(UPLINK).map(|own| own.trunc())
        };
        Segment {
            name: bridge.name.clone(),
            gateway,
            mtu: takes(hub, bridge),
            members: nodes
                .iter()
                .filter(|(_, node)| is_port_of(hub, bridge.index, node) && fits(node))
                .map(|(name, node)| SegmentMember { node: name.clone(), address: node.address_of(UPLINK) })
                .collect(),
        }
    };
    bridges.map(segment).collect()
}

/// The largest packet that a bridge or one of its ports takes. The bridge's own MTU cannot be used, because it follows the
/// smallest of its ports (`net/bridge/br_if.c`, `br_mtu_auto_adjust()`).
fn takes(hub: &NetnsView, bridge: &Link) -> Option<Mtu> {
    hub.links
        .iter()
        .filter(|link| link.index == bridge.index || link.master == Some(bridge.index))
        .map(|link| link.mtu)
        .max()
}

/// Whether the node's eth0 is connected to a port of the bridge: both ends of the veth name each other's index, and the
/// port's master is the bridge.
fn is_port_of(hub: &NetnsView, bridge: u32, node: &NetnsView) -> bool {
    let Some(eth0) = node.link(UPLINK) else { return false };
    hub.links.iter().any(|port| {
        port.master == Some(bridge) && eth0.peer_index == Some(port.index) && port.peer_index == Some(eth0.index)
    })
}

/// The node that has a host route to the pod's address by a veth whose other end is the pod's eth0.
fn node_of(pod: &NetnsView, nodes: &BTreeMap<NodeName, NetnsView>) -> Option<NodeName> {
    let eth0 = pod.link(UPLINK)?;
    let address = pod.address_of(UPLINK)?.addr();
    nodes.iter().find(|(_, node)| leads_to(node, address, eth0.index, eth0.peer_index)).map(|(name, _)| name.clone())
}

fn leads_to(node: &NetnsView, address: Ipv4Addr, eth0: u32, peer: Option<u32>) -> bool {
    let host_route = Ipv4Net::from(address);
    node.routes
        .iter()
        .filter(|route| {
            route.table == TABLE_MAIN && route.kind == RouteKind::Unicast && route.destination == host_route
        })
        .flat_map(|route| &route.hops)
        .filter_map(|hop| node.link(hop.device.as_deref()?))
        .any(|link| Some(link.index) == peer && link.peer_index == Some(eth0))
}
