//! All Services of a cluster, and all slices with their endpoints.

use k8s_openapi::api::core::v1::Service;
use serde::Deserialize;
use serde_json::Value;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::{List, Meta};

/// A TCP port of a Service at a `ClusterIP`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePort {
    /// The Service's namespace.
    pub namespace: String,
    /// The Service's name.
    pub service: String,
    /// The port's name; empty where it has none.
    pub port: String,
    /// Address and port.
    pub address: SocketAddrV4,
    /// `spec.internalTrafficPolicy` is `Local`, or an annotation asks for endpoints near the client: a node may have a part
    /// of the endpoints alone. Which of them.
    pub partial: Option<String>,
    /// `spec.publishNotReadyAddresses`: endpoints need not be ready.
    pub publishes_unready: bool,
}

/// An endpoint of a slice.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a field or a condition of the object, and none follows from another"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SliceEndpoint {
    /// The Service's namespace.
    pub namespace: String,
    /// The Service's name (`kubernetes.io/service-name`).
    pub service: String,
    /// The port's name; empty where it has none.
    pub port: String,
    /// Address and port.
    pub address: SocketAddrV4,
    /// `conditions.ready` is not false.
    pub ready: bool,
    /// `conditions.serving` without `ready`: it is being taken away.
    pub terminating: bool,
    /// `targetRef.kind` is `Pod`.
    pub is_pod: bool,
    /// The slice has hints for nodes or zones (`hints`).
    pub hinted: bool,
}

/// What a `CiliumLocalRedirectPolicy` leads to pods of one node.
pub(crate) fn redirect(policy: &Value) -> Option<String> {
    let frontend = &policy["spec"]["redirectFrontend"];
    let matcher = &frontend["serviceMatcher"];
    let service = || Some(format!("{}/{}", matcher["namespace"].as_str()?, matcher["serviceName"].as_str()?));
    frontend["addressMatcher"]["ip"].as_str().map(str::to_owned).or_else(service)
}

/// Annotations that ask for endpoints near the client, or elsewhere.
const NEAR: [&str; 5] = [
    "service.kubernetes.io/topology-aware-hints",
    "service.kubernetes.io/topology-mode",
    "service.cilium.io/affinity",
    // With these there are endpoints of other clusters.
    "service.cilium.io/global",
    "io.cilium/global-service",
];

/// The label of a Service that another proxy than the cluster's own serves (KEP-2447, `pkg/k8s/factory_functions.go` of Cilium).
const ANOTHERS: &str = "service.kubernetes.io/service-proxy-name";

pub(crate) fn ports(service: &Service) -> Vec<ServicePort> {
    let (meta, Some(spec)) = (&service.metadata, &service.spec) else { return Vec::new() };
    let address = spec.cluster_ip.as_deref().and_then(|address| address.parse::<Ipv4Addr>().ok());
    let Some(address) = address else { return Vec::new() };
    let local = (spec.internal_traffic_policy.as_deref() == Some("Local")).then_some("internalTrafficPolicy=Local");
    let annotations = meta.annotations.as_ref();
    let near = || NEAR.into_iter().find(|key| annotations.is_some_and(|annotations| annotations.contains_key(*key)));
    let distribution = spec.traffic_distribution.as_deref();
    let partial = local.map(str::to_owned).or_else(|| near().map(str::to_owned));
    let partial = partial.or_else(|| {
        let labels = meta.labels.as_ref();
        labels.is_some_and(|labels| labels.contains_key(ANOTHERS)).then(|| ANOTHERS.to_owned())
    });
    let partial = partial.or_else(|| distribution.map(|how| format!("trafficDistribution={how}")));
    let tcp = spec.ports.iter().flatten().filter(|port| port.protocol.as_deref().unwrap_or("TCP") == "TCP");
    tcp.filter_map(|port| {
        Some(ServicePort {
            namespace: meta.namespace.clone().unwrap_or_default(),
            service: meta.name.clone().unwrap_or_default(),
            port: port.name.clone().unwrap_or_default(),
            address: SocketAddrV4::new(address, u16::try_from(port.port).ok()?),
            partial: partial.clone(),
            publishes_unready: spec.publish_not_ready_addresses.unwrap_or_default(),
        })
    })
    .collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSlice {
    metadata: Meta,
    #[serde(default)]
    address_type: String,
    endpoints: Option<Vec<RawEndpoint>>,
    ports: Option<Vec<RawPort>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawEndpoint {
    addresses: Option<Vec<String>>,
    #[serde(default)]
    conditions: RawConditions,
    target_ref: Option<RawTarget>,
    hints: Option<Value>,
}

#[derive(Default, Deserialize)]
struct RawConditions {
    ready: Option<bool>,
    terminating: Option<bool>,
}

#[derive(Deserialize)]
struct RawTarget {
    #[serde(default)]
    kind: String,
}

#[derive(Deserialize)]
struct RawPort {
    name: Option<String>,
    port: Option<u16>,
    protocol: Option<String>,
}

/// Parses a list of slices of `discovery.k8s.io`.
///
/// # Errors
/// A text that says why, when the JSON has another form.
pub fn parse_all_slices(text: &str) -> Result<Vec<SliceEndpoint>, String> {
    let list: List<RawSlice> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let mut found = Vec::new();
    for slice in list.items.unwrap_or_default().into_iter().filter(|slice| slice.address_type == "IPv4") {
        let Some(service) = slice.metadata.labels.get("kubernetes.io/service-name") else { continue };
        let ports = slice.ports.unwrap_or_default();
        let tcp = || ports.iter().filter(|port| port.protocol.as_deref().unwrap_or("TCP") == "TCP");
        for endpoint in slice.endpoints.unwrap_or_default() {
            for address in endpoint.addresses.unwrap_or_default() {
                let address: Ipv4Addr = address.parse().map_err(|_| format!("{address:?} is not an IPv4 address"))?;
                found.extend(tcp().filter_map(|port| {
                    Some(SliceEndpoint {
                        namespace: slice.metadata.namespace.clone(),
                        service: service.clone(),
                        port: port.name.clone().unwrap_or_default(),
                        address: SocketAddrV4::new(address, port.port?),
                        ready: endpoint.conditions.ready != Some(false),
                        terminating: endpoint.conditions.terminating == Some(true),
                        is_pod: endpoint.target_ref.as_ref().is_some_and(|target| target.kind == "Pod"),
                        hinted: endpoint.hints.is_some(),
                    })
                }));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn slices_are_read_by_service_and_port() {
        let list = json!({"items": [
            {"metadata": {"name": "x", "namespace": "shop", "labels": {"kubernetes.io/service-name": "web"}}, "addressType": "IPv4",
             "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}, {"name": "dns", "port": 53, "protocol": "UDP"}],
             "endpoints": [{"addresses": ["10.42.1.7"], "conditions": {"ready": true}, "targetRef": {"kind": "Pod"}},
                {"addresses": ["10.42.2.9"], "conditions": {"ready": false, "terminating": true}},
                {"addresses": ["10.42.2.10"], "hints": {"forZones": []}}]},
            {"metadata": {"name": "y", "namespace": "shop"}, "addressType": "IPv4", "ports": null, "endpoints": null},
            {"metadata": {"name": "z", "namespace": "shop", "labels": {"kubernetes.io/service-name": "web"}}, "addressType": "IPv6",
             "ports": [{"port": 1}], "endpoints": [{"addresses": ["fd00::1"]}]}]});
        let read = parse_all_slices(&list.to_string()).unwrap();
        let told: Vec<_> =
            read.iter().map(|one| (one.address.to_string(), one.ready, one.is_pod, one.hinted)).collect();
        assert_eq!(
            told,
            [
                ("10.42.1.7:8080".to_owned(), true, true, false),
                ("10.42.2.9:8080".to_owned(), false, false, false),
                ("10.42.2.10:8080".to_owned(), true, false, true)
            ]
        );
        assert!(read[1].terminating);
        assert!(parse_all_slices("[]").is_err());
    }

    #[test]
    fn services_that_may_have_a_part_of_their_endpoints_are_marked() {
        let of = |spec: Value, annotations: Value| {
            let service =
                json!({"metadata": {"name": "web", "namespace": "shop", "annotations": annotations}, "spec": spec});
            ports(&serde_json::from_value(service).unwrap())
        };
        let plain =
            json!({"clusterIP": "10.43.0.7", "ports": [{"port": 80, "name": "http"}, {"port": 53, "protocol": "UDP"}]});
        let read = of(plain.clone(), json!({}));
        assert_eq!(read.len(), 1);
        assert_eq!((read[0].address.to_string().as_str(), read[0].partial.as_deref()), ("10.43.0.7:80", None));
        let mut local = plain.clone();
        local["internalTrafficPolicy"] = json!("Local");
        assert_eq!(of(local, json!({}))[0].partial.as_deref(), Some("internalTrafficPolicy=Local"));
        let near = of(plain.clone(), json!({"service.kubernetes.io/topology-mode": "Auto"}));
        assert_eq!(near[0].partial.as_deref(), Some("service.kubernetes.io/topology-mode"));
        let anothers =
            json!({"metadata": {"name": "web", "namespace": "shop", "labels": {ANOTHERS: "theirs"}}, "spec": plain});
        let anothers = ports(&serde_json::from_value(anothers).unwrap());
        assert_eq!(anothers[0].partial.as_deref(), Some("service.kubernetes.io/service-proxy-name"));
        for address in ["None", "", "fd00::7"] {
            let mut headless = plain.clone();
            headless["clusterIP"] = json!(address);
            assert!(of(headless, json!({})).is_empty(), "{address}");
        }
    }
}
