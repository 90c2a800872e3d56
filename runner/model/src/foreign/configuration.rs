//! What a cluster's configuration says of how its pods' packets travel.

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::CiliumVersion;

/// How pods' packets get to another node (`routing-mode`, before 1.14 `tunnel`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// As they are.
    Native,
    /// In packets of this protocol.
    Tunnel(String),
    /// It has a word that is not known.
    Unknown(String),
}

/// Who makes the routes to other nodes' pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoutesBy {
    /// Agents, to every node (`auto-direct-node-routes`).
    Agents,
    /// Agents to those that they reach directly; to others routers, that learn of them (`auto-direct-node-routes`, and
    /// Cilium announces pod CIDRs, or skips nodes that it does not reach).
    AgentsAndNetwork,
    /// Not the agents: a cloud, a fabric, or a daemon on the nodes.
    Network,
}

/// Where pods have their addresses from (`ipam`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PodAddresses {
    /// Networks that each node has for itself.
    OfNode,
    /// A cloud's network, that leads each address to its node: nodes have no pod CIDR.
    OfCloud,
    /// Something else.
    Unknown,
}

/// Whether kube-proxy is needed (`kube-proxy-replacement`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KubeProxy {
    /// Cilium does all that it would do.
    Replaced,
    /// It may be there.
    Kept,
}

/// What encrypts packets between nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Beneath {
    /// Nothing.
    Nothing,
    /// `WireGuard` (`enable-wireguard`).
    WireGuard,
    /// `IPsec` (`enable-ipsec`).
    Ipsec,
}

/// The IP versions that pods have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Families {
    /// IPv4 alone.
    V4,
    /// Both.
    Dual,
    /// IPv6 alone.
    V6,
}

/// What was read of a cluster's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// The versions of the agents, by their images' tags, each once; `unknown` for a tag that is none.
    pub versions: Vec<String>,
    /// How packets travel.
    pub mode: Mode,
    /// Who makes the routes.
    pub routes: RoutesBy,
    /// The IPAM mode, as it is called.
    pub ipam: String,
    /// What that means for pods' addresses.
    pub addresses: PodAddresses,
    /// Whether each pod has a route of its own in the place of its node's CIDR (`enable-endpoint-routes`).
    pub endpoint_routes: bool,
    /// Whether kube-proxy is needed.
    pub kube_proxy: KubeProxy,
    /// What encrypts packets.
    pub beneath: Beneath,
    /// The IP versions.
    pub families: Families,
    /// Another network plugin that Cilium is chained to (`cni-chaining-mode`); none where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chained: Option<String>,
    /// What sends packets of some Services through a tunnel in native mode too (`bpf-lb-dsr-dispatch=geneve`,
    /// `enable-high-scale-ipcache=true`); none where nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tunnel_beside: Option<String>,
    /// What is not masqueraded (`ipv4-native-routing-cidr`); none where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native_cidr: Option<Ipv4Net>,
    /// Packets of pods to other addresses leave with their node's (`enable-ipv4-masquerade`).
    #[serde(default)]
    pub masquerades: bool,
    /// Nothing passes that no policy allows, whether there is one or not (`enable-policy=always`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub always_policed: bool,
    /// The settings of the `ConfigMap` that agents are compared with, as it has them.
    pub declared: BTreeMap<String, String>,
}

impl Configuration {
    /// The first version of an agent whose words are not known, if there is one.
    pub fn unknown_version(&self) -> Option<&str> {
        let known = |text: &str| CiliumVersion::parse(text).is_some_and(CiliumVersion::is_known);
        self.versions.iter().map(String::as_str).find(|version| !known(version))
    }

    /// In one line: `Cilium 1.12.4, native routing, routes by the agents, IPAM cluster-pool, kube-proxy replaced`.
    pub fn in_words(&self) -> String {
        let mut words = vec![format!("Cilium {}", self.versions.join(", "))];
        words.push(match &self.mode {
            Mode::Native => "native routing".to_owned(),
            Mode::Tunnel(protocol) => format!("a {protocol} tunnel"),
            Mode::Unknown(word) => format!("routing {word:?}"),
        });
        if self.mode == Mode::Native {
            words.push(
                match self.routes {
                    RoutesBy::Agents => "routes by the agents",
                    RoutesBy::AgentsAndNetwork => "routes by the agents within a subnet and by the network beyond",
                    RoutesBy::Network => "routes by the network",
                }
                .to_owned(),
            );
        }
        words.push(format!("IPAM {}", self.ipam));
        words.extend(self.endpoint_routes.then(|| "a route for each pod".to_owned()));
        words.extend(self.chained.as_ref().map(|plugin| format!("chained to {plugin}")));
        words.push(
            match self.kube_proxy {
                KubeProxy::Replaced => "kube-proxy replaced",
                KubeProxy::Kept => "kube-proxy kept",
            }
            .to_owned(),
        );
        words.extend(match self.beneath {
            Beneath::Nothing => None,
            Beneath::WireGuard => Some("WireGuard beneath".to_owned()),
            Beneath::Ipsec => Some("IPsec beneath".to_owned()),
        });
        words.extend(match self.families {
            Families::V4 => None,
            Families::Dual => Some("IPv4 and IPv6".to_owned()),
            Families::V6 => Some("IPv6 alone".to_owned()),
        });
        words.join(", ")
    }
}
