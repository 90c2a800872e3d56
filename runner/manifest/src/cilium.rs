//! `manifests/cilium.yaml`: the Helm release of Cilium, its values, and the defaults of its chart.

use ipnet::Ipv4Net;
use lab_model::expect::flatten;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

use super::reword::reword;
use super::value::{Cidr, MaskSize, ObjectName, Port};

/// The whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CiliumConfig {
    /// The Helm release.
    pub release: Release,
    /// The values that the release sets, nested as in Helm's values file.
    pub values: Values,
    /// Defaults of the chart that the lab relies on. They are expected, but not passed to Helm.
    pub chart_defaults: ChartDefaults,
}

/// The Helm release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Its name.
    pub name: ObjectName,
    /// The namespace it is in.
    pub namespace: ObjectName,
    /// The chart's name; its version is in `pins.json`.
    pub chart: ObjectName,
}

/// The article's seven values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Values {
    /// How packets get from node to node.
    pub tunnel: Tunnel,
    /// Whether each agent installs routes to its peers' pod CIDRs.
    pub auto_direct_node_routes: bool,
    /// Packets to addresses in this network are not masqueraded.
    #[serde(rename = "ipv4NativeRoutingCIDR")]
    pub ipv4_native_routing_cidr: Cidr,
    /// How much of kube-proxy's work the agents do.
    pub kube_proxy_replacement: KubeProxyReplacement,
    /// The host at which agents reach the API server. Without kube-proxy they cannot reach it at its `ClusterIP`.
    pub k8s_service_host: ServiceHost,
    /// The API server's port.
    pub k8s_service_port: Port,
    /// The features that are implemented in BPF.
    pub bpf: Bpf,
}

impl Values {
    /// The values with dots between nested keys, as Helm's `--set` takes them. The API server's host stays
    /// [`FROM_CLUSTER`](lab_model::expect::FROM_CLUSTER).
    pub fn flat(&self) -> BTreeMap<String, Value> {
        let mut flat = BTreeMap::new();
        // Serialising plain values into memory cannot fail; if a value were missing, a test below would fail.
        flatten("", &serde_json::to_value(self).unwrap_or_default(), &mut flat);
        flat
    }
}

impl Values {
    /// Checks that one of the article's values could be this one: it must have the type that chart 1.12 gives it. The API
    /// server's host may be any address or name. The error is a text that says what was expected.
    pub fn check(&self, keys: &[String], value: &Value) -> Result<(), String> {
        if keys == ["k8sServiceHost"] {
            let fits = value.as_str().is_some_and(|host| !host.is_empty() && !host.contains(char::is_whitespace));
            return if fits { Ok(()) } else { Err(format!("expected an address or a name, found {value}")) };
        }
        // As above: serialising plain values into memory cannot fail.
        let mut all = serde_json::to_value(self).unwrap_or_default();
        let pointer = format!("/{}", keys.join("/"));
        if let Some(place) = all.pointer_mut(&pointer) {
            // For a value that is a text, a number or boolean is tried as its text, so that the error lists the accepted texts.
            *place =
                if place.is_string() && !value.is_string() { Value::String(value.to_string()) } else { value.clone() };
        }
        let checked = Self::deserialize(all);
        checked.map(drop).map_err(|error| reword(&error.to_string(), &mut Vec::new()).0)
    }
}

/// How packets get from node to node (chart 1.12: `tunnel`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tunnel {
    /// Native routing.
    Disabled,
    /// In VXLAN, the chart's own default.
    Vxlan,
    /// In Geneve.
    Geneve,
}

impl Tunnel {
    /// The value's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Vxlan => "vxlan",
            Self::Geneve => "geneve",
        }
    }
}

/// How much of kube-proxy's work the agents do (chart 1.12: `kubeProxyReplacement`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KubeProxyReplacement {
    /// All of it; an agent that cannot do all does not start.
    Strict,
    /// Only the features that are enabled one by one.
    Partial,
    /// None, except for what pods send to a `ClusterIP`.
    Disabled,
}

/// Where the API server's address comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceHost {
    /// The control plane's address, read from the cluster just before Helm runs.
    FromCluster,
}

/// The features that are implemented in BPF.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bpf {
    /// Whether packets are masqueraded in BPF instead of iptables.
    pub masquerade: bool,
}

/// Defaults of chart 1.12.4 (its `ipam.operator`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChartDefaults {
    /// The pool that all pod CIDRs are taken from.
    #[serde(rename = "clusterPoolIPv4PodCIDR")]
    pub cluster_pool_ipv4_pod_cidr: Cidr,
    /// Prefix length of each node's pod CIDR.
    #[serde(rename = "clusterPoolIPv4MaskSize")]
    pub cluster_pool_ipv4_mask_size: MaskSize,
}

impl ChartDefaults {
    /// The pod CIDRs that so many nodes get: the first of the pool.
    pub fn first_pod_cidrs(&self, nodes: usize) -> Vec<Ipv4Net> {
        let subnets = self.cluster_pool_ipv4_pod_cidr.net().subnets(self.cluster_pool_ipv4_mask_size.get());
        subnets.into_iter().flatten().take(nodes).collect()
    }

    /// How many nodes can get a pod CIDR from the pool.
    pub fn pod_cidrs(&self) -> usize {
        let bits =
            self.cluster_pool_ipv4_mask_size.get().checked_sub(self.cluster_pool_ipv4_pod_cidr.net().prefix_len());
        bits.map_or(0, |bits| 1 << bits)
    }
}
