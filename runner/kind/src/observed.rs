//! The observations of a kind lab that cases use: by the probe in the nodes, and of Docker's networks, the API server's
//! pods and Services, and the agents' tables.

use async_recursion::async_recursion as boxed;
use ipnet::Ipv4Net;
use std::time::Duration;

use super::cilium::agents::{Agents, NodeCommands, Output};
use super::lab::KindLab;
use super::pods::PodPlaces;
use super::racks::segments_of;
use lab_backend::LabError;
use lab_backend::captures::Captures;
use lab_base::failure::chain;
use lab_engine::{Engine, NodeProbe, PodPlace};
use lab_model::observe::{
    DockerNetwork, NodeContainer, NodeName, Place, PodCidrs, PodName, PodSeen, Segment, SegmentMember, ServiceSeen,
    ServiceTable,
};
use lab_model::request::{Answered, Request};

/// The namespace of the article's workload, which names none.
pub(super) const WORKLOAD_NAMESPACE: &str = "default";

impl KindLab {
    /// The probe in the nodes.
    ///
    /// # Errors
    /// When the cluster has not been created.
    pub fn probe(&self) -> Result<&NodeProbe, LabError> {
        self.probe.get().ok_or_else(|| LabError::Unasked("the cluster has not been created".to_owned()))
    }

    /// Makes requests in the namespaces of nodes and of the workload's pods. For a request that could not be made, the
    /// answer is the reason.
    ///
    /// # Errors
    /// When the cluster has not been created, or the API server does not say where the pods are.
    #[boxed(?Send)]
    pub async fn ask(&self, asks: Vec<(Place, Request)>) -> Result<Vec<Answered>, LabError> {
        let places = self.places_for(&asks).await?;
        Ok(self.probe()?.ask(asks, &|pod| find(&places, pod)).await)
    }

    /// Starts captures on links; they run until they are stopped.
    ///
    /// # Errors
    /// When they cannot all be started.
    #[boxed(?Send)]
    pub async fn capture(&self, wanted: Vec<(Place, Request)>) -> Result<Captures, LabError> {
        let places = self.places_for(&wanted).await?;
        self.probe()?.capture(wanted, &|pod| find(&places, pod)).await
    }

    async fn places_for(&self, asks: &[(Place, Request)]) -> Result<PodPlaces, LabError> {
        if asks.iter().any(|(place, _)| matches!(place, Place::Pod(_))) {
            self.pod_places().await
        } else {
            Ok(PodPlaces::new())
        }
    }

    /// The node containers of the cluster, including stopped ones.
    ///
    /// # Errors
    /// When the Engine does not answer or refuses.
    pub async fn containers(&self) -> Result<Vec<NodeContainer>, LabError> {
        Ok(self.engine.nodes(&self.spec.cluster).await?)
    }

    /// The Docker networks with nodes on them, and those nodes.
    ///
    /// # Errors
    /// When the Engine does not answer or refuses.
    #[boxed(?Send)]
    pub async fn segments(&self) -> Result<Vec<Segment>, LabError> {
        let containers = self.containers().await?;
        let networks = self.engine.networks().await?;
        let segments = networks.iter().filter_map(|network| segment(network, &containers)).collect();
        Ok(match self.layout() {
            Some(layout) => segments_of(layout, segments),
            None => segments,
        })
    }

    /// Each node's pod CIDR, as Cilium's IPAM assigned it.
    ///
    /// # Errors
    /// When the API server does not answer or refuses.
    pub async fn pod_cidrs(&self) -> Result<PodCidrs, LabError> {
        Ok(self.api()?.pod_cidrs().await?)
    }

    /// The workload's pods.
    ///
    /// # Errors
    /// When the API server does not answer or refuses.
    #[boxed(?Send)]
    pub async fn pods(&self) -> Result<Vec<PodSeen>, LabError> {
        let labels = &self.spec.manifests.hello_app.deployment.spec.selector.match_labels;
        Ok(self.api()?.workload_pods(WORKLOAD_NAMESPACE, labels).await?)
    }

    /// The workload's Service and its endpoints.
    ///
    /// # Errors
    /// When the API server does not answer or refuses.
    #[boxed(?Send)]
    pub async fn service(&self) -> Result<ServiceSeen, LabError> {
        Ok(self.api()?.service(WORKLOAD_NAMESPACE, &self.spec.expect.service).await?)
    }

    /// For each place, the load balancer's table in the BPF maps. Each node has one, which its pods share.
    ///
    /// # Errors
    /// When the API server does not say where the agents are.
    #[boxed(?Send)]
    pub async fn service_tables(
        &self,
        places: &[Place],
    ) -> Result<Vec<(Place, Result<ServiceTable, String>)>, LabError> {
        let pods = self.pods().await?;
        let node_of = |place: &Place| match place {
            Place::Node(name) => Some(name.clone()),
            Place::Pod(pod) => pods.iter().find(|seen| seen.name == *pod).and_then(|seen| seen.node.clone()),
            Place::Bridge | Place::Router(_) => None,
        };
        let mut nodes: Vec<NodeName> = places.iter().filter_map(node_of).collect();
        nodes.sort();
        nodes.dedup();
        let (tables, _outputs) = self.agents().await?.tables(&nodes).await;
        let table = |place: &Place| match node_of(place) {
            None => Err(format!("{place} is on no node, so it has no agent")),
            Some(node) => tables.get(&node).cloned().unwrap_or_else(|| Err(format!("{node}'s agent was not asked"))),
        };
        Ok(places.iter().map(|place| (place.clone(), table(place))).collect())
    }

    /// The agents that run at the moment.
    ///
    /// # Errors
    /// When the API server does not answer or refuses.
    #[boxed(?Send)]
    pub async fn agents(&self) -> Result<Agents<InNodes>, LabError> {
        let pods = self.api()?.pods().await?;
        Ok(Agents::of(InNodes(self.engine.clone()), &pods))
    }
}

/// Commands in the containers of nodes, by the Engine.
#[derive(Debug, Clone)]
pub struct InNodes(Engine);

impl NodeCommands for InNodes {
    async fn run_in_node(&self, node: &NodeName, argv: Vec<String>, deadline: Duration) -> Result<Output, String> {
        let ran = self.0.exec(&node.0, argv, Vec::new(), deadline).await.map_err(|error| chain(&error))?;
        Ok(Output { stdout: ran.stdout, stderr: ran.stderr, code: ran.code })
    }
}

fn find(places: &PodPlaces, pod: &PodName) -> Result<PodPlace, String> {
    places.get(pod).cloned().unwrap_or_else(|| Err(format!("there is no pod {pod} of the workload")))
}

fn segment(network: &DockerNetwork, containers: &[NodeContainer]) -> Option<Segment> {
    let members: Vec<SegmentMember> = containers
        .iter()
        .filter_map(|container| {
            let attached = container.networks.iter().find(|attached| attached.network_id == network.id)?;
            let address = attached.address.zip(attached.prefix_len);
            let address = address.and_then(|(address, prefix)| Ipv4Net::new(address, prefix).ok());
            // A stopped container is still configured for its network, but is not connected.
            container.is_running().then(|| SegmentMember { node: container.name.clone(), address })
        })
        .collect();
    let gateway = network.subnets.iter().find_map(|subnet| match (subnet.subnet, subnet.gateway) {
        (ipnet::IpNet::V4(subnet), Some(std::net::IpAddr::V4(gateway))) => {
            Ipv4Net::new(gateway, subnet.prefix_len()).ok()
        }
        _ => None,
    });
    (!members.is_empty()).then(|| Segment { name: network.name.clone(), gateway, mtu: network.mtu(), members })
}

/// The host's bridge of a Docker network (Docker: `com.docker.network.bridge.name`, else `br-` and twelve digits of the
/// network's id); none if its driver makes no bridge.
pub(super) fn bridge_of(network: &DockerNetwork) -> Option<String> {
    if network.driver != "bridge" {
        return None;
    }
    let named = network.options.get("com.docker.network.bridge.name").cloned();
    named.or_else(|| Some(format!("br-{}", network.id.get(..12)?)))
}
