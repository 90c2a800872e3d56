//! What `ip` prints for readers, without `-json` (iproute2: `ip/ipaddress.c`, `ip/iprule.c`, `ip/iproute.c`), into the members
//! that it would give as JSON. A word that is not known is an error: what it decides is not known either.

mod link;
mod route;
mod rule;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};
use std::str::SplitWhitespace;

use super::iproute::{Documents, tables};
use lab_model::foreign::NodeTables;
use lab_model::observe::TABLE_MAIN;

pub(super) use self::link::{addresses, links};
pub(super) use self::route::routes;
pub(super) use self::rule::rules;

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

fn value<'a>(words: &mut SplitWhitespace<'a>, what: &str) -> Result<&'a str, String> {
    words.next().ok_or_else(|| format!("{what} has no value"))
}

fn number(word: Option<&str>, what: &str) -> Result<u32, String> {
    let word = word.ok_or_else(|| format!("{what} has no value"))?;
    word.parse().map_err(|_| format!("{what} {word} is no number"))
}
