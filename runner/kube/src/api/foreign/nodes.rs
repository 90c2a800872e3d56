//! Nodes, and those of Cilium with any number of networks.

use ipnet::Ipv4Net;
use k8s_openapi::api::core::v1::Node;
use serde::Deserialize;
use std::net::Ipv4Addr;

use super::super::convert;
use super::{List, Meta};
use lab_model::observe::KubeNode;

/// The label of a node's zone.
const ZONE: &str = "topology.kubernetes.io/zone";

/// A `CiliumNode` (`cilium.io/v2`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CiliumNodeSeen {
    /// `metadata.name`.
    pub name: String,
    /// IPv4 addresses of type `InternalIP` of `spec.addresses`.
    pub addresses: Vec<Ipv4Addr>,
    /// IPv4 networks of `spec.ipam.podCIDRs` and of `spec.ipam.pools.allocated`.
    pub networks: Vec<Ipv4Net>,
}

/// A node, and what is not kept of it elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedNode {
    /// The object.
    pub object: KubeNode,
    /// `topology.kubernetes.io/zone`.
    pub zone: Option<String>,
    /// System and architecture (`status.nodeInfo`), as Go names them: `linux/amd64`.
    pub platform: String,
}

#[derive(Deserialize)]
pub(crate) struct RawNode {
    metadata: Meta,
    #[serde(default)]
    spec: RawSpec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawSpec {
    addresses: Option<Vec<RawAddress>>,
    ipam: RawIpam,
}

#[derive(Deserialize)]
struct RawAddress {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    ip: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawIpam {
    #[serde(rename = "podCIDRs")]
    pod_cidrs: Option<Vec<String>>,
    pools: Option<RawPools>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawPools {
    allocated: Option<Vec<RawPool>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawPool {
    cidrs: Option<Vec<String>>,
}

/// What is kept of a node.
pub(crate) fn listed(node: Node) -> ListedNode {
    let zone = node.metadata.labels.as_ref().and_then(|labels| labels.get(ZONE).cloned());
    let info = node.status.as_ref().and_then(|status| status.node_info.as_ref());
    let platform = info.map(|info| format!("{}/{}", info.operating_system, info.architecture));
    ListedNode { zone, platform: platform.unwrap_or_default(), object: convert::node(node) }
}

/// Parses a list of `CiliumNodes`.
///
/// # Errors
/// A text that says why, when the JSON has another form, or a network is none.
pub fn parse_cilium_nodes(text: &str) -> Result<Vec<CiliumNodeSeen>, String> {
    let list: List<RawNode> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    list.items.unwrap_or_default().into_iter().map(cilium_node).collect()
}

pub(crate) fn cilium_node(node: RawNode) -> Result<CiliumNodeSeen, String> {
    let name = node.metadata.name;
    let internal = node.spec.addresses.unwrap_or_default().into_iter().filter(|address| address.kind == "InternalIP");
    let pools = node.spec.ipam.pools.unwrap_or_default().allocated.unwrap_or_default();
    let of_pools = pools.into_iter().flat_map(|pool| pool.cidrs.unwrap_or_default());
    let mut networks = Vec::new();
    for cidr in node.spec.ipam.pod_cidrs.unwrap_or_default().into_iter().chain(of_pools) {
        match cidr.parse() {
            Ok(ipnet::IpNet::V4(network)) => networks.push(network),
            Ok(ipnet::IpNet::V6(_)) => {}
            Err(_) => return Err(format!("{name} has {cidr:?}, which is no network")),
        }
    }
    Ok(CiliumNodeSeen { addresses: internal.filter_map(|address| address.ip.parse().ok()).collect(), name, networks })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nodes_have_their_networks_wherever_the_mode_keeps_them() {
        let list = json!({"items": [
            {"metadata": {"name": "a"}, "spec": {"addresses": [{"type": "InternalIP", "ip": "192.168.7.2"},
                {"type": "CiliumInternalIP", "ip": "10.42.0.13"}, {"type": "InternalIP", "ip": "fd00::2"}],
                "ipam": {"podCIDRs": ["10.42.0.0/24", "fd00:42::/64"]}}},
            {"metadata": {"name": "b"}, "spec": {"ipam": {"pools": {"allocated": [
                {"pool": "default", "cidrs": ["10.43.0.0/27", "10.43.0.32/27"]}, {"pool": "empty"}]}}}},
            {"metadata": {"name": "c"}, "spec": {"ipam": {"pool": {"10.44.0.7": {}}}}}]});
        let read = parse_cilium_nodes(&list.to_string()).unwrap();
        assert_eq!(read[0].addresses, [Ipv4Addr::new(192, 168, 7, 2)]);
        let networks = |at: usize| read[at].networks.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(networks(0), ["10.42.0.0/24"]);
        assert_eq!(networks(1), ["10.43.0.0/27", "10.43.0.32/27"]);
        assert!(networks(2).is_empty());
        let wrong = list.to_string().replace("10.42.0.0/24", "10.42.0.0/33");
        assert_eq!(parse_cilium_nodes(&wrong).unwrap_err(), "a has \"10.42.0.0/33\", which is no network");
    }
}
