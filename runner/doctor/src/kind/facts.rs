//! The facts that the rows are made from: plain data, so that each row can be tested with recorded facts.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use ipnet::Ipv4Net;

use super::filter::read::Filter;
use lab_model::observe::{DockerNetwork, EngineFacts, NetnsView, Privileged};

/// The Engine's answers.
#[derive(Debug, Clone)]
pub struct DockerSeen {
    /// Facts about the Engine itself.
    pub engine: EngineFacts,
    /// Its `ID`, the same for every client; none if it reported none.
    pub id: Option<String>,
    /// Whether it is Docker or Podman.
    pub product: Product,
    /// The file system below its storage driver (`DriverStatus`: `Backing Filesystem`).
    pub backing_filesystem: Option<String>,
    /// Whether images are kept in containerd's store (`DriverStatus`: `driver-type`).
    pub containerd_store: bool,
    /// Whether containers get a cgroup namespace of their own by default (`SecurityOptions`: `name=cgroupns`).
    pub private_cgroups: bool,
    /// The memory of its host in octets (`MemTotal`).
    pub memory: Option<u64>,
    /// The processors of its host (`NCPU`).
    pub processors: Option<u64>,
    /// What it writes its rules with (`FirewallBackend`): `iptables`, `nftables`; Engines before 28 do not report it.
    pub firewall: Option<String>,
    /// The pools that new networks get their subnets from (`DefaultAddressPools`); empty if it reported none.
    pub pools: Vec<AddressPool>,
    /// All its networks. Members are known only for networks with the name of the lab's network.
    pub networks: Vec<NetworkSeen>,
    /// All its containers, also those that do not run.
    pub containers: Vec<ContainerSeen>,
    /// Which of the lab's images it has.
    pub images: ImagesSeen,
    /// The result of running a privileged container.
    pub tried: Tried,
}

/// Which of a lab's images an Engine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImagesSeen {
    /// The nodes'.
    pub node: bool,
    /// The workload's.
    pub workload: bool,
    /// That of the routers between racks.
    pub bird: bool,
}

/// The programs that implement the Engine's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// Docker's own Engine.
    Docker,
    /// Podman's service.
    Podman,
}

/// Subnets of one size within a network (`default-address-pools` in `daemon.json`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressPool {
    /// The network that the subnets are taken from.
    pub base: Ipv4Net,
    /// The prefix length of each subnet.
    pub size: u8,
}

/// A Docker network.
#[derive(Debug, Clone)]
pub struct NetworkSeen {
    /// The network.
    pub network: DockerNetwork,
    /// Whether its containers cannot reach anything outside of it (`Internal`).
    pub internal: bool,
    /// The part of its first IPv4 subnet that addresses are taken from (`IPRange`); none for all of it.
    pub range: Option<Ipv4Net>,
    /// Addresses of that subnet that are kept for others (`AuxiliaryAddresses`).
    pub kept: Vec<Ipv4Addr>,
}

impl NetworkSeen {
    /// Its IPv4 subnets.
    pub fn subnets(&self) -> impl Iterator<Item = Ipv4Net> {
        self.network.subnets.iter().filter_map(|subnet| match subnet.subnet {
            ipnet::IpNet::V4(net) => Some(net.trunc()),
            ipnet::IpNet::V6(_) => None,
        })
    }

    /// Whether this option of the driver is set to false.
    pub fn denies(&self, option: &str) -> bool {
        self.network.options.get(option).is_some_and(|value| value == "false")
    }

    /// Whether it is Docker's default network, `bridge`.
    pub fn is_default(&self) -> bool {
        self.network.options.get("com.docker.network.bridge.default_bridge").is_some_and(|value| value == "true")
    }

    /// The name of its bridge on the host (moby, `drivers/bridge`: `br-` and twelve digits of the id, unless it is set).
    pub fn bridge(&self) -> String {
        let named = self.network.options.get("com.docker.network.bridge.name").cloned();
        named.unwrap_or_else(|| format!("br-{}", self.network.id.get(..12).unwrap_or(&self.network.id)))
    }
}

/// The properties of a container that decide whether it conflicts with a lab.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerSeen {
    /// Its name.
    pub name: String,
    /// The kind cluster it is a node of (label `io.x-k8s.kind.cluster`).
    pub cluster: Option<String>,
    /// `running`, `exited`, …
    pub state: String,
    /// The paths of the host that are mounted in it.
    pub mounts: Vec<PathBuf>,
}

/// The result of running a privileged container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Whether it ran.
    pub privileged: Privileged,
    /// The cgroup namespace that the Engine chose for it (`HostConfig.CgroupnsMode`): `private` or `host`.
    pub cgroupns: Option<String>,
}

/// Why the Engine could not be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreachable {
    /// Whether it answered, but supports no API version that a lab can be built with.
    pub wrong_api: bool,
    /// The endpoint and what happened there.
    pub why: String,
    /// What to do.
    pub remedy: Remedy,
}

/// What to do to make an Engine answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// Install or start Docker: there is no Engine, or it does not run.
    Install,
    /// Join the group `docker`: this user may not open the socket.
    Join,
    /// Something else, as text.
    Other(String),
}

/// Facts about the machine. A part that could not be read is none.
#[derive(Debug, Clone, Default)]
pub struct HostSeen {
    /// `/proc/sys/kernel/osrelease`.
    pub kernel: Option<String>,
    /// The running kernel's configuration.
    pub kernel_config: Option<KernelConfig>,
    /// The kernel's modules.
    pub modules: ModulesSeen,
    /// `fs.inotify.max_user_instances`.
    pub inotify_instances: Option<u64>,
    /// `fs.inotify.max_user_watches`.
    pub inotify_watches: Option<u64>,
    /// The controllers of the hierarchy that `/sys/fs/cgroup` shows.
    pub cgroups: Option<Cgroups>,
    /// Whether the kernel has cgroup namespaces.
    pub cgroup_namespaces: bool,
    /// The output of `iptables --version`, or why it failed.
    pub iptables: Option<Result<String, String>>,
    /// Whether this process runs in a container: it is not in the kernel's first PID namespace.
    pub container: bool,
    /// Whether `/proc/sys/net/ipv6` exists: IPv6 was not turned off when the kernel was started.
    pub ipv6: bool,
    /// `net.bridge.bridge-nf-call-iptables`; none if `br_netfilter` is not loaded.
    pub bridge_filtered: Option<bool>,
    /// The bridges that pass their frames to the host's filter whatever `bridge-nf-call-iptables` is
    /// (`/sys/class/net/BRIDGE/bridge/nf_call_iptables`).
    pub filtered_bridges: BTreeSet<String>,
    /// The host's packet filter, or why it could not be read.
    pub filter: Option<Result<Filter, String>>,
    /// `ID` and `ID_LIKE` of `/etc/os-release`.
    pub distribution: Vec<String>,
    /// The name servers that Docker gives to containers, as far as a file tells.
    pub resolvers: Resolvers,
    /// The memory in octets that processes can still have (`/proc/meminfo`: `MemAvailable`).
    pub memory: Option<u64>,
    /// The proxies that nodes get, each by where it is set.
    pub proxies: Vec<Proxies>,
    /// The links by which the kernel sends packets to the outside, each with the longest that it sends there.
    pub uplinks: Option<Vec<Uplink>>,
    /// Links, addresses, routes and rules of this process's network namespace.
    pub view: Option<Result<NetnsView, String>>,
    /// What a Cilium has left pinned in the BPF file system; none if this user may not read it.
    pub cilium_files: Option<Vec<PathBuf>>,
    /// Environment variables that change what kind does, with their values.
    pub kind_variables: BTreeMap<String, String>,
}

/// A link to the outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uplink {
    /// Its name.
    pub device: String,
    /// The longest packet: of the route, or of the link.
    pub mtu: u32,
}

/// The name servers that containers are given, and where they stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolvers {
    /// The file, and the key where it is no `resolv.conf`.
    pub file: String,
    /// The servers; none if they stand in a file that cannot be read, with the reason.
    pub servers: Option<Vec<IpAddr>>,
}

/// Proxies that the processes in nodes are given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// Where they are set: the environment, or a file of the docker program's.
    pub by: String,
    /// The variables that name a proxy: `HTTP_PROXY`. Their values may contain passwords.
    pub names: Vec<String>,
    /// What is reached without a proxy, as it is given.
    pub without: String,
    /// Whether kind adds the Services' network, the nodes' names and network and its own pod subnet to that.
    pub kind_adds: bool,
}

/// Which files about the kernel's modules exist.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ModulesSeen {
    /// Whether `/proc/modules` exists: the kernel can load modules.
    pub list: bool,
    /// Whether `/lib/modules` exists.
    pub folder: bool,
    /// Whether it has the folder of the running kernel.
    pub of_kernel: bool,
}

/// The configuration that the kernel was built with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KernelConfig {
    /// The file that it was read from.
    pub source: PathBuf,
    /// The options that are set, each `y`, `m` or a value.
    pub options: BTreeMap<String, String>,
}

/// The version of a host's cgroup hierarchy, with its controllers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cgroups {
    /// One hierarchy for all controllers (`cgroup.controllers`).
    V2(Vec<String>),
    /// One hierarchy for each controller (`/proc/cgroups`).
    V1(Vec<String>),
}

/// The result of looking for a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolSeen {
    /// Its name.
    pub name: String,
    /// Its path; none if it was not found.
    pub path: Option<PathBuf>,
    /// The version that it reports, or why that is not known.
    pub version: Result<String, String>,
    /// For `docker`: the `ID` of the Engine that it reaches, or its error message when it reaches none.
    pub reaches: Option<Result<String, String>>,
}

/// How much space is free where the Engine keeps its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// The folder.
    pub folder: PathBuf,
    /// The space in octets that users without privileges can still use, or why that is not known.
    pub free: Result<u64, String>,
}
