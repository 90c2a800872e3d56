//! Asks the Engine everything that the rows need.

use ipnet::Ipv4Net;
use std::path::PathBuf;
use std::time::Duration;

use bollard::models::{ContainerSummary, Ipam, IpamConfig, SystemInfo};
use bollard::query_parameters::{ListContainersOptionsBuilder, ListNetworksOptions};

use super::facts::{AddressPool, ContainerSeen, DockerSeen, ImagesSeen, NetworkSeen, Product, Remedy, Unreachable};
use super::input::KindDoctorInput;
use super::trial;
use lab_base::failure::chain;
use lab_engine::{CLUSTER_LABEL, Endpoint, Engine, EngineError};
use lab_manifest::BIRD_IMAGE;
use lab_model::observe::{EngineFacts, Privileged};

/// The deadline of each question. All of them together usually take a fraction of a second.
const DEADLINE: Duration = Duration::from_secs(5);

/// The remedy when the environment or a context names an Engine that does not listen.
const OTHER: &str = "start the Engine that should listen there, or use the one of this host: unset DOCKER_HOST; docker context use default";

/// Turns an error of connecting into what a row shows.
pub(super) fn unreachable(error: &EngineError) -> Unreachable {
    let text = chain(error);
    // The text of each of these errors ends with what to do, after a semicolon.
    let (why, advice) = text.split_once("; ").unwrap_or((&text, "docker info shows more"));
    let remedy = match error {
        EngineError::NoSocket { endpoint } | EngineError::Refused { endpoint }
            if *endpoint == Endpoint::default_socket().to_string() =>
        {
            Remedy::Install
        }
        EngineError::NoSocket { .. } | EngineError::Refused { .. } => Remedy::Other(OTHER.to_owned()),
        EngineError::Permission { .. } => Remedy::Join,
        _ => Remedy::Other(advice.to_owned()),
    };
    let wrong_api = matches!(error, EngineError::TooOld { .. } | EngineError::TooNew { .. });
    Unreachable { wrong_api, why: why.to_owned(), remedy }
}

/// Asks the Engine everything that the rows need.
pub(super) async fn observe(engine: &Engine, input: &KindDoctorInput) -> Result<DockerSeen, Unreachable> {
    Box::pin(ask_all(engine, input)).await.map_err(|error| unreachable(&error))
}

/// Whether the Engine can run privileged containers; found out by running one.
pub async fn privileged(engine: &Engine) -> Privileged {
    match engine.call("describe itself", DEADLINE, engine.client().info()).await {
        Ok(info) => {
            let remapped = has_option(&info, "name=userns");
            trial::privileged(engine.client(), info.architecture.as_deref(), remapped).await.privileged
        }
        Err(error) => Privileged::NotTried(chain(&error)),
    }
}

async fn ask_all(engine: &Engine, input: &KindDoctorInput) -> Result<DockerSeen, EngineError> {
    let client = engine.client();
    let info = engine.call("describe itself", DEADLINE, client.info()).await?;
    let remapped = has_option(&info, "name=userns");
    let containers = ListContainersOptionsBuilder::new().all(true).build();
    let bird = input.racks.as_ref().map(|_racks| BIRD_IMAGE.to_owned());
    let (version, networks, listed, containers, node_image, workload_image, bird_image, tried) = tokio::join!(
        engine.call("tell its version", DEADLINE, client.version()),
        engine.networks(),
        engine.call("list its networks", DEADLINE, client.list_networks(None::<ListNetworksOptions>)),
        engine.call("list its containers", DEADLINE, client.list_containers(Some(containers))),
        has_image(engine, Some(&input.node_image)),
        has_image(engine, input.workload_image.as_ref().map(|image| &image.reference)),
        has_image(engine, bird.as_ref()),
        trial::privileged(client, info.architecture.as_deref(), remapped),
    );
    // Podman implements the Engine's API too, and can be recognised by this list only.
    let podman = version?.components.iter().flatten().any(|part| part.name.starts_with("Podman"));
    let product = if podman { Product::Podman } else { Product::Docker };
    let listed = listed?;
    let networks = networks?
        .into_iter()
        .map(|network| {
            let listed = listed.iter().find(|listed| listed.id.as_ref() == Some(&network.id));
            let pool = listed.and_then(|listed| first_pool(listed.ipam.as_ref()?));
            NetworkSeen {
                internal: listed.is_some_and(|listed| listed.internal == Some(true)),
                range: pool.and_then(|pool| pool.ip_range.as_ref()?.parse().ok()),
                kept: pool
                    .and_then(|pool| pool.auxiliary_addresses.as_ref())
                    .into_iter()
                    .flat_map(|kept| kept.values())
                    .filter_map(|address| address.parse().ok())
                    .collect(),
                network,
            }
        })
        .collect();
    let containers = containers?.into_iter().map(container).collect();
    Ok(DockerSeen {
        product,
        networks,
        containers,
        images: ImagesSeen { node: node_image?, workload: workload_image?, bird: bird_image? },
        tried,
        ..from_info(engine.facts_of(info.clone()), info)
    })
}

/// Whether the Engine has an image of this name.
async fn has_image(engine: &Engine, name: Option<&String>) -> Result<bool, EngineError> {
    let Some(name) = name else { return Ok(false) };
    match engine.call("describe an image", DEADLINE, engine.client().inspect_image(name)).await {
        Ok(_image) => Ok(true),
        Err(error) if error.is_missing() => Ok(false),
        Err(error) => Err(error),
    }
}

/// The settings of a network's first IPv4 subnet.
fn first_pool(ipam: &Ipam) -> Option<&IpamConfig> {
    let is_ipv4 = |config: &&IpamConfig| config.subnet.as_ref().is_some_and(|subnet| subnet.parse::<Ipv4Net>().is_ok());
    ipam.config.iter().flatten().find(is_ipv4)
}

fn has_option(info: &SystemInfo, option: &str) -> bool {
    let options = info.security_options.iter().flatten();
    options.flat_map(|entry| entry.split(',')).any(|part| part == option)
}

/// What `GET /info` reports about the Engine; everything else is empty.
fn from_info(engine: EngineFacts, info: SystemInfo) -> DockerSeen {
    let status = |key: &str| {
        let pairs = info.driver_status.iter().flatten();
        pairs
            .filter_map(|pair| Some((pair.first()?, pair.get(1)?)))
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value)
    };
    let pool =
        |base: &str, size: Option<i64>| Some(AddressPool { base: base.parse().ok()?, size: u8::try_from(size?).ok()? });
    DockerSeen {
        product: Product::Docker,
        backing_filesystem: status("Backing Filesystem").cloned(),
        containerd_store: status("driver-type").is_some_and(|kind| kind.starts_with("io.containerd.snapshotter")),
        private_cgroups: has_option(&info, "name=cgroupns"),
        memory: info.mem_total.and_then(|octets| u64::try_from(octets).ok()),
        processors: info.ncpu.and_then(|count| u64::try_from(count).ok()),
        firewall: info.firewall_backend.and_then(|backend| backend.driver),
        pools: info
            .default_address_pools
            .iter()
            .flatten()
            .filter_map(|entry| pool(entry.base.as_deref()?, entry.size))
            .collect(),
        networks: Vec::new(),
        containers: Vec::new(),
        images: ImagesSeen { node: false, workload: false, bird: false },
        tried: trial::not_tried("not asked for"),
        id: info.id,
        engine,
    }
}

fn container(summary: ContainerSummary) -> ContainerSeen {
    let name = summary.names.iter().flatten().next().map(|name| name.trim_start_matches('/').to_owned());
    ContainerSeen {
        name: name.unwrap_or_default(),
        cluster: summary.labels.and_then(|mut labels| labels.remove(CLUSTER_LABEL)),
        state: summary.state.map(|state| state.to_string()).unwrap_or_default(),
        mounts: summary.mounts.into_iter().flatten().filter_map(|mount| mount.source).map(PathBuf::from).collect(),
    }
}
