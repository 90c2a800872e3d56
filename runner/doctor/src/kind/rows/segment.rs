//! Rows about the L2 segment that connects the nodes: its subnet and its MTU.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;

use super::occupied::{By, Occupied, Taken, joined, overlap};
use super::pods::used;
use crate::kind::facts::{AddressPool, DockerSeen, HostSeen, NetworkSeen};
use crate::kind::input::KindDoctorInput;
use crate::{Outcome, Row};
use lab_model::observe::DockerNetwork;

/// The pools that Docker takes subnets from by default (moby, `libnetwork/ipamutils`: the local scope's predefined
/// pools), each with the prefix length of its subnets.
const DEFAULT_POOLS: [(&str, u8); 7] = [
    ("172.17.0.0/16", 16),
    ("172.18.0.0/16", 16),
    ("172.19.0.0/16", 16),
    ("172.20.0.0/14", 16),
    ("172.24.0.0/14", 16),
    ("172.28.0.0/14", 16),
    ("192.168.0.0/16", 20),
];

/// At most this many subnets of a pool are tried, since a pool of very small subnets has too many.
const MOST_SUBNETS: usize = 4096;

/// The reported pools, or the default ones if none were reported.
fn pools(reported: &[AddressPool]) -> Vec<AddressPool> {
    if !reported.is_empty() {
        return reported.to_vec();
    }
    let parsed = DEFAULT_POOLS.iter().map(|&(base, size)| base.parse().map(|base| AddressPool { base, size }));
    parsed.filter_map(Result::ok).collect()
}

/// The subnet that Docker will give to the next network: the first that overlaps no network in use.
fn next_subnet(reported: &[AddressPool], taken: &Taken) -> Option<Ipv4Net> {
    pools(reported)
        .into_iter()
        .filter_map(|pool| pool.base.subnets(pool.size).ok())
        .flat_map(|subnets| subnets.take(MOST_SUBNETS))
        .find(|&subnet| !taken.all.iter().any(|occupied| overlap(subnet, occupied.net)))
}

/// The network that kind will use. Of several of that name, kind keeps the one with most containers, then the lowest id
/// (kind v0.17.0, `sortNetworkInspectEntries`).
pub(in crate::kind) fn network<'a>(docker: &'a DockerSeen, name: &str) -> Option<&'a NetworkSeen> {
    docker
        .networks
        .iter()
        .filter(|seen| seen.network.name == name)
        .min_by_key(|seen| (std::cmp::Reverse(seen.network.members.len()), seen.network.id.clone()))
}

/// The subnet that the nodes will get their addresses from; none if it is not known.
pub(in crate::kind) fn subnet(input: &KindDoctorInput, docker: &DockerSeen, taken: &Taken) -> Option<Ipv4Net> {
    match network(docker, &input.network) {
        Some(seen) => seen.subnets().next(),
        None => next_subnet(&docker.pools, taken),
    }
}

/// At most so many addresses are counted.
const MOST_ADDRESSES: usize = 1024;

/// How many addresses of a new subnet containers can have: not its own, not the broadcast's, not the gateway's.
fn usable(subnet: Ipv4Net) -> usize {
    subnet.hosts().skip(1).take(MOST_ADDRESSES).count()
}

/// How many addresses are free in a network that exists.
fn free_addresses(seen: &NetworkSeen, subnet: Ipv4Net) -> usize {
    let taken: BTreeSet<Ipv4Addr> = (seen.kept.iter().copied())
        .chain(seen.network.subnets.iter().filter_map(|subnet| match subnet.gateway {
            Some(IpAddr::V4(gateway)) => Some(gateway),
            _ => None,
        }))
        .chain(seen.network.members.iter().filter_map(|member| Some(member.address?.addr())))
        .collect();
    let (range, whole) = (seen.range.unwrap_or(subnet), [subnet.network(), subnet.broadcast()]);
    let start = u32::from(range.network());
    let all = (start..=u32::from(range.broadcast())).map(Ipv4Addr::from);
    all.filter(|address| !whole.contains(address) && !taken.contains(address)).take(MOST_ADDRESSES).count()
}

/// `net.kind_subnet`.
pub(in crate::kind) fn kind_subnet(input: &KindDoctorInput, docker: &DockerSeen, taken: &Taken) -> Row {
    const ID: &str = "net.kind_subnet";
    const WHY: &str = "the nodes get their addresses from it, and it must not overlap the pods' or any other network";
    let name = &input.network;
    let there = network(docker, name);
    let subnet = subnet(input, docker, taken);
    let (subnet, found) = if there.is_some() {
        let Some(subnet) = subnet else {
            let found = format!("the Docker network {name} has no IPv4 subnet");
            return Row::bad(Outcome::Refusal, ID, found, WHY, format!("docker network rm {name}"));
        };
        (subnet, format!("{subnet}, of the Docker network {name}"))
    } else {
        let Some(subnet) = subnet else {
            let found = "Docker has no subnet left for another network: all its pools overlap a route or a network";
            let remedy = "docker network prune, or more default-address-pools in /etc/docker/daemon.json";
            return Row::bad(Outcome::Refusal, ID, found, WHY, remedy);
        };
        (subnet, format!("{subnet}, which Docker will give to the network {name}"))
    };
    let free = there.map_or_else(|| usable(subnet), |seen| free_addresses(seen, subnet));
    if free < input.nodes.len() {
        let found = format!("{found}, has {free} free addresses for {} nodes", input.nodes.len());
        let remedy = match there {
            Some(seen) if seen.network.members.is_empty() => {
                format!("docker network rm {name}, if nobody needs it: kind makes a larger one")
            }
            Some(_) => {
                format!("docker network inspect {name} shows who has its addresses; take some containers off it")
            }
            None => {
                "larger default-address-pools in /etc/docker/daemon.json, then sudo systemctl restart docker".to_owned()
            }
        };
        return Row::bad(Outcome::Refusal, ID, found, WHY, remedy);
    }
    let elsewhere = "{\"default-address-pools\": [{\"base\": \"172.16.0.0/12\", \"size\": 16}]} in /etc/docker/daemon.json, \
                     then sudo systemctl restart docker";
    let again =
        if there.is_some() { format!("docker network rm {name}, and {elsewhere}") } else { elsewhere.to_owned() };
    for (what, net) in [("the pods' addresses", used(input)), ("the Services' addresses", input.service_cidr)] {
        if overlap(subnet, net) {
            return Row::bad(Outcome::Refusal, ID, format!("{found}, overlaps {what} {net}"), WHY, again);
        }
    }
    let others = |occupied: &&Occupied| occupied.by != By::Docker(name.clone());
    let within: Vec<&Occupied> =
        taken.all.iter().filter(others).filter(|occupied| subnet.contains(&occupied.net)).collect();
    if let Some(what) = joined(within) {
        return Row::bad(Outcome::Refusal, ID, format!("{found}, overlaps {what}"), WHY, again);
    }
    if overlap(subnet, input.native_cidr) {
        let found =
            format!("{found}, is within {}: pods reach the bridge without being masqueraded", input.native_cidr);
        return Row::bad(Outcome::Warning, ID, found, WHY, again);
    }
    let around: Vec<&Occupied> =
        taken.all.iter().filter(others).filter(|occupied| occupied.net.contains(&subnet)).collect();
    if let Some(what) = joined(around) {
        let found = format!("{found}, hides a part of {what}");
        return Row::bad(Outcome::Warning, ID, found, WHY, again);
    }
    taken.no_overlap(ID, format!("{found}, overlaps nothing"), WHY)
}

/// `net.mtu`: kind gives its network the MTU of Docker's default network, whatever the uplink has.
pub(in crate::kind) fn mtu(input: &KindDoctorInput, docker: &DockerSeen, host: &HostSeen) -> Row {
    const ID: &str = "net.mtu";
    const WHY: &str = "packets that are too long for the uplink get lost where ICMP does: pulls from a node would hang";
    let there = network(docker, &input.network);
    let default = docker.networks.iter().find(|seen| seen.network.name == DockerNetwork::DEFAULT);
    let mtu = DockerNetwork::mtu_for_nodes(there.map(|seen| &seen.network), default.map(|seen| &seen.network)).0;
    let nodes = if there.is_some() { "nodes have" } else { "nodes will have" };
    let Some(uplinks) = &host.uplinks else {
        let found = format!("{nodes} {mtu}; the uplink's is not known: the kernel was not asked for its routes");
        return Row::bad(Outcome::Warning, ID, found, WHY, "ip route get 203.0.113.1; ip link");
    };
    let uplink = uplinks.iter().min_by_key(|uplink| uplink.mtu).map(|uplink| (uplink.device.as_str(), uplink.mtu));
    match uplink {
        None => Row::ok(ID, format!("{nodes} {mtu}; the host has no route to the outside to compare it with"), WHY),
        Some((device, uplink)) if uplink < mtu => {
            let found = format!("{nodes} {mtu}, and the uplink {device} {uplink}");
            let set = format!("{{\"mtu\": {uplink}}} in /etc/docker/daemon.json, then sudo systemctl restart docker");
            let remedy = match there {
                Some(seen) => format!("{set}, then docker network rm {}", seen.network.name),
                None => set,
            };
            Row::bad(Outcome::Warning, ID, found, WHY, remedy)
        }
        Some((device, uplink)) => Row::ok(ID, format!("{nodes} {mtu}, the uplink {device} {uplink}"), WHY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::facts::Uplink;
    use crate::kind::fixture::{docker, host, input, network as made, route};

    fn without_kind() -> DockerSeen {
        let mut docker = docker();
        docker.networks.retain(|seen| seen.network.name != "kind");
        docker
    }

    fn row(docker: &DockerSeen, routes: &[(&str, &str)]) -> Row {
        let mut view = host().view.unwrap().unwrap();
        let bridges: Vec<String> = docker.networks.iter().map(NetworkSeen::bridge).collect();
        let there = |device: &str| !device.starts_with("br-") || bridges.iter().any(|bridge| bridge == device);
        view.routes.retain(|route| route.hops[0].device.as_deref().is_some_and(there));
        view.addresses.retain(|own| there(&own.device));
        view.routes.extend(routes.iter().map(|(net, device)| route(net, None, device)));
        kind_subnet(&input(), docker, &Taken::find(Ok(&view), Some(&docker.networks)))
    }

    #[test]
    fn the_subnet_is_the_networks_or_dockers_next() {
        assert_eq!(row(&docker(), &[]).found, "172.18.0.0/16, of the Docker network kind, overlaps nothing");
        let next = |routes: &[(&str, &str)]| row(&without_kind(), routes).found;
        assert_eq!(next(&[]), "172.18.0.0/16, which Docker will give to the network kind, overlaps nothing");
        assert!(next(&[("172.18.4.0/24", "tun0")]).starts_with("172.19.0.0/16"));
        assert!(next(&[("172.16.0.0/12", "tun0")]).starts_with("192.168.0.0/20"));
    }

    #[test]
    fn a_network_with_too_few_free_addresses_is_refused() {
        let with = |subnet: &str, change: &dyn Fn(&mut NetworkSeen)| {
            let mut docker = without_kind();
            let mut kind = made("kind", subnet);
            change(&mut kind);
            docker.networks.push(kind);
            row(&docker, &[])
        };
        let row = with("172.18.0.0/30", &|_| ());
        assert_eq!(row.outcome, Outcome::Refusal);
        assert_eq!(row.found, "172.18.0.0/30, of the Docker network kind, has 1 free addresses for 3 nodes");
        assert!(row.remedy.starts_with("docker network rm kind"), "{row:?}");
        let fits = |row: &Row| !row.found.contains("free addresses");
        assert!(fits(&with("172.18.0.0/29", &|_| ())));
        let range = |kind: &mut NetworkSeen| kind.range = "172.18.9.0/30".parse().ok();
        assert_eq!(with("172.18.0.0/16", &range).outcome, Outcome::Ok, "four within, none of them the gateway");
        let ranged = |kind: &mut NetworkSeen| kind.range = "172.18.9.0/31".parse().ok();
        assert!(with("172.18.0.0/16", &ranged).found.ends_with("has 2 free addresses for 3 nodes"));
        let kept =
            |kind: &mut NetworkSeen| kind.kept = vec!["172.18.0.3".parse().unwrap(), "172.18.0.4".parse().unwrap()];
        assert!(fits(&with("172.18.0.0/29", &kept)), "three are left of five");
        let members = |kind: &mut NetworkSeen| {
            kind.network.members.clone_from(&docker().networks[1].network.members);
        };
        assert_eq!(
            with("172.18.0.0/30", &members).remedy,
            "docker network inspect kind shows who has its addresses; take some containers off it"
        );
    }

    #[test]
    fn a_network_that_will_be_too_small_is_refused() {
        let mut docker = without_kind();
        docker.pools = vec![AddressPool { base: "172.30.0.0/16".parse().unwrap(), size: 30 }];
        let row = row(&docker, &[]);
        assert_eq!(
            (row.outcome, row.found.ends_with("has 1 free addresses for 3 nodes")),
            (Outcome::Refusal, true),
            "{row:?}"
        );
    }

    #[test]
    fn no_subnet_left_is_refused() {
        let row = row(&without_kind(), &[("172.16.0.0/12", "tun0"), ("192.168.0.0/16", "eth0")]);
        assert_eq!(row.outcome, Outcome::Refusal);
        assert!(row.found.starts_with("Docker has no subnet left"), "{row:?}");
    }

    #[test]
    fn the_engines_own_pools_are_what_counts() {
        let mut docker = without_kind();
        docker.pools = vec![AddressPool { base: "10.0.0.0/16".parse().unwrap(), size: 24 }];
        let refused = row(&docker, &[]);
        assert_eq!(refused.outcome, Outcome::Refusal);
        assert!(refused.found.ends_with("overlaps the pods' addresses 10.0.0.0/22"), "{refused:?}");
        docker.pools = vec![AddressPool { base: "10.99.0.0/16".parse().unwrap(), size: 24 }];
        let warned = row(&docker, &[]);
        assert_eq!(warned.outcome, Outcome::Warning);
        assert!(warned.found.contains("without being masqueraded"), "{warned:?}");
    }

    #[test]
    fn a_route_into_the_nodes_subnet_is_refused_and_one_around_it_warned_of() {
        let refused = row(&docker(), &[("172.18.0.128/25", "tun0")]);
        assert_eq!(refused.outcome, Outcome::Refusal);
        assert!(refused.found.ends_with("overlaps the host route 172.18.0.128/25 dev tun0"), "{refused:?}");
        let warned = row(&docker(), &[("172.16.0.0/12", "tun0")]);
        assert_eq!(warned.outcome, Outcome::Warning);
        assert!(warned.found.ends_with("hides a part of the host route 172.16.0.0/12 dev tun0"), "{warned:?}");
    }

    #[test]
    fn a_network_without_ipv4_is_refused() {
        let mut docker = docker();
        for seen in &mut docker.networks {
            seen.network.subnets.clear();
        }
        assert_eq!(row(&docker, &[]).found, "the Docker network kind has no IPv4 subnet");
    }

    #[test]
    fn of_several_networks_of_the_name_the_fullest_is_used() {
        let mut docker = docker();
        let mut fuller = made("kind", "172.20.0.0/16");
        fuller.network.members = docker.networks[1].network.members.clone();
        docker.networks.push(fuller);
        assert_eq!(network(&docker, "kind").unwrap().subnets().next().unwrap().to_string(), "172.18.0.0/16");
        docker.networks[1].network.members.clear();
        assert_eq!(network(&docker, "kind").unwrap().subnets().next().unwrap().to_string(), "172.20.0.0/16");
    }

    #[test]
    fn an_uplink_that_takes_less_is_warned_of() {
        assert_eq!(mtu(&input(), &docker(), &host()).found, "nodes have 1500, the uplink eth0 1500");
        let mut host = host();
        let tunnel = Uplink { device: "tun0".to_owned(), mtu: 1460 };
        host.uplinks.as_mut().unwrap().push(tunnel);
        let row = mtu(&input(), &without_kind(), &host);
        assert_eq!(row.outcome, Outcome::Warning);
        assert_eq!(row.found, "nodes will have 1500, and the uplink tun0 1460");
        assert!(row.remedy.starts_with("{\"mtu\": 1460} in /etc/docker/daemon.json"), "{row:?}");
        let unread = HostSeen { uplinks: None, ..host.clone() };
        assert_eq!(mtu(&input(), &docker(), &unread).outcome, Outcome::Warning);
        let mut docker = docker();
        for seen in &mut docker.networks {
            seen.network.options.insert("com.docker.network.driver.mtu".to_owned(), "1400".to_owned());
        }
        assert_eq!(mtu(&input(), &docker, &host).outcome, Outcome::Ok);
    }
}
