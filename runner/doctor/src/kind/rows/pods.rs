//! Rows about the networks of pods and Services, which must not overlap networks in use.

use std::net::IpAddr;

use ipnet::Ipv4Net;

use super::occupied::{By, Occupied, Taken, joined, overlap};
use crate::kind::facts::HostSeen;
use crate::kind::input::KindDoctorInput;
use crate::{Outcome, Row};

/// Pools to suggest instead: kind's own pod subnet, other parts of RFC 1918's networks, and RFC 6598's.
const POOLS: [&str; 5] = ["10.244.0.0/16", "172.28.0.0/16", "192.168.128.0/17", "10.128.0.0/16", "100.64.0.0/16"];

/// The pod CIDRs of the nodes as one network: Cilium's operator assigns them from the beginning of the pool.
pub(in crate::kind) fn used(input: &KindDoctorInput) -> Ipv4Net {
    let bits = u8::try_from(input.nodes.len().max(1).next_power_of_two().trailing_zeros()).unwrap_or(u8::MAX);
    let prefix = input.pod_cidr_prefix.saturating_sub(bits).max(input.pod_pool.prefix_len());
    Ipv4Net::new(input.pod_pool.network(), prefix).map_or(input.pod_pool, |net| net.trunc())
}

/// Networks of Services to suggest instead.
const SERVICES: [&str; 5] = ["10.96.0.0/16", "172.31.128.0/17", "10.111.0.0/16", "192.168.96.0/20", "100.65.0.0/16"];

/// What to do when something has the Services' addresses: take others, if there are some.
fn other_services(input: &KindDoctorInput, taken: &Taken) -> String {
    let free = SERVICES.iter().filter_map(|text| text.parse::<Ipv4Net>().ok()).find(|&services| {
        !overlap(services, used(input)) && !taken.all.iter().any(|occupied| overlap(services, occupied.net))
    });
    match free {
        Some(services) => format!("give the lab's Services other addresses: lab up --service-cidr {services}"),
        None => "give the lab's Services addresses that nothing overlaps: lab up --service-cidr CIDR".to_owned(),
    }
}

fn another_pool(input: &KindDoctorInput, taken: &Taken) -> String {
    let free = POOLS.iter().filter_map(|text| text.parse::<Ipv4Net>().ok()).find(|&pool| {
        !overlap(pool, used(input))
            && !overlap(pool, input.service_cidr)
            && !taken.all.iter().any(|occupied| overlap(pool, occupied.net))
    });
    match free {
        Some(pool) => format!("give the lab another pool: lab up --pod-pool {pool}"),
        None => "give the lab a pool that nothing overlaps: lab up --pod-pool CIDR".to_owned(),
    }
}

/// `net.pod_cidrs`: an overlap is a refusal, since the same addresses would be in use twice.
pub(in crate::kind) fn pod_cidrs(input: &KindDoctorInput, taken: &Taken) -> Row {
    const ID: &str = "net.pod_cidrs";
    const WHY: &str = "pods would not reach what has these addresses now, and packets for a pod could go there";
    let used = used(input);
    let overlapping = taken.all.iter().filter(|occupied| overlap(used, occupied.net));
    match joined(overlapping) {
        None => taken.no_overlap(ID, format!("{used}, which the nodes will use, overlaps nothing"), WHY),
        Some(what) => {
            let found = format!("{used}, which the nodes will use, overlaps {what}");
            Row::bad(Outcome::Refusal, ID, found, WHY, another_pool(input, taken))
        }
    }
}

/// `net.native_cidr`: an overlap is a warning, since only packets from pods to these addresses are lost.
pub(in crate::kind) fn native_cidr(input: &KindDoctorInput, taken: &Taken) -> Row {
    const ID: &str = "net.native_cidr";
    const WHY: &str = "packets to it leave with the pod's own address, which nobody outside can answer";
    let (used, native) = (used(input), input.native_cidr);
    let beside = taken.all.iter().filter(|occupied| overlap(native, occupied.net) && !overlap(used, occupied.net));
    match joined(beside) {
        None => taken.no_overlap(ID, format!("{native} overlaps nothing beside the pods"), WHY),
        Some(what) => {
            let found = format!("{native} contains {what}: pods will not reach it");
            Row::bad(Outcome::Warning, ID, found, WHY, another_pool(input, taken))
        }
    }
}

/// `net.service_cidr`.
pub(in crate::kind) fn service_cidr(input: &KindDoctorInput, taken: &Taken) -> Row {
    const ID: &str = "net.service_cidr";
    const WHY: &str = "nodes and pods treat every address in it as a Service";
    let service = input.service_cidr;
    let overlapping: Vec<&Occupied> = taken.all.iter().filter(|occupied| overlap(service, occupied.net)).collect();
    let Some(what) = joined(overlapping.iter().copied()) else {
        return taken.no_overlap(ID, format!("{service} overlaps nothing"), WHY);
    };
    let others = overlapping.iter().map(|occupied| match &occupied.by {
        By::Docker(name) => format!("docker network rm {name}, if nothing needs it"),
        By::Route(device) => {
            format!(
                "remove it while the lab is up: sudo ip route del {} dev {device} (a route of a VPN ends with the VPN)",
                occupied.net
            )
        }
        By::Address(device) => format!("sudo ip address del {} dev {device}, if nothing needs it", occupied.net),
    });
    let remedy: Vec<String> =
        std::iter::once(other_services(input, taken)).chain(others.map(|other| format!("or {other}"))).collect();
    Row::bad(Outcome::Refusal, ID, format!("{service} overlaps {what}"), WHY, remedy.join("\n"))
}

/// `net.resolver`: pods cannot reach a name server within the native routing CIDR, and nodes cannot once the lab's packets
/// to that CIDR are kept on the host.
pub(in crate::kind) fn resolver(input: &KindDoctorInput, host: &HostSeen) -> Row {
    const ID: &str = "net.resolver";
    const WHY: &str = "it resolves names outside of the cluster; a lab itself needs no such name";
    let native = input.native_cidr;
    let file = &host.resolvers.file;
    let Some(servers) = &host.resolvers.servers else {
        let found = format!("{file}, where Docker takes the name servers from, cannot be read");
        return Row::bad(Outcome::Warning, ID, found, WHY, format!("cat {file}; resolvectl status"));
    };
    // The pods' addresses lie outside of the native routing CIDR only where another Cilium allows it.
    let networks = [native, used(input), input.service_cidr];
    let within = |server: &IpAddr| match server {
        IpAddr::V4(server) => networks.into_iter().find(|network| network.contains(server)),
        IpAddr::V6(_) => None,
    };
    let inside: Vec<String> =
        servers.iter().filter_map(|server| Some(format!("{server} in {file} is in {}", within(server)?))).collect();
    if !inside.is_empty() {
        let found = format!(
            "{}, and packets to that network do not leave a lab: pods and nodes will not resolve names outside",
            inside.join(", ")
        );
        let remedy = "give Docker another one: {\"dns\": [\"ADDRESS\"]} in /etc/docker/daemon.json, then \
                      sudo systemctl restart docker; or another pool: lab up --pod-pool CIDR";
        return Row::bad(Outcome::Warning, ID, found, WHY, remedy);
    }
    Row::ok(ID, format!("none of {} in {file} is in {native}", servers.len()), WHY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::fixture::{docker, host, input, network, route};

    /// The networks in use if the host has these routes beside its own.
    fn with(routes: &[(&str, &str)]) -> Taken {
        let mut view = host().view.unwrap().unwrap();
        view.routes.extend(routes.iter().map(|(net, device)| route(net, None, device)));
        Taken::find(Ok(&view), Some(&docker().networks))
    }

    #[test]
    fn nothing_in_the_way() {
        let taken = with(&[]);
        assert_eq!(pod_cidrs(&input(), &taken).found, "10.0.0.0/22, which the nodes will use, overlaps nothing");
        for row in [pod_cidrs(&input(), &taken), native_cidr(&input(), &taken), service_cidr(&input(), &taken)] {
            assert_eq!(row.outcome, Outcome::Ok, "{row:?}");
        }
    }

    #[test]
    fn the_nodes_use_the_beginning_of_the_pool() {
        let mut input = input();
        for (nodes, net) in [(1, "10.0.0.0/24"), (2, "10.0.0.0/23"), (3, "10.0.0.0/22"), (5, "10.0.0.0/21")] {
            input.nodes = (0..nodes).map(|number| format!("node{number}").as_str().into()).collect();
            assert_eq!(used(&input).to_string(), net);
        }
        input.pod_pool = "10.7.0.0/23".parse().unwrap();
        assert_eq!(used(&input), input.pod_pool, "never more than the pool");
    }

    #[test]
    fn a_lan_in_the_pods_addresses_is_refused_with_another_pool() {
        let taken = with(&[("10.0.0.0/16", "eth1")]);
        let row = pod_cidrs(&input(), &taken);
        assert_eq!(row.outcome, Outcome::Refusal);
        assert_eq!(row.found, "10.0.0.0/22, which the nodes will use, overlaps the host route 10.0.0.0/16 dev eth1");
        assert_eq!(row.remedy, "give the lab another pool: lab up --pod-pool 10.244.0.0/16");
        assert_eq!(native_cidr(&input(), &taken).outcome, Outcome::Ok, "it is told of once");
    }

    #[test]
    fn the_pool_that_is_offered_is_free() {
        let taken = with(&[("10.0.0.0/8", "tun0"), ("172.16.0.0/12", "tun0")]);
        assert!(pod_cidrs(&input(), &taken).remedy.ends_with("--pod-pool 100.64.0.0/16"), "192.168.178.0/24 is eth0's");
        let taken = with(&[("10.0.0.0/8", "tun0"), ("172.16.0.0/12", "tun0"), ("100.64.0.0/10", "tailscale0")]);
        assert!(pod_cidrs(&input(), &taken).remedy.ends_with("--pod-pool CIDR"));
    }

    #[test]
    fn a_vpn_in_the_native_cidr_alone_is_a_warning() {
        let row = native_cidr(&input(), &with(&[("10.20.0.0/16", "tun0")]));
        assert_eq!(row.outcome, Outcome::Warning);
        assert_eq!(row.found, "10.0.0.0/8 contains the host route 10.20.0.0/16 dev tun0: pods will not reach it");
        assert_eq!(pod_cidrs(&input(), &with(&[("10.20.0.0/16", "tun0")])).outcome, Outcome::Ok);
    }

    #[test]
    fn what_takes_services_addresses_is_refused_by_its_name() {
        let mut networks = docker().networks;
        networks.push(network("compose_default", "10.96.1.0/24"));
        let row = service_cidr(&input(), &Taken::find(Err(""), Some(&networks)));
        assert_eq!(row.outcome, Outcome::Refusal);
        assert_eq!(row.found, "10.96.0.0/16 overlaps the Docker network compose_default (10.96.1.0/24)");
        assert_eq!(
            row.remedy,
            "give the lab's Services other addresses: lab up --service-cidr 172.31.128.0/17\n\
             or docker network rm compose_default, if nothing needs it"
        );
        let row = service_cidr(&input(), &with(&[("10.96.0.0/12", "tun0")]));
        assert!(row.remedy.contains("sudo ip route del 10.96.0.0/12 dev tun0"), "{row:?}");
        let row = service_cidr(&input(), &with(&[("10.0.0.0/8", "tun0"), ("172.16.0.0/12", "tun0")]));
        assert!(
            row.remedy.starts_with("give the lab's Services other addresses: lab up --service-cidr 192.168.96.0/20\n")
        );
        let all = with(&[("10.0.0.0/8", "t"), ("172.16.0.0/12", "t"), ("192.168.0.0/16", "t"), ("100.64.0.0/10", "t")]);
        assert!(
            service_cidr(&input(), &all).remedy.starts_with("give the lab's Services addresses that nothing overlaps")
        );
    }

    #[test]
    fn a_name_server_that_is_cut_off_is_warned_of() {
        let mut host = host();
        assert_eq!(resolver(&input(), &host).outcome, Outcome::Ok);
        host.resolvers.servers.as_mut().unwrap().push("10.255.255.53".parse().unwrap());
        let row = resolver(&input(), &host);
        assert_eq!(row.outcome, Outcome::Warning);
        assert!(row.found.starts_with("10.255.255.53 in /etc/resolv.conf is in 10.0.0.0/8"), "{row:?}");
        let mut input = input();
        input.service_cidr = "172.31.0.0/16".parse().unwrap();
        host.resolvers.servers = Some(vec!["172.31.0.53".parse().unwrap()]);
        assert!(resolver(&input, &host).found.contains("is in 172.31.0.0/16"));
        host.resolvers.servers = None;
        assert_eq!(resolver(&input, &host).outcome, Outcome::Warning);
    }
}
