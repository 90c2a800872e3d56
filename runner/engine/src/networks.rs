//! Docker's networks.

use async_recursion::async_recursion as boxed;
use bollard::models::{
    EndpointIpamConfig, EndpointSettings, Ipam, IpamConfig, NetworkConnectRequest, NetworkCreateRequest, NetworkInspect,
};
use futures_util::future::try_join_all;
use ipnet::Ipv4Net;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::api::ASK_DEADLINE;
use super::connect::Engine;
use super::error::EngineError;
use lab_model::observe::{DockerNetwork, Mtu, NetworkMember, Subnet};

/// The deadline for making a network, or connecting a container to one: rules of the host's packet filter are written then.
const CHANGE_DEADLINE: Duration = Duration::from_secs(30);

/// A network between containers, in which the Engine's host has no address: it neither routes nor masquerades for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNetwork {
    /// Its name.
    pub name: String,
    /// The addresses of its containers.
    pub subnet: Ipv4Net,
    /// The address that the Engine keeps for its own bridge, and does not give it.
    pub reserved: Ipv4Addr,
    /// What its links take. An Engine that is told to give its default network less gives others Ethernet's all the same.
    pub mtu: Mtu,
    /// Its label, and the label's value.
    pub label: (String, String),
}

impl NewNetwork {
    fn request(&self) -> NetworkCreateRequest {
        let option = |name: &str, value: &str| (format!("com.docker.network.{name}"), value.to_owned());
        NetworkCreateRequest {
            name: self.name.clone(),
            driver: Some("bridge".to_owned()),
            ipam: Some(Ipam {
                config: Some(vec![IpamConfig {
                    subnet: Some(self.subnet.to_string()),
                    gateway: Some(self.reserved.to_string()),
                    ..IpamConfig::default()
                }]),
                ..Ipam::default()
            }),
            // Not `internal`: its rules drop what is from or for another subnet, also between two containers.
            options: Some(
                [
                    option("bridge.enable_ip_masquerade", "false"),
                    option("bridge.inhibit_ipv4", "true"),
                    option("driver.mtu", &self.mtu.to_string()),
                ]
                .into(),
            ),
            labels: Some([self.label.clone()].into()),
            ..NetworkCreateRequest::default()
        }
    }
}

/// How a container is connected to a network with this address.
pub(super) fn at(address: Ipv4Addr) -> EndpointSettings {
    let ipam = EndpointIpamConfig { ipv4_address: Some(address.to_string()), ..EndpointIpamConfig::default() };
    EndpointSettings { ipam_config: Some(ipam), ..EndpointSettings::default() }
}

impl Engine {
    /// Makes a network.
    ///
    /// # Errors
    /// When the Engine refuses, as it does where another network has addresses of the same subnet.
    #[boxed(?Send)]
    pub async fn make_network(&self, new: &NewNetwork) -> Result<(), EngineError> {
        let doing = format!("make the network {}, {}", new.name, new.subnet);
        self.call(&doing, CHANGE_DEADLINE, self.docker.create_network(new.request())).await.map(drop)
    }

    /// Connects a container to a network, with this address.
    ///
    /// # Errors
    /// When the Engine refuses, as where the address is taken.
    #[boxed(?Send)]
    pub async fn connect_container(
        &self,
        network: &str,
        container: &str,
        address: Ipv4Addr,
    ) -> Result<(), EngineError> {
        let request = NetworkConnectRequest { container: container.to_owned(), endpoint_config: Some(at(address)) };
        let doing = format!("connect {container} to the network {network} as {address}");
        self.call(&doing, CHANGE_DEADLINE, self.docker.connect_network(network, request)).await
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    /// The host's own address would answer in a router's stead, and masquerading would hide who sent a packet.
    #[test]
    fn the_host_has_no_part_in_such_a_network() {
        let new = NewNetwork {
            name: "kind-rack0".to_owned(),
            subnet: "198.19.0.0/24".parse().unwrap(),
            reserved: "198.19.0.254".parse().unwrap(),
            mtu: Mtu(1400),
            label: ("lab.racks".to_owned(), "/state/lab/kind/mark".to_owned()),
        };
        let request = new.request();
        let options = request.options.unwrap();
        assert_eq!(options["com.docker.network.bridge.inhibit_ipv4"], "true");
        assert_eq!(options["com.docker.network.bridge.enable_ip_masquerade"], "false");
        assert_eq!(options["com.docker.network.driver.mtu"], "1400");
        assert_eq!(request.internal, None);
        let config = request.ipam.and_then(|ipam| ipam.config).unwrap().remove(0);
        assert_eq!(
            (config.subnet.as_deref(), config.gateway.as_deref()),
            (Some("198.19.0.0/24"), Some("198.19.0.254"))
        );
        assert_eq!(request.labels.unwrap()["lab.racks"], "/state/lab/kind/mark");
    }
}
