//! `ip -j -d link`, `addr`, `route show table all`, `rule` and `neigh` into a [`NetnsView`].

use ipnet::Ipv4Net;
use lab_model::observe::{
    Address, Link, Mtu, Neighbour, NeighbourState, NetnsId, NetnsView, NextHop, Route, RouteKind, Rule, RuleAction,
    TABLE_DEFAULT, TABLE_LOCAL, TABLE_MAIN, VxlanDetails,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::net::{IpAddr, Ipv4Addr};

use super::{Read, Recording};

/// A look into a node's namespace. Listening sockets were not recorded; the neighbour table was where `neigh` is
/// among the files.
pub(super) fn view(recording: Recording, node: &str, netns: NetnsId) -> Read<NetnsView> {
    let neighbours = recording.on_node(node, "ip-neigh.json");
    let neighbours =
        if recording.listing()?.contains(&neighbours) { each(recording, &neighbours, neighbour)? } else { Vec::new() };
    let links: Vec<RawLink> = recording.json(&recording.on_node(node, "ip-link.json"))?;
    let links = links
        .iter()
        .map(|raw| link(raw, &links))
        .collect::<Read<_>>()
        .map_err(|what| recording.wrong(&recording.on_node(node, "ip-link.json"), &what))?;
    Ok(NetnsView {
        netns,
        links,
        addresses: each(recording, &recording.on_node(node, "ip-addr.json"), addresses)?
            .into_iter()
            .flatten()
            .collect(),
        routes: each(recording, &recording.on_node(node, "ip-route.json"), route)?.into_iter().flatten().collect(),
        rules: each(recording, &recording.on_node(node, "ip-rule.json"), rule)?,
        neighbours: neighbours.into_iter().flatten().collect(),
        listeners: Vec::new(),
    })
}

/// Reads a list and turns each of its elements into ours.
fn each<Raw: DeserializeOwned, T>(recording: Recording, file: &str, one: fn(&Raw) -> Read<T>) -> Read<Vec<T>> {
    let raw: Vec<Raw> = recording.json(file)?;
    raw.iter().map(one).collect::<Read<_>>().map_err(|what| recording.wrong(file, &what))
}

#[derive(Deserialize)]
pub(super) struct RawLink {
    ifindex: u32,
    ifname: String,
    flags: Vec<String>,
    mtu: u32,
    link_type: String,
    address: String,
    link: Option<String>,
    link_index: Option<u32>,
    link_netnsid: Option<i32>,
    master: Option<String>,
    linkinfo: Option<RawInfo>,
}

#[derive(Deserialize)]
struct RawInfo {
    info_kind: Option<String>,
    info_data: Option<RawData>,
}

#[derive(Deserialize)]
struct RawData {
    #[serde(default)]
    external: bool,
    id: Option<u32>,
    port: Option<u16>,
    local: Option<Ipv4Addr>,
}

fn link(raw: &RawLink, all: &[RawLink]) -> Read<Link> {
    let index_of = |name: &String| {
        let found = all.iter().find(|other| other.ifname == *name).map(|other| other.ifindex);
        found.ok_or_else(|| format!("{} refers to a link {name} that is not there", raw.ifname))
    };
    let flag = |name: &str| raw.flags.iter().any(|flag| flag == name);
    let mac = (raw.link_type == "ether").then(|| raw.address.parse()).transpose();
    let kind = raw.linkinfo.as_ref().and_then(|info| info.info_kind.clone());
    let data =
        raw.linkinfo.as_ref().and_then(|info| info.info_data.as_ref()).filter(|_| kind.as_deref() == Some("vxlan"));
    Ok(Link {
        index: raw.ifindex,
        name: raw.ifname.clone(),
        vxlan: data.map(|data| VxlanDetails {
            vni: data.id.filter(|_| !data.external),
            port: data.port,
            local: data.local,
        }),
        kind,
        up: flag("UP"),
        carrier: flag("LOWER_UP"),
        mtu: Mtu(raw.mtu),
        mac: mac.map_err(|error| format!("{}: {error}", raw.ifname))?,
        master: raw.master.as_ref().map(index_of).transpose()?,
        peer_index: raw.link_index.or(raw.link.as_ref().map(index_of).transpose()?),
        peer_netns: raw.link_netnsid,
    })
}

#[derive(Deserialize)]
struct RawAddresses {
    ifname: String,
    addr_info: Vec<RawAddress>,
}

#[derive(Deserialize)]
struct RawAddress {
    family: String,
    local: String,
    prefixlen: u8,
}

fn addresses(raw: &RawAddresses) -> Read<Vec<Address>> {
    let of_link = raw.addr_info.iter().filter(|address| address.family == "inet");
    of_link
        .map(|address| {
            let net = Ipv4Net::new(parsed(&address.local)?, address.prefixlen).map_err(|error| error.to_string())?;
            Ok(Address { device: raw.ifname.clone(), address: net })
        })
        .collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRoute {
    #[serde(rename = "type")]
    kind: String,
    dst: String,
    gateway: Option<String>,
    dev: Option<String>,
    table: String,
    protocol: String,
    scope: String,
    prefsrc: Option<String>,
    metric: Option<u32>,
    flags: Vec<String>,
    #[serde(default)]
    metrics: Vec<RawMetrics>,
    pref: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMetrics {
    mtu: u32,
}

/// None for an IPv6 route: those have a router preference, and colons.
fn route(raw: &RawRoute) -> Read<Option<Route>> {
    if raw.pref.is_some() || raw.dst.contains(':') {
        return Ok(None);
    }
    if let Some(flag) = raw.flags.first() {
        return Err(format!("route to {}: flag {flag} is not known", raw.dst));
    }
    Ok(Some(Route {
        table: table(&raw.table)?,
        destination: prefix(&raw.dst)?,
        kind: route_kind(&raw.kind)?,
        hops: vec![NextHop {
            gateway: raw.gateway.as_deref().map(parsed).transpose()?.map(IpAddr::V4),
            device: raw.dev.clone(),
            encapsulates: false,
        }],
        source: raw.prefsrc.as_deref().map(parsed).transpose()?,
        protocol: named("protocol", &raw.protocol, &[("kernel", 2), ("boot", 3), ("static", 4)])?,
        scope: named("scope", &raw.scope, &[("global", 0), ("link", 253), ("host", 254)])?,
        metric: raw.metric.unwrap_or(0),
        tos: 0,
        mtu: raw.metrics.first().map(|metrics| Mtu(metrics.mtu)),
    }))
}

fn route_kind(name: &str) -> Read<RouteKind> {
    let kinds = [
        ("unicast", RouteKind::Unicast),
        ("local", RouteKind::Local),
        ("broadcast", RouteKind::Broadcast),
        ("multicast", RouteKind::Multicast),
        ("blackhole", RouteKind::Blackhole),
        ("unreachable", RouteKind::Unreachable),
        ("prohibit", RouteKind::Prohibit),
    ];
    named("route type", name, &kinds)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRule {
    priority: u32,
    src: String,
    fwmark: Option<String>,
    fwmask: Option<String>,
    table: String,
}

fn rule(raw: &RawRule) -> Read<Rule> {
    let mask = raw.fwmask.as_deref().map_or(Ok(u32::MAX), hexadecimal)?;
    let fwmark = raw.fwmark.as_deref().map(hexadecimal).transpose()?.map(|value| (value, mask));
    let source = if raw.src == "all" { None } else { Some(prefix(&raw.src)?) };
    Ok(Rule { source, fwmark, ..Rule::for_all(raw.priority, RuleAction::Lookup(table(&raw.table)?)) })
}

#[derive(Deserialize)]
struct RawNeighbour {
    dst: String,
    dev: String,
    lladdr: Option<String>,
    state: Vec<String>,
}

/// None for an IPv6 neighbour.
fn neighbour(raw: &RawNeighbour) -> Read<Option<Neighbour>> {
    if raw.dst.contains(':') {
        return Ok(None);
    }
    let states = [
        ("INCOMPLETE", NeighbourState::Incomplete),
        ("REACHABLE", NeighbourState::Reachable),
        ("STALE", NeighbourState::Stale),
        ("DELAY", NeighbourState::Delay),
        ("PROBE", NeighbourState::Probe),
        ("FAILED", NeighbourState::Failed),
        ("NOARP", NeighbourState::Noarp),
        ("PERMANENT", NeighbourState::Permanent),
    ];
    Ok(Some(Neighbour {
        address: parsed(&raw.dst)?,
        device: raw.dev.clone(),
        mac: raw.lladdr.as_ref().map(|mac| mac.parse()).transpose().map_err(|error| format!("{}: {error}", raw.dst))?,
        state: named("neighbour state", &raw.state.join(" "), &states)?,
    }))
}

fn table(name: &str) -> Read<u32> {
    let names = [("main", TABLE_MAIN), ("local", TABLE_LOCAL), ("default", TABLE_DEFAULT)];
    name.parse().or_else(|_not_a_number| named("table", name, &names))
}

fn named<T: Copy>(what: &str, name: &str, known: &[(&str, T)]) -> Read<T> {
    let found = known.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    found.ok_or_else(|| format!("{what} {name} is not known"))
}

fn prefix(text: &str) -> Read<Ipv4Net> {
    match text {
        "default" => Ok(Ipv4Net::default()),
        net if net.contains('/') => net.parse().map_err(|error| format!("{net}: {error}")),
        host => Ok(parsed(host)?.into()),
    }
}

fn parsed(text: &str) -> Read<Ipv4Addr> {
    text.parse().map_err(|error| format!("{text}: {error}"))
}

fn hexadecimal(text: &str) -> Read<u32> {
    let digits = text.strip_prefix("0x").ok_or_else(|| format!("{text} is not hexadecimal"))?;
    u32::from_str_radix(digits, 16).map_err(|error| format!("{text}: {error}"))
}

#[test]
fn what_is_not_known_is_an_error() {
    let read = |change: &str| {
        let plain = r#"{"type":"unicast","dst":"10.0.1.0/24","dev":"eth0","table":"main","protocol":"boot","scope":"global","flags":[]}"#;
        let (from, to) = change.split_once(" for ").expect("two texts");
        let raw: RawRoute = serde_json::from_str(&plain.replace(to, from)).map_err(|error| error.to_string())?;
        route(&raw)
    };
    assert!(read("unicast for unicast").expect("a plain route").is_some());
    for (change, expected) in [
        ("wormhole for unicast", "route type wormhole is not known"),
        ("postal for boot", "protocol postal is not known"),
        ("galaxy for global", "scope galaxy is not known"),
        ("mains for main", "table mains is not known"),
        ("[\"dead\"] for []", "flag dead is not known"),
        ("10.0.1.0/99 for 10.0.1.0/24", "10.0.1.0/99"),
        ("\"encap\":\"ip\",\"dst\" for \"dst\"", "unknown field `encap`"),
        ("\"nexthops\":[],\"dst\" for \"dst\"", "unknown field `nexthops`"),
    ] {
        let error = read(change).expect_err("should be refused");
        assert!(error.contains(expected), "{expected:?} is not in {error:?}");
    }
    let suppressed = r#"{"priority":1,"src":"all","table":"main","suppress_prefixlength":0}"#;
    let error = serde_json::from_str::<RawRule>(suppressed).err().expect("should be refused").to_string();
    assert!(error.contains("suppress_prefixlength"), "{error}");
}
