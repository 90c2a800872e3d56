//! `manifests/cilium.yaml`: the Helm release of Cilium, its values, and what its chart does by default.

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
    /// What the release sets, nested as Helm nests it.
    pub values: Values,
    /// What the chart does where the values say nothing. Read, and never passed to Helm.
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
    /// Each agent installs routes to its peers' pod CIDRs.
    pub auto_direct_node_routes: bool,
    /// Packets to addresses in here are routed, not masqueraded.
    #[serde(rename = "ipv4NativeRoutingCIDR")]
    pub ipv4_native_routing_cidr: Cidr,
    /// How much of kube-proxy's work the agents do.
    pub kube_proxy_replacement: KubeProxyReplacement,
    /// Where agents find the API server: without kube-proxy, its `ClusterIP` is of no use to them.
    pub k8s_service_host: ServiceHost,
    /// The API server's port.
    pub k8s_service_port: Port,
    /// What is done in BPF.
    pub bpf: Bpf,
}

impl Values {
    /// The values with dots between nested keys, as Helm's `--set` takes them. Where the API server is stays
    /// [`FROM_CLUSTER`](lab_model::expect::FROM_CLUSTER).
    pub fn flat(&self) -> BTreeMap<String, Value> {
        let mut flat = BTreeMap::new();
        // Serialising plain values into memory cannot fail; without one of them a test below does.
        flatten("", &serde_json::to_value(self).unwrap_or_default(), &mut flat);
        flat
    }
}

impl Values {
    /// Whether one of them could be this, by the types that chart 1.12 gives them. Where the API server is may be any
    /// address or name.
    pub fn check(&self, keys: &[String], value: &Value) -> Result<(), String> {
        if keys == ["k8sServiceHost"] {
            let fits = value.as_str().is_some_and(|host| !host.is_empty() && !host.contains(char::is_whitespace));
            return if fits { Ok(()) } else { Err(format!("expected an address or a name, found {value}")) };
        }
        // As above: serialising plain values into memory cannot fail.
        let mut all = serde_json::to_value(self).unwrap_or_default();
        let pointer = format!("/{}", keys.join("/"));
        if let Some(place) = all.pointer_mut(&pointer) {
            // None of the article's texts looks like a number or a truth value: the complaint names those there are.
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

/// How much of kube-proxy's work the agents do (chart 1.12: `kubeProxyReplacement`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KubeProxyReplacement {
    /// All of it, or the agent does not start.
    Strict,
    /// Single features.
    Partial,
    /// None, but for what pods send to a `ClusterIP`.
    Disabled,
}

/// Where the API server's address comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceHost {
    /// The control plane's address, read from the cluster just before Helm runs.
    FromCluster,
}

/// What is done in BPF.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bpf {
    /// Masquerading, in place of iptables.
    pub masquerade: bool,
}

/// What chart 1.12.4 does where nothing is said (its `ipam.operator`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChartDefaults {
    /// All pod CIDRs come from this pool.
    #[serde(rename = "clusterPoolIPv4PodCIDR")]
    pub cluster_pool_ipv4_pod_cidr: Cidr,
    /// Prefix length of each node's pod CIDR.
    #[serde(rename = "clusterPoolIPv4MaskSize")]
    pub cluster_pool_ipv4_mask_size: MaskSize,
}

impl ChartDefaults {
    /// How many nodes can get a pod CIDR from the pool.
    pub fn pod_cidrs(&self) -> usize {
        let bits =
            self.cluster_pool_ipv4_mask_size.get().checked_sub(self.cluster_pool_ipv4_pod_cidr.net().prefix_len());
        bits.map_or(0, |bits| 1 << bits)
    }
}
