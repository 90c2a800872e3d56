//! The values that Helm is given.

use serde_json::{Map, Value, json};
use std::net::Ipv4Addr;

use super::assignment::ValuePath;
use lab_model::Routing;
use lab_model::expect::{ClusterExpectations, FROM_CLUSTER};

/// The values of the release, nested as Helm nests them: what is expected, what the lab needs besides, the control
/// plane's address, and what a contrast makes otherwise.
///
/// A contrast is no override: what it sets is not expected, so that the cases which are about it are refuted. `vxlan`
/// is chart 1.12.4's own `tunnel`, which does not go together with direct routes; `none` leaves the routes out.
pub fn installed_values(expected: &ClusterExpectations, control_plane: Ipv4Addr, routing: Routing) -> Value {
    let mut root = Map::new();
    let mut set = |key: &str, value: &Value| {
        // All keys were read by the same parser, or are the article's.
        let path: Option<ValuePath> = key.parse().ok();
        if let Some((last, outer)) = path.as_ref().and_then(|path| path.keys().split_last()) {
            put(&mut root, outer, last, value.clone());
        }
    };
    for (key, value) in expected.own_values.iter().chain(&expected.values) {
        if value == FROM_CLUSTER { set(key, &json!(control_plane)) } else { set(key, value) }
    }
    for (key, value) in contrast(routing) {
        set(key, &value);
    }
    Value::Object(root)
}

/// What a routing mode makes otherwise than the article, by the keys of chart 1.12.4.
pub(super) fn contrast(routing: Routing) -> Vec<(&'static str, Value)> {
    match routing {
        Routing::Native => Vec::new(),
        Routing::Vxlan => vec![("tunnel", json!("vxlan")), ("autoDirectNodeRoutes", json!(false))],
        Routing::None => vec![("autoDirectNodeRoutes", json!(false))],
    }
}

fn put(map: &mut Map<String, Value>, outer: &[String], last: &str, value: Value) {
    let Some((first, rest)) = outer.split_first() else {
        map.insert(last.to_owned(), value);
        return;
    };
    let inner = map.entry(first.clone()).or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(inner) = inner {
        put(inner, rest, last, value);
    }
}
