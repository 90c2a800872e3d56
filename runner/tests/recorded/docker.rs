//! What the Docker Engine said: the network `kind`, and which namespace is whose.

use ipnet::Ipv4Net;
use lab_model::observe::{Mtu, NetnsId, Segment, SegmentMember};
use serde::Deserialize;
use std::collections::BTreeMap;

use super::{Read, Recording};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawNetwork {
    name: String,
    driver: String,
    #[serde(rename = "IPAM")]
    ipam: RawIpam,
    containers: BTreeMap<String, RawMember>,
    options: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawIpam {
    config: Vec<RawSubnet>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawSubnet {
    subnet: String,
    gateway: Option<String>,
}

#[derive(Deserialize)]
struct RawMember {
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "IPv4Address")]
    address: String,
}

/// `docker network inspect kind`.
pub(super) fn segment(recording: Recording) -> Read<Segment> {
    let raw: RawNetwork = recording.json(FILE)?;
    let wrong = |what: String| recording.wrong(FILE, &what);
    if raw.driver != "bridge" {
        return Err(wrong(format!("driver {} is no bridge", raw.driver)));
    }
    let subnets =
        raw.ipam.config.iter().filter_map(|config| Some((config.subnet.parse().ok()?, config.gateway.as_ref()?)));
    let gateways = subnets
        .map(|(subnet, gateway): (Ipv4Net, _)| {
            let address = gateway.parse().map_err(|error| wrong(format!("{gateway}: {error}")))?;
            Ipv4Net::new(address, subnet.prefix_len()).map_err(|error| wrong(error.to_string()))
        })
        .collect::<Read<Vec<_>>>()?;
    let [gateway] = gateways[..] else {
        return Err(wrong(format!("expected one IPv4 subnet with a gateway, found {}", gateways.len())));
    };
    let members = raw
        .containers
        .values()
        .map(|member| {
            let address = member.address.parse().map_err(|error| wrong(format!("{}: {error}", member.address)))?;
            Ok(SegmentMember { node: member.name.as_str().into(), address: Some(address) })
        })
        .collect::<Read<_>>()?;
    let mtu = raw.options.get("com.docker.network.driver.mtu").ok_or_else(|| wrong("no MTU".to_owned()))?;
    let mtu = mtu.parse().map(Mtu).map_err(|error| wrong(format!("{mtu}: {error}")))?;
    Ok(Segment { name: raw.name, gateway: Some(gateway), mtu: Some(mtu), members })
}

const FILE: &str = "docker/network-kind.json";

/// The ids of the containers on the network: the same ones are the same lab.
pub(crate) fn containers(recording: Recording) -> Read<Vec<String>> {
    let raw: RawNetwork = recording.json(FILE)?;
    Ok(raw.containers.into_keys().collect())
}

#[derive(Deserialize)]
struct RawContainer {
    #[serde(rename = "NetworkSettings")]
    network: RawSettings,
}

#[derive(Deserialize)]
struct RawSettings {
    #[serde(rename = "SandboxKey")]
    key: String,
}

/// Docker's own name for a container's network namespace, a file of 12 hexadecimal digits, as a number. The inode
/// was not recorded; this tells namespaces apart just as well.
pub(super) fn netns(recording: Recording, node: &str) -> Read<NetnsId> {
    let file = format!("docker/inspect-{node}.json");
    let raw: RawContainer = recording.json(&file)?;
    let name = raw.network.key.rsplit('/').next().unwrap_or_default();
    let number = u64::from_str_radix(name, 16);
    number.map(NetnsId).map_err(|error| recording.wrong(&file, &format!("SandboxKey {}: {error}", raw.network.key)))
}
