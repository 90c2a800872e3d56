//! Links and their addresses, as `ip -details link show` and `ip address show` print them.

use serde_json::{Value, json};
use std::str::SplitWhitespace;

use super::{Object, number, value};

/// Namespaces that have a name are numbered from here: their own numbers are not printed.
const NAMED_NETNS: usize = 1_000_000;

/// Links, as `ip -details link show` prints them, with or without `-statistics`.
///
/// # Errors
/// A text that says why, when a line has another form or there is no link.
pub(in super::super) fn links(text: &str) -> Result<Vec<Value>, String> {
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
pub(in super::super) fn addresses(text: &str) -> Result<Vec<Value>, String> {
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

fn object(value: Value) -> Result<Object, String> {
    match value {
        Value::Object(object) => Ok(object),
        other => Err(format!("{other} is no object")),
    }
}
