//! The containers that are nodes of a kind cluster.

use async_recursion::async_recursion as boxed;
use bollard::models::{ContainerInspectResponse, EndpointSettings, PortMap};
use bollard::query_parameters::ListContainersOptionsBuilder;
use futures_util::future::{join_all, try_join_all};
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};

use super::api::ASK_DEADLINE;
use super::connect::Engine;
use super::error::EngineError;
use lab_model::observe::{Attachment, EngineImage, NodeContainer, NodeName, PublishedPort, Role};

/// kind's label with the cluster's name (kind v0.17.0, pkg/cluster/internal/providers/docker/constants.go).
pub const CLUSTER_LABEL: &str = "io.x-k8s.kind.cluster";
/// kind's label with the node's role, from the same file.
pub const ROLE_LABEL: &str = "io.x-k8s.kind.role";

/// The label of the containers and networks that a lab in racks has beside its nodes, with the lab's mark.
pub const RACKS_LABEL: &str = "lab.racks";

impl Engine {
    /// The containers of a cluster, running or not, sorted by name. Empty when there is no such cluster.
    ///
    /// # Errors
    /// When the Engine does not answer or refuses.
    #[boxed(?Send)]
    pub async fn nodes(&self, cluster: &str) -> Result<Vec<NodeContainer>, EngineError> {
        self.labelled(&format!("{CLUSTER_LABEL}={cluster}")).await
    }

    /// The containers of all kind clusters, by cluster's name.
    ///
    /// # Errors
    /// When the Engine does not answer or refuses.
    #[boxed(?Send)]
    pub async fn clusters(&self) -> Result<BTreeMap<String, Vec<NodeContainer>>, EngineError> {
        let mut clusters: BTreeMap<String, Vec<NodeContainer>> = BTreeMap::new();
        for node in self.labelled(CLUSTER_LABEL).await? {
            clusters.entry(node.cluster.clone()).or_default().push(node);
        }
        Ok(clusters)
    }

    /// A container as the Engine describes it; none if there is none of this name or id.
    ///
    /// # Errors
    /// When the Engine does not answer or refuses.
    #[boxed(?Send)]
    pub async fn container(&self, name: &str) -> Result<Option<ContainerInspectResponse>, EngineError> {
        let doing = format!("describe the container {name}");
        match self.call(&doing, ASK_DEADLINE, self.docker.inspect_container(name, None)).await {
            Ok(container) => Ok(Some(container)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn labelled(&self, label: &str) -> Result<Vec<NodeContainer>, EngineError> {
        let filters = HashMap::from([("label", vec![label])]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let doing = format!("list the containers with the label {label}");
        let listed = self.call(&doing, ASK_DEADLINE, self.docker.list_containers(Some(options))).await?;
        let ids: Vec<String> = listed.into_iter().filter_map(|container| container.id).collect();
        // A container that was removed meanwhile is left out.
        let found = try_join_all(ids.iter().map(|id| self.container(id))).await?;
        let containers: Vec<ContainerInspectResponse> = found.into_iter().flatten().collect();
        let images = self.images_of(&containers).await;
        let mut nodes: Vec<NodeContainer> =
            containers.into_iter().filter_map(|container| node_container(container, &images)).collect();
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(nodes)
    }

    /// The images of these containers, without those that were removed.
    async fn images_of(&self, containers: &[ContainerInspectResponse]) -> Vec<EngineImage> {
        let mut ids: Vec<&str> = containers.iter().filter_map(|container| container.image.as_deref()).collect();
        ids.sort_unstable();
        ids.dedup();
        // Each under the name that its containers have for it, whatever else the Engine calls it.
        let images = ids.into_iter().map(async |id| {
            let image = self.image(id).await.ok().flatten()?;
            Some(EngineImage { id: id.to_owned(), ..image })
        });
        join_all(images).await.into_iter().flatten().collect()
    }

    /// An image as the Engine describes it; none if it has none of this name or id.
    ///
    /// # Errors
    /// When the Engine does not answer or refuses.
    #[boxed(?Send)]
    pub async fn image(&self, name: &str) -> Result<Option<EngineImage>, EngineError> {
        let doing = format!("describe the image {name}");
        match self.call(&doing, ASK_DEADLINE, self.docker.inspect_image(name)).await {
            Ok(image) => Ok(Some(EngineImage {
                id: image.id.unwrap_or_else(|| name.to_owned()),
                repo_digests: image.repo_digests.unwrap_or_default(),
                layers: image.root_fs.and_then(|root| root.layers).unwrap_or_default(),
            })),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The properties of a container that are kept; none if the Engine left out its name or its id, or kind's label is absent.
/// `images` has the image that it is made of, unless the Engine has that no more.
pub fn node_container(container: ContainerInspectResponse, images: &[EngineImage]) -> Option<NodeContainer> {
    let config = container.config.unwrap_or_default();
    let labels = config.labels.unwrap_or_default();
    let state = container.state.unwrap_or_default();
    let settings = container.network_settings.unwrap_or_default();
    let image_id = container.image.unwrap_or_default();
    let image = images.iter().find(|image| image.id == image_id).cloned().unwrap_or_default();
    let mut networks: Vec<Attachment> =
        settings.networks.unwrap_or_default().into_iter().map(|(name, network)| attachment(name, network)).collect();
    networks.sort_by(|a, b| a.network.cmp(&b.network));
    Some(NodeContainer {
        name: NodeName(container.name?.trim_start_matches('/').to_owned()),
        id: container.id?,
        cluster: labels.get(CLUSTER_LABEL)?.clone(),
        role: match labels.get(ROLE_LABEL).map(String::as_str) {
            Some("control-plane") => Some(Role::ControlPlane),
            Some("worker") => Some(Role::Worker),
            Some(_) | None => None,
        },
        image: config.image.unwrap_or_default(),
        repo_digests: image.repo_digests,
        layers: image.layers,
        image_id,
        state: state.status.map(|status| status.to_string()).unwrap_or_default(),
        pid: state.pid.and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid != 0),
        privileged: container.host_config.and_then(|host| host.privileged).unwrap_or_default(),
        ports: published(settings.ports.unwrap_or_default()),
        networks,
    })
}

/// The attachment of a container to a network. The Engine reports an address that was not assigned as an empty text.
fn attachment(network: String, settings: EndpointSettings) -> Attachment {
    let address = settings.ip_address.and_then(|address| address.parse().ok());
    let prefix_len = settings.ip_prefix_len.and_then(|length| u8::try_from(length).ok());
    Attachment {
        network,
        network_id: settings.network_id.unwrap_or_default(),
        prefix_len: address.and(prefix_len),
        address,
        gateway: settings.gateway.and_then(|gateway| gateway.parse().ok()),
        mac: settings.mac_address.and_then(|mac| mac.parse().ok()),
    }
}

/// The published ports. The Engine lists each port of the container as `6443/tcp`, with its addresses on the host if it
/// is published.
fn published(ports: PortMap) -> Vec<PublishedPort> {
    let mut all: Vec<PublishedPort> = ports
        .into_iter()
        .filter_map(|(port, bindings)| {
            let (number, protocol) = port.split_once('/')?;
            Some((number.parse().ok()?, protocol.to_owned(), bindings?))
        })
        .flat_map(|(container_port, protocol, bindings)| {
            bindings.into_iter().filter_map(move |binding| {
                Some(PublishedPort {
                    container_port,
                    protocol: protocol.clone(),
                    host_ip: host_ip(binding.host_ip.as_deref()),
                    host_port: binding.host_port?.parse().ok()?,
                })
            })
        })
        .collect();
    all.sort_by_key(|port| (port.container_port, port.host_ip, port.host_port));
    all
}

/// The host's address that a port is published on. None means every address; an address that cannot be read also counts
/// as every address, since that is the cautious reading.
fn host_ip(address: Option<&str>) -> IpAddr {
    address.and_then(|address| address.parse().ok()).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}
