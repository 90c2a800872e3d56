//! What a lab on kind needs from the machine.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use ipnet::Ipv4Net;
use lab_base::failure::chain;
use lab_engine::{Program, Settings, router_container};

use lab_manifest::Manifests;
use lab_model::expect::Expectations;
use lab_model::observe::NodeName;
use lab_model::racks::{Rack, Racks};

/// The properties of the planned lab that the machine is checked against.
#[derive(Debug, Clone)]
pub struct KindDoctorInput {
    /// The cluster's name, which is also the lab's.
    pub cluster: String,
    /// The names that kind will give to the nodes.
    pub nodes: Vec<NodeName>,
    /// The Docker network that kind puts them on.
    pub network: String,
    /// The pool that all pod CIDRs are taken from.
    pub pod_pool: Ipv4Net,
    /// Prefix length of each node's pod CIDR.
    pub pod_cidr_prefix: u8,
    /// The native routing CIDR: packets to it are routed without masquerading.
    pub native_cidr: Ipv4Net,
    /// The network that Services get their addresses from.
    pub service_cidr: Ipv4Net,
    /// The oldest API version of the Engine that is sufficient: `1.41`.
    pub api_min: String,
    /// The programs, and the versions they are pinned to.
    pub tools: Vec<ToolPin>,
    /// The probe that is copied into the nodes, or an error that says what to do to have one.
    pub probe: Result<ProbeSeen, String>,
    /// The name by which the Engine would have the nodes' image: name, tag and pinned digest.
    pub node_image: String,
    /// The workload's image; none if a kit has it.
    pub workload_image: Option<WorkloadImage>,
    /// What its racks need; none where all nodes are on one network.
    pub racks: Option<RacksInput>,
    /// Whether Cilium's agent is not the pinned image. What the pinned image is known to refuse is only a warning then.
    pub own_cilium_image: bool,
    /// The folder that runs are kept in.
    pub runs_dir: PathBuf,
    /// The folder with the labs' state folders; none if the environment does not say.
    pub state_root: Option<PathBuf>,
    /// The folder with the docker program's configuration, `config.json`; none if the environment does not say.
    pub docker_config: Option<PathBuf>,
    /// The folders where programs are looked for, in the form of `PATH`.
    pub search_path: OsString,
    /// The folder with `proc`, `sys` and `etc`: `/`, or another one in tests.
    pub host_root: PathBuf,
}

/// What a lab in racks has beside its nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RacksInput {
    /// The networks of racks and links.
    pub subnets: Vec<Ipv4Net>,
    /// The names of the routers' containers.
    pub routers: Vec<NodeName>,
    /// The archive that the routers' image is loaded from if the Engine does not have it ([`lab_manifest::BIRD_VARIABLE`]).
    pub bird_archive: Option<PathBuf>,
}

impl RacksInput {
    fn new(racks: &Racks, cluster: &str) -> Self {
        let networks = |rack: &Rack| [rack.gateway.trunc(), rack.tor_end.trunc()];
        Self {
            subnets: racks.racks.iter().flat_map(networks).collect(),
            routers: racks.routers().map(|place| router_container(cluster, &place.to_string())).collect(),
            bird_archive: std::env::var_os(lab_manifest::BIRD_VARIABLE).map(PathBuf::from),
        }
    }
}

/// The probe that nodes would get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeSeen {
    /// The architecture that it is built for, as Go names it: `amd64`.
    pub architecture: String,
    /// The size in octets of the archive that it is sent in.
    pub octets: usize,
}

/// The image of the workload, which the article builds itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadImage {
    /// The name by which the Engine is asked for it: `hello-app:1.0`.
    pub reference: String,
    /// The archive that it is loaded from if the Engine does not have it ([`lab_manifest::HELLO_APP_VARIABLE`]).
    pub archive: Option<PathBuf>,
    /// What is pulled in its place if there is no archive either: name and digest.
    pub published: Option<String>,
}

/// A program that a lab on kind starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolPin {
    /// Its name in `PATH`.
    pub name: String,
    /// The version it must report, without a `v`; none for one that is not pinned.
    pub version: Option<String>,
    /// Whether a lab cannot be built without it. If false, it is only used to run the article's own commands.
    pub builds: bool,
}

impl KindDoctorInput {
    /// The input for a lab of this name with these expectations; programs are looked for in `PATH`.
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
            service_cidr: manifests.kind.networking.service_cidr(),
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
            workload_image: Some(WorkloadImage {
                reference: manifests.pins.images.hello_app.tagged(),
                archive: std::env::var_os(lab_manifest::HELLO_APP_VARIABLE).map(PathBuf::from),
                published: manifests
                    .pins
                    .images
                    .hello_app
                    .published
                    .as_ref()
                    .map(|published| format!("{}@{}", published.repository, published.digest)),
            }),
            racks: expect.racks.as_ref().map(|racks| RacksInput::new(racks, cluster)),
            own_cilium_image: false,
            runs_dir: runs_dir.to_owned(),
            state_root: lab_backend::state::StateDir::root().ok(),
            docker_config: Settings::of_this_process().config,
            search_path: std::env::var_os("PATH").unwrap_or_default(),
            host_root: PathBuf::from("/"),
        }
    }
}
