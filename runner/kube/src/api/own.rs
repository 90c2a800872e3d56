//! Objects of this program's own in a foreign cluster: made, listed by their labels, and taken away.

use async_recursion::async_recursion as boxed;
use k8s_openapi::api::core::v1::{Namespace, Pod, Service};
use kube::Resource;
use kube::api::{DeleteParams, DynamicObject, PostParams};
use serde_json::Value;
use std::collections::BTreeMap;

use super::call::{Api, garbled};
use super::convert;
use super::error::ApiError;
use lab_base::failure::chain;
use lab_model::observe::KubePod;

/// A namespace with labels of this program's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnNamespace {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`.
    pub annotations: BTreeMap<String, String>,
    /// It is being deleted.
    pub terminating: bool,
}

impl Api {
    /// Makes a namespace.
    ///
    /// # Errors
    /// When the server refuses it, as it does where there is one of that name.
    #[boxed(?Send)]
    pub async fn create_namespace(&self, object: &Value) -> Result<(), ApiError> {
        self.create::<Namespace>(None, object).await
    }

    /// Makes a pod.
    ///
    /// # Errors
    /// When the server refuses it; a policy that forbids it is told in its own words.
    #[boxed(?Send)]
    pub async fn create_pod(&self, namespace: &str, object: &Value) -> Result<(), ApiError> {
        self.create::<Pod>(Some(namespace), object).await
    }

    /// Makes a Service.
    ///
    /// # Errors
    /// When the server refuses it.
    #[boxed(?Send)]
    pub async fn create_service(&self, namespace: &str, object: &Value) -> Result<(), ApiError> {
        self.create::<Service>(Some(namespace), object).await
    }

    async fn create<K: Resource<DynamicType = ()>>(
        &self,
        namespace: Option<&str>,
        object: &Value,
    ) -> Result<(), ApiError> {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let at = namespace.map(|namespace| format!("{namespace}/")).unwrap_or_default();
        let call = format!("create {} {at}{name}", K::plural(&()));
        let object: DynamicObject =
            serde_json::from_value(object.clone()).map_err(|error| garbled(self.server(), &call, chain(&error)))?;
        let api = self.objects::<K>(namespace);
        self.call(&call, api.create(&PostParams::default(), &object)).await.map(drop)
    }

    /// All namespaces that have these labels.
    ///
    /// # Errors
    /// When they cannot be listed.
    #[boxed(?Send)]
    pub async fn own_namespaces(&self, labels: &str) -> Result<Vec<OwnNamespace>, ApiError> {
        let all: Vec<Namespace> = self.list_everywhere(labels).await?;
        Ok(all.into_iter().map(own).collect())
    }

    /// A namespace; none where there is none of this name.
    ///
    /// # Errors
    /// When it cannot be read.
    #[boxed(?Send)]
    pub async fn namespace(&self, name: &str) -> Result<Option<OwnNamespace>, ApiError> {
        let call = format!("get namespaces {name}");
        let object = self.call(&call, self.objects::<Namespace>(None).get_opt(name)).await?;
        Ok(object.map(|object| self.typed::<Namespace>(&call, object)).transpose()?.map(own))
    }

    /// The pods of a namespace that have these labels, as a selector writes them.
    ///
    /// # Errors
    /// When they cannot be listed.
    #[boxed(?Send)]
    pub async fn pods_labelled(&self, namespace: &str, labels: &str) -> Result<Vec<KubePod>, ApiError> {
        Ok(self.list_in::<Pod>(namespace, labels).await?.into_iter().map(convert::pod).collect())
    }

    /// Names of the Services of a namespace that have these labels.
    ///
    /// # Errors
    /// When they cannot be listed.
    #[boxed(?Send)]
    pub async fn own_services(&self, namespace: &str, labels: &str) -> Result<Vec<String>, ApiError> {
        let services = self.list_in::<Service>(namespace, labels).await?;
        Ok(services.into_iter().filter_map(|service| service.metadata.name).collect())
    }

    /// Deletes a namespace, with all that is in it. One that does not exist is no error.
    ///
    /// # Errors
    /// When the server refuses.
    #[boxed(?Send)]
    pub async fn delete_namespace(&self, name: &str) -> Result<(), ApiError> {
        self.delete_one::<Namespace>(None, name).await
    }

    /// Deletes a pod. One that does not exist is no error.
    ///
    /// # Errors
    /// When the server refuses.
    #[boxed(?Send)]
    pub async fn delete_pod(&self, namespace: &str, name: &str) -> Result<(), ApiError> {
        self.delete_one::<Pod>(Some(namespace), name).await
    }

    /// Deletes a Service. One that does not exist is no error.
    ///
    /// # Errors
    /// When the server refuses.
    #[boxed(?Send)]
    pub async fn delete_service(&self, namespace: &str, name: &str) -> Result<(), ApiError> {
        self.delete_one::<Service>(Some(namespace), name).await
    }

    async fn delete_one<K: Resource<DynamicType = ()>>(
        &self,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<(), ApiError> {
        let at = namespace.map(|namespace| format!("{namespace}/")).unwrap_or_default();
        let call = format!("delete {} {at}{name}", K::plural(&()));
        let api = self.objects::<K>(namespace);
        match self.call(&call, api.delete(name, &DeleteParams::background())).await {
            Ok(_) | Err(ApiError::Missing { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The image of a container in the spec of each pod that has these labels, by the pod's name: what a status tells is
    /// the runtime's name for it.
    ///
    /// # Errors
    /// When they cannot be listed.
    #[boxed(?Send)]
    pub async fn images_in_spec(
        &self,
        namespace: &str,
        labels: &str,
        container: &str,
    ) -> Result<BTreeMap<String, String>, ApiError> {
        let image = |pod: Pod| {
            let containers = pod.spec?.containers;
            let one = containers.into_iter().find(|one| one.name == container)?;
            Some((pod.metadata.name?, one.image?))
        };
        Ok(self.list_in::<Pod>(namespace, labels).await?.into_iter().filter_map(image).collect())
    }
}

fn own(namespace: Namespace) -> OwnNamespace {
    let meta = namespace.metadata;
    OwnNamespace {
        name: meta.name.unwrap_or_default(),
        labels: meta.labels.unwrap_or_default(),
        annotations: meta.annotations.unwrap_or_default(),
        terminating: meta.deletion_timestamp.is_some(),
    }
}
