//! Reads nodes, pods, workloads and configuration from the API server.

use async_recursion::async_recursion as boxed;
use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod};

use super::call::Api;
use super::convert;
use super::error::ApiError;
use super::stuck::is_ready;
use lab_model::observe::{DaemonSetSeen, DeploymentSeen, KubeNode, KubePod, NodeName, PodSeen};

impl Api {
    /// The server's version, with its `v` (`GET /version`: `gitVersion`).
    ///
    /// # Errors
    /// When the server does not answer, or reports no version.
    #[boxed(?Send)]
    pub async fn version(&self) -> Result<String, ApiError> {
        let info = self.call("get /version", self.client().apiserver_version()).await?;
        if info.git_version.is_empty() {
            return Err(self.unreadable("its version", "gitVersion is missing"));
        }
        Ok(info.git_version)
    }

    /// All nodes (`core/v1`).
    ///
    /// # Errors
    /// When they cannot be listed.
    #[boxed(?Send)]
    pub async fn nodes(&self) -> Result<Vec<KubeNode>, ApiError> {
        Ok(self.list::<Node>().await?.into_iter().map(convert::node).collect())
    }

    /// All pods of all namespaces (`core/v1`).
    ///
    /// # Errors
    /// When they cannot be listed.
    #[boxed(?Send)]
    pub async fn pods(&self) -> Result<Vec<KubePod>, ApiError> {
        Ok(self.list::<Pod>().await?.into_iter().map(convert::pod).collect())
    }

    /// The pods of a namespace that have all of these labels.
    ///
    /// # Errors
    /// When they cannot be listed.
    #[boxed(?Send)]
    pub async fn pods_with(
        &self,
        namespace: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<Vec<KubePod>, ApiError> {
        let pods = self.list_in::<Pod>(namespace, &convert::selector(labels)).await?;
        Ok(pods.into_iter().map(convert::pod).collect())
    }

    /// The pods of the workload, in the form that both backends have. A pod that is being deleted is not ready.
    ///
    /// # Errors
    /// When they cannot be listed.
    #[boxed(?Send)]
    pub async fn workload_pods(
        &self,
        namespace: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<Vec<PodSeen>, ApiError> {
        let pods = self.list_in::<Pod>(namespace, &convert::selector(labels)).await?;
        Ok(pods.iter().map(pod_seen).collect())
    }

    /// All `DaemonSets` of all namespaces (`apps/v1`).
    ///
    /// # Errors
    /// When they cannot be listed.
    #[boxed(?Send)]
    pub async fn daemon_sets(&self) -> Result<Vec<DaemonSetSeen>, ApiError> {
        Ok(self.list::<DaemonSet>().await?.into_iter().map(convert::daemon_set).collect())
    }

    /// All Deployments of all namespaces (`apps/v1`).
    ///
    /// # Errors
    /// When they cannot be listed.
    #[boxed(?Send)]
    pub async fn deployments(&self) -> Result<Vec<DeploymentSeen>, ApiError> {
        Ok(self.list::<Deployment>().await?.into_iter().map(convert::deployment).collect())
    }

    /// The data of a `ConfigMap`; none if there is none of this name.
    ///
    /// # Errors
    /// When it cannot be read.
    #[boxed(?Send)]
    pub async fn config_map(&self, namespace: &str, name: &str) -> Result<Option<BTreeMap<String, String>>, ApiError> {
        Ok(self.get::<ConfigMap>(namespace, name).await?.map(|map| map.data.unwrap_or_default()))
    }

    pub(super) fn unreadable(&self, object: &str, problem: &str) -> ApiError {
        ApiError::Unreadable { object: format!("{object} at {}", self.server()), problem: problem.to_owned() }
    }
}

/// Converts a pod of the workload.
pub(super) fn pod_seen(pod: &Pod) -> PodSeen {
    let address = pod.status.as_ref().and_then(|status| status.pod_ip.as_deref());
    PodSeen {
        name: pod.metadata.name.as_deref().unwrap_or_default().into(),
        node: pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).map(NodeName::from),
        address: address.and_then(|address| address.parse().ok()),
        ready: is_ready(pod),
    }
}
