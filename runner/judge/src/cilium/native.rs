//! What agents run with.

use serde_json::Value;

use super::written;
use crate::of_cluster;
use crate::weighing::{Weighing, unobserved};
use lab_model::expect::{ClusterExpectations, Expectations};
use lab_model::observe::{AgentConfig, AgentStatus, NodeName, Place};
use lab_model::seen::{AgentSeen, NativeSeen};
use lab_model::{Judgement, Proof, Reason, words};

/// A value of the release, the key that chart 1.12.4 writes it under in the `ConfigMap`, and the field of an agent's
/// own configuration that it arrives in, with what is there.
struct Setting {
    value: &'static str,
    config_map: &'static str,
    field: &'static str,
    of_agent: fn(&AgentConfig) -> Option<String>,
}

const SETTINGS: [Setting; 5] = [
    Setting { value: "tunnel", config_map: "tunnel", field: "Tunnel", of_agent: |config| config.tunnel.clone() },
    Setting {
        value: "autoDirectNodeRoutes",
        config_map: "auto-direct-node-routes",
        field: "EnableAutoDirectRouting",
        of_agent: |config| config.auto_direct_node_routes.map(|on| on.to_string()),
    },
    Setting {
        value: "ipv4NativeRoutingCIDR",
        config_map: "ipv4-native-routing-cidr",
        field: "IPv4NativeRoutingCIDR",
        of_agent: |config| config.native_cidr.map(|cidr| cidr.to_string()),
    },
    Setting {
        value: "kubeProxyReplacement",
        config_map: "kube-proxy-replacement",
        field: "KubeProxyReplacement",
        of_agent: |config| config.kube_proxy_replacement.clone(),
    },
    Setting {
        value: "bpf.masquerade",
        config_map: "enable-bpf-masquerade",
        field: "EnableBPFMasquerade",
        of_agent: |config| config.bpf_masquerade.map(|on| on.to_string()),
    },
];

/// Each agent runs with the values that the release should have: not what the `ConfigMap` says alone, which an agent
/// reads once when it starts, but what the agent itself tells, and what its status shows of it.
///
/// # Errors
/// For the `ConfigMap` [`Reason::WrongConfigMap`], for each agent [`Reason::WrongAgentConfig`] and
/// [`Reason::WrongAgentStatus`]. Unobserved where one of them, or a part of it, was not seen.
pub fn routes_natively(seen: &NativeSeen, expect: &Expectations) -> Judgement {
    let cluster = of_cluster(expect)?;
    if seen.nodes.is_empty() {
        return unobserved("the lab names no nodes");
    }
    let mut weighing = Weighing::default();
    if seen.nodes.len() < expect.nodes() {
        weighing.miss(format!("the lab names {} of {} nodes", seen.nodes.len(), expect.nodes()));
    }
    let wanted = wanted(cluster, &mut weighing);
    config_map(seen, &wanted, &mut weighing);
    let mut lines = Vec::new();
    for node in &seen.nodes {
        let Some(AgentSeen { config, status }) = seen.agents.get(node) else {
            weighing.miss(format!("{node}: the agent was not asked"));
            continue;
        };
        match config {
            Ok(config) => of_config(node, config, &wanted, &mut weighing),
            Err(why) => weighing.miss(format!("{node}: the agent did not tell its running configuration: {why}")),
        }
        match status {
            Ok(status) => {
                of_status(node, status, cluster, &mut weighing);
                lines.push(line(node, status));
            }
            Err(why) => weighing.miss(format!("{node}: the agent did not tell its status: {why}")),
        }
    }
    let total = seen.nodes.len();
    weighing.conclude(|| {
        let settings: Vec<String> =
            wanted.iter().map(|(setting, wanted)| format!("{}={wanted}", setting.value)).collect();
        Proof::new(format!("{total} of {total} agents run with {}", settings.join(", "))).with_details(lines)
    })
}

fn wanted(cluster: &ClusterExpectations, weighing: &mut Weighing) -> Vec<(&'static Setting, String)> {
    let mut wanted = Vec::new();
    for setting in &SETTINGS {
        match cluster.values.get(setting.value) {
            Some(value) => wanted.push((setting, written(value))),
            None => weighing.miss(format!("nothing says what {} should be", setting.value)),
        }
    }
    wanted
}

fn config_map(seen: &NativeSeen, wanted: &[(&'static Setting, String)], weighing: &mut Weighing) {
    let found = match &seen.config_map {
        Ok(found) => found,
        Err(why) => {
            weighing.miss(format!("the ConfigMap cilium-config could not be read: {why}"));
            return;
        }
    };
    if found.is_empty() {
        weighing.miss("the ConfigMap cilium-config is empty");
        return;
    }
    for (setting, wanted) in wanted {
        let key = setting.config_map;
        let value = found.get(key);
        if value != Some(wanted) {
            weighing.refute(
                Reason::WrongConfigMap,
                Place::Bridge,
                format!("ConfigMap cilium-config: {key}={wanted}"),
                value.map_or_else(|| format!("{key} is not set"), |value| format!("{key}={value}")),
                Some("kubectl get configmap cilium-config --namespace kube-system --output yaml".to_owned()),
            );
        }
    }
}

fn of_config(node: &NodeName, config: &AgentConfig, wanted: &[(&'static Setting, String)], weighing: &mut Weighing) {
    for (Setting { field, of_agent, .. }, wanted) in wanted {
        match of_agent(config) {
            None => weighing.miss(format!("{node}: the agent's running configuration has no {field}")),
            Some(found) if found == *wanted => {}
            Some(found) => weighing.refute(
                Reason::WrongAgentConfig,
                Place::Node(node.clone()),
                format!("{node}: {field} {wanted}"),
                format!("{node}: {field} {found}"),
                Some(words::in_agent("cilium config --all")),
            ),
        }
    }
}

fn of_status(node: &NodeName, status: &AgentStatus, cluster: &ClusterExpectations, weighing: &mut Weighing) {
    let value = |key: &str| cluster.values.get(key).map(written).unwrap_or_default();
    let is_native = value("tunnel") == "disabled";
    let masquerades = cluster.values.get("bpf.masquerade") == Some(&Value::Bool(true));
    let mut compare = |what: &str, wanted: &str, found: Option<String>| match found {
        None => weighing.miss(format!("{node}: the agent's status does not tell {what}")),
        Some(found) if found.eq_ignore_ascii_case(wanted) => {}
        Some(found) => weighing.refute(
            Reason::WrongAgentStatus,
            Place::Node(node.clone()),
            format!("{node}: {what} {wanted}"),
            format!("{node}: {what} {found}"),
            Some(words::in_agent("cilium status --verbose")),
        ),
    };
    let replacement = value("kubeProxyReplacement");
    compare("KubeProxyReplacement", &replacement, status.kube_proxy_replacement.clone());
    if masquerades {
        compare("Masquerading", "BPF", Some(status.masquerading.clone().unwrap_or_else(|| "off".to_owned())));
    }
    let cidr = value("ipv4NativeRoutingCIDR");
    compare("not masqueraded", &cidr, status.snat_exclusion.map(|cidr| cidr.to_string()));
    // An agent that encapsulates names no device to route by.
    let device = status.direct_routing_device.as_ref().map_or("none", |_device| "a device");
    let device_wanted = if is_native { "a device" } else { "none" };
    compare("direct routing by", device_wanted, Some(device.to_owned()));
    if status.host_routing.is_none() {
        weighing.miss(format!("{node}: the agent's status does not name host routing"));
    }
}

fn line(node: &NodeName, status: &AgentStatus) -> String {
    let told = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    format!(
        "{node}: host routing {}, masquerading {}, direct routing by {}",
        told(&status.host_routing),
        told(&status.masquerading),
        told(&status.direct_routing_device)
    )
}

#[cfg(test)]
mod tests;
