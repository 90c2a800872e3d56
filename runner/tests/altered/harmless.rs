//! What does not matter: a sound lab that is another one in this must hold all the same. So must one with five workers,
//! which is made, since no recording can be turned into it (`sources::with_five_workers`).

use lab_model::expect::Expectations;
use serde_json::{Value, json};

/// A lab that differs from the one that was seen.
pub(super) struct Harmless {
    pub(super) name: &'static str,
    /// The same observations of such a lab, and what that lab should be.
    pub(super) make: fn(&Value, &Expectations) -> (Value, Expectations),
    /// Cases for which it does matter, and why.
    pub(super) matters: &'static [(&'static str, &'static str)],
}

pub(super) const ALL: &[Harmless] = &[
    Harmless { name: "lists in another order", make: reversed, matters: &[] },
    Harmless { name: "nodes and pods with other names", make: other_names, matters: &[] },
    Harmless { name: "another network between the nodes", make: other_network, matters: &[] },
    Harmless { name: "other link-layer addresses", make: other_link_layer_addresses, matters: &[] },
    Harmless {
        name: "a further route to elsewhere",
        make: further_route,
        matters: &[("routing::only_base_routes_before", "its claim is that there are no further routes")],
    },
    Harmless {
        name: "a further route to elsewhere via a router of IPv6",
        make: further_route_via_ipv6,
        matters: &[("routing::only_base_routes_before", "its claim is that there are no further routes")],
    },
    Harmless { name: "a further link that is down", make: further_link, matters: &[] },
    Harmless { name: "a further rule that no packet meets", make: further_rule, matters: &[] },
    Harmless { name: "a further pod of somebody else", make: further_pod, matters: &[] },
    Harmless { name: "IPv6 beside IPv4", make: with_ipv6, matters: &[] },
    Harmless { name: "frames of others on the wire", make: further_frames, matters: &[] },
];

/// Lists whose order is what they say.
const ORDERED: [&str; 2] = ["frames", "rules"];

fn reversed(seen: &Value, expect: &Expectations) -> (Value, Expectations) {
    let mut seen = seen.clone();
    each(&mut seen, "", &mut |key, value| {
        // Pairs of a place and what was seen there are lists too.
        if let Value::Array(elements) = value
            && !ORDERED.contains(&key)
            && elements.iter().all(|element| element.is_object() || element.is_array())
            && !is_pair(elements)
        {
            elements.reverse();
        }
    });
    (seen, expect.clone())
}

fn is_pair(elements: &[Value]) -> bool {
    elements.len() == 2 && elements.iter().any(|element| element.get("Ok").is_some() || element.get("Err").is_some())
}

fn other_names(seen: &Value, expect: &Expectations) -> (Value, Expectations) {
    // The nodes of kind begin with the cluster's name.
    let replace =
        [("kind-control-plane", "blue-control-plane"), ("kind-worker", "blue-worker"), ("hello-app-", "hello-app-x")];
    let mut expect = expect.clone();
    if let Some(cluster) = &mut expect.cluster {
        cluster.name = cluster.name.replace("kind", "blue");
    }
    let mut seen = replaced(seen, &replace);
    each(&mut seen, "", &mut |key, value| {
        if key == "cluster" && value == "kind" {
            *value = Value::from("blue");
        }
    });
    (seen, expect)
}

fn other_network(seen: &Value, expect: &Expectations) -> (Value, Expectations) {
    (replaced(seen, &[("172.18.", "192.168.")]), expect.clone())
}

fn other_link_layer_addresses(seen: &Value, expect: &Expectations) -> (Value, Expectations) {
    (replaced(seen, &[("02:42:ac:12:00", "0e:17:2b:05:9a")]), expect.clone())
}

fn further_route(seen: &Value, expect: &Expectations) -> (Value, Expectations) {
    in_each(seen, expect, "routes", |routes| {
        let mut further = routes.iter().find(|route| route["destination"] == "0.0.0.0/0")?.clone();
        further["destination"] = json!("192.0.2.0/24");
        Some(further)
    })
}

fn further_route_via_ipv6(seen: &Value, expect: &Expectations) -> (Value, Expectations) {
    in_each(seen, expect, "routes", |routes| {
        let mut further = routes.iter().find(|route| route["destination"] == "0.0.0.0/0")?.clone();
        further["destination"] = json!("192.0.2.0/24");
        further["hops"][0]["gateway"] = json!("fe80::1");
        Some(further)
    })
}

fn further_link(seen: &Value, expect: &Expectations) -> (Value, Expectations) {
    in_each(seen, expect, "links", |links| {
        let mut further = links.iter().find(|link| link["name"] == "eth0")?.clone();
        for (member, value) in [
            ("name", json!("eth7")),
            ("kind", json!("bridge")),
            ("index", json!(77)),
            ("mac", json!("02:42:c0:00:02:07")),
            ("up", json!(false)),
            ("carrier", json!(false)),
        ] {
            further[member] = value;
        }
        Some(further)
    })
}

fn further_rule(seen: &Value, expect: &Expectations) -> (Value, Expectations) {
    in_each(seen, expect, "rules", |rules| {
        let mut further = rules.last()?.clone();
        // Value and mask; packets of pods have no mark.
        further["fwmark"] = json!([0x7000, 0xf000]);
        further["priority"] = json!(40_000);
        Some(further)
    })
}

fn further_pod(seen: &Value, expect: &Expectations) -> (Value, Expectations) {
    in_each(seen, expect, "pods", |pods| {
        // The pods of the workload are the workload's alone; those of all namespaces have a namespace.
        let mut further = pods.iter().find(|pod| pod["namespace"] == "kube-system")?.clone();
        further["namespace"] = json!("elsewhere");
        further["name"] = json!("somebody-elses");
        further["labels"] = json!({"app": "somebody-elses"});
        further["phase"] = json!("Pending");
        further["containers"] = json!([]);
        further["node"] = Value::Null;
        further["address"] = Value::Null;
        Some(further)
    })
}

fn with_ipv6(seen: &Value, expect: &Expectations) -> (Value, Expectations) {
    in_each(seen, expect, "internal_ips", |_addresses| Some(json!("fd00::17")))
}

fn further_frames(seen: &Value, expect: &Expectations) -> (Value, Expectations) {
    in_each(seen, expect, "frames", |frames| {
        let mut further = frames.last()?.clone();
        further["source"] = json!("02:42:c0:00:02:07");
        further["destination"] = json!("01:80:c2:00:00:00");
        further["ethertype"] = json!(0x88cc);
        further["ip"] = Value::Null;
        Some(further)
    })
}

/// Adds one element to each list of this name.
fn in_each(
    seen: &Value,
    expect: &Expectations,
    list: &str,
    further: fn(&[Value]) -> Option<Value>,
) -> (Value, Expectations) {
    let mut seen = seen.clone();
    each(&mut seen, "", &mut |key, value| {
        if let Value::Array(elements) = value
            && key == list
        {
            elements.extend(further(elements));
        }
    });
    (seen, expect.clone())
}

/// Calls `change` with every value and the name of the member that it is.
fn each(value: &mut Value, key: &str, change: &mut impl FnMut(&str, &mut Value)) {
    change(key, value);
    match value {
        Value::Object(members) => members.iter_mut().for_each(|(key, member)| each(member, key, change)),
        Value::Array(elements) => elements.iter_mut().for_each(|element| each(element, key, change)),
        _ => {}
    }
}

/// With other texts in the place of these, in keys too.
fn replaced(seen: &Value, replace: &[(&str, &str)]) -> Value {
    let text = replace.iter().fold(seen.to_string(), |text, (old, new)| text.replace(old, new));
    serde_json::from_str(&text).expect("JSON, as before")
}
