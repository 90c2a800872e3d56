//! What `ip` and `cilium` print for readers, of what they printed as JSON (iproute2: `ip/iproute.c`, `ip/iprule.c`,
//! `ip/ipaddress.c`; cilium 1.12: `cilium/cmd/config.go`, `cilium/cmd/helpers.go`).

use serde_json::Value;
use std::fmt::Write;

fn of<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn list(json: &str) -> Vec<Value> {
    serde_json::from_str(json).unwrap()
}

/// The IPv4 routes of one table. What `ip` leaves out without `-details` is left out.
pub(super) fn routes(json: &str, table: &str) -> String {
    let is_v4 = |route: &&Value| route["pref"].is_null() && !of(route, "dst").contains(':');
    let mut text = String::new();
    for route in list(json).iter().filter(|route| of(route, "table") == table).filter(is_v4) {
        let mut words = Vec::new();
        words.extend((of(route, "type") != "unicast").then(|| of(route, "type").to_owned()));
        words.push(of(route, "dst").to_owned());
        for (word, key, plain) in [
            ("via", "gateway", ""),
            ("dev", "dev", ""),
            ("proto", "protocol", "boot"),
            ("scope", "scope", "global"),
            ("src", "prefsrc", ""),
        ] {
            let value = of(route, key);
            words.extend((!value.is_empty() && value != plain).then(|| format!("{word} {value}")));
        }
        words.extend(route["metrics"].as_array().into_iter().flatten().map(|one| format!("mtu {}", one["mtu"])));
        writeln!(text, "{} ", words.join(" ")).unwrap();
    }
    text
}

/// The tables of IPv4 routes that have no name.
pub(super) fn numbered(json: &str) -> Vec<String> {
    let mut tables: Vec<String> = list(json).iter().map(|route| of(route, "table").to_owned()).collect();
    tables.retain(|table| table.parse::<u32>().is_ok());
    tables.sort();
    tables.dedup();
    tables
}

pub(super) fn rules(json: &str) -> String {
    let line = |rule: &Value| {
        let mask = |mark: &str| match of(rule, "fwmask") {
            "" => format!("fwmark {mark} "),
            mask => format!("fwmark {mark}/{mask} "),
        };
        let mark = Some(of(rule, "fwmark")).filter(|mark| !mark.is_empty()).map(mask).unwrap_or_default();
        format!("{}:\tfrom {} {mark}lookup {}\n", rule["priority"], of(rule, "src"), of(rule, "table"))
    };
    list(json).iter().map(line).collect()
}

fn header(link: &Value) -> String {
    let other = match (link["link_index"].as_u64(), link["link"].as_str()) {
        (Some(index), _) => format!("@if{index}"),
        (None, Some(name)) => format!("@{name}"),
        (None, None) => String::new(),
    };
    let flags: Vec<&str> = link["flags"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let master = link["master"].as_str().map(|master| format!("master {master} ")).unwrap_or_default();
    format!(
        "{}: {}{other}: <{}> mtu {} qdisc {} {master}state {} mode DEFAULT group default qlen 1000\n    link/{} {} brd {}",
        link["ifindex"],
        of(link, "ifname"),
        flags.join(","),
        link["mtu"],
        of(link, "qdisc"),
        of(link, "operstate"),
        of(link, "link_type"),
        of(link, "address"),
        of(link, "broadcast")
    )
}

/// `ip -d -s l`.
pub(super) fn links(json: &str) -> String {
    let one = |link: &Value| {
        let netns = link["link_netnsid"].as_i64().map(|id| format!(" link-netnsid {id}")).unwrap_or_default();
        let kind = match of(&link["linkinfo"], "info_kind") {
            "" => String::new(),
            kind => format!("\n    {kind} addrgenmode eui64"),
        };
        format!(
            "{}{netns} promiscuity 0 minmtu 68 maxmtu 65535 {kind} numtxqueues 2 numrxqueues 2 \n    RX: bytes  packets  errors  \
             dropped overrun mcast   \n    12         3        0       0       0       0       \n",
            header(link)
        )
    };
    list(json).iter().map(one).collect()
}

/// `ip a`.
pub(super) fn addresses(json: &str) -> String {
    let one = |link: &Value| {
        let mut text = format!("{}\n", header(link));
        for address in link["addr_info"].as_array().into_iter().flatten() {
            let brd = address["broadcast"].as_str().map(|brd| format!("brd {brd} ")).unwrap_or_default();
            writeln!(
                text,
                "    {} {}/{} {brd}scope {} {}\n       valid_lft forever preferred_lft forever",
                of(address, "family"),
                of(address, "local"),
                address["prefixlen"],
                of(address, "scope"),
                of(address, "label")
            )
            .unwrap();
        }
        text
    };
    list(json).iter().map(one).collect()
}

/// `cilium bpf lb list`.
pub(super) fn table(json: &str) -> String {
    let all: serde_json::Map<String, Value> = serde_json::from_str(json).unwrap();
    let mut text = format!("{:<22}{}\n", "SERVICE ADDRESS", "BACKEND ADDRESS (REVNAT_ID) (SLOT)");
    for (frontend, entries) in &all {
        for (at, entry) in entries.as_array().unwrap().iter().enumerate() {
            let first = if at == 0 { frontend.as_str() } else { "" };
            writeln!(text, "{first:<22}{}   ", entry.as_str().unwrap()).unwrap();
        }
    }
    text
}

/// `cilium config -a`.
pub(super) fn settings(json: &str) -> String {
    let all: serde_json::Map<String, Value> = serde_json::from_str(json).unwrap();
    let plain = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => "<nil>".to_owned(),
        other => other.to_string(),
    };
    let mut text = "#### Read-only configurations ####\n".to_owned();
    for (key, value) in &all {
        match value.as_object() {
            Some(parts) => {
                writeln!(text, "{key}").unwrap();
                for (key, value) in parts {
                    writeln!(text, "\t{key:<26}: {}", plain(value)).unwrap();
                }
            }
            None => writeln!(text, "{key:<34}: {}", plain(value)).unwrap(),
        }
    }
    text + "##### Read-write configurations #####\nConntrackAccounting               : Enabled\n"
}
