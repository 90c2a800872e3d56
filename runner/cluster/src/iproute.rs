//! What `ip -json -details` prints of links, addresses, rules and routes (iproute2: `ip/iplink.c`, `ip/ipaddress.c`,
//! `ip/iprule.c`, `ip/iproute.c`), as it is found in the image of Cilium's agents.
//!
//! A member that decides where packets go and is not known makes a rule undecidable, or is an error; members that do not
//! are passed over.

use ipnet::Ipv4Net;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::net::{IpAddr, Ipv4Addr};

use lab_model::foreign::{NodeTables, RouteLines};
use lab_model::observe::{
    Address, Link, Mtu, NextHop, Route, RouteKind, Rule, RuleAction, TABLE_DEFAULT, TABLE_LOCAL, TABLE_MAIN,
    VxlanDetails,
};

/// The commands, one after another, each of which prints one document.
pub(super) const COMMANDS: [&str; 4] = [
    "ip -details -json link show",
    "ip -4 -json address show",
    "ip -4 -json rule show",
    "ip -4 -details -json route show table all",
];

/// Parses what these four commands print, one after another: links, addresses, rules and routes.
///
/// # Errors
/// A text that says why, when a document is missing or has another form.
pub fn parse_tables(text: &str) -> Result<NodeTables, String> {
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<Vec<Value>>();
    let mut next = |command: &str| match documents.next() {
        Some(Ok(document)) => Ok(document),
        Some(Err(error)) => Err(format!("`{command}`: {error}")),
        None => Err(format!("`{command}` printed nothing")),
    };
    let [of_links, of_addresses, of_rules, of_routes] = COMMANDS;
    let links = next(of_links)?;
    let addresses = next(of_addresses)?;
    let rules = next(of_rules)?;
    let routes = next(of_routes)?;
    tables(Documents { links, addresses, rules, routes }, COMMANDS)
}

/// What the four commands list, each one in the members that `ip -json` gives it.
#[derive(Debug, Default)]
pub(super) struct Documents {
    pub(super) links: Vec<Value>,
    pub(super) addresses: Vec<Value>,
    pub(super) rules: Vec<Value>,
    pub(super) routes: Vec<Value>,
}

/// The tables of these documents. `commands` are named where one of them has another form.
pub(super) fn tables(from: Documents, commands: [&'static str; 4]) -> Result<NodeTables, String> {
    let [of_links, of_addresses, of_rules, of_routes] = commands;
    let links: Vec<RawLink> = each(of_links, from.links)?;
    let addresses: Vec<RawAddresses> = each(of_addresses, from.addresses)?;
    let rules = from.rules;
    let routes: Vec<RawRoute> = each(of_routes, from.routes)?;
    let wrong = |command: &'static str| move |what: String| format!("`{command}`: {what}");
    let routes: Vec<Option<Route>> = routes.iter().map(route).collect::<Result<_, _>>().map_err(wrong(of_routes))?;
    Ok(NodeTables {
        links: links.iter().map(|raw| link(raw, &links)).collect::<Result<_, _>>().map_err(wrong(of_links))?,
        addresses: addresses.iter().flat_map(of_link).collect::<Result<_, _>>().map_err(wrong(of_addresses))?,
        rules: rules.iter().map(rule).collect::<Result<_, _>>().map_err(wrong(of_rules))?,
        routes: RouteLines::write(&routes.into_iter().flatten().collect::<Vec<_>>()),
    })
}

fn each<Raw: DeserializeOwned>(command: &str, list: Vec<Value>) -> Result<Vec<Raw>, String> {
    let one = |value| Raw::deserialize::<Value>(value).map_err(|error| format!("`{command}`: {error}"));
    // Where there is nothing to list, old versions print an empty object.
    list.into_iter().filter(|value| value.as_object().is_none_or(|members| !members.is_empty())).map(one).collect()
}

#[derive(Deserialize)]
struct RawLink {
    ifindex: u32,
    ifname: String,
    #[serde(default)]
    flags: Vec<String>,
    mtu: u32,
    #[serde(default)]
    link_type: String,
    address: Option<String>,
    link: Option<String>,
    link_index: Option<u32>,
    link_netnsid: Option<i32>,
    master: Option<String>,
    linkinfo: Option<RawInfo>,
}

#[derive(Deserialize)]
struct RawInfo {
    info_kind: Option<String>,
    info_data: Option<Value>,
}

fn link(raw: &RawLink, all: &[RawLink]) -> Result<Link, String> {
    // A link may have its other end, and a master, in another namespace, where names mean nothing here.
    let index_of = |name: &String| all.iter().find(|other| other.ifname == *name).map(|other| other.ifindex);
    let flag = |name: &str| raw.flags.iter().any(|flag| flag == name);
    let kind = raw.linkinfo.as_ref().and_then(|info| info.info_kind.clone());
    let data =
        raw.linkinfo.as_ref().and_then(|info| info.info_data.as_ref()).filter(|_| kind.as_deref() == Some("vxlan"));
    let number = |data: &Value, key: &str| data[key].as_u64();
    Ok(Link {
        index: raw.ifindex,
        name: link_name(&raw.ifname)?,
        vxlan: data.map(|data| VxlanDetails {
            vni: number(data, "id").filter(|_| data["external"] != true).and_then(|id| u32::try_from(id).ok()),
            port: number(data, "port").and_then(|port| u16::try_from(port).ok()),
            local: data["local"].as_str().and_then(|address| address.parse().ok()),
        }),
        kind,
        up: flag("UP"),
        carrier: flag("LOWER_UP"),
        mtu: Mtu(raw.mtu),
        mac: raw.address.as_deref().filter(|_| raw.link_type == "ether").and_then(|mac| mac.parse().ok()),
        master: raw.master.as_ref().and_then(index_of),
        peer_index: raw.link_index.or_else(|| raw.link.as_ref().and_then(index_of)),
        peer_netns: raw.link_netnsid,
    })
}

#[derive(Deserialize)]
struct RawAddresses {
    #[serde(default)]
    ifname: String,
    #[serde(default)]
    addr_info: Vec<RawAddress>,
}

#[derive(Deserialize)]
struct RawAddress {
    #[serde(default)]
    family: String,
    #[serde(default)]
    local: String,
    #[serde(default)]
    prefixlen: u8,
}

fn of_link(raw: &RawAddresses) -> impl Iterator<Item = Result<Address, String>> {
    let v4 = raw.addr_info.iter().filter(|address| address.family == "inet");
    v4.map(|address| {
        let net = Ipv4Net::new(parsed(&address.local)?, address.prefixlen).map_err(|error| error.to_string())?;
        Ok(Address { device: link_name(&raw.ifname)?, address: net })
    })
}

#[derive(Deserialize)]
struct RawRoute {
    #[serde(rename = "type")]
    kind: Option<String>,
    dst: String,
    gateway: Option<String>,
    via: Option<RawVia>,
    dev: Option<String>,
    table: Option<Value>,
    protocol: Option<Value>,
    scope: Option<Value>,
    prefsrc: Option<String>,
    metric: Option<u32>,
    tos: Option<Value>,
    encap: Option<Value>,
    #[serde(default)]
    flags: Vec<String>,
    #[serde(default)]
    metrics: Vec<Map<String, Value>>,
    #[serde(default)]
    nexthops: Vec<RawHop>,
}

#[derive(Deserialize)]
struct RawVia {
    host: String,
}

#[derive(Deserialize)]
struct RawHop {
    gateway: Option<String>,
    via: Option<RawVia>,
    dev: Option<String>,
    encap: Option<Value>,
    #[serde(default)]
    flags: Vec<String>,
}

/// A hop that the kernel does not take (`RTNH_F_DEAD`).
const DEAD: &str = "dead";

/// None for a route that the kernel does not take: each hop of it is dead.
fn route(raw: &RawRoute) -> Result<Option<Route>, String> {
    let kind = match raw.kind.as_deref() {
        None => RouteKind::Unicast,
        Some(name) => named("route type", name, &KINDS)?,
    };
    let single = hop(raw.gateway.as_deref(), raw.via.as_ref(), raw.dev.as_ref(), raw.encap.as_ref())?;
    let mut hops = Vec::new();
    if raw.nexthops.is_empty() {
        hops.extend((single.gateway.is_some() || single.device.is_some()).then_some(single));
        if raw.flags.iter().any(|flag| flag == DEAD) {
            return Ok(None);
        }
    } else {
        for raw in raw.nexthops.iter().filter(|hop| hop.flags.iter().all(|flag| flag != DEAD)) {
            hops.push(hop(raw.gateway.as_deref(), raw.via.as_ref(), raw.dev.as_ref(), raw.encap.as_ref())?);
        }
        if hops.is_empty() {
            return Ok(None);
        }
    }
    let mtu = raw.metrics.iter().find_map(|metrics| metrics.get("mtu")?.as_u64());
    Ok(Some(Route {
        table: raw.table.as_ref().map_or(Ok(TABLE_MAIN), |table| number("table", table, &TABLES))?,
        destination: prefix(&raw.dst)?,
        kind,
        hops,
        source: raw.prefsrc.as_deref().map(parsed).transpose()?,
        // Who made it decides nothing.
        protocol: small(raw.protocol.as_ref(), &PROTOCOLS),
        scope: small(raw.scope.as_ref(), &SCOPES),
        metric: raw.metric.unwrap_or(0),
        tos: small(raw.tos.as_ref(), &[]),
        mtu: mtu.and_then(|mtu| u32::try_from(mtu).ok()).map(Mtu),
    }))
}

fn hop(
    gateway: Option<&str>,
    via: Option<&RawVia>,
    device: Option<&String>,
    encap: Option<&Value>,
) -> Result<NextHop, String> {
    let gateway = gateway.or(via.map(|via| via.host.as_str()));
    let gateway = gateway.map(|text| text.parse::<IpAddr>().map_err(|error| format!("{text}: {error}"))).transpose()?;
    let device = device.map(|name| link_name(name)).transpose()?;
    Ok(NextHop { gateway, device, encapsulates: encap.is_some() })
}

pub(super) const KINDS: [(&str, RouteKind); 10] = [
    ("unicast", RouteKind::Unicast),
    ("local", RouteKind::Local),
    ("broadcast", RouteKind::Broadcast),
    ("anycast", RouteKind::Anycast),
    ("multicast", RouteKind::Multicast),
    ("blackhole", RouteKind::Blackhole),
    ("unreachable", RouteKind::Unreachable),
    ("prohibit", RouteKind::Prohibit),
    ("throw", RouteKind::Throw),
    ("nat", RouteKind::Nat),
];
const TABLES: [(&str, u32); 3] = [("main", TABLE_MAIN), ("local", TABLE_LOCAL), ("default", TABLE_DEFAULT)];
const SCOPES: [(&str, u32); 5] = [("global", 0), ("site", 200), ("link", 253), ("host", 254), ("nowhere", 255)];
/// `etc/iproute2/rt_protos`.
const PROTOCOLS: [(&str, u32); 16] = [
    ("redirect", 1),
    ("kernel", 2),
    ("boot", 3),
    ("static", 4),
    ("gated", 8),
    ("ra", 9),
    ("mrt", 10),
    ("zebra", 11),
    ("bird", 12),
    ("dhcp", 16),
    ("keepalived", 18),
    ("babel", 42),
    ("bgp", 186),
    ("isis", 187),
    ("ospf", 188),
    ("rip", 189),
];

/// The members of a rule that are read, or decide nothing.
const KNOWN: [&str; 15] = [
    "priority", "src", "srclen", "dst", "dstlen", "fwmark", "fwmask", "iif", "oif", "not", "table", "goto", "action",
    "protocol", "flags",
];

/// Rules are read member by member: each that is not known is a selector that decides, and is kept by its name.
fn rule(raw: &Value) -> Result<Rule, String> {
    let members = raw.as_object().ok_or("a rule is no object")?;
    let mut rule = Rule {
        priority: 0,
        source: None,
        destination: None,
        fwmark: None,
        iif: None,
        oif: None,
        inverted: false,
        other_selectors: Vec::new(),
        action: RuleAction::Nop,
    };
    let text = |key: &str| members.get(key).and_then(Value::as_str);
    let net = |key: &str| -> Result<Option<Ipv4Net>, String> {
        let Some(address) = text(key).filter(|address| *address != "all") else { return Ok(None) };
        let length = members.get(&format!("{key}len")).and_then(Value::as_u64);
        let whole = match length {
            Some(length) if !address.contains('/') => format!("{address}/{length}"),
            _ => address.to_owned(),
        };
        prefix(&whole).map(Some)
    };
    rule.source = net("src")?;
    rule.destination = net("dst")?;
    rule.iif = text("iif").map(str::to_owned);
    rule.oif = text("oif").map(str::to_owned);
    rule.inverted = members.contains_key("not");
    if let Some(mark) = members.get("fwmark") {
        let mask = members.get("fwmask").map_or(Ok(u32::MAX), |mask| number("mask", mask, &[]))?;
        rule.fwmark = Some((number("mark", mark, &[])?, mask));
    }
    rule.priority = number("priority", members.get("priority").unwrap_or(&Value::from(0)), &[])?;
    rule.action = match (members.get("table"), members.get("goto"), text("action")) {
        (Some(table), None, None | Some("to_tbl" | "lookup")) => RuleAction::Lookup(number("table", table, &TABLES)?),
        (_, Some(target), _) => RuleAction::Goto(number("goto", target, &[])?),
        (_, None, Some("nop")) => RuleAction::Nop,
        (_, None, Some("blackhole")) => RuleAction::Blackhole,
        (_, None, Some("unreachable")) => RuleAction::Unreachable,
        (_, None, Some("prohibit")) => RuleAction::Prohibit,
        (_, None, other) => return Err(format!("what rule {} does is not known: {other:?}", rule.priority)),
    };
    // That the other end of `iif` or `oif` is not there (`iif_detached`) changes nothing: no packet comes by it.
    let others = members.keys().filter(|key| !KNOWN.contains(&key.as_str()) && !key.ends_with("_detached"));
    rule.other_selectors = others.cloned().collect();
    Ok(rule)
}

fn named<T: Copy>(what: &str, name: &str, known: &[(&str, T)]) -> Result<T, String> {
    let found = known.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    found.ok_or_else(|| format!("{what} {name} is not known"))
}

/// A number, decimal or hexadecimal, or one of these names.
fn number(what: &str, value: &Value, known: &[(&str, u32)]) -> Result<u32, String> {
    if let Some(number) = value.as_u64() {
        return u32::try_from(number).map_err(|_| format!("{what} {number} is too large"));
    }
    let text = value.as_str().ok_or_else(|| format!("{what} {value} is neither a number nor a name"))?;
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).map_err(|error| format!("{what} {text}: {error}")),
        None => text.parse().or_else(|_no_number| named(what, text, known)),
    }
}

/// The same for what decides nothing: 0 where it is not known.
fn small(value: Option<&Value>, known: &[(&str, u32)]) -> u8 {
    value.and_then(|value| number("", value, known).ok()).and_then(|number| u8::try_from(number).ok()).unwrap_or(0)
}

fn link_name(text: &str) -> Result<String, String> {
    if Link::may_be_named(text) { Ok(text.to_owned()) } else { Err(format!("{text:?} is no name of a link")) }
}

fn prefix(text: &str) -> Result<Ipv4Net, String> {
    match text {
        "default" => Ok(Ipv4Net::default()),
        net if net.contains('/') => net.parse().map_err(|error| format!("{net}: {error}")),
        host => Ok(parsed(host)?.into()),
    }
}

fn parsed(text: &str) -> Result<Ipv4Addr, String> {
    text.parse().map_err(|error| format!("{text}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tables(rules: &Value, routes: &Value) -> Result<NodeTables, String> {
        let links = json!([{"ifindex": 1, "ifname": "lo", "flags": ["LOOPBACK", "UP", "LOWER_UP"], "mtu": 65536, "link_type": "loopback"},
            {"ifindex": 2, "ifname": "ens3", "flags": ["UP"], "mtu": 1500, "link_type": "ether", "address": "52:54:00:12:34:56",
             "master": "bond0", "parentbus": "virtio"},
            {"ifindex": 3, "ifname": "bond0", "flags": [], "mtu": 1500, "link_type": "ether", "linkinfo": {"info_kind": "bond"}},
            {"ifindex": 4, "ifname": "lxc7", "flags": [], "mtu": 1500, "link_index": 7, "link_netnsid": 2, "linkinfo": {"info_kind": "veth"}},
            {"ifindex": 5, "ifname": "cilium_vxlan", "flags": [], "mtu": 1500, "linkinfo": {"info_kind": "vxlan",
             "info_data": {"external": true, "id": 1, "port": 8472}}}]);
        let addresses =
            json!([{"ifname": "ens3", "addr_info": [{"family": "inet", "local": "192.168.7.2", "prefixlen": 24}]}, {}]);
        parse_tables(&format!("{links}\n{addresses}\n{rules}\n{routes}\n"))
    }

    fn routes(routes: &Value) -> Result<Vec<Route>, String> {
        tables(&json!([{"priority": 0, "src": "all", "table": "local"}]), routes)?.routes.read()
    }

    #[test]
    fn links_and_addresses_are_read() {
        let read = tables(&json!([]), &json!([])).unwrap();
        assert_eq!(read.links[1].master, Some(3));
        assert_eq!((read.links[3].peer_index, read.links[3].peer_netns), (Some(7), Some(2)));
        assert_eq!(read.links[4].vxlan, Some(VxlanDetails { vni: None, port: Some(8472), local: None }));
        assert_eq!(read.links[1].mac.map(|mac| mac.to_string()).as_deref(), Some("52:54:00:12:34:56"));
        assert_eq!(read.addresses.len(), 1);
        assert_eq!(read.addresses[0].address.to_string(), "192.168.7.2/24");
    }

    #[test]
    fn routes_of_many_forms_are_read() {
        let read = routes(&json!([
            {"type": "unicast", "dst": "default", "gateway": "192.168.7.1", "dev": "ens3", "protocol": "dhcp", "scope": "global",
             "metric": 100, "flags": []},
            {"dst": "10.42.1.0/24", "gateway": "192.168.7.3", "dev": "ens3", "protocol": "bird", "flags": ["onlink"]},
            {"dst": "10.42.2.0/24", "nexthops": [{"gateway": "192.168.7.4", "dev": "ens3", "weight": 1, "flags": []},
                {"via": {"family": "inet6", "host": "fe80::1"}, "dev": "ens4", "flags": []}, {"dev": "ens5", "flags": ["dead"]}]},
            {"dst": "10.42.3.0/24", "dev": "ens5", "flags": ["dead", "linkdown"]},
            {"type": "blackhole", "dst": "10.42.0.0/16", "table": "2004", "protocol": "777", "flags": []},
            {"type": "local", "dst": "192.168.7.2", "dev": "ens3", "table": "local", "prefsrc": "192.168.7.2", "scope": "host", "flags": []},
            {"dst": "10.43.0.0/16", "encap": "ip", "dev": "tun0", "tos": "0x10", "metrics": [{"mtu": 1420}], "flags": []}]))
        .unwrap();
        let words: Vec<String> = read.iter().map(lab_model::words::route).collect();
        assert_eq!(
            words,
            [
                "default via 192.168.7.1 dev ens3 metric 100",
                "10.42.1.0/24 via 192.168.7.3 dev ens3",
                "10.42.2.0/24 nexthop via 192.168.7.4 dev ens3 nexthop via inet6 fe80::1 dev ens4",
                "blackhole 10.42.0.0/16 table 2004",
                "local 192.168.7.2 dev ens3 table local",
                "10.43.0.0/16 tos 0x10 encap dev tun0 mtu 1420"
            ]
        );
        assert_eq!((read[0].protocol, read[1].protocol, read[3].protocol), (16, 12, 0));
        for (wrong, words) in [
            (json!([{"type": "wormhole", "dst": "default"}]), "route type wormhole is not known"),
            (json!([{"dst": "10.0.0.0/99"}]), "10.0.0.0/99"),
            (json!([{"dst": "10.0.0.0/8", "table": "galaxy"}]), "table galaxy is not known"),
            (json!([{"gateway": "10.0.0.1"}]), "missing field `dst`"),
            (json!([{"dst": "10.0.0.0/8", "dev": ""}]), "\"\" is no name of a link"),
            (json!([{"dst": "10.0.0.0/8", "nexthops": [{"dev": "eth0 via"}]}]), "\"eth0 via\" is no name of a link"),
        ] {
            let why = routes(&wrong).unwrap_err();
            assert!(why.contains(words) && why.contains("route show table all"), "{why}");
        }
    }

    #[test]
    fn rules_keep_the_names_of_what_is_not_known() {
        let read = tables(
            &json!([{"priority": 9, "src": "all", "fwmark": "0x200", "fwmask": "0xf00", "table": "2004"},
                {"priority": 20, "src": "all", "dst": "10.42.1.7", "table": "main", "protocol": "kernel"},
                {"priority": 111, "not": null, "src": "10.42.0.0", "srclen": 16, "iif": "lxc7", "table": 11, "uid_start": 0, "uid_end": 7},
                {"priority": 200, "src": "all", "goto": 300}, {"priority": 300, "src": "all", "action": "unreachable"}]),
            &json!([]),
        );
        let rules = read.unwrap().rules;
        let words: Vec<String> = rules.iter().map(lab_model::words::rule).collect();
        assert_eq!(
            words,
            [
                "9: from all fwmark 0x200/0xf00 lookup 2004",
                "20: from all to 10.42.1.7/32 lookup main",
                "111: not from 10.42.0.0/16 iif lxc7 uid_end uid_start lookup 11",
                "200: from all goto 300",
                "300: from all unreachable"
            ]
        );
        let why = tables(&json!([{"priority": 1, "src": "all", "action": "dance"}]), &json!([])).unwrap_err();
        assert!(why.contains("what rule 1 does is not known"), "{why}");
    }

    #[test]
    fn links_that_no_kernel_names_so_are_refused() {
        let with = |link: &str, address: &str| {
            let links = json!([{"ifindex": 1, "ifname": link, "mtu": 1500}]);
            let addresses =
                json!([{"ifname": address, "addr_info": [{"family": "inet", "local": "10.0.0.1", "prefixlen": 8}]}]);
            parse_tables(&format!("{links}\n{addresses}\n[]\n[]"))
        };
        assert!(with("eth0", "eth0").is_ok());
        let refused = |command: &str, name: &str| format!("`{command}`: {name:?} is no name of a link");
        assert_eq!(with("a/b", "eth0").unwrap_err(), refused("ip -details -json link show", "a/b"));
        assert_eq!(with("eth0", "").unwrap_err(), refused("ip -4 -json address show", ""));
    }

    #[test]
    fn what_is_missing_is_named_by_its_command() {
        assert_eq!(parse_tables("[]\n[]\n").unwrap_err(), "`ip -4 -json rule show` printed nothing");
        assert!(
            parse_tables("Usage: ip [ OPTIONS ]").unwrap_err().starts_with("`ip -details -json link show`: expected")
        );
    }
}
