//! What `ip` prints for readers, without `-json` (iproute2: `ip/ipaddress.c`, `ip/iprule.c`, `ip/iproute.c`), into the members
//! that it would give as JSON. A word that is not known is an error: what it decides is not known either.

use serde_json::{Map, Value, json};
use std::str::SplitWhitespace;

use super::iproute::{Documents, KINDS, tables};
use lab_model::foreign::NodeTables;
use lab_model::observe::TABLE_MAIN;

/// Words of a route that say how the kernel takes it, and have no value after them (`print_rt_flags`).
const FLAGS: [&str; 11] = [
    "dead",
    "onlink",
    "pervasive",
    "offload",
    "trap",
    "notify",
    "linkdown",
    "unresolved",
    "rt_offload",
    "rt_trap",
    "rt_offload_failed",
];
/// Words of a route with a value that decides nothing about where it leads (`print_rta_metrics`, `print_rta_cacheinfo`).
const BESIDE: [&str; 19] = [
    "window",
    "rtt",
    "rttvar",
    "ssthresh",
    "cwnd",
    "advmss",
    "reordering",
    "hoplimit",
    "initcwnd",
    "rto_min",
    "initrwnd",
    "quickack",
    "congctl",
    "fastopen_no_cookie",
    "features",
    "expires",
    "error",
    "nhid",
    "realm",
];
/// Namespaces that have a name are numbered from here: their own numbers are not printed.
const NAMED_NETNS: usize = 1_000_000;

type Object = Map<String, Value>;

/// Parses what `ip -details link show`, `ip address show`, `ip rule show` and `ip -4 route show` print for readers: links,
/// addresses, rules, and the routes of the main table.
///
/// # Errors
/// A text that says why, when one has another form or a word in it is not known.
pub fn parse_printed_tables(
    of_links: &str,
    of_addresses: &str,
    of_rules: &str,
    of_routes: &str,
) -> Result<NodeTables, String> {
    let from = Documents {
        links: links(of_links)?,
        addresses: addresses(of_addresses)?,
        rules: rules(of_rules)?,
        routes: routes(of_routes, TABLE_MAIN)?,
    };
    tables(from, ["ip -details link show", "ip address show", "ip rule show", "ip -4 route show"])
}

/// Links, as `ip -details link show` prints them, with or without `-statistics`.
///
/// # Errors
/// A text that says why, when a line has another form or there is no link.
pub(super) fn links(text: &str) -> Result<Vec<Value>, String> {
    let mut found: Vec<Object> = Vec::new();
    let mut named: Vec<String> = Vec::new();
    // Where the line after `link/` may still name the link's kind.
    let mut kind_follows = false;
    for line in text.lines() {
        if !line.starts_with(char::is_whitespace) {
            found.push(header(line)?);
            kind_follows = false;
            continue;
        }
        let link = found.last_mut().ok_or_else(|| format!("{line:?} stands before any link"))?;
        let mut words = line.split_whitespace();
        let Some(first) = words.next() else { continue };
        if let Some(kind) = first.strip_prefix("link/") {
            link.insert("link_type".to_owned(), json!(kind));
            hardware(link, words, &mut named)?;
            kind_follows = true;
        } else if std::mem::take(&mut kind_follows) && is_kind(first) {
            link.insert("linkinfo".to_owned(), json!({ "info_kind": first, "info_data": details(words) }));
        }
    }
    if found.is_empty() {
        return Err("it names no link".to_owned());
    }
    Ok(found.into_iter().map(Value::Object).collect())
}

/// `2: eth0@if3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master br0 state UP …`
fn header(line: &str) -> Result<Object, String> {
    let wrong = || format!("{line:?} is not NUMBER: NAME: <FLAGS> …");
    let (index, rest) = line.split_once(": ").ok_or_else(wrong)?;
    let (name, rest) = rest.split_once(": <").ok_or_else(wrong)?;
    let (flags, rest) = rest.split_once('>').ok_or_else(wrong)?;
    let index: u32 = index.parse().map_err(|_| wrong())?;
    let (name, other) = name.split_once('@').map_or((name, None), |(name, other)| (name, Some(other)));
    let flags: Vec<&str> = flags.split(',').filter(|flag| !flag.is_empty()).collect();
    let mut link = json!({ "ifindex": index, "ifname": name, "flags": flags });
    // `if3` is the number of a link in another namespace; `NONE` is no link.
    if let Some(other) = other.filter(|other| *other != "NONE") {
        match other.strip_prefix("if").and_then(|number| number.parse::<u32>().ok()) {
            Some(number) => link["link_index"] = json!(number),
            None => link["link"] = json!(other),
        }
    }
    let mut words = rest.split_whitespace();
    while let Some(word) = words.next() {
        match word {
            "mtu" => link["mtu"] = json!(number(words.next(), "mtu")?),
            "master" => link["master"] = json!(value(&mut words, "master")?),
            _ => {}
        }
    }
    if link["mtu"].is_null() {
        return Err(format!("{line:?} has no mtu"));
    }
    object(link)
}

/// `02:42:ac:12:00:03 brd ff:ff:ff:ff:ff:ff link-netnsid 0 promiscuity 0 …`, after `link/ether`.
fn hardware(link: &mut Object, mut words: SplitWhitespace<'_>, named: &mut Vec<String>) -> Result<(), String> {
    let mut first = true;
    while let Some(word) = words.next() {
        match word {
            "link-netnsid" => {
                let id = value(&mut words, word)?;
                // The other end may be in a namespace that has no number here: `unknown`.
                if let Ok(id) = id.parse::<i32>() {
                    link.insert("link_netnsid".to_owned(), json!(id));
                }
            }
            "link-netns" => {
                let name = value(&mut words, word)?;
                let at = named.iter().position(|known| known == name).unwrap_or_else(|| {
                    named.push(name.to_owned());
                    named.len() - 1
                });
                link.insert("link_netnsid".to_owned(), json!(NAMED_NETNS + at));
            }
            address if first && address.contains(':') => {
                link.insert("address".to_owned(), json!(address));
            }
            _ => {}
        }
        first = false;
    }
    Ok(())
}

/// Whether the first word after a link's address is its kind. Hardware has none: what follows is of a master, another name,
/// a program, a virtual function or statistics.
fn is_kind(word: &str) -> bool {
    let other = ["RX:", "TX:", "alias", "altname", "vf", "prog/xdp", "prog/xdpgeneric", "prog/xdpoffload", "xdp"];
    !other.contains(&word) && !word.ends_with("_slave")
}

/// What is said of a vxlan device.
fn details(mut words: SplitWhitespace<'_>) -> Value {
    let mut found = json!({});
    while let Some(word) = words.next() {
        match word {
            "external" => found["external"] = json!(true),
            "id" => found["id"] = json!(words.next().and_then(|text| text.parse::<u64>().ok())),
            "dstport" => found["port"] = json!(words.next().and_then(|text| text.parse::<u64>().ok())),
            "local" => found["local"] = json!(words.next()),
            _ => {}
        }
    }
    found
}

/// IPv4 addresses, as `ip address show` prints them.
///
/// # Errors
/// A text that says why, when a line has another form or there is no link.
pub(super) fn addresses(text: &str) -> Result<Vec<Value>, String> {
    let mut found: Vec<(String, Vec<Value>)> = Vec::new();
    for line in text.lines() {
        if !line.starts_with(char::is_whitespace) {
            let link = header(line)?;
            found.push((link["ifname"].as_str().unwrap_or_default().to_owned(), Vec::new()));
            continue;
        }
        let mut words = line.split_whitespace();
        if words.next() != Some("inet") {
            continue;
        }
        let (_device, list) = found.last_mut().ok_or_else(|| format!("{line:?} stands before any link"))?;
        let wrong = || format!("{line:?} is not inet ADDRESS/LENGTH …");
        let own = words.next().ok_or_else(wrong)?;
        // Of a link to one other, the prefix is that of the other's address.
        let whole = match own.contains('/') {
            true => own,
            false if words.next() == Some("peer") => words.next().ok_or_else(wrong)?,
            false => return Err(wrong()),
        };
        let (_address, length) = whole.split_once('/').ok_or_else(wrong)?;
        let length: u8 = length.parse().map_err(|_| wrong())?;
        let address = own.split('/').next().unwrap_or_default();
        let mut one = json!({ "family": "inet", "local": address, "prefixlen": length });
        while let Some(word) = words.next() {
            if word == "brd" {
                one["broadcast"] = json!(value(&mut words, word)?);
            }
        }
        list.push(one);
    }
    if found.is_empty() {
        return Err("it names no link".to_owned());
    }
    Ok(found.into_iter().map(|(device, list)| json!({ "ifname": device, "addr_info": list })).collect())
}

/// Rules, as `ip rule show` prints them.
///
/// # Errors
/// A text that says why, when a word is not known or there is no rule.
pub(super) fn rules(text: &str) -> Result<Vec<Value>, String> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let found =
        lines.map(|line| rule(line).map_err(|why| format!("{line:?}: {why}"))).collect::<Result<Vec<_>, _>>()?;
    // No host is without rules: the kernel makes three.
    if found.is_empty() { Err("it names no rule".to_owned()) } else { Ok(found) }
}

fn rule(line: &str) -> Result<Value, String> {
    let mut words = line.split_whitespace();
    let priority = words.next().and_then(|word| word.strip_suffix(':')).ok_or("it has no priority")?;
    let mut found = json!({ "priority": number(Some(priority), "priority")? });
    while let Some(word) = words.next() {
        match word {
            "not" => found["not"] = Value::Null,
            "from" => found["src"] = json!(value(&mut words, word)?),
            "to" => found["dst"] = json!(value(&mut words, word)?),
            "iif" | "oif" => found[word] = json!(value(&mut words, word)?),
            // Neither that the link of `iif` is gone, nor that the rule of `goto` is, makes another rule of it.
            "[detached]" | "unresolved" => {}
            "fwmark" => {
                let mark = value(&mut words, word)?;
                let (mark, mask) = mark.split_once('/').map_or((mark, None), |(mark, mask)| (mark, Some(mask)));
                found["fwmark"] = json!(mark);
                if let Some(mask) = mask {
                    found["fwmask"] = json!(mask);
                }
            }
            "lookup" => match value(&mut words, word)? {
                "[l3mdev-table]" => found["l3mdev"] = Value::Null,
                table => found["table"] = json!(table),
            },
            "goto" => found["goto"] = json!(value(&mut words, word)?),
            "nop" | "blackhole" | "unreachable" | "prohibit" => found["action"] = json!(word),
            "proto" => found["protocol"] = json!(value(&mut words, word)?),
            // Selectors that are not evaluated: they are kept by their names.
            "tos"
            | "dsfield"
            | "uidrange"
            | "ipproto"
            | "sport"
            | "dport"
            | "tun_id"
            | "suppress_prefixlength"
            | "suppress_ifgroup" => {
                found[word] = json!(value(&mut words, word)?);
            }
            "realms" => drop(value(&mut words, word)?),
            other => return Err(format!("{other} is not known")),
        }
    }
    Ok(found)
}

/// Routes, as `ip -4 route show` prints those of one table.
///
/// # Errors
/// A text that says why, when a word is not known.
pub(super) fn routes(text: &str, table: u32) -> Result<Vec<Value>, String> {
    let mut found: Vec<Object> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let wrong = |why: String| format!("{line:?}: {why}");
        if line.starts_with(char::is_whitespace) {
            let route = found.last_mut().ok_or_else(|| wrong("it stands before any route".to_owned()))?;
            let mut words = line.split_whitespace();
            if words.next() != Some("nexthop") {
                return Err(wrong("it is no next hop".to_owned()));
            }
            let hop = Value::Object(leads(words, Object::new()).map_err(wrong)?);
            match route.entry("nexthops").or_insert_with(|| json!([])) {
                Value::Array(hops) => hops.push(hop),
                _ => return Err(wrong("it has no list of next hops".to_owned())),
            }
        } else {
            found.push(route(line, table).map_err(wrong)?);
        }
    }
    Ok(found.into_iter().map(Value::Object).collect())
}

fn route(line: &str, table: u32) -> Result<Object, String> {
    let mut words = line.split_whitespace();
    let mut first = words.next().ok_or("it is empty")?;
    let mut route = Object::new();
    if KINDS.iter().any(|(name, _kind)| *name == first) {
        route.insert("type".to_owned(), json!(first));
        first = value(&mut words, first)?;
    }
    route.insert("dst".to_owned(), json!(first));
    route.insert("table".to_owned(), json!(table));
    leads(words, route)
}

/// Reads what a route, or one of its hops, says after its destination.
fn leads(mut words: SplitWhitespace<'_>, mut found: Object) -> Result<Object, String> {
    let mut flags = Vec::new();
    let mut encapsulates = false;
    while let Some(word) = words.next() {
        match word {
            "via" => match value(&mut words, word)? {
                family @ ("inet" | "inet6") => {
                    let host = value(&mut words, word)?;
                    found.insert("via".to_owned(), json!({ "family": family, "host": host }));
                }
                gateway => drop(found.insert("gateway".to_owned(), json!(gateway))),
            },
            "dev" => drop(found.insert("dev".to_owned(), json!(value(&mut words, word)?))),
            "proto" => drop(found.insert("protocol".to_owned(), json!(value(&mut words, word)?))),
            "scope" | "tos" => drop(found.insert(word.to_owned(), json!(value(&mut words, word)?))),
            "src" => drop(found.insert("prefsrc".to_owned(), json!(value(&mut words, word)?))),
            "metric" => drop(found.insert("metric".to_owned(), json!(number(words.next(), word)?))),
            "weight" => drop(number(words.next(), word)?),
            "mtu" => {
                let mtu = match value(&mut words, word)? {
                    "lock" => words.next(),
                    plain => Some(plain),
                };
                found.insert("metrics".to_owned(), json!([{ "mtu": number(mtu, word)? }]));
            }
            // How it wraps packets has a form of its own for each sort; what follows says where they go.
            "encap" => encapsulates = true,
            flag if FLAGS.contains(&flag) => flags.push(flag),
            beside if BESIDE.contains(&beside) => {
                if value(&mut words, beside)? == "lock" {
                    value(&mut words, beside)?;
                }
            }
            _ if encapsulates && !found.contains_key("gateway") && !found.contains_key("dev") => {}
            other => return Err(format!("{other} is not known")),
        }
    }
    if encapsulates {
        found.insert("encap".to_owned(), json!(true));
    }
    found.insert("flags".to_owned(), json!(flags));
    Ok(found)
}

fn value<'a>(words: &mut SplitWhitespace<'a>, what: &str) -> Result<&'a str, String> {
    words.next().ok_or_else(|| format!("{what} has no value"))
}

fn number(word: Option<&str>, what: &str) -> Result<u32, String> {
    let word = word.ok_or_else(|| format!("{what} has no value"))?;
    word.parse().map_err(|_| format!("{what} {word} is no number"))
}

fn object(value: Value) -> Result<Object, String> {
    match value {
        Value::Object(object) => Ok(object),
        other => Err(format!("{other} is no object")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_model::words;

    const LINKS: &str = "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00 promiscuity 0 minmtu 0 maxmtu 0 numtxqueues 1 numrxqueues 1 gso_max_size 65536
    RX: bytes  packets  errors  dropped overrun mcast   
    5512       62       0       0       0       0       
5: cilium_vxlan: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000
    link/ether 3e:4f:9a:38:5a:84 brd ff:ff:ff:ff:ff:ff promiscuity 0 minmtu 68 maxmtu 65535 
    vxlan external id 0 srcport 0 0 dstport 8472 nolearning ttl auto ageing 300 addrgenmode eui64 numtxqueues 1 
8: lxc7@if7: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master br0 state UP mode DEFAULT group default qlen 1000
    link/ether ba:4f:9a:38:5a:84 brd ff:ff:ff:ff:ff:ff link-netnsid 2 promiscuity 1 minmtu 68 maxmtu 65535 
    veth 
    bridge_slave state forwarding priority 32
9: lxc9@if7: <BROADCAST,UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default 
    link/ether ba:4f:9a:38:5a:85 brd ff:ff:ff:ff:ff:ff link-netns cni-1 promiscuity 0 
    veth addrgenmode eui64 
10: br0: <BROADCAST,UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default 
    link/ether ba:4f:9a:38:5a:86 brd ff:ff:ff:ff:ff:ff promiscuity 0 
    bridge forward_delay 1500 
11: ens5: <BROADCAST,UP> mtu 9001 qdisc mq state UP mode DEFAULT group default qlen 1000
    link/ether ba:4f:9a:38:5a:87 brd ff:ff:ff:ff:ff:ff promiscuity 0 numtxqueues 8 
    altname enp0s5
";
    const ADDRESSES: &str =
        "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
       valid_lft forever preferred_lft forever
11: ens5: <BROADCAST,UP> mtu 9001 qdisc mq state UP group default qlen 1000
    inet 192.168.7.2/24 brd 192.168.7.255 scope global dynamic ens5
    inet 10.9.0.1 peer 10.9.0.2/32 scope global ens5
    inet6 fe80::1/64 scope link 
";

    fn read(rules_text: &str, routes_text: &str) -> Result<NodeTables, String> {
        parse_printed_tables(LINKS, ADDRESSES, rules_text, routes_text)
    }

    #[test]
    fn links_and_addresses_are_read() {
        let read = read("0:\tfrom all lookup local \n", "").unwrap();
        let links: Vec<(u32, &str, Option<&str>)> =
            read.links.iter().map(|link| (link.index, link.name.as_str(), link.kind.as_deref())).collect();
        let (vxlan, veth) = (Some("vxlan"), Some("veth"));
        assert_eq!(
            links,
            [
                (1, "lo", None),
                (5, "cilium_vxlan", vxlan),
                (8, "lxc7", veth),
                (9, "lxc9", veth),
                (10, "br0", Some("bridge")),
                (11, "ens5", None)
            ]
        );
        assert_eq!(read.links[1].vxlan.as_ref().map(|vxlan| (vxlan.vni, vxlan.port)), Some((None, Some(8472))));
        assert_eq!(
            (read.links[2].master, read.links[2].peer_index, read.links[2].peer_netns),
            (Some(10), Some(7), Some(2))
        );
        assert!(read.links[3].peer_netns.is_some_and(|id| id != 2));
        assert!(read.links[2].up && read.links[2].carrier && !read.links[3].carrier);
        let addresses: Vec<String> =
            read.addresses.iter().map(|one| format!("{} {}", one.device, one.address)).collect();
        assert_eq!(addresses, ["lo 127.0.0.1/8", "ens5 192.168.7.2/24", "ens5 10.9.0.1/32"]);
    }

    #[test]
    fn routes_of_many_forms_are_read() {
        let text = "default via 192.168.7.1 dev ens5 proto dhcp src 192.168.7.2 metric 100 mtu lock 1500 advmss 1460 
10.42.1.0/24 via 192.168.7.3 dev ens5 proto bird onlink 
10.42.2.0/24 proto static 
\tnexthop via 192.168.7.4 dev ens5 weight 1 
\tnexthop via inet6 fe80::1 dev ens4 weight 1 linkdown 
\tnexthop dev ens6 weight 1 dead linkdown 
10.42.3.0/24 dev ens5 scope link dead linkdown 
blackhole 10.42.0.0/16 proto bird nhid 7 
10.43.0.0/16  encap ip id 7 src 10.0.0.1 dst 10.0.0.2 ttl 64 tos 0 via 10.0.0.2 dev tun0 tos 0x10 mtu 1420 
local 192.168.7.2 dev ens5 proto kernel scope host src 192.168.7.2 
";
        let read = read("0:\tfrom all lookup local \n", text).unwrap().routes.read().unwrap();
        let words: Vec<String> = read.iter().map(words::route).collect();
        assert_eq!(
            words,
            [
                "default via 192.168.7.1 dev ens5 metric 100 mtu 1500",
                "10.42.1.0/24 via 192.168.7.3 dev ens5",
                "10.42.2.0/24 nexthop via 192.168.7.4 dev ens5 nexthop via inet6 fe80::1 dev ens4",
                "blackhole 10.42.0.0/16",
                "10.43.0.0/16 tos 0x10 encap via 10.0.0.2 dev tun0 mtu 1420",
                "local 192.168.7.2 dev ens5"
            ]
        );
        for (wrong, why) in [
            ("10.0.0.0/8 via 10.0.0.1 wormhole 7", "wormhole is not known"),
            ("10.0.0.0/8 via", "via has no value"),
            ("10.0.0.0/8 dev eth0 metric many", "metric many is no number"),
            ("\tnexthop via 10.0.0.1", "it stands before any route"),
            ("10.0.0.0/8\n\tcache", "it is no next hop"),
            ("RTNETLINK answers: Permission denied", "answers: is not known"),
            ("10.0.0.0/99 dev eth0", "10.0.0.0/99"),
        ] {
            let error = super::tests::read("0:\tfrom all lookup local \n", wrong).unwrap_err();
            assert!(error.contains(why), "{wrong:?}: {error}");
        }
    }

    #[test]
    fn rules_are_read_and_keep_the_names_of_what_is_not_evaluated() {
        let text = "0:\tfrom all lookup local
9:\tfrom all fwmark 0x200/0xf00 lookup 2004
20:\tfrom all to 10.42.1.7 lookup main proto kernel 
111:\tnot from 10.42.0.0/16 iif lxc7 [detached] uidrange 0-7 lookup 11 
150:\tfrom all lookup main suppress_prefixlength 0 
200:\tfrom all goto 300
300:\tfrom all unreachable
1000:\tfrom all lookup [l3mdev-table] 
";
        let rules = read(text, "").map(|tables| tables.rules);
        // A rule without a table or an action is an error, as it is in JSON.
        assert!(rules.unwrap_err().contains("what rule 1000 does is not known"));
        let text = text.split("1000:").next().unwrap();
        let words: Vec<String> = read(text, "").unwrap().rules.iter().map(words::rule).collect();
        assert_eq!(
            words,
            [
                "0: from all lookup local",
                "9: from all fwmark 0x200/0xf00 lookup 2004",
                "20: from all to 10.42.1.7/32 lookup main",
                "111: not from 10.42.0.0/16 iif lxc7 uidrange lookup 11",
                "150: from all suppress_prefixlength lookup main",
                "200: from all goto 300",
                "300: from all unreachable"
            ]
        );
        for (wrong, why) in [
            ("", "it names no rule"),
            ("from all lookup main", "it has no priority"),
            ("9:\tfrom all dance 7 lookup main", "dance is not known"),
            ("9:\tfrom all lookup", "lookup has no value"),
        ] {
            let error = read(wrong, "").unwrap_err();
            assert!(error.contains(why), "{wrong:?}: {error}");
        }
    }

    #[test]
    fn texts_of_another_form_are_errors() {
        for wrong in ["", "Object \"l\" is unknown, try \"ip help\".", "    link/ether 00:00", "2: eth0: <UP> qdisc x"]
        {
            assert!(links(wrong).is_err(), "{wrong:?}");
            assert!(addresses(wrong).is_err() || wrong.starts_with("    link"), "{wrong:?}");
        }
        let wrong = "1: lo: <UP> mtu 1\n    inet 10.0.0.1 scope host lo";
        assert!(addresses(wrong).unwrap_err().contains("is not inet ADDRESS/LENGTH"));
    }
}
