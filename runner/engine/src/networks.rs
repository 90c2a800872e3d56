//! Docker's networks.

use async_recursion::async_recursion as boxed;
use bollard::models::{IpamConfig, NetworkInspect};
use futures_util::future::try_join_all;

use super::api::ASK_DEADLINE;
use super::connect::Engine;
use super::error::EngineError;
use lab_model::observe::{DockerNetwork, NetworkMember, Subnet};

impl Engine {
    /// All networks with their members, sorted by name. Two may have the same name.
    ///
    /// # Errors
    /// When the Engine does not answer or refuses.
    #[boxed(?Send)]
    pub async fn networks(&self) -> Result<Vec<DockerNetwork>, EngineError> {
        let listed = self.call("list its networks", ASK_DEADLINE, self.docker.list_networks(None)).await?;
        let ids: Vec<String> = listed.into_iter().filter_map(|network| network.id).collect();
        // A network that was removed meanwhile is left out.
        let mut networks: Vec<DockerNetwork> =
            try_join_all(ids.iter().map(|id| self.network(id))).await?.into_iter().flatten().collect();
        networks.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        Ok(networks)
    }

    /// The network of this name or id; none if there is none.
    ///
    /// # Errors
    /// When the Engine does not answer or refuses, which it also does when two networks have that name.
    #[boxed(?Send)]
    pub async fn network(&self, name: &str) -> Result<Option<DockerNetwork>, EngineError> {
        let doing = format!("describe the network {name}");
        match self.call(&doing, ASK_DEADLINE, self.docker.inspect_network(name, None)).await {
            Ok(network) => Ok(docker_network(network)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The properties of a network that are kept; none if the Engine left out its name or its id.
fn docker_network(network: NetworkInspect) -> Option<DockerNetwork> {
    let mut members: Vec<NetworkMember> = network
        .containers
        .unwrap_or_default()
        .into_iter()
        .map(|(container, member)| NetworkMember {
            container,
            name: member.name.unwrap_or_default(),
            address: member.ipv4_address.and_then(|address| address.parse().ok()),
            mac: member.mac_address.and_then(|mac| mac.parse().ok()),
        })
        .collect();
    members.sort_by(|a, b| a.name.cmp(&b.name));
    Some(DockerNetwork {
        name: network.name?,
        id: network.id?,
        driver: network.driver.unwrap_or_default(),
        subnets: network.ipam.and_then(|ipam| ipam.config).unwrap_or_default().into_iter().filter_map(subnet).collect(),
        members,
        labels: network.labels.unwrap_or_default().into_iter().collect(),
        options: network.options.unwrap_or_default().into_iter().collect(),
    })
}

fn subnet(config: IpamConfig) -> Option<Subnet> {
    // Some Engines write the gateway of an IPv6 network with its prefix length.
    let address = |gateway: String| gateway.split('/').next().and_then(|address| address.parse().ok());
    Some(Subnet { subnet: config.subnet?.parse().ok()?, gateway: config.gateway.and_then(address) })
}
