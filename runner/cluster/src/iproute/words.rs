//! Names, numbers and prefixes, as `ip` prints them.

use ipnet::Ipv4Net;
use serde_json::Value;
use std::net::Ipv4Addr;

use lab_model::observe::{Link, TABLE_DEFAULT, TABLE_LOCAL, TABLE_MAIN};

pub(super) const TABLES: [(&str, u32); 3] = [("main", TABLE_MAIN), ("local", TABLE_LOCAL), ("default", TABLE_DEFAULT)];

pub(super) fn named<T: Copy>(what: &str, name: &str, known: &[(&str, T)]) -> Result<T, String> {
    let found = known.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    found.ok_or_else(|| format!("{what} {name} is not known"))
}

/// A number, decimal or hexadecimal, or one of these names.
pub(super) fn number(what: &str, value: &Value, known: &[(&str, u32)]) -> Result<u32, String> {
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
pub(super) fn small(value: Option<&Value>, known: &[(&str, u32)]) -> u8 {
    value.and_then(|value| number("", value, known).ok()).and_then(|number| u8::try_from(number).ok()).unwrap_or(0)
}

pub(super) fn link_name(text: &str) -> Result<String, String> {
    if Link::may_be_named(text) { Ok(text.to_owned()) } else { Err(format!("{text:?} is no name of a link")) }
}

pub(super) fn prefix(text: &str) -> Result<Ipv4Net, String> {
    match text {
        "default" => Ok(Ipv4Net::default()),
        net if net.contains('/') => net.parse().map_err(|error| format!("{net}: {error}")),
        host => Ok(parsed(host)?.into()),
    }
}

pub(super) fn parsed(text: &str) -> Result<Ipv4Addr, String> {
    text.parse().map_err(|error| format!("{text}: {error}"))
}
