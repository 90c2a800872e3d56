//! Facts of a machine that has everything a lab needs, for the tests of single rows: each test changes one fact.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::facts::{
    Cgroups, ContainerSeen, DockerSeen, HostSeen, ImagesSeen, KernelConfig, ModulesSeen, NetworkSeen, Product,
    Resolvers, Tried, Uplink,
};
use super::filter::read::Filter;
use super::input::KindDoctorInput;
use lab_manifest::Manifests;
use lab_model::observe::{
    Address, DockerNetwork, EngineFacts, Link, Mtu, NetnsId, NetnsView, NetworkMember, NextHop, Privileged, Route,
    RouteKind, Subnet, TABLE_MAIN,
};

pub(super) fn input() -> KindDoctorInput {
    let manifests = Manifests::embedded().unwrap();
    let expect = manifests.expectations(None, None).unwrap();
    let mut input = KindDoctorInput::new(&manifests, &expect, "kind", "/nowhere/lab-runs".as_ref());
    input.state_root = Some(PathBuf::from("/home/me/.local/state/lab"));
    input
}

pub(super) fn network(name: &str, subnet: &str) -> NetworkSeen {
    let subnet: ipnet::Ipv4Net = subnet.parse().unwrap();
    NetworkSeen {
        network: DockerNetwork {
            name: name.to_owned(),
            id: format!("{name}{}", "0".repeat(60)),
            driver: "bridge".to_owned(),
            subnets: vec![Subnet { subnet: subnet.into(), gateway: subnet.hosts().next().map(Into::into) }],
            members: Vec::new(),
            labels: BTreeMap::new(),
            options: BTreeMap::from([("com.docker.network.driver.mtu".to_owned(), "1500".to_owned())]),
        },
        internal: false,
        range: None,
        kept: Vec::new(),
    }
}

pub(super) fn docker() -> DockerSeen {
    let mut kind = network("kind", "172.18.0.0/16");
    kind.network.members.push(NetworkMember {
        container: "7608f48b238b".to_owned(),
        name: "other-worker".to_owned(),
        address: "172.18.0.2/16".parse().ok(),
        mac: None,
    });
    let mut bridge = network("bridge", "172.17.0.0/16");
    bridge.network.options.insert("com.docker.network.bridge.name".to_owned(), "docker0".to_owned());
    bridge.network.options.insert("com.docker.network.bridge.default_bridge".to_owned(), "true".to_owned());
    DockerSeen {
        engine: EngineFacts {
            endpoint: "unix:///var/run/docker.sock".to_owned(),
            version: "20.10.24+dfsg1".to_owned(),
            api: "1.41".to_owned(),
            api_max: "1.41".to_owned(),
            api_min: Some("1.12".to_owned()),
            storage_driver: Some("overlay2".to_owned()),
            cgroup_version: Some("1".to_owned()),
            cgroup_driver: Some("cgroupfs".to_owned()),
            rootless: Some(false),
            runtimes: vec!["runc".to_owned()],
            default_runtime: Some("runc".to_owned()),
            root_dir: Some("/var/lib/docker".to_owned()),
            operating_system: Some("Debian GNU/Linux 12 (bookworm)".to_owned()),
            kernel: Some("6.18.44".to_owned()),
            architecture: Some("x86_64".to_owned()),
        },
        id: Some("MNEL:EDXX".to_owned()),
        product: Product::Docker,
        backing_filesystem: Some("extfs".to_owned()),
        containerd_store: false,
        private_cgroups: false,
        memory: Some(8 << 30),
        processors: Some(4),
        firewall: None,
        pools: Vec::new(),
        networks: vec![bridge, kind],
        containers: vec![ContainerSeen {
            name: "web".to_owned(),
            state: "running".to_owned(),
            ..ContainerSeen::default()
        }],
        images: ImagesSeen { node: true, workload: true, bird: true },
        tried: Tried {
            privileged: Privileged::Runs("an image of two instructions".to_owned()),
            cgroupns: Some("private".to_owned()),
        },
    }
}

pub(super) fn link(name: &str) -> Link {
    Link {
        index: 7,
        name: name.to_owned(),
        kind: None,
        up: true,
        carrier: true,
        mtu: Mtu(1500),
        mac: None,
        master: None,
        peer_index: None,
        peer_netns: None,
        vxlan: None,
    }
}

pub(super) fn address(device: &str, address: &str) -> Address {
    Address { device: device.to_owned(), address: address.parse().unwrap() }
}

pub(super) fn route(destination: &str, gateway: Option<&str>, device: &str) -> Route {
    Route {
        table: TABLE_MAIN,
        destination: destination.parse().unwrap(),
        kind: RouteKind::Unicast,
        hops: vec![NextHop {
            gateway: gateway.map(|gateway| gateway.parse().unwrap()),
            device: Some(device.to_owned()),
            encapsulates: false,
        }],
        source: None,
        protocol: 4,
        scope: 0,
        metric: 0,
        tos: 0,
        mtu: None,
    }
}

pub(super) fn host() -> HostSeen {
    let options = [
        "CONFIG_BPF",
        "CONFIG_BPF_SYSCALL",
        "CONFIG_NET_CLS_BPF",
        "CONFIG_NET_CLS_ACT",
        "CONFIG_NET_SCH_INGRESS",
        "CONFIG_CGROUPS",
        "CONFIG_CGROUP_BPF",
        "CONFIG_IP_MULTIPLE_TABLES",
        "CONFIG_BPF_JIT",
        "CONFIG_CRYPTO_SHA1",
        "CONFIG_CRYPTO_USER_API_HASH",
        "CONFIG_IP_NF_IPTABLES",
        "CONFIG_IP_NF_IPTABLES_LEGACY",
        "CONFIG_IP_NF_FILTER",
        "CONFIG_IP6_NF_NAT",
    ];
    HostSeen {
        kernel: Some("6.18.44".to_owned()),
        kernel_config: Some(KernelConfig {
            source: "/proc/config.gz".into(),
            options: options.into_iter().map(|option| (option.to_owned(), "y".to_owned())).collect(),
        }),
        modules: ModulesSeen { list: true, folder: true, of_kernel: true },
        inotify_instances: Some(1024),
        inotify_watches: Some(1_048_576),
        cgroups: Some(Cgroups::V1(["cpu", "cpuset", "memory", "pids"].map(str::to_owned).to_vec())),
        cgroup_namespaces: true,
        iptables: Some(Ok("iptables v1.8.9 (nf_tables)\n".to_owned())),
        container: false,
        ipv6: true,
        bridge_filtered: Some(true),
        filtered_bridges: BTreeSet::new(),
        filter: Some(Ok(Filter::default())),
        distribution: vec!["debian".to_owned()],
        resolvers: Resolvers {
            file: "/etc/resolv.conf".to_owned(),
            servers: Some(vec!["192.168.178.1".parse().unwrap()]),
        },
        memory: Some(6 << 30),
        proxies: Vec::new(),
        uplinks: Some(vec![Uplink { device: "eth0".to_owned(), mtu: 1500 }]),
        view: Some(Ok(NetnsView {
            netns: NetnsId(4_026_531_840),
            links: vec![link("lo"), link("eth0"), link("docker0"), link("br-kind00000000")],
            addresses: vec![
                address("lo", "127.0.0.1/8"),
                address("eth0", "192.168.178.20/24"),
                address("docker0", "172.17.0.1/16"),
                address("br-kind00000000", "172.18.0.1/16"),
            ],
            routes: vec![
                route("0.0.0.0/0", Some("192.168.178.1"), "eth0"),
                route("192.168.178.0/24", None, "eth0"),
                route("172.17.0.0/16", None, "docker0"),
                route("172.18.0.0/16", None, "br-kind00000000"),
            ],
            rules: Vec::new(),
            neighbours: Vec::new(),
            listeners: Vec::new(),
        })),
        cilium_files: Some(Vec::new()),
        kind_variables: BTreeMap::new(),
    }
}
