//! The workload `manifests/hello-app.yaml`: applying it, waiting for it and removing it.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams, PropagationPolicy};
use kube::runtime::watcher;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::call::Api;
use super::convert;
use super::error::ApiError;
use super::look::pod_seen;
use super::shorten::some_of;
use super::stuck::{self, is_ready};
use super::watch::{AGAIN, Patience, Watched};
use lab_base::clock;
use lab_base::clock::{Poll, WaitError};
use lab_manifest::{HelloApp, Labels};
use lab_model::observe::{PodSeen, ServiceSeen};

/// The owner that the server records for the fields that are applied (`fieldManager`).
const MANAGER: &str = "lab";

/// The default protocol of a port. It must be given, because it is a part of a port's key in server-side apply, and
/// Kubernetes 1.20 does not apply a Service without it (kubernetes/kubernetes#92332).
const PROTOCOL: &str = "TCP";

/// Whether kubelet may pull an image that its node does not have (`imagePullPolicy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullPolicy {
    /// If the image is missing, it is pulled.
    IfNotPresent,
    /// If the image is missing, that is an error at once (`ErrImageNeverPull`).
    Never,
}

impl PullPolicy {
    const fn name(self) -> &'static str {
        match self {
            Self::IfNotPresent => "IfNotPresent",
            Self::Never => "Never",
        }
    }
}

/// The objects of the workload for a namespace.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// Its namespace.
    pub namespace: String,
    /// Name of the Deployment.
    pub name: String,
    /// Labels of its pods.
    pub labels: Labels,
    /// Name of the Service.
    pub service: String,
    replicas: usize,
    target_port: u16,
    deployment: Value,
    service_object: Value,
}

impl Workload {
    /// The manifest's Deployment and Service, with this image and this number of replicas in place of the manifest's.
    ///
    /// # Errors
    /// When the manifest cannot be written as JSON.
    pub fn new(
        app: &HelloApp,
        namespace: &str,
        replicas: usize,
        image: &str,
        pull: PullPolicy,
    ) -> Result<Self, ApiError> {
        let mut deployment = as_json(&app.deployment)?;
        deployment["spec"]["replicas"] = json!(replicas);
        let container = &mut deployment["spec"]["template"]["spec"]["containers"][0];
        container["image"] = json!(image);
        container["imagePullPolicy"] = json!(pull.name());
        container["ports"][0]["protocol"] = json!(PROTOCOL);
        let mut service_object = as_json(&app.service)?;
        service_object["spec"]["ports"][0]["protocol"] = json!(PROTOCOL);
        let [port] = &app.service.spec.ports;
        Ok(Self {
            namespace: namespace.to_owned(),
            name: app.deployment.metadata.name.to_string(),
            labels: app.deployment.spec.selector.match_labels.clone(),
            service: app.service.metadata.name.to_string(),
            replicas,
            target_port: port.target_port.get(),
            deployment,
            service_object,
        })
    }
}

fn as_json(object: &impl Serialize) -> Result<Value, ApiError> {
    serde_json::to_value(object)
        .map_err(|error| ApiError::Unreadable { object: "hello-app.yaml".to_owned(), problem: error.to_string() })
}

impl Api {
    /// Creates or updates the workload (server-side apply). Does not wait for its pods.
    ///
    /// # Errors
    /// When the server refuses one of its objects.
    pub async fn apply_workload(&self, workload: &Workload) -> Result<(), ApiError> {
        let Workload { namespace, name, service, .. } = workload;
        self.apply::<Deployment>(namespace, name, &workload.deployment).await?;
        self.apply::<Service>(namespace, service, &workload.service_object).await
    }

    /// Applies a `CiliumBGPPeeringPolicy` (cilium.io/v2alpha1), of which there is one of this name in the cluster.
    ///
    /// # Errors
    /// When the server refuses it, as one does whose Cilium has no such type.
    pub async fn apply_peering_policy(&self, name: &str, object: &Value) -> Result<(), ApiError> {
        let kind = GroupVersionKind::gvk("cilium.io", "v2alpha1", "CiliumBGPPeeringPolicy");
        let kind = ApiResource::from_gvk_with_plural(&kind, "ciliumbgppeeringpolicies");
        let api: kube::Api<DynamicObject> = kube::Api::all_with(self.client(), &kind);
        let params = PatchParams::apply(MANAGER).force();
        let call = format!("apply ciliumbgppeeringpolicies {name}");
        self.call(&call, api.patch(name, &params, &Patch::Apply(object))).await.map(drop)
    }

    async fn apply<K>(&self, namespace: &str, name: &str, object: &Value) -> Result<(), ApiError>
    where
        K: kube::Resource<DynamicType = ()>,
    {
        let api = self.objects::<K>(Some(namespace));
        let params = PatchParams::apply(MANAGER).force();
        let patch = Patch::Apply(object);
        let call = format!("apply {} {namespace}/{name}", K::plural(&()));
        self.call(&call, api.patch(name, &params, &patch)).await.map(drop)
    }

    /// Waits until all replicas are ready and the Service's endpoints are exactly these pods.
    ///
    /// # Errors
    /// [`WaitError`], early if a container is stuck; it names the container, the reason and the end of its log.
    pub async fn until_workload_ready(
        &self,
        workload: &Workload,
        patience: Patience<'_>,
    ) -> Result<(Vec<PodSeen>, ServiceSeen), WaitError> {
        let Workload { namespace, name, labels, replicas, .. } = workload;
        let what = format!("{replicas} ready pods of {namespace}/{name} behind its Service");
        let config = watcher::Config::default().labels(&convert::selector(labels));
        let mut pods = self.watch::<Pod>(Some(namespace), config);
        let wait = patience.wait(&what, async |seen| {
            loop {
                pods.changed().await;
                let Some(ready) = seen.weigh(self.ready_pods(&pods, *replicas).await) else { continue };
                let ready = ready?;
                // Endpoints follow within milliseconds. They are polled rather than watched, because no API for them
                // exists in all versions of the server.
                let asked = clock::until(patience.deadline, AGAIN, &what, async || {
                    let poll = self.complete_service(workload, &ready).await;
                    if let Poll::NotYet(status) = &poll {
                        seen.note(status.clone());
                    }
                    poll
                });
                return match asked.await {
                    Ok(service) => Ok((ready, service)),
                    Err(WaitError::Failed { reason, .. }) => Err(reason),
                    // The outer wait has the same deadline and reports it.
                    Err(WaitError::Deadline { .. }) => std::future::pending().await,
                };
            }
        });
        wait.await
    }

    async fn ready_pods(&self, pods: &Watched<Pod>, replicas: usize) -> Poll<Vec<PodSeen>, String> {
        let pods = match pods.objects() {
            Ok(pods) => pods,
            Err(why) => return Poll::NotYet(why),
        };
        if let Some(stuck) = pods.iter().find_map(|pod| stuck::of_pod(pod)) {
            return Poll::Failed(self.stuck_with_log(&stuck).await);
        }
        let (ready, others): (Vec<&Pod>, Vec<&Pod>) = pods.into_iter().partition(|pod| is_ready(pod));
        if ready.len() == replicas && others.is_empty() {
            return Poll::Ready(ready.into_iter().map(pod_seen).collect());
        }
        let others: Vec<String> = others.into_iter().map(stuck::waits_for).collect();
        let waiting = if others.is_empty() { String::new() } else { format!("; {}", some_of(&others)) };
        Poll::NotYet(format!("{} of {replicas} ready{waiting}", ready.len()))
    }

    async fn complete_service(&self, workload: &Workload, ready: &[PodSeen]) -> Poll<ServiceSeen, String> {
        let service = match self.service(&workload.namespace, &workload.service).await {
            Ok(service) => service,
            Err(error) => return Poll::NotYet(error.briefly()),
        };
        let port = workload.target_port;
        let wanted: BTreeSet<SocketAddrV4> =
            ready.iter().filter_map(|pod| pod.address).map(|address| SocketAddrV4::new(address, port)).collect();
        let found: BTreeSet<SocketAddrV4> = service.endpoints.iter().copied().collect();
        if service.cluster_ip.is_none_or(|address| *address.ip() == Ipv4Addr::UNSPECIFIED) {
            Poll::NotYet(format!("the Service {} has no ClusterIP", service.name))
        } else if found == wanted && wanted.len() == ready.len() {
            Poll::Ready(service)
        } else {
            let list = |of: &BTreeSet<SocketAddrV4>| some_of(&of.iter().map(ToString::to_string).collect::<Vec<_>>());
            Poll::NotYet(format!("the Service's endpoints are [{}], the pods are [{}]", list(&found), list(&wanted)))
        }
    }

    /// Deletes the workload and waits until its pods are gone. Objects that do not exist are no error.
    ///
    /// # Errors
    /// [`WaitError`], at once if the server refuses.
    pub async fn remove_workload(&self, workload: &Workload, patience: Patience<'_>) -> Result<(), WaitError> {
        let Workload { namespace, name, labels, service, .. } = workload;
        let what = format!("the removal of {namespace}/{name}");
        let config = watcher::Config::default().labels(&convert::selector(labels));
        let mut pods = self.watch::<Pod>(Some(namespace), config);
        let wait = patience.wait(&what, async |seen| {
            self.delete::<Service>(namespace, service).await.map_err(|error| error.to_string())?;
            self.delete::<Deployment>(namespace, name).await.map_err(|error| error.to_string())?;
            loop {
                pods.changed().await;
                let poll = match pods.objects() {
                    Err(why) => Poll::NotYet(why),
                    Ok(left) if left.is_empty() => Poll::Ready(()),
                    Ok(left) => {
                        let left: Vec<String> = left.into_iter().map(stuck::waits_for).collect();
                        Poll::NotYet(some_of(&left))
                    }
                };
                if let Some(result) = seen.weigh(poll) {
                    return result;
                }
            }
        });
        wait.await
    }

    async fn delete<K>(&self, namespace: &str, name: &str) -> Result<(), ApiError>
    where
        K: kube::Resource<DynamicType = ()>,
    {
        let api = self.objects::<K>(Some(namespace));
        let params = DeleteParams { propagation_policy: Some(PropagationPolicy::Background), ..Default::default() };
        match self.call(&format!("delete {} {namespace}/{name}", K::plural(&())), api.delete(name, &params)).await {
            Ok(_) | Err(ApiError::Missing { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
