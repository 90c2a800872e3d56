//! Removes secrets from JSON: there, keys are known as such.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::place::{is_key, is_secret};
use super::{TAKEN_OUT, redact};

/// Removes secrets from all texts within a value: those of secret keys, of Secrets of Kubernetes and of variables with a
/// secret's name altogether, from the others what [`redact`] finds.
pub fn in_json(value: &mut Value) {
    match value {
        Value::String(text) => {
            let without = redact(text);
            if without != *text {
                *text = without;
            }
        }
        Value::Array(all) => all.iter_mut().for_each(in_json),
        Value::Object(map) => in_object(map),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The value without secrets; itself where it has none.
///
/// # Errors
/// When it is not plain data that is read as it is written.
pub fn redacted<T: Serialize + DeserializeOwned + Clone>(value: &T) -> serde_json::Result<T> {
    let before = serde_json::to_value(value)?;
    let mut after = before.clone();
    in_json(&mut after);
    if after == before { Ok(value.clone()) } else { serde_json::from_value(after) }
}

fn in_object(map: &mut Map<String, Value>) {
    if map.get("kind").and_then(Value::as_str) == Some("Secret") {
        for key in ["data", "stringData"] {
            map.get_mut(key).and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut).for_each(take_out);
        }
    }
    // A variable of a container: {"name": …, "value": …}.
    if map.get("name").and_then(Value::as_str).is_some_and(is_key) {
        map.get_mut("value").into_iter().for_each(take_out);
    }
    for (key, value) in map {
        if value.is_string() && is_key(key) {
            take_out(value);
        } else {
            in_json(value);
        }
    }
}

fn take_out(value: &mut Value) {
    if let Value::String(text) = value
        && is_secret(text)
    {
        TAKEN_OUT.clone_into(text);
    }
}
