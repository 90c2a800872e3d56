//! What a lab on kind needs, found out in about two seconds: everything is asked at once, then each row is decided by a
//! pure function from what was found.
//!
//! Nothing is pulled and nothing of anybody's is changed. One thing is made and removed again: a privileged container of
//! an image of its own, two machine instructions in size, because no setting tells whether one can run.

mod docker;
pub mod facts;
#[cfg(test)]
mod fixture;
mod host;
mod input;
mod rows;
mod tools;
pub mod trial;

use super::{Row, files};
use facts::{DockerSeen, HostSeen, Room, ToolSeen, Unreachable};
use lab_engine::{Engine, EngineError};
use rows::locality::Where;

pub use docker::privileged;
pub use input::{KindDoctorInput, ProbeSeen, ToolPin};

/// Looks at this machine for a lab on kind, with the Engine that the docker program would take.
pub async fn kind(input: &KindDoctorInput) -> Vec<Row> {
    Box::pin(kind_with(input, Engine::connect().await)).await
}

/// The same with this Engine, or with what came of connecting to it.
pub async fn kind_with(input: &KindDoctorInput, engine: Result<Engine, EngineError>) -> Vec<Row> {
    let engine = engine.map_err(|error| docker::unreachable(&error));
    let environment = engine.as_ref().map(Engine::environment).unwrap_or_default();
    let asked = async {
        match engine {
            Ok(engine) => docker::seen(&engine, input).await,
            Err(why) => Err(why),
        }
    };
    let (docker, host, tools) = tokio::join!(asked, host::seen(input), tools::seen(input, &environment));
    let room = docker.as_ref().ok().and_then(host::room);
    let mut rows = rows(input, docker.as_ref(), &host, &tools, room.as_ref());
    rows.push(files::state());
    rows.push(files::runs(&input.runs_dir));
    rows
}

/// All rows but those about our own folders, in the order in which a reader would mend things.
fn rows(
    input: &KindDoctorInput,
    docker: Result<&DockerSeen, &Unreachable>,
    host: &HostSeen,
    tools: &[ToolSeen],
    room: Option<&Room>,
) -> Vec<Row> {
    use self::rows::{cgroups, disk, docker as engine, iptables, kernel, leftovers, limits, locality, names};
    use self::rows::{occupied, pods, probe, segment, tools as programs};

    let mut rows = Vec::new();
    match docker {
        Ok(docker) => rows.extend([
            engine::engine(docker),
            engine::api(docker, &input.api_min, &host.distribution),
            locality::local(docker, host),
            engine::rootless(docker),
            engine::storage(docker),
            engine::privileged(docker),
        ]),
        Err(why) => {
            rows.push(engine::unreachable(why, &host.distribution, programs::is_found(tools, "docker")));
        }
    }
    let program = |name: &str| tools.iter().find(|seen| seen.name == name);
    rows.extend(input.tools.iter().map(|pin| programs::tool(pin, program(&pin.name), docker.ok())));
    rows.push(probe::probe(&input.probe, docker.ok()));
    rows.push(programs::environment(host));
    // Of a host that is not the Engine's, only the Engine's own word counts.
    let here = docker.map_or(Where::Here, |docker| locality::place(docker, host)) == Where::Here;
    if here {
        rows.extend([
            kernel::version(host),
            kernel::config(host),
            kernel::modules(host, input.own_cilium_image),
            limits::inotify(host),
        ]);
        if let Ok(docker) = docker {
            rows.extend([
                cgroups::cgroups(docker, host),
                iptables::iptables(docker, host),
                iptables::ipv6(docker, host, &input.network),
            ]);
        }
        rows.push(iptables::bridge_filter(host));
    }
    let view = match &host.view {
        Some(Ok(view)) if here => Ok(view),
        Some(Err(why)) => Err(why.as_str()),
        _ => Err("the Engine's host is another one"),
    };
    let taken = occupied::Taken::by(view, docker.ok().map(|docker| docker.networks.as_slice()));
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
        if here {
            rows.push(disk::disk(room, input.nodes.len(), docker.node_image));
        }
    }
    if here {
        rows.push(leftovers::leftovers(host));
    }
    rows
}
