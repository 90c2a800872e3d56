//! The values that Helm is given.

use serde_json::{Map, Value, json};
use std::net::Ipv4Addr;

use super::apply::MODE_KEY;
use super::assignment::ValuePath;
use lab_model::Routing;
use lab_model::expect::{ClusterExpectations, FROM_CLUSTER};

/// The values of the release, nested as in Helm's values file: those that are expected, those that the lab sets itself, the
/// control plane's address, and those of the contrast.
///
/// A contrast is not an override: its values are installed, but not expected, so that the cases about them are refuted.
/// `vxlan` enables the chart's tunnel, and disables direct routes, which cannot be combined with it; `none` disables direct
/// routes only.
pub fn installed_values(expected: &ClusterExpectations, control_plane: Ipv4Addr, routing: Routing) -> Value {
    let mut root = Map::new();
    let mut set = |key: &str, value: &Value| {
        // Every key can be parsed: it was parsed before, or is one of the article's.
        let path: Option<ValuePath> = key.parse().ok();
        if let Some((last, outer)) = path.as_ref().and_then(|path| path.keys().split_last()) {
            put(&mut root, outer, last, value.clone());
        }
    };
    for (key, value) in expected.own_values.iter().chain(&expected.values) {
        if value == FROM_CLUSTER { set(key, &json!(control_plane)) } else { set(key, value) }
    }
    let by_mode = expected.values.get(MODE_KEY).is_some_and(|mode| !mode.is_null());
    for (key, value) in contrast(routing, by_mode) {
        set(key, &value);
    }
    Value::Object(root)
}

/// The value that has agents speak BGP.
const BGP_KEY: &str = "bgpControlPlane.enabled";

/// Expects the article's second case of a release: no direct routes, and agents that announce pod CIDRs. Unlike a contrast it is
/// what must hold.
pub fn expect_second_case(expected: &mut ClusterExpectations) {
    let by_mode = expected.values.get(MODE_KEY).is_some_and(|mode| !mode.is_null());
    for (key, value) in contrast(Routing::Bgp, by_mode) {
        expected.values.insert(key.to_owned(), value);
    }
}

/// The values that make a routing mode differ from the article. They have the keys of chart 1.12; if `routingMode` is set
/// (`by_mode`), as it must be from 1.15 on, they have the keys of charts with `routingMode`.
pub(super) fn contrast(routing: Routing, by_mode: bool) -> Vec<(&'static str, Value)> {
    let no_routes = ("autoDirectNodeRoutes", json!(false));
    match (routing, by_mode) {
        (Routing::Native, _) => Vec::new(),
        (Routing::Bgp, _) => vec![no_routes, (BGP_KEY, json!(true))],
        (Routing::Vxlan, false) => vec![("tunnel", json!("vxlan")), no_routes],
        (Routing::Vxlan, true) => vec![(MODE_KEY, json!("tunnel")), ("tunnelProtocol", json!("vxlan")), no_routes],
        (Routing::None, _) => vec![no_routes],
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
