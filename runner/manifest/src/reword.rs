//! Rewords the errors of serde into the form of this program: `expected …, found …`.

use serde_path_to_error::Segment;

use super::locate::At;

/// The reworded message, and the place at the path's end that it is about. A key that occurs twice is added to the path.
/// Messages of [`super::value::Malformed`] are not changed.
pub(super) fn reword(message: &str, path: &mut Vec<Segment>) -> (String, At) {
    if let Some(key) = duplicate(message) {
        path.push(Segment::Map { key: key.to_owned() });
        return ("expected this key once, found it twice".to_owned(), At::KeyAgain);
    }
    if let Some(field) = message.strip_prefix("missing field ") {
        return (format!("expected a key {field}, found none"), At::Key);
    }
    let Some((found, expected)) = message.rsplit_once(", expected ") else {
        return (message.to_owned(), At::Value);
    };
    if found.starts_with("unknown field ") {
        return (format!("expected {expected}, found an unknown key"), At::Key);
    }
    let expected = plain_name(expected);
    if let Some(variant) = found.strip_prefix("unknown variant ") {
        return (format!("expected {expected}, found {:?}", variant.trim_matches('`')), At::Value);
    }
    if let Some(length) = found.strip_prefix("invalid length ") {
        return (format!("expected {expected}, found {length}"), At::Key);
    }
    match found.strip_prefix("invalid type: ").or_else(|| found.strip_prefix("invalid value: ")) {
        Some("map") => (format!("expected {expected}, found a mapping"), At::Key),
        Some("sequence") => (format!("expected {expected}, found a list"), At::Key),
        Some("unit value" | "null") => (format!("expected {expected}, found nothing"), At::Key),
        Some(found) => (format!("expected {expected}, found {}", scalar(found)), At::Value),
        None => (message.to_owned(), At::Value),
    }
}

/// The key that occurs twice, if that is the problem. serde and `serde_yaml` have different messages for it.
pub(super) fn duplicate(message: &str) -> Option<&str> {
    let field = message.strip_prefix("duplicate field `").and_then(|key| key.strip_suffix('`'));
    field.or_else(|| message.split_once("duplicate entry with key \"")?.1.strip_suffix('"'))
}

/// The name of a type in the language of JSON and YAML, in place of its name in Rust.
fn plain_name(expected: &str) -> &str {
    match expected {
        "u64" => "a whole number, 0 or more",
        "a Value::Tagged enum" => "a string",
        "a map" => "a mapping",
        "a sequence" => "a list",
        // Every list of fixed length in these files has one element.
        "an array of length 1" | "fewer elements in sequence" => "a list of exactly one",
        _ if expected.starts_with("struct ") => "a mapping",
        _ => expected,
    }
}

/// The value alone, without its type: `"x"` from `string "x"`, 5 from "integer `5`".
fn scalar(found: &str) -> &str {
    let text = found.strip_prefix("string ").unwrap_or(found);
    ["integer `", "floating point `", "boolean `"]
        .iter()
        .find_map(|kind| text.strip_prefix(kind))
        .and_then(|value| value.strip_suffix('`'))
        .unwrap_or(text)
}
