//! What the Docker Engine tells of itself, of a cluster's node containers, and of its networks.
//!
//! Fields are named after the Engine's API (<https://docs.docker.com/engine/api/v1.41/>). What an Engine leaves out,
//! or is too old to tell, is none or empty, never a default.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::{MacAddr, Mtu, NodeName, Role};

/// Whether privileged containers can be run, as far as that was found out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Privileged {
    /// They run; which one did.
    Runs(String),
    /// The Engine refused one; its own words.
    Refused(String),
    /// None was tried; why not.
    NotTried(String),
}

/// What the Engine tells of itself (`GET /version`, `GET /info`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineFacts {
    /// Where it was asked: `unix:///var/run/docker.sock`.
    pub endpoint: String,
    /// Its own version (`Version`): `20.10.24+dfsg1`.
    pub version: String,
    /// The API version that client and Engine agreed on: `1.41`.
    pub api: String,
    /// The newest that it speaks (`ApiVersion`).
    pub api_max: String,
    /// The oldest that it speaks (`MinAPIVersion`).
    pub api_min: Option<String>,
    /// Storage driver (`Driver`): `overlay2`, or `overlayfs` with containerd's image store.
    pub storage_driver: Option<String>,
    /// `CgroupVersion`: `1` or `2`.
    pub cgroup_version: Option<String>,
    /// `CgroupDriver`: `cgroupfs` or `systemd`.
    pub cgroup_driver: Option<String>,
    /// Runs without root (`name=rootless` among `SecurityOptions`); none where no options were told.
    pub rootless: Option<bool>,
    /// Names of the runtimes it knows (`Runtimes`).
    pub runtimes: Vec<String>,
    /// The one it takes by itself (`DefaultRuntime`).
    pub default_runtime: Option<String>,
    /// Where it keeps its data (`DockerRootDir`).
    pub root_dir: Option<String>,
    /// `OperatingSystem`: `Debian GNU/Linux 12 (bookworm)`.
    pub operating_system: Option<String>,
    /// `KernelVersion`: `6.18.44`; that of every node too.
    pub kernel: Option<String>,
    /// `Architecture`, as `uname -m` has it: `x86_64`.
    pub architecture: Option<String>,
}

/// A port of a container that is published on the host (`NetworkSettings.Ports`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedPort {
    /// The container's own port.
    pub container_port: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
    /// The host's address; `0.0.0.0` and `::` are every address.
    pub host_ip: IpAddr,
    /// The host's port.
    pub host_port: u16,
}

/// A container's place on a Docker network (`NetworkSettings.Networks`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The network's name.
    pub network: String,
    /// The network's id; empty where the Engine did not tell it.
    pub network_id: String,
    /// The container's IPv4 address there; none while it is stopped.
    pub address: Option<Ipv4Addr>,
    /// Prefix length of that address.
    pub prefix_len: Option<u8>,
    /// The network's IPv4 gateway.
    pub gateway: Option<Ipv4Addr>,
    /// The link-layer address of its end of the link.
    pub mac: Option<MacAddr>,
}

/// A container that is a node of a kind cluster (`GET /containers/{id}/json`, and its image's `RepoDigests`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeContainer {
    /// Its name, which is the node's: `kind-worker2`.
    pub name: NodeName,
    /// Its id, 64 hex digits.
    pub id: String,
    /// Label `io.x-k8s.kind.cluster`.
    pub cluster: String,
    /// Label `io.x-k8s.kind.role`; none where it is neither role that a lab has.
    pub role: Option<Role>,
    /// The image as it was asked for (`Config.Image`): `kindest/node:v1.25.3@sha256:…`.
    pub image: String,
    /// What the Engine calls that image (`Image`): `sha256:` and 64 hex digits. The image's config digest, but on
    /// Engines with containerd's image store, where it is the manifest's or the index's.
    pub image_id: String,
    /// What registries call that image (`RepoDigests` of the image): `kindest/node@sha256:…`. Empty for an image that
    /// was built or loaded here.
    pub repo_digests: Vec<String>,
    /// Its layers, lowest first, by the digests of their uncompressed archives (`RootFS.Layers` of the image). Empty where the
    /// Engine did not tell them, and in evidence of older programs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<String>,
    /// `State.Status`: `running`, `exited`, `paused`, …
    pub state: String,
    /// The host's process id of its first process (`State.Pid`); none while it is stopped.
    pub pid: Option<u32>,
    /// `HostConfig.Privileged`.
    pub privileged: bool,
    /// Ports published on the host.
    pub ports: Vec<PublishedPort>,
    /// The networks it hangs on.
    pub networks: Vec<Attachment>,
}

impl NodeContainer {
    /// Whether its processes run.
    pub fn is_running(&self) -> bool {
        self.state == "running"
    }

    /// Its IPv4 address on the network of this name.
    pub fn address_on(&self, network: &str) -> Option<Ipv4Addr> {
        self.networks.iter().find(|attached| attached.network == network)?.address
    }
}

/// A subnet of a Docker network (`IPAM.Config`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// The subnet.
    pub subnet: IpNet,
    /// The bridge's own address in it.
    pub gateway: Option<IpAddr>,
}

/// A container on a Docker network (`Containers` of `GET /networks/{id}`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkMember {
    /// The container's id.
    pub container: String,
    /// The container's name.
    pub name: String,
    /// Its IPv4 address with the subnet's prefix length.
    pub address: Option<ipnet::Ipv4Net>,
    /// Its link-layer address.
    pub mac: Option<MacAddr>,
}

/// A Docker network (`GET /networks/{id}`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DockerNetwork {
    /// Its name, which need not be its alone.
    pub name: String,
    /// Its id, 64 hex digits.
    pub id: String,
    /// `bridge`, `host`, `null`, …
    pub driver: String,
    /// Its subnets.
    pub subnets: Vec<Subnet>,
    /// The running containers on it.
    pub members: Vec<NetworkMember>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Options of the driver: `com.docker.network.driver.mtu`.
    pub options: BTreeMap<String, String>,
}

impl DockerNetwork {
    /// The name of Docker's default network, whose MTU an Engine can be told (`mtu` in `daemon.json`).
    pub const DEFAULT: &str = "bridge";

    /// The MTU of its links: what it was made with, else Ethernet's, as a bridge gets by itself. None where its driver makes
    /// no bridge, or what it was made with is no number.
    pub fn mtu(&self) -> Option<Mtu> {
        match self.options.get("com.docker.network.driver.mtu") {
            Some(mtu) => mtu.parse().ok().map(Mtu),
            None => (self.driver == "bridge").then_some(Mtu::ETHERNET),
        }
    }

    /// The MTU of links on kind's network, which kind gives that of Docker's default one when it makes it (kind v0.17.0
    /// `pkg/cluster/internal/providers/docker/network.go`).
    pub fn mtu_for_nodes(there: Option<&Self>, default: Option<&Self>) -> Mtu {
        there.or(default).and_then(Self::mtu).unwrap_or(Mtu::ETHERNET)
    }
}

/// An image that the Engine has (`GET /images/{name}/json`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineImage {
    /// What the Engine calls it (`Id`).
    pub id: String,
    /// What registries call it (`RepoDigests`). Empty for an image that was built or loaded here.
    pub repo_digests: Vec<String>,
    /// Its layers, lowest first (`RootFS.Layers`).
    pub layers: Vec<String>,
}

/// Where an image of a lab came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageFrom {
    /// Pulled from its registry by the repository digest.
    Registry,
    /// Taken out of a kit.
    Kit,
    /// An image of the host's own Engine, that the command line or the article names by tag.
    Local,
    /// Pulled from upstream's registry by a digest, since the Engine had none of the name that the article gives it.
    Published,
    /// Loaded from an archive, since the Engine had none of that name.
    Archive,
}

/// An image that a lab was built with, as it was when the lab took it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSource {
    /// Which one: its key in `pins.json`, `images`: `cilium`, `operator-generic`, `hello-app`, `node`.
    pub name: String,
    /// What it was taken as: `quay.io/cilium/cilium:v1.12.4`.
    pub reference: String,
    /// The digest that its registry knows it by, `sha256:` and 64 hex digits; none for an image that no registry was
    /// asked for.
    pub repo_digest: Option<String>,
    /// The digest of its configuration, read from its archive: what the container runtime of a node calls it.
    pub config_digest: String,
    /// What the Engine calls it (`Id` of `GET /images/{name}/json`); none where the Engine never had it.
    pub engine_id: Option<String>,
    /// Where it came from.
    pub from: ImageFrom,
    /// For the node image: the image that the nodes were made of in its place, which has it below and a cluster's images in
    /// it. None where they were made of the node image itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baked: Option<Baked>,
}

/// A node image with a cluster's images in the store of its container runtime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baked {
    /// Its name: `lab-node:v1.25.3-0123456789ab`.
    pub reference: String,
    /// What the Engine calls it.
    pub engine_id: String,
    /// What the Engine calls the node image that it was made from.
    pub node_id: String,
    /// The one layer that it has above the layers of that image, by the digest of its uncompressed archive (OCI image
    /// specification 1.0, config.md, `rootfs.diff_ids`).
    pub layer: String,
    /// The images in it: the digest of each one's configuration, by its key in `pins.json`.
    pub images: BTreeMap<String, String>,
}
