//! What Helm and Cilium's agents tell.

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::net::Ipv4Addr;

use crate::CiliumVersion;

/// A Helm release (Helm 3: the secret `sh.helm.release.v1.NAME.vN` of the newest revision).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelmRelease {
    /// Its name.
    pub name: String,
    /// The namespace it is in.
    pub namespace: String,
    /// Counts installations and upgrades, from 1.
    pub revision: u32,
    /// `info.status`: `deployed`, `failed`, `pending-install`, …
    pub status: String,
    /// `chart.metadata.name`.
    pub chart: String,
    /// `chart.metadata.version`.
    pub chart_version: String,
    /// `config`: what was set, nested, without the chart's own values.
    pub values: Value,
}

/// A `CiliumEndpoint` (`cilium.io/v2`): a pod that an agent manages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CiliumEndpointSeen {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub name: String,
    /// `status.state`: `ready`, `regenerating`, …; empty where it was not told.
    pub state: String,
    /// The first IPv4 address of `status.networking.addressing`.
    pub address: Option<Ipv4Addr>,
}

/// A part of an agent, and how it does (`cilium status -o json`: `state` and `msg`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentState {
    /// Its key: `cilium`, `kubernetes`, `kvstore`, `hubble`, `cluster.ciliumHealth`, …
    pub name: String,
    /// `Ok`, `Warning`, `Failure` or `Disabled`.
    pub state: String,
    /// In words; empty where it says nothing.
    pub message: String,
}

/// A controller of an agent that fails now: its last run, and maybe more before it, did not succeed
/// (`controllers[].status.consecutive-failure-count` above 0).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailingController {
    /// Its name: `sync-to-k8s-ciliumendpoint (2688)`.
    pub name: String,
    /// How many runs in a row have failed.
    pub consecutive_failures: u32,
    /// What the last one said.
    pub message: String,
}

/// An agent's status (`cilium status -o json` in its container).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentStatus {
    /// The parts that have a state.
    pub components: Vec<ComponentState>,
    /// The controllers that fail now.
    pub failing: Vec<FailingController>,
    /// How many controllers there are.
    pub controllers: usize,
    /// `kube-proxy-replacement.mode`: `Strict`, `Partial`, `Disabled`, from 1.14 `True` and `False`.
    pub kube_proxy_replacement: Option<String>,
    /// `kube-proxy-replacement.directRoutingDevice`: `eth0`; none where it routes through a tunnel.
    pub direct_routing_device: Option<String>,
    /// `host-routing.mode`: `BPF` or `Legacy`.
    pub host_routing: Option<String>,
    /// `masquerading.mode`: `BPF` or `iptables`; none where it is off.
    pub masquerading: Option<String>,
    /// `masquerading.snat-exclusion-cidr-v4`: destinations that are not masqueraded.
    pub snat_exclusion: Option<Ipv4Net>,
}

impl AgentStatus {
    /// The agent's own version; none where it was built without one.
    pub fn version(&self) -> Option<CiliumVersion> {
        CiliumVersion::of_status(&self.component("cilium")?.message)
    }

    /// The part of this name.
    pub fn component(&self, name: &str) -> Option<&ComponentState> {
        self.components.iter().find(|component| component.name == name)
    }
}

/// What an agent runs with (`cilium config --all -o json` in its container), as far as a lab is about it. What it does
/// not name is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentConfig {
    /// `Tunnel`: `disabled`, `vxlan`, `geneve`; from 1.14 empty, and then none.
    pub tunnel: Option<String>,
    /// `RoutingMode`, from 1.14: `native` or `tunnel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing_mode: Option<String>,
    /// `EnableAutoDirectRouting`.
    pub auto_direct_node_routes: Option<bool>,
    /// `IPv4NativeRoutingCIDR`, an address and a mask in base64.
    pub native_cidr: Option<Ipv4Net>,
    /// `KubeProxyReplacement`: `strict`, `partial`, `disabled`, from 1.14 `true` and `false`.
    pub kube_proxy_replacement: Option<String>,
    /// `EnableBPFMasquerade`.
    pub bpf_masquerade: Option<bool>,
    /// `EnableHostLegacyRouting`: the host's own stack forwards, not BPF.
    pub host_legacy_routing: Option<bool>,
}
