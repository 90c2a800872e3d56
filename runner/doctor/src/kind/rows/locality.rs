//! Whether the Engine runs on the same host as this program. kind publishes the API server on the loopback of the Engine's
//! host, and the doctor can read facts of this program's host only.

use std::net::IpAddr;

use crate::kind::facts::{DockerSeen, HostSeen, NetworkSeen};
use crate::{Outcome, Row};

/// Where the Engine runs, relative to this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kind) enum Where {
    /// On this kernel, in this network namespace.
    Here,
    /// On another kernel, behind a local socket: a virtual machine that forwards ports.
    Machine,
    /// On another host, or in another network namespace.
    Elsewhere,
}

fn remote(endpoint: &str) -> bool {
    let Some((scheme, rest)) = endpoint.split_once("://") else { return false };
    if scheme == "unix" || scheme == "npipe" {
        return false;
    }
    let host = rest.rsplit_once(':').map_or(rest, |(host, _port)| host).trim_matches(['[', ']']);
    host != "localhost" && !host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What the Engine calls its system, where that is a machine of a product for desktops. On WSL2 that is another distribution
/// on the same kernel, in a network namespace of its own.
fn desktop(docker: &DockerSeen) -> Option<&str> {
    docker.engine.operating_system.as_deref().filter(|system| system.contains("Desktop"))
}

/// Whether both are the same kernel. The Engine may report a release without its local part (`6.18.44` of `6.18.44-1`).
fn same_kernel(reported: Option<&str>, own: Option<&str>) -> bool {
    match (reported, own) {
        (Some(reported), Some(own)) => {
            own == reported || own.strip_prefix(reported).is_some_and(|rest| rest.starts_with(['-', '+', '.']))
        }
        _ => true,
    }
}

/// Whether the Engine's bridges are in this network namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bridges {
    /// At least one is: its link or its gateway's address is here. Also if there is no bridge to compare.
    Here,
    /// The Engine has only its default bridge, and that is not here. Another Engine on this host that starts with a
    /// bridge of its own removes it (moby, `removeDefaultBridgeInterface`).
    DefaultMissing,
    /// None of them is.
    Elsewhere,
}

fn bridges(docker: &DockerSeen, host: &HostSeen) -> Bridges {
    let Some(Ok(view)) = &host.view else { return Bridges::Here };
    let is_here = |seen: &NetworkSeen| {
        let mut gateways = seen.network.subnets.iter().filter_map(|subnet| subnet.gateway);
        gateways.any(|gateway| matches!(gateway, IpAddr::V4(gateway) if view.owns(gateway)))
            || view.link(&seen.bridge()).is_some()
    };
    let all: Vec<&NetworkSeen> = docker.networks.iter().filter(|seen| seen.network.driver == "bridge").collect();
    if all.is_empty() || all.iter().any(|seen| is_here(seen)) {
        Bridges::Here
    } else if all.iter().all(|seen| seen.is_default()) && !host.container {
        Bridges::DefaultMissing
    } else {
        Bridges::Elsewhere
    }
}

/// Where the Engine runs.
pub(in crate::kind) fn place(docker: &DockerSeen, host: &HostSeen) -> Where {
    if remote(&docker.engine.endpoint) {
        Where::Elsewhere
    } else if !same_kernel(docker.engine.kernel.as_deref(), host.kernel.as_deref()) {
        Where::Machine
    } else if bridges(docker, host) == Bridges::Elsewhere {
        if desktop(docker).is_some() { Where::Machine } else { Where::Elsewhere }
    } else {
        Where::Here
    }
}

/// `docker.local`.
pub(in crate::kind) fn local(docker: &DockerSeen, host: &HostSeen) -> Row {
    const ID: &str = "docker.local";
    const WHY: &str = "kind publishes the API server on the loopback of the Engine's host";
    let endpoint = &docker.engine.endpoint;
    let reported = docker.engine.kernel.as_deref().unwrap_or("not known");
    match (place(docker, host), desktop(docker)) {
        (Where::Here, _) if bridges(docker, host) == Bridges::DefaultMissing => {
            let found =
                "the Engine runs on this kernel, but its default bridge is not a link of this network namespace";
            let remedy = "sudo systemctl restart docker makes the bridge again, if something removed it";
            Row::bad(Outcome::Warning, ID, found, WHY, remedy)
        }
        (Where::Here, _) => Row::ok(ID, "the Engine runs on this kernel, in this network namespace", WHY),
        (Where::Machine, Some(system)) => {
            let found = format!(
                "the Engine is {system}'s, in a virtual machine of its own (on WSL2 a distribution of its own), whose \
                 limits, modules and routes were not checked"
            );
            let remedy = "if the lab fails there, use an Engine of this system: install Docker Engine \
                          (https://docs.docker.com/engine/install/), then docker context use default";
            Row::bad(Outcome::Warning, ID, found, WHY, remedy)
        }
        (Where::Machine, None) => {
            let own = host.kernel.as_deref().unwrap_or("not known");
            let found = format!(
                "the Engine's kernel is {reported}, this machine's is {own}: the Engine runs in a virtual machine, whose \
                 limits, modules and routes were not checked"
            );
            Row::bad(Outcome::Warning, ID, found, WHY, "run lab inside of that machine, or use an Engine on this host")
        }
        (Where::Elsewhere, _) if remote(endpoint) => {
            let found = format!("the Engine at {endpoint} is on another host");
            Row::bad(Outcome::Refusal, ID, found, WHY, "run lab on that host, or use an Engine here: unset DOCKER_HOST")
        }
        (Where::Elsewhere, _) => {
            let found =
                "none of the Engine's bridges is in this network namespace: this is a container with its socket";
            Row::bad(
                Outcome::Refusal,
                ID,
                found,
                WHY,
                "run lab on the Engine's host, or start the container with --network host",
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::fixture::{docker, host};

    #[test]
    fn an_engine_on_this_host_is_here() {
        assert_eq!(local(&docker(), &host()).outcome, Outcome::Ok);
        let mut host = host();
        host.kernel = Some("6.18.44-fc".to_owned());
        assert_eq!(place(&docker(), &host), Where::Here);
        host.kernel = Some("6.18.440".to_owned());
        assert_eq!(place(&docker(), &host), Where::Machine);
    }

    #[test]
    fn an_engine_on_another_host_is_refused_by_its_endpoint() {
        let mut docker = docker();
        for (endpoint, place_of) in [
            ("tcp://192.0.2.7:2376", Where::Elsewhere),
            ("tcp://docker:2375", Where::Elsewhere),
            ("tcp://127.0.0.1:2375", Where::Here),
            ("tcp://[::1]:2375", Where::Here),
            ("http://localhost:2375", Where::Here),
            ("unix:///run/user/1000/docker.sock", Where::Here),
        ] {
            docker.engine.endpoint = endpoint.to_owned();
            assert_eq!(place(&docker, &host()), place_of, "{endpoint}");
        }
        docker.engine.endpoint = "tcp://192.0.2.7:2376".to_owned();
        let row = local(&docker, &host());
        assert_eq!(row.outcome, Outcome::Refusal);
        assert_eq!(row.found, "the Engine at tcp://192.0.2.7:2376 is on another host");
    }

    #[test]
    fn an_engine_in_a_virtual_machine_is_warned_of() {
        let mut docker = docker();
        docker.engine.kernel = Some("6.6.12-linuxkit".to_owned());
        let row = local(&docker, &host());
        assert_eq!(row.outcome, Outcome::Warning);
        assert!(row.found.contains("6.6.12-linuxkit"), "{row:?}");
    }

    #[test]
    fn a_desktops_engine_on_the_same_kernel_is_told_as_that() {
        let (mut docker, mut host) = (docker(), host());
        docker.engine.operating_system = Some("Docker Desktop".to_owned());
        assert_eq!(place(&docker, &host), Where::Here, "its bridges are here");
        let view = host.view.as_mut().unwrap().as_mut().unwrap();
        view.links.retain(|link| link.name == "lo");
        view.addresses.clear();
        let row = local(&docker, &host);
        assert_eq!((place(&docker, &host), row.outcome), (Where::Machine, Outcome::Warning));
        assert!(row.found.starts_with("the Engine is Docker Desktop's, in a virtual machine"), "{row:?}");
        docker.engine.operating_system = Some("Rancher Desktop WSL Distribution".to_owned());
        assert!(local(&docker, &host).found.contains("Rancher Desktop"));
        docker.engine.operating_system = Some("Ubuntu 22.04.1 LTS".to_owned());
        host.container = true;
        assert_eq!(place(&docker, &host), Where::Elsewhere);
    }

    #[test]
    fn a_socket_in_a_container_is_refused() {
        let mut host = host();
        let view = host.view.as_mut().unwrap().as_mut().unwrap();
        view.addresses.retain(|own| own.device == "eth0");
        assert_eq!(place(&docker(), &host), Where::Here, "the links are there");
        let view = host.view.as_mut().unwrap().as_mut().unwrap();
        view.links.retain(|link| link.name == "eth0");
        let row = local(&docker(), &host);
        assert_eq!(row.outcome, Outcome::Refusal);
        assert!(row.found.starts_with("none of the Engine's bridges"), "{row:?}");
        let mut docker = docker();
        docker.networks.retain(|seen| seen.network.name == "bridge");
        assert_eq!(local(&docker, &host).outcome, Outcome::Warning, "the default bridge alone may have been removed");
        assert_eq!(place(&docker, &host), Where::Here);
        host.container = true;
        assert_eq!(local(&docker, &host).outcome, Outcome::Refusal);
        docker.networks.clear();
        assert_eq!(local(&docker, &host).outcome, Outcome::Ok, "nothing to compare is no proof of another place");
    }
}
