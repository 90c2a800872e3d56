//! Objects of clusters that are not labs: all Services and slices, and nodes of Cilium with any number of networks.

mod nodes;
mod services;

use async_recursion::async_recursion as boxed;
use k8s_openapi::api::core::v1::{Node, Pod, Service};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

use super::call::Api;
use super::convert;
use super::error::ApiError;
use lab_model::observe::KubePod;

pub use nodes::{CiliumNodeSeen, ListedNode, parse_cilium_nodes};
pub(crate) use nodes::{cilium_node, listed};
pub use services::{ServicePort, SliceEndpoint, parse_all_slices};
pub(crate) use services::{ports, redirect};

#[derive(Deserialize)]
pub(crate) struct List<T> {
    pub(crate) items: Option<Vec<T>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Meta {
    name: String,
    namespace: String,
    labels: BTreeMap<String, String>,
}

impl Api {
    /// All nodes, each with its zone and its platform.
    ///
    /// # Errors
    /// When they cannot be listed.
    #[boxed(?Send)]
    pub async fn listed_nodes(&self) -> Result<Vec<ListedNode>, ApiError> {
        self.paged::<Node, _>(listed).await
    }

    /// All pods of all namespaces, asked for page by page.
    ///
    /// # Errors
    /// When they cannot be listed.
    #[boxed(?Send)]
    pub async fn all_pods(&self) -> Result<Vec<KubePod>, ApiError> {
        self.paged::<Pod, _>(convert::pod).await
    }

    /// The Services that a `CiliumLocalRedirectPolicy` (`cilium.io/v2`) leads to pods of the client's node: `namespace/name`,
    /// or an address.
    ///
    /// # Errors
    /// When they cannot be listed.
    #[boxed(?Send)]
    pub async fn redirected(&self) -> Result<Vec<String>, ApiError> {
        let list: Option<List<Value>> = self.json("/apis/cilium.io/v2/ciliumlocalredirectpolicies").await?;
        Ok(list.and_then(|list| list.items).unwrap_or_default().iter().filter_map(redirect).collect())
    }

    /// All `CiliumNodes`. Before Cilium has registered its types, there are none.
    ///
    /// # Errors
    /// When they cannot be listed, or one has a network that is none.
    #[boxed(?Send)]
    pub async fn cilium_nodes(&self) -> Result<Vec<CiliumNodeSeen>, ApiError> {
        let pages = self.text_pages("/apis/cilium.io/v2/ciliumnodes").await?.unwrap_or_default();
        let read = pages.iter().map(|page| parse_cilium_nodes(page)).collect::<Result<Vec<_>, _>>();
        Ok(read.map_err(|problem| self.unreadable("CiliumNodes", &problem))?.concat())
    }

    /// Names of the `CiliumNodeConfigs` (`cilium.io/v2alpha1`, later `v2`), which give some nodes other settings.
    ///
    /// # Errors
    /// When they cannot be listed.
    #[boxed(?Send)]
    pub async fn cilium_node_configs(&self) -> Result<Vec<String>, ApiError> {
        #[derive(Deserialize)]
        struct Named {
            metadata: Meta,
        }
        let mut names = Vec::new();
        for version in ["v2", "v2alpha1"] {
            let list: Option<List<Named>> = self.json(&format!("/apis/cilium.io/{version}/ciliumnodeconfigs")).await?;
            names.extend(list.and_then(|list| list.items).unwrap_or_default().into_iter().map(|one| one.metadata.name));
        }
        names.dedup();
        Ok(names)
    }

    /// The TCP ports of all Services that have an IPv4 `ClusterIP`.
    ///
    /// # Errors
    /// When they cannot be listed.
    #[boxed(?Send)]
    pub async fn service_ports(&self) -> Result<Vec<ServicePort>, ApiError> {
        Ok(self.paged::<Service, _>(|service| ports(&service)).await?.concat())
    }

    /// The TCP endpoints of all slices with IPv4 addresses.
    ///
    /// # Errors
    /// When they cannot be listed, or the server has none of the versions of them.
    #[boxed(?Send)]
    pub async fn slice_endpoints(&self) -> Result<Vec<SliceEndpoint>, ApiError> {
        for version in ["v1", "v1beta1"] {
            let path = format!("/apis/discovery.k8s.io/{version}/endpointslices");
            if let Some(pages) = self.text_pages(&path).await? {
                let read = pages.iter().map(|page| parse_all_slices(page)).collect::<Result<Vec<_>, _>>();
                return Ok(read.map_err(|problem| self.unreadable("EndpointSlices", &problem))?.concat());
            }
        }
        Err(self.unreadable("EndpointSlices", "the server has neither discovery.k8s.io/v1 nor v1beta1"))
    }
}
