//! What agents run with.

use serde_json::Value;

use super::settings::{Setting, is_native, settings};
use super::written;
use crate::of_cluster;
use crate::weighing::{Weighing, unobserved};
use lab_model::expect::{ClusterExpectations, Expectations};
use lab_model::observe::{AgentConfig, AgentStatus, NodeName, Place};
use lab_model::seen::{AgentSeen, NativeSeen};
use lab_model::{CiliumVersion, Judgement, Proof, Reason, words};

/// Each agent runs with the values that the release should have: not what the `ConfigMap` says alone, which an agent
/// reads once when it starts, but what the agent itself tells, and what its status shows of it. What the values are
/// called there is a matter of the version: the chart's for the `ConfigMap`, the agent's own for the rest.
///
/// # Errors
/// For the `ConfigMap` [`Reason::WrongConfigMap`], for each agent [`Reason::WrongAgentConfig`] and
/// [`Reason::WrongAgentStatus`]. Unobserved where one of them, or a part of it, was not seen, or chart or agent are of a
/// version whose words are not known.
pub fn routes_natively(seen: &NativeSeen, expect: &Expectations) -> Judgement {
    let cluster = of_cluster(expect)?;
    if seen.nodes.is_empty() {
        return unobserved("the lab names no nodes");
    }
    let mut weighing = Weighing::default();
    weighing.each_once("node", &seen.nodes);
    if seen.nodes.len() < expect.nodes() {
        weighing.miss(format!("the lab names {} of {} nodes", seen.nodes.len(), expect.nodes()));
    }
    let chart = CiliumVersion::parse(&cluster.chart_version).filter(|version| version.is_known());
    let known = CiliumVersion::known();
    let Some(chart) = chart else {
        return unobserved(format!(
            "chart {} is outside of {known}, the versions of Cilium whose settings are known",
            cluster.chart_version
        ));
    };
    let wanted = wanted(chart, cluster, &mut weighing);
    config_map(seen, &wanted, &mut weighing);
    let mut lines = Vec::new();
    for node in &seen.nodes {
        let Some(agent) = seen.agents.get(node) else {
            weighing.miss(format!("{node}: the agent was not asked"));
            continue;
        };
        // An agent that was built by hand may not tell its version; it is judged as the chart's own version.
        let version = version_of(agent).unwrap_or(chart);
        if !version.is_known() {
            weighing.miss(format!("{node}: the agent is Cilium {version}, outside of {known}, whose words are known"));
            continue;
        }
        let against = Against { node, version, cluster };
        match &agent.config {
            Ok(config) => against.config(config, &mut weighing),
            Err(why) => weighing.miss(format!("{node}: the agent did not tell its running configuration: {why}")),
        }
        match &agent.status {
            Ok(status) => {
                against.status(status, &mut weighing);
                lines.push(line(node, status));
            }
            Err(why) => weighing.miss(format!("{node}: the agent did not tell its status: {why}")),
        }
    }
    let total = seen.nodes.len();
    weighing.conclude(|| {
        let told =
            |setting: &Setting| Some(format!("{}={}", setting.value, written(cluster.values.get(setting.value)?)));
        let values: Vec<String> = wanted.iter().filter_map(told).collect();
        Proof::new(format!("{total} of {total} agents run with {}", values.join(", "))).with_details(lines)
    })
}

/// An agent's version: what it says itself, else what its image is called.
fn version_of(agent: &AgentSeen) -> Option<CiliumVersion> {
    let told = agent.status.as_ref().ok().and_then(AgentStatus::version);
    told.or_else(|| CiliumVersion::of_image(agent.image.as_deref()?))
}

fn wanted(version: CiliumVersion, cluster: &ClusterExpectations, weighing: &mut Weighing) -> Vec<Setting> {
    settings(version, &cluster.values).unwrap_or_else(|value| {
        weighing.miss(format!("nothing says what {value} should be, which Cilium {version} needs"));
        Vec::new()
    })
}

fn config_map(seen: &NativeSeen, wanted: &[Setting], weighing: &mut Weighing) {
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
    for Setting { config_map: key, wanted, .. } in wanted {
        let value = found.get(*key);
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

/// An agent while it is compared.
struct Against<'a> {
    node: &'a NodeName,
    version: CiliumVersion,
    cluster: &'a ClusterExpectations,
}

impl Against<'_> {
    /// The command that shows it by hand.
    fn by_hand(&self, args: &str) -> String {
        words::in_agent(&format!("{} {args}", self.version.agent_program()))
    }

    fn config(&self, config: &AgentConfig, weighing: &mut Weighing) {
        let node = self.node;
        for Setting { field, wanted, .. } in wanted(self.version, self.cluster, weighing) {
            let Some(field) = field else { continue };
            let name = field.name();
            match field.of(config) {
                None => weighing.miss(format!("{node}: the agent's running configuration has no {name}")),
                Some(found) if found == wanted => {}
                Some(found) => weighing.refute(
                    Reason::WrongAgentConfig,
                    Place::Node(node.clone()),
                    format!("{node}: {name} {wanted}"),
                    format!("{node}: {name} {found}"),
                    Some(self.by_hand("config --all")),
                ),
            }
        }
    }

    fn status(&self, status: &AgentStatus, weighing: &mut Weighing) {
        let node = self.node;
        let values = &self.cluster.values;
        let value = |key: &str| values.get(key).map(written).unwrap_or_default();
        let masquerades = values.get("bpf.masquerade") == Some(&Value::Bool(true));
        let mut compare = |what: &str, wanted: &str, found: Option<String>| match found {
            None => weighing.miss(format!("{node}: the agent's status does not tell {what}")),
            Some(found) if found.eq_ignore_ascii_case(wanted) => {}
            Some(found) => weighing.refute(
                Reason::WrongAgentStatus,
                Place::Node(node.clone()),
                format!("{node}: {what} {wanted}"),
                format!("{node}: {what} {found}"),
                Some(self.by_hand("status --verbose")),
            ),
        };
        let replacement = value("kubeProxyReplacement");
        compare("KubeProxyReplacement", &replacement, status.kube_proxy_replacement.clone());
        if masquerades {
            compare("Masquerading", "BPF", Some(status.masquerading.clone().unwrap_or_else(|| "off".to_owned())));
        }
        let cidr = value("ipv4NativeRoutingCIDR");
        compare("not masqueraded", &cidr, status.snat_exclusion.map(|cidr| cidr.to_string()));
        let is_native = is_native(self.version, values);
        // Until 1.14 an agent that encapsulates names no device to route by (`pkg/option/config.go`,
        // `DirectRoutingDeviceRequired`); later it names one all the same.
        if is_native || self.version < CiliumVersion::DBG {
            let device = status.direct_routing_device.as_ref().map_or("none", |_device| "a device");
            let wanted = if is_native { "a device" } else { "none" };
            compare("direct routing by", wanted, Some(device.to_owned()));
        }
        if status.host_routing.is_none() {
            weighing.miss(format!("{node}: the agent's status does not name host routing"));
        }
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
