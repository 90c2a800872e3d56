//! Checks what a lab on kind needs, in about two seconds: the Engine, the host and the tools are asked at the same time,
//! then a pure function makes each row from the answers.
//!
//! Nothing is pulled, and nothing that exists is changed. A privileged container is made, run and removed again, with an
//! image of its own whose program has two machine instructions, because no setting says whether such containers can run.

mod docker;
pub mod facts;
mod filter;
#[cfg(test)]
mod fixture;
mod host;
mod input;
mod proxies;
mod rows;
mod tools;
pub mod trial;

use super::{Row, files};
use async_recursion::async_recursion as boxed;
use facts::{DockerSeen, HostSeen, Room, ToolSeen, Unreachable};
use lab_engine::{Engine, EngineError};
use rows::locality::Where;

pub use docker::privileged;
pub use input::{KindDoctorInput, ProbeSeen, RacksInput, ToolPin, WorkloadImage};

/// Checks this machine for a lab on kind, with the Engine that the docker program would use.
pub async fn kind(input: &KindDoctorInput) -> Vec<Row> {
    Box::pin(kind_with(input, Engine::connect().await)).await
}

/// Checks this machine for a lab on kind, with this Engine or the error of connecting to it.
#[boxed(?Send)]
pub async fn kind_with(input: &KindDoctorInput, engine: Result<Engine, EngineError>) -> Vec<Row> {
    let engine = engine.map_err(|error| docker::unreachable(&error));
    let environment = engine.as_ref().map(Engine::environment).unwrap_or_default();
    let asked = async {
        match engine {
            Ok(engine) => docker::observe(&engine, input).await,
            Err(why) => Err(why),
        }
    };
    let (docker, host, tools) = tokio::join!(asked, host::observe(input), tools::find_all(input, &environment));
    let room = docker.as_ref().ok().and_then(host::room);
    let mut rows = rows(input, docker.as_ref(), &host, &tools, room.as_ref());
    rows.push(files::state());
    rows.push(files::runs(&input.runs_dir));
    rows
}

/// All rows except those about lab's own folders, in the order in which a user would fix things.
fn rows(
    input: &KindDoctorInput,
    docker: Result<&DockerSeen, &Unreachable>,
    host: &HostSeen,
    tools: &[ToolSeen],
    room: Option<&Room>,
) -> Vec<Row> {
    use self::rows::{bridge_filter, cgroups, disk, docker as engine, iptables, kernel, leftovers, limits, locality};
    use self::rows::{
        memory, names, occupied, pods, probe, proxies, racks, segment, snap, tools as programs, workload,
    };

    // Facts about this host say nothing if the Engine runs on another one; then only the Engine's answers are used.
    let here = docker.map_or(Where::Here, |docker| locality::place(docker, host)) == Where::Here;
    let mut rows = Vec::new();
    match docker {
        Ok(docker) => rows.extend([
            engine::engine(docker),
            engine::api(docker, &input.api_min, &host.distribution),
            locality::local(docker, host),
            engine::rootless(docker),
            engine::storage(docker),
            memory::memory(docker, host, input.nodes.len(), here),
            snap::snap(input, docker),
            proxies::proxies(input, docker, host),
            engine::privileged(docker),
        ]),
        Err(why) => {
            rows.push(engine::unreachable(why, &host.distribution, programs::is_found(tools, "docker")));
        }
    }
    let program = |name: &str| tools.iter().find(|seen| seen.name == name);
    rows.extend(input.tools.iter().map(|pin| programs::tool(pin, program(&pin.name), docker.ok())));
    rows.push(probe::probe(&input.probe, docker.ok()));
    rows.push(programs::environment(host, &input.api_min));
    let view = match &host.view {
        Some(Ok(view)) if here => Ok(view),
        Some(Err(why)) => Err(why.as_str()),
        _ => Err("the Engine runs on another host"),
    };
    let taken = occupied::Taken::find(view, docker.ok().map(|docker| docker.networks.as_slice()));
    if here {
        rows.extend([
            kernel::version(host),
            kernel::config(host),
            kernel::modules(host, input.own_cilium_image),
            limits::inotify(host, input.nodes.len()),
        ]);
        if let Ok(docker) = docker {
            rows.extend([
                cgroups::cgroups(docker, host),
                iptables::iptables(docker, host),
                iptables::ipv6(docker, host, &input.network),
            ]);
        }
        let subnet = docker.ok().and_then(|docker| segment::subnet(input, docker, &taken));
        rows.push(bridge_filter::bridge_filter(input, docker.ok(), host, subnet));
    }
    rows.extend([
        pods::pod_cidrs(input, &taken),
        pods::native_cidr(input, &taken),
        pods::service_cidr(input, &taken),
        pods::resolver(input, host),
    ]);
    if let Ok(docker) = docker {
        rows.extend([
            segment::kind_subnet(input, docker, &taken),
            segment::mtu(input, docker, host),
            names::kind_network(input, docker),
            names::cluster(input, docker),
        ]);
        if let Some(input) = &input.racks {
            rows.extend([racks::networks(input, docker), racks::image(input, docker)]);
        }
        if here {
            rows.push(disk::disk(room, input.nodes.len(), docker.images.node));
        }
        rows.extend(input.workload_image.as_ref().map(|image| workload::image(image, docker.images.workload)));
    }
    if here {
        rows.push(leftovers::leftovers(host));
    }
    rows
}
