//! Whether the host's packet filter lets frames between nodes and pods cross the lab's bridge.

use ipnet::Ipv4Net;

use super::pods::used;
use super::segment::network;
use crate::kind::facts::{DockerSeen, HostSeen};
use crate::kind::filter::read::Filter;
use crate::kind::filter::walk::{self, Chains, Fate};
use crate::kind::filter::{Frame, nft};
use crate::kind::input::KindDoctorInput;
use crate::{Outcome, Row};

const ID: &str = "host.bridge_filter";
const WHY: &str = "frames between nodes and pods cross the bridge, and each chain on their way must accept them: \
                   an accept ends its own chain only";

/// The name of a bridge that Docker has not made yet: `br-` and twelve digits.
const NOT_YET: &str = "br-000000000000";

/// A chain that may drop frames, or that drops them.
struct Dropping {
    what: &'static str,
    /// Family, table and chain, as `nft` names them, or the legacy table and chain.
    place: String,
    rule: String,
    certain: bool,
    remedy: String,
}

/// `host.bridge_filter`. `subnet` is the nodes'.
pub(in crate::kind) fn bridge_filter(
    input: &KindDoctorInput,
    docker: Option<&DockerSeen>,
    host: &HostSeen,
    subnet: Option<Ipv4Net>,
) -> Row {
    let there = docker.and_then(|docker| network(docker, &input.network)).map(super::super::facts::NetworkSeen::bridge);
    let own = there.as_ref().is_some_and(|bridge| host.filtered_bridges.contains(bridge));
    let passes = host.bridge_filtered == Some(true) || own;
    let filter = match &host.filter {
        Some(Ok(filter)) => filter,
        unread => return unknown(host, passes, unread.as_ref().and_then(|unread| unread.as_ref().err())),
    };
    let bridge = there.clone().unwrap_or_else(|| NOT_YET.to_owned());
    let frame = |what, addresses| Frame { what, bridge: bridge.clone(), addresses };
    let frames: Vec<Frame> = subnet
        .map(|subnet| frame("frames between nodes", subnet))
        .into_iter()
        .chain([frame("frames between pods", used(input))])
        .collect();
    let firewall = docker.and_then(|docker| docker.firewall.as_deref());
    let look = Look { filter, passes, made: there.is_some(), firewall };
    let (mut looked, mut dropping) = (0, Vec::new());
    for frame in &frames {
        look.nftables(frame, &mut looked, &mut dropping);
        look.legacy(frame, &mut looked, &mut dropping);
    }
    let filter = if passes {
        "bridged frames pass the host's filter (bridge-nf-call-iptables)"
    } else {
        "bridged frames do not pass the host's IP filter"
    };
    let looked = looked / frames.len().max(1);
    let Some(worst) = dropping.iter().find(|found| found.certain).or(dropping.first()) else {
        return Row::ok(ID, format!("{filter}; none of {looked} chains on their way drops them"), WHY);
    };
    let Dropping { what, place, rule, certain, remedy } = worst;
    let (outcome, drops) = if *certain { (Outcome::Refusal, "drops") } else { (Outcome::Warning, "may drop") };
    let found = format!("{filter}, and {place} {drops} {what}: {rule}");
    let remedy = if is_nixos(host) {
        format!("networking.firewall.checkReversePath = \"loose\"; in the system's configuration, or: {remedy}")
    } else {
        remedy.clone()
    };
    Row::bad(outcome, ID, found, WHY, remedy)
}

fn is_nixos(host: &HostSeen) -> bool {
    host.distribution.iter().any(|id| id == "nixos")
}

/// The row of a filter that could not be read.
fn unknown(host: &HostSeen, passes: bool, why: Option<&String>) -> Row {
    let why = why.map_or("it was not read", String::as_str);
    if !passes {
        let found = match host.bridge_filtered {
            Some(_) => "bridged frames do not pass the host's IP filter",
            None => "bridged frames do not pass the host's IP filter (br_netfilter is not loaded)",
        };
        return Row::ok(ID, format!("{found}; nftables' tables of the family bridge were not read: {why}"), WHY);
    }
    if is_nixos(host) {
        let found = format!(
            "bridged frames pass the host's filter, and NixOS's firewall drops packets from addresses that it has no \
             route to; its chains were not read: {why}"
        );
        let remedy = "networking.firewall.checkReversePath = \"loose\"; in the system's configuration";
        return Row::bad(Outcome::Warning, ID, found, WHY, remedy);
    }
    let found = format!(
        "bridged frames pass the host's filter (bridge-nf-call-iptables), and whether that accepts them is not known: {why}"
    );
    Row::bad(Outcome::Warning, ID, found, WHY, "sudo lab doctor --on kind reads the filter")
}

/// A look at the filter.
struct Look<'a> {
    filter: &'a Filter,
    /// Whether bridged frames pass the chains for IP, and not only those of the family bridge.
    passes: bool,
    /// Whether Docker has made the network already, and with it its rules for the bridge.
    made: bool,
    /// What the Engine writes its rules with.
    firewall: Option<&'a str>,
}

impl Look<'_> {
    fn nftables(&self, frame: &Frame, looked: &mut usize, dropping: &mut Vec<Dropping>) {
        let ruleset = &self.filter.nftables;
        for chain in &ruleset.chains {
            let Some(base) = &chain.base else { continue };
            let (family, table) = chain.table.split_once(' ').unwrap_or_default();
            let on_the_way = family == "bridge" || (self.passes && matches!(family, "ip" | "inet"));
            let (true, Some(hook), "filter" | "route") = (on_the_way, nft::hook(base.hook), base.kind.as_str()) else {
                continue;
            };
            *looked += 1;
            if self.dockers_later(&chain.table) {
                continue;
            }
            let chains = nft::chains(ruleset, &chain.table, base.hook, frame);
            let fate = self.fate(&chains, chain.table == "ip filter", &chain.name, base.drops);
            let by_iptables = family == "ip" && chain.name.chars().all(|c| c.is_ascii_uppercase());
            let remedy = if by_iptables {
                iptables("iptables", table, &chain.name, frame, self.made)
            } else {
                nftables(&chain.table, &chain.name, hook, frame, self.made)
            };
            let place = format!("the chain {} of the nftables table {}", chain.name, chain.table);
            dropping.extend(dropped(frame, fate, place, remedy));
        }
    }

    fn legacy(&self, frame: &Frame, looked: &mut usize, dropping: &mut Vec<Dropping>) {
        if !self.passes {
            return;
        }
        for table in &self.filter.legacy {
            let on_the_way = table
                .bases
                .iter()
                .filter(|(name, _)| matches!(name.as_str(), "PREROUTING" | "FORWARD" | "POSTROUTING"));
            for (name, &drops) in on_the_way {
                *looked += 1;
                let fate = self.fate(&table.chains(name, frame), table.name == "filter", name, drops);
                let place = format!("the chain {name} of the legacy iptables table {}", table.name);
                let remedy = iptables("iptables-legacy", &table.name, name, frame, self.made);
                dropping.extend(dropped(frame, fate, place, remedy));
            }
        }
    }

    /// What may become of a frame in this base chain, of iptables' table `filter` or another. Docker puts its accept for a
    /// new bridge before all other rules of `FORWARD`, save those of `DOCKER-USER` (moby,
    /// `drivers/bridge/setup_ip_tables_linux.go`).
    fn fate(&self, chains: &Chains, is_filter: bool, name: &str, drops: bool) -> Fate {
        let dockers = || chains.contains_key("DOCKER") || chains.contains_key("DOCKER-FORWARD");
        if !self.made && is_filter && name == "FORWARD" && dockers() {
            return walk::base(chains, "DOCKER-USER", false);
        }
        walk::base(chains, name, drops)
    }

    /// Whether it is a table into which Docker will write what accepts a bridge that is not made yet: its own table of
    /// nftables, or firewalld's, where it puts its bridges into a zone `docker` that accepts.
    fn dockers_later(&self, table: &str) -> bool {
        let firewalld = self.firewall.is_none_or(|firewall| firewall.ends_with("firewalld"));
        !self.made && (table == "ip docker-bridges" || (firewalld && table == "inet firewalld"))
    }
}

fn dropped(frame: &Frame, fate: Fate, place: String, remedy: String) -> Option<Dropping> {
    Some(Dropping { what: frame.what, place, rule: fate.dropped?, certain: !fate.accepted, remedy })
}

fn nftables(table: &str, chain: &str, hook: &str, frame: &Frame, made: bool) -> String {
    if table.starts_with("bridge ") || hook != "forward" {
        return format!("sudo nft list chain {table} {chain} shows it; let it accept what comes from the lab's bridge");
    }
    let bridge = if made { &frame.bridge } else { "br-*" };
    format!("sudo nft insert rule {table} {chain} iifname '\"{bridge}\"' oifname '\"{bridge}\"' accept")
}

fn iptables(program: &str, table: &str, chain: &str, frame: &Frame, made: bool) -> String {
    let bridge = if made { &frame.bridge } else { "br-+" };
    let out = if chain == "FORWARD" { format!(" -o {bridge}") } else { String::new() };
    let by = if chain == "POSTROUTING" { "-o" } else { "-i" };
    format!("sudo {program} -t {table} -I {chain} {by} {bridge}{out} -j ACCEPT")
}
