//! What is found out before anything is judged: plain data, so that each row can be tested on what was recorded.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::Ipv4Net;

use lab_model::observe::{DockerNetwork, EngineFacts, NetnsView, Privileged};

/// What the Engine tells.
#[derive(Debug, Clone)]
pub struct DockerSeen {
    /// Of itself.
    pub engine: EngineFacts,
    /// Its `ID`, the same for whoever asks it; none where it told none.
    pub id: Option<String>,
    /// Whose it is.
    pub product: Product,
    /// The file system below its storage driver (`DriverStatus`: `Backing Filesystem`).
    pub backing_filesystem: Option<String>,
    /// Images are kept by containerd (`DriverStatus`: `driver-type`).
    pub containerd_store: bool,
    /// A container gets a cgroup namespace of its own unless it says otherwise (`SecurityOptions`: `name=cgroupns`).
    pub private_cgroups: bool,
    /// What it writes its rules with (`FirewallBackend`): `iptables`, `nftables`; Engines before 28 do not tell.
    pub firewall: Option<String>,
    /// Where new networks get their subnets from (`DefaultAddressPools`); empty where it told none.
    pub pools: Vec<AddressPool>,
    /// All its networks. The members are told of those that have the lab's network's name, and of no others.
    pub networks: Vec<NetworkSeen>,
    /// All its containers, also those that do not run.
    pub containers: Vec<ContainerSeen>,
    /// It has the nodes' image.
    pub node_image: bool,
    /// What came of a privileged container.
    pub tried: Tried,
}

/// What speaks the Engine's API.
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
    /// All of them.
    pub base: Ipv4Net,
    /// Prefix length of each.
    pub size: u8,
}

/// A Docker network.
#[derive(Debug, Clone)]
pub struct NetworkSeen {
    /// The network.
    pub network: DockerNetwork,
    /// Nothing on it reaches anything outside (`Internal`).
    pub internal: bool,
}

impl NetworkSeen {
    /// Its IPv4 subnets.
    pub fn subnets(&self) -> impl Iterator<Item = Ipv4Net> {
        self.network.subnets.iter().filter_map(|subnet| match subnet.subnet {
            ipnet::IpNet::V4(net) => Some(net.trunc()),
            ipnet::IpNet::V6(_) => None,
        })
    }

    /// The MTU of its links.
    pub fn mtu(&self) -> Option<u32> {
        self.network.mtu().map(|mtu| mtu.0)
    }

    /// A driver's option is set to false.
    pub fn denies(&self, option: &str) -> bool {
        self.network.options.get(option).is_some_and(|value| value == "false")
    }

    /// It is the one that Docker makes by itself and calls `bridge`.
    pub fn is_default(&self) -> bool {
        self.network.options.get("com.docker.network.bridge.default_bridge").is_some_and(|value| value == "true")
    }

    /// The link of its bridge on the host (moby, `drivers/bridge`: `br-` and twelve digits of the id, unless named).
    pub fn bridge(&self) -> String {
        let named = self.network.options.get("com.docker.network.bridge.name").cloned();
        named.unwrap_or_else(|| format!("br-{}", self.network.id.get(..12).unwrap_or(&self.network.id)))
    }
}

/// A container, as far as it can be in a lab's way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerSeen {
    /// Its name.
    pub name: String,
    /// The kind cluster it is a node of (label `io.x-k8s.kind.cluster`).
    pub cluster: Option<String>,
    /// `running`, `exited`, …
    pub state: String,
    /// What is mounted from the host.
    pub mounts: Vec<PathBuf>,
}

/// What came of a privileged container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Whether it ran.
    pub privileged: Privileged,
    /// Which cgroup namespace the Engine chose for it (`HostConfig.CgroupnsMode`): `private` or `host`.
    pub cgroupns: Option<String>,
}

/// Why the Engine was not asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreachable {
    /// It answered, and speaks no API that a lab can be built with.
    pub wrong_api: bool,
    /// Where, and what happened.
    pub why: String,
    /// What to do.
    pub remedy: Remedy,
}

/// What makes an Engine answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// There is none, or it does not run.
    Install,
    /// This user may not talk to it.
    Join,
    /// What else.
    Other(String),
}

/// What the machine itself tells. Each part is none where it could not be read.
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
    /// The kernel has cgroup namespaces.
    pub cgroup_namespaces: bool,
    /// What `iptables --version` printed, or why it did not.
    pub iptables: Option<Result<String, String>>,
    /// This process is not in the kernel's first PID namespace, as in a container.
    pub container: bool,
    /// `/proc/sys/net/ipv6` exists: IPv6 was not turned off when the kernel was started.
    pub ipv6: bool,
    /// `net.bridge.bridge-nf-call-iptables`; none while no bridge is filtered.
    pub bridge_filtered: Option<bool>,
    /// `ID` and `ID_LIKE` of `/etc/os-release`.
    pub distribution: Vec<String>,
    /// Whom `/etc/resolv.conf` asks for names.
    pub nameservers: Vec<IpAddr>,
    /// Links, addresses, routes and rules of this process's network namespace.
    pub view: Option<Result<NetnsView, String>>,
    /// What a Cilium leaves pinned in the BPF file system; none where that is not this user's to read.
    pub cilium_files: Option<Vec<PathBuf>>,
    /// Variables of the environment that change what kind does, with their values.
    pub kind_variables: BTreeMap<String, String>,
}

/// What there is of the kernel's modules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ModulesSeen {
    /// `/proc/modules`: the kernel can load some.
    pub list: bool,
    /// `/lib/modules`.
    pub folder: bool,
    /// The running kernel's own folder in it.
    pub of_kernel: bool,
}

/// The kernel's own configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KernelConfig {
    /// Where it was read.
    pub source: PathBuf,
    /// What is not left out: `y`, `m`, or a value.
    pub options: BTreeMap<String, String>,
}

/// Which cgroup hierarchy a host has, and which controllers in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cgroups {
    /// The one hierarchy (`cgroup.controllers`).
    V2(Vec<String>),
    /// One for each controller.
    V1(Vec<String>),
}

/// What came of looking for a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolSeen {
    /// Its name.
    pub name: String,
    /// Where it is; none where it is not.
    pub path: Option<PathBuf>,
    /// What it says its version is, or why that is not known.
    pub version: Result<String, String>,
    /// For `docker`: the `ID` of the Engine that it reaches, or its own words when it reaches none.
    pub reaches: Option<Result<String, String>>,
}

/// How much room there is where the Engine keeps its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// The folder.
    pub folder: PathBuf,
    /// Octets that are free to everybody, or why that is not known.
    pub free: Result<u64, String>,
}
