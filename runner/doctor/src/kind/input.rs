//! What a lab on kind is to be, as far as the machine must fit it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use ipnet::Ipv4Net;
use lab_base::failure::chain;
use lab_engine::Program;

use lab_manifest::Manifests;
use lab_model::expect::Expectations;
use lab_model::observe::NodeName;

/// The network of `ClusterIP`s that kind gives a cluster whose configuration names none
/// (kind v0.17.0, `pkg/apis/config/defaults.go` and `internal/apis/config/default.go`: `ServiceSubnet`).
const SERVICE_CIDR: Ipv4Net = Ipv4Net::new_assert(std::net::Ipv4Addr::new(10, 96, 0, 0), 16);

/// What the machine is to carry.
#[derive(Debug, Clone)]
pub struct KindDoctorInput {
    /// The cluster's name, which is the lab's.
    pub cluster: String,
    /// Its nodes, as kind will name them.
    pub nodes: Vec<NodeName>,
    /// The Docker network that kind puts them on.
    pub network: String,
    /// All pod CIDRs come from this pool.
    pub pod_pool: Ipv4Net,
    /// Prefix length of each node's pod CIDR.
    pub pod_cidr_prefix: u8,
    /// Packets to addresses in here are routed, not masqueraded.
    pub native_cidr: Ipv4Net,
    /// Services get their addresses here.
    pub service_cidr: Ipv4Net,
    /// The oldest API of the Engine that will do: `1.41`.
    pub api_min: String,
    /// The programs, and the versions they are pinned to.
    pub tools: Vec<ToolPin>,
    /// What is put into the nodes to look there, or what to do to have it.
    pub probe: Result<ProbeSeen, String>,
    /// The nodes' image as the Engine may have it: name and tag, and the digest that it is pinned to.
    pub node_image: String,
    /// Cilium's agent is not the pinned image: what that image is known to refuse is a warning.
    pub own_cilium_image: bool,
    /// The folder that runs are kept in.
    pub runs_dir: PathBuf,
    /// The folder that labs' state folders are in; none where the environment names none.
    pub state_root: Option<PathBuf>,
    /// Where programs are looked for, as in `PATH`.
    pub search_path: OsString,
    /// Where `proc`, `sys` and `etc` are: `/`.
    pub host_root: PathBuf,
}

/// The probe that nodes would get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeSeen {
    /// What it is built for, as Go names it: `amd64`.
    pub architecture: String,
    /// Its size, with the archive that it is sent in.
    pub octets: usize,
}

/// A program that a lab on kind starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolPin {
    /// Its name in `PATH`.
    pub name: String,
    /// The version it must report, without a `v`; none for one that is not pinned.
    pub version: Option<String>,
    /// A lab cannot be built without it; else it only takes the article's own looks.
    pub builds: bool,
}

impl KindDoctorInput {
    /// Of a lab of this name, made like this; programs are looked for in `PATH`.
    pub fn new(manifests: &Manifests, expect: &Expectations, cluster: &str, runs_dir: &Path) -> Self {
        let tools = &manifests.pins.tools;
        let tool = |name: &str, version: Option<&str>, builds| ToolPin {
            name: name.to_owned(),
            version: version.map(str::to_owned),
            builds,
        };
        let named = manifests.node_names(cluster, expect.control_planes, expect.workers);
        Self {
            cluster: cluster.to_owned(),
            nodes: named.into_iter().map(|(node, _role)| node).collect(),
            network: expect.network.clone(),
            pod_pool: expect.pod_pool,
            pod_cidr_prefix: expect.pod_cidr_prefix,
            native_cidr: expect.native_cidr,
            service_cidr: SERVICE_CIDR,
            api_min: manifests.pins.docker.api_min.as_str().to_owned(),
            tools: vec![
                tool("docker", None, true),
                tool("kind", Some(tools.kind.version.as_str()), true),
                tool("helm", Some(tools.helm.version.as_str()), true),
                tool("kubectl", Some(tools.kubectl.version.as_str()), false),
                tool("cilium", Some(tools.cilium_cli.version.as_str()), false),
            ],
            probe: Program::find()
                .map(|program| ProbeSeen { architecture: program.architecture().to_owned(), octets: program.size() })
                .map_err(|error| chain(&error)),
            node_image: manifests.pins.images.node.tagged(),
            own_cilium_image: false,
            runs_dir: runs_dir.to_owned(),
            state_root: lab_backend::state::StateDir::root().ok(),
            search_path: std::env::var_os("PATH").unwrap_or_default(),
            host_root: PathBuf::from("/"),
        }
    }
}
