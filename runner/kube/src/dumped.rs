//! Objects that were written to files as YAML, as `cilium sysdump` writes them (cilium-cli 0.12: `sysdump/sysdump.go`): each
//! file holds one list, or one object.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::{ConfigMap, Endpoints, Node, Pod, Service};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};

use crate::api::{CiliumNodeSeen, ListedNode, ServicePort, SliceEndpoint, convert, foreign};
use lab_model::observe::{DaemonSetSeen, DeploymentSeen, KubePod};

/// The annotation of Endpoints of which some were left out (`core/v1`, `EndpointsOverCapacity`).
const OVER_CAPACITY: &str = "endpoints.kubernetes.io/over-capacity";

/// Reads one object.
fn one<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_yaml::from_str(text).map_err(|error| error.to_string())
}

fn list<T: DeserializeOwned>(text: &str) -> Result<Vec<T>, String> {
    one::<foreign::List<T>>(text)?.items.ok_or_else(|| "it is no list: it has no items".to_owned())
}

/// The nodes of a `NodeList`.
///
/// # Errors
/// A text that says why, when it is no such list.
pub fn nodes(text: &str) -> Result<Vec<ListedNode>, String> {
    Ok(list::<Node>(text)?.into_iter().map(foreign::listed).collect())
}

/// The pods of a `PodList`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pods {
    /// The pods.
    pub pods: Vec<KubePod>,
    /// The `DaemonSets` that own one of them, with as many pods as there are. One without any pod is not among them.
    pub daemon_sets: Vec<DaemonSetSeen>,
}

/// The pods of a `PodList`.
///
/// # Errors
/// A text that says why, when it is no such list.
pub fn pods(text: &str) -> Result<Pods, String> {
    let mut found = Pods::default();
    let mut sets: BTreeMap<(String, String), DaemonSetSeen> = BTreeMap::new();
    for pod in list::<Pod>(text)? {
        let owners = pod.metadata.owner_references.clone().unwrap_or_default();
        let pod = convert::pod(pod);
        for owner in owners.into_iter().filter(|owner| owner.kind == "DaemonSet") {
            let set = sets.entry((pod.namespace.clone(), owner.name.clone())).or_insert_with(|| DaemonSetSeen {
                namespace: pod.namespace.clone(),
                name: owner.name,
                desired: 0,
                ready: 0,
                available: 0,
                updated: 0,
            });
            let ready = u32::from(pod.ready);
            (set.desired, set.updated) = (set.desired + 1, set.updated + 1);
            (set.ready, set.available) = (set.ready + ready, set.available + ready);
        }
        found.pods.push(pod);
    }
    found.daemon_sets = sets.into_values().collect();
    Ok(found)
}

/// The settings in a `ConfigMap`.
///
/// # Errors
/// A text that says why, when it is none, or has no settings.
pub fn config_map(text: &str) -> Result<BTreeMap<String, String>, String> {
    one::<ConfigMap>(text)?.data.ok_or_else(|| "it has no data".to_owned())
}

/// The settings that an agent was started with, as it writes them for itself (cilium 1.12: `pkg/option/config.go`,
/// `StoreViperInFile`): its own defaults are among them, and what is a list or has parts is left out.
///
/// # Errors
/// A text that says why, when it is no map.
pub fn settings(text: &str) -> Result<BTreeMap<String, String>, String> {
    let all: BTreeMap<String, Value> = one(text)?;
    let plain = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Bool(on) => Some(on.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    Ok(all.into_iter().filter_map(|(key, value)| Some((key, plain(value)?))).collect())
}

/// The `DaemonSets` of a list.
///
/// # Errors
/// A text that says why, when it is no such list.
pub fn daemon_sets(text: &str) -> Result<Vec<DaemonSetSeen>, String> {
    Ok(list::<DaemonSet>(text)?.into_iter().map(convert::daemon_set).collect())
}

/// A Deployment.
///
/// # Errors
/// A text that says why, when it is none.
pub fn deployment(text: &str) -> Result<DeploymentSeen, String> {
    let found = convert::deployment(one::<Deployment>(text)?);
    if found.name.is_empty() { Err("it has no name".to_owned()) } else { Ok(found) }
}

/// The `CiliumNodes` of a list.
///
/// # Errors
/// A text that says why, when it is no such list, or a network is none.
pub fn cilium_nodes(text: &str) -> Result<Vec<CiliumNodeSeen>, String> {
    list(text)?.into_iter().map(foreign::cilium_node).collect()
}

/// What the `CiliumLocalRedirectPolicies` of a list lead to pods of one node: `namespace/name`, or an address.
///
/// # Errors
/// A text that says why, when it is no such list.
pub fn redirected(text: &str) -> Result<Vec<String>, String> {
    Ok(list::<Value>(text)?.iter().filter_map(foreign::redirect).collect())
}

/// Services and Endpoints.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Services {
    /// The TCP ports of all Services that have an IPv4 `ClusterIP`.
    pub ports: Vec<ServicePort>,
    /// Their TCP endpoints with IPv4 addresses.
    pub endpoints: Vec<SliceEndpoint>,
    /// Services of which Endpoints may not tell all, `namespace/name`, and why.
    pub partial: BTreeMap<String, String>,
}

/// The Services of a `ServiceList` with the Endpoints of an `EndpointsList`.
///
/// # Errors
/// A text that says why, and of which, when one is no such list.
pub fn services(services: &str, endpoints: &str) -> Result<Services, String> {
    let services: Vec<Service> = list(services).map_err(|why| format!("Services: {why}"))?;
    let endpoints: Vec<Endpoints> = list(endpoints).map_err(|why| format!("Endpoints: {why}"))?;
    let mut found = Services { ports: services.iter().flat_map(foreign::ports).collect(), ..Services::default() };
    let mut known = BTreeSet::new();
    for one in endpoints {
        let (namespace, service) = (one.metadata.namespace.unwrap_or_default(), one.metadata.name.unwrap_or_default());
        let name = format!("{namespace}/{service}");
        if one.metadata.annotations.is_some_and(|annotations| annotations.contains_key(OVER_CAPACITY)) {
            found.partial.insert(name.clone(), "its Endpoints have a part of them alone".to_owned());
        }
        known.insert(name.clone());
        for subset in one.subsets.unwrap_or_default() {
            if subset.not_ready_addresses.as_ref().is_some_and(|addresses| !addresses.is_empty()) {
                let why = "an endpoint of it was not ready yet, or not any more, when it was listed";
                found.partial.entry(name.clone()).or_insert_with(|| why.to_owned());
            }
            let ports = subset.ports.unwrap_or_default();
            let ready = subset.addresses.unwrap_or_default().into_iter().map(|address| (address, true));
            let others = subset.not_ready_addresses.unwrap_or_default().into_iter().map(|address| (address, false));
            for (address, ready) in ready.chain(others) {
                let Ok(ip) = address.ip.parse::<Ipv4Addr>() else { continue };
                let tcp = ports.iter().filter(|port| port.protocol.as_deref().unwrap_or("TCP") == "TCP");
                found.endpoints.extend(tcp.filter_map(|port| {
                    Some(SliceEndpoint {
                        namespace: namespace.clone(),
                        service: service.clone(),
                        port: port.name.clone().unwrap_or_default(),
                        address: SocketAddrV4::new(ip, u16::try_from(port.port).ok()?),
                        ready,
                        terminating: false,
                        is_pod: address.target_ref.as_ref().is_some_and(|target| target.kind.as_deref() == Some("Pod")),
                        hinted: false,
                    })
                }));
            }
        }
    }
    for service in &services {
        let has_selector =
            service.spec.as_ref().is_some_and(|spec| spec.selector.as_ref().is_some_and(|s| !s.is_empty()));
        let (namespace, name) = (service.metadata.namespace.clone(), service.metadata.name.clone());
        let name = format!("{}/{}", namespace.unwrap_or_default(), name.unwrap_or_default());
        if !has_selector && !known.contains(&name) {
            let why = "it has no selector and no Endpoints; it may have slices, which are not in the dump";
            found.partial.insert(name, why.to_owned());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_name_the_daemon_sets_that_own_them() {
        let text = "apiVersion: v1\nkind: PodList\nitems:\n- metadata:\n    name: kube-proxy-x\n    namespace: kube-system\n    \
                    ownerReferences:\n    - {apiVersion: apps/v1, kind: DaemonSet, name: kube-proxy, uid: u}\n  status:\n    \
                    phase: Running\n    conditions:\n    - {type: Ready, status: \"True\"}\n- metadata:\n    name: web\n    \
                    namespace: shop\n    ownerReferences:\n    - {apiVersion: apps/v1, kind: ReplicaSet, name: web, uid: u}\n";
        let read = pods(text).unwrap();
        assert_eq!(read.pods.len(), 2);
        assert_eq!(read.daemon_sets.len(), 1);
        let set = &read.daemon_sets[0];
        assert_eq!(
            (set.name.as_str(), set.namespace.as_str(), set.desired, set.ready),
            ("kube-proxy", "kube-system", 1, 1)
        );
        assert!(pods("kind: Pod\n").unwrap_err().contains("no items"));
        assert!(pods("items: [").is_err());
    }

    #[test]
    fn endpoints_are_read_like_slices() {
        let services_text = "items:\n- metadata: {name: web, namespace: shop}\n  spec: {clusterIP: 10.43.0.7, selector: {app: web}, \
                             ports: [{name: http, port: 80}]}\n- metadata: {name: bare, namespace: shop}\n  spec: {clusterIP: \
                             10.43.0.8, ports: [{port: 80}]}\n";
        let endpoints = "items:\n- metadata: {name: web, namespace: shop}\n  subsets:\n  - addresses:\n    - {ip: 10.42.1.7, \
                         targetRef: {kind: Pod}}\n    notReadyAddresses: [{ip: 10.42.2.9}]\n    ports: [{name: http, port: 8080}, \
                         {name: dns, port: 53, protocol: UDP}]\n";
        let read = services(services_text, endpoints).unwrap();
        let told: Vec<_> = read.endpoints.iter().map(|one| (one.address.to_string(), one.ready, one.is_pod)).collect();
        assert_eq!(told, [("10.42.1.7:8080".to_owned(), true, true), ("10.42.2.9:8080".to_owned(), false, false)]);
        assert_eq!(read.ports.len(), 2);
        assert_eq!(read.partial.keys().collect::<Vec<_>>(), ["shop/bare", "shop/web"]);
        assert!(read.partial["shop/web"].contains("was not ready yet"));
        let settled = services(services_text, &endpoints.replace("[{ip: 10.42.2.9}]", "[]")).unwrap();
        assert_eq!(settled.partial.keys().collect::<Vec<_>>(), ["shop/bare"]);
        let full = endpoints.replace(
            "namespace: shop}",
            "namespace: shop, annotations: {endpoints.kubernetes.io/over-capacity: truncated}}",
        );
        assert!(services(services_text, &full).unwrap().partial.contains_key("shop/web"));
        assert!(services(services_text, "[]").unwrap_err().starts_with("Endpoints: "));
    }

    #[test]
    fn single_objects_are_read() {
        assert_eq!(config_map("data: {tunnel: disabled}").unwrap()["tunnel"], "disabled");
        assert_eq!(config_map("metadata: {}").unwrap_err(), "it has no data");
        let text =
            "auto-direct-node-routes: \"true\"\nenable-ipsec: false\nagent-labels: []\ncni-chaining-mode: \"\"\n";
        let told: Vec<_> = settings(text).unwrap().into_iter().collect();
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            told,
            [pair("auto-direct-node-routes", "true"), pair("cni-chaining-mode", ""), pair("enable-ipsec", "false")]
        );
        assert!(settings("[]").is_err());
        let operator = "metadata: {name: cilium-operator, namespace: kube-system}\nspec: {replicas: 2}\nstatus: {readyReplicas: 1}\n";
        let read = deployment(operator);
        assert!(read.is_ok_and(|one| (one.desired, one.ready) == (2, 1)));
        assert!(deployment("{}").is_err());
        let nodes =
            cilium_nodes("items:\n- metadata: {name: a}\n  spec: {ipam: {podCIDRs: [10.42.0.0/24]}}\n").unwrap();
        assert_eq!(nodes[0].networks.len(), 1);
    }
}
