//! Rules, as `ip rule show` prints them.

use serde_json::{Value, json};

use super::{number, value};

/// Rules, as `ip rule show` prints them.
///
/// # Errors
/// A text that says why, when a word is not known or there is no rule.
pub(in super::super) fn rules(text: &str) -> Result<Vec<Value>, String> {
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
