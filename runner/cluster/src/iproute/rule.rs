//! Rules, as `ip -json rule` prints them.

use ipnet::Ipv4Net;
use serde_json::Value;

use super::words::{TABLES, number, prefix};
use lab_model::observe::{Rule, RuleAction};

/// The members of a rule that are read, or decide nothing.
const KNOWN: [&str; 15] = [
    "priority", "src", "srclen", "dst", "dstlen", "fwmark", "fwmask", "iif", "oif", "not", "table", "goto", "action",
    "protocol", "flags",
];

/// Rules are read member by member: each that is not known is a selector that decides, and is kept by its name.
pub(super) fn rule(raw: &Value) -> Result<Rule, String> {
    let members = raw.as_object().ok_or("a rule is no object")?;
    let mut rule = Rule::for_all(0, RuleAction::Nop);
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
