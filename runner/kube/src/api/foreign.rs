//! Objects of clusters that are not labs: all Services and slices, and nodes of Cilium with any number of networks.

use async_recursion::async_recursion as boxed;
use ipnet::Ipv4Net;
use k8s_openapi::api::core::v1::{Node, Pod, Service};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::call::Api;
use super::convert;
use super::error::ApiError;
use lab_model::observe::{KubeNode, KubePod};

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

/// What is kept of a node.
pub(crate) fn listed(node: Node) -> ListedNode {
    let zone = node.metadata.labels.as_ref().and_then(|labels| labels.get(ZONE).cloned());
    let info = node.status.as_ref().and_then(|status| status.node_info.as_ref());
    let platform = info.map(|info| format!("{}/{}", info.operating_system, info.architecture));
    ListedNode { zone, platform: platform.unwrap_or_default(), object: convert::node(node) }
}

/// What a `CiliumLocalRedirectPolicy` leads to pods of one node.
pub(crate) fn redirect(policy: &Value) -> Option<String> {
    let frontend = &policy["spec"]["redirectFrontend"];
    let matcher = &frontend["serviceMatcher"];
    let service = || Some(format!("{}/{}", matcher["namespace"].as_str()?, matcher["serviceName"].as_str()?));
    frontend["addressMatcher"]["ip"].as_str().map(str::to_owned).or_else(service)
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

/// Annotations that ask for endpoints near the client, or elsewhere.
const NEAR: [&str; 5] = [
    "service.kubernetes.io/topology-aware-hints",
    "service.kubernetes.io/topology-mode",
    "service.cilium.io/affinity",
    // With these there are endpoints of other clusters.
    "service.cilium.io/global",
    "io.cilium/global-service",
];

pub(crate) fn ports(service: &Service) -> Vec<ServicePort> {
    let (meta, Some(spec)) = (&service.metadata, &service.spec) else { return Vec::new() };
    let address = spec.cluster_ip.as_deref().and_then(|address| address.parse::<Ipv4Addr>().ok());
    let Some(address) = address else { return Vec::new() };
    let local = (spec.internal_traffic_policy.as_deref() == Some("Local")).then_some("internalTrafficPolicy=Local");
    let annotations = meta.annotations.as_ref();
    let near = || NEAR.into_iter().find(|key| annotations.is_some_and(|annotations| annotations.contains_key(*key)));
    let distribution = spec.traffic_distribution.as_deref();
    let partial = local.map(str::to_owned).or_else(|| near().map(str::to_owned));
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
        for address in ["None", "", "fd00::7"] {
            let mut headless = plain.clone();
            headless["clusterIP"] = json!(address);
            assert!(of(headless, json!({})).is_empty(), "{address}");
        }
    }
}
