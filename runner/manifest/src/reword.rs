//! Says what serde says, as this program says it: `expected …, found …`.

use serde_path_to_error::Segment;

use super::locate::At;

/// The problem in words, and which end of the path it is at; a key that is there twice is added to the path.
/// Messages of [`super::value::Malformed`] stay as they are.
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
    let expected = in_words(expected);
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

/// The key that is there twice, if that is the problem: as serde says it of a type, or `serde_yaml` of a mapping.
pub(super) fn duplicate(message: &str) -> Option<&str> {
    let field = message.strip_prefix("duplicate field `").and_then(|key| key.strip_suffix('`'));
    field.or_else(|| message.split_once("duplicate entry with key \"")?.1.strip_suffix('"'))
}

/// What a type is called by those who write the file.
fn in_words(expected: &str) -> &str {
    match expected {
        "u64" => "a whole number, 0 or more",
        "a Value::Tagged enum" => "a string",
        "a map" => "a mapping",
        "a sequence" => "a list",
        // Every list of a fixed length here is of one.
        "an array of length 1" | "fewer elements in sequence" => "a list of exactly one",
        _ if expected.starts_with("struct ") => "a mapping",
        _ => expected,
    }
}

/// The value alone, of `string "x"` and "integer `5`".
fn scalar(found: &str) -> &str {
    let text = found.strip_prefix("string ").unwrap_or(found);
    ["integer `", "floating point `", "boolean `"]
        .iter()
        .find_map(|kind| text.strip_prefix(kind))
        .and_then(|value| value.strip_suffix('`'))
        .unwrap_or(text)
}
