//! Routes, as `ip route show` prints them.

use serde_json::{Value, json};
use std::str::SplitWhitespace;

use super::{Object, number, value};
use crate::iproute::KINDS;

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

/// Routes, as `ip -4 route show` prints those of one table.
///
/// # Errors
/// A text that says why, when a word is not known.
pub(in super::super) fn routes(text: &str, table: u32) -> Result<Vec<Value>, String> {
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
