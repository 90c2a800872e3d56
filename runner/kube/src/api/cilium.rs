//! Cilium's own objects (`cilium.io/v2`), read with types that have only the fields that are used here.

use async_recursion::async_recursion as boxed;
use ipnet::Ipv4Net;
use serde::Deserialize;
use std::collections::BTreeMap;

use super::call::Api;
use super::error::ApiError;
use lab_model::observe::{CiliumEndpointSeen, NodeName, PodCidrs};

/// The field that pod CIDRs are read from.
const SOURCE: &str = "CiliumNode.spec.ipam.podCIDRs";

#[derive(Deserialize)]
struct List<T> {
    items: Option<Vec<T>>,
}

#[derive(Deserialize)]
struct Meta {
    name: String,
    #[serde(default)]
    namespace: String,
}

#[derive(Deserialize)]
struct CiliumNode {
    metadata: Meta,
    #[serde(default)]
    spec: NodeSpec,
}

#[derive(Default, Deserialize)]
struct NodeSpec {
    #[serde(default)]
    ipam: Ipam,
}

#[derive(Default, Deserialize)]
struct Ipam {
    #[serde(rename = "podCIDRs")]
    pod_cidrs: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct CiliumEndpoint {
    metadata: Meta,
    #[serde(default)]
    status: Option<EndpointStatus>,
}

#[derive(Default, Deserialize)]
struct EndpointStatus {
    #[serde(default)]
    state: String,
    networking: Option<EndpointNetworking>,
}

#[derive(Deserialize)]
struct EndpointNetworking {
    addressing: Option<Vec<AddressPair>>,
}

#[derive(Deserialize)]
struct AddressPair {
    ipv4: Option<String>,
}

impl Api {
    /// The pod CIDR of each node. A node that has none yet is left out. Before Cilium has registered its types, there are
    /// none.
    ///
    /// # Errors
    /// When they cannot be listed, or a node has several, or one that is not an IPv4 CIDR.
    #[boxed(?Send)]
    pub async fn pod_cidrs(&self) -> Result<PodCidrs, ApiError> {
        let nodes: Option<List<CiliumNode>> = self.json("/apis/cilium.io/v2/ciliumnodes").await?;
        let mut by_node = BTreeMap::new();
        for node in nodes.and_then(|list| list.items).unwrap_or_default() {
            let name = node.metadata.name;
            let wrong = |problem: String| self.unreadable(&format!("CiliumNode {name}"), &problem);
            match &node.spec.ipam.pod_cidrs.unwrap_or_default()[..] {
                [] => {}
                [cidr] => {
                    let cidr: Ipv4Net = cidr
                        .parse()
                        .map_err(|_| wrong(format!("spec.ipam.podCIDRs has {cidr:?}, which is not an IPv4 CIDR")))?;
                    by_node.insert(NodeName(name), cidr);
                }
                several => return Err(wrong(format!("spec.ipam.podCIDRs has {} CIDRs, expected one", several.len()))),
            }
        }
        Ok(PodCidrs { source: SOURCE.to_owned(), by_node })
    }

    /// The `CiliumEndpoint` of each pod that an agent manages; none before Cilium has registered its types.
    ///
    /// # Errors
    /// When they cannot be listed.
    #[boxed(?Send)]
    pub async fn cilium_endpoints(&self) -> Result<Vec<CiliumEndpointSeen>, ApiError> {
        let endpoints: Option<List<CiliumEndpoint>> = self.json("/apis/cilium.io/v2/ciliumendpoints").await?;
        Ok(endpoints.and_then(|list| list.items).unwrap_or_default().into_iter().map(endpoint).collect())
    }
}

fn endpoint(endpoint: CiliumEndpoint) -> CiliumEndpointSeen {
    let status = endpoint.status.unwrap_or_default();
    let pairs = status.networking.and_then(|networking| networking.addressing).unwrap_or_default();
    CiliumEndpointSeen {
        namespace: endpoint.metadata.namespace,
        name: endpoint.metadata.name,
        state: status.state,
        address: pairs.iter().filter_map(|pair| pair.ipv4.as_deref()).find_map(|address| address.parse().ok()),
    }
}
