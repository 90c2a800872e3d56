//! What `ip -json -details` prints of links, addresses, rules and routes (iproute2: `ip/iplink.c`, `ip/ipaddress.c`,
//! `ip/iprule.c`, `ip/iproute.c`), as it is found in the image of Cilium's agents.
//!
//! A member that decides where packets go and is not known makes a rule undecidable, or is an error; members that do not
//! are passed over.

mod link;
mod route;
mod rule;
#[cfg(test)]
mod tests;
mod words;

use serde::de::DeserializeOwned;
use serde_json::Value;

use self::link::{RawAddresses, RawLink, link, of_link};
use self::route::{RawRoute, route};
use self::rule::rule;
use lab_model::foreign::{NodeTables, RouteLines};
use lab_model::observe::Route;

pub(super) use self::route::KINDS;

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
