//! What the API server said: nodes, pods, the Service, its endpoints and Cilium's pod CIDRs.

use ipnet::Ipv4Net;
use lab_model::observe::{NodeName, PodCidrs, PodSeen, Role, ServiceSeen};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::{Read, Recording};

/// A `List`, with what is looked at of each item.
#[derive(Deserialize)]
struct List<T> {
    items: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    name: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    deletion_timestamp: Option<String>,
}

#[derive(Deserialize)]
struct RawNode {
    metadata: Meta,
}

/// From the role labels of `kube/nodes.json`.
pub(super) fn roles(recording: Recording) -> Read<BTreeMap<NodeName, Role>> {
    const LABEL: &str = "node-role.kubernetes.io/control-plane";
    let nodes: List<RawNode> = recording.json("kube/nodes.json")?;
    let role = |meta: Meta| {
        let role = if meta.labels.contains_key(LABEL) { Role::ControlPlane } else { Role::Worker };
        (NodeName(meta.name), role)
    };
    Ok(nodes.items.into_iter().map(|node| role(node.metadata)).collect())
}

#[derive(Deserialize)]
struct RawPod {
    metadata: Meta,
    spec: RawPodSpec,
    status: RawPodStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawPodSpec {
    node_name: Option<NodeName>,
}

#[derive(Deserialize)]
struct RawPodStatus {
    #[serde(rename = "podIP")]
    address: Option<Ipv4Addr>,
    conditions: Vec<RawCondition>,
}

#[derive(Deserialize)]
struct RawCondition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
}

/// The pods of hello-app from `kube/pods.json`, of which only those were copied.
pub(super) fn pods(recording: Recording) -> Read<Vec<PodSeen>> {
    let pods: List<RawPod> = recording.json("kube/pods.json")?;
    let ready = |conditions: &[RawCondition]| conditions.iter().any(|one| one.kind == "Ready" && one.status == "True");
    Ok(pods
        .items
        .into_iter()
        .map(|pod| PodSeen {
            ready: ready(&pod.status.conditions) && pod.metadata.deletion_timestamp.is_none(),
            name: pod.metadata.name.as_str().into(),
            node: pod.spec.node_name,
            address: pod.status.address,
        })
        .collect())
}

#[derive(Deserialize)]
struct RawService {
    metadata: Meta,
    spec: RawServiceSpec,
}

#[derive(Deserialize)]
struct RawServiceSpec {
    #[serde(rename = "clusterIP")]
    cluster_ip: Ipv4Addr,
    ports: Vec<RawPort>,
}

#[derive(Deserialize)]
struct RawPort {
    port: u16,
    protocol: String,
}

#[derive(Deserialize)]
struct RawSlice {
    metadata: Meta,
    endpoints: Vec<RawEndpoint>,
    ports: Vec<RawPort>,
}

#[derive(Deserialize)]
struct RawEndpoint {
    addresses: Vec<Ipv4Addr>,
    conditions: RawReady,
}

#[derive(Deserialize)]
struct RawReady {
    ready: bool,
}

/// From `kube/services.json` and the Service's slices in `kube/endpointslices.json`.
pub(super) fn service(recording: Recording, name: &str) -> Read<ServiceSeen> {
    let services: List<RawService> = recording.json("kube/services.json")?;
    let service = services.items.into_iter().find(|service| service.metadata.name == name);
    let cluster_ip = service.map(|service| match &service.spec.ports[..] {
        [RawPort { port, protocol }] if protocol == "TCP" => Ok(SocketAddrV4::new(service.spec.cluster_ip, *port)),
        others => Err(recording.wrong("kube/services.json", &format!("{name} has {} ports, not one", others.len()))),
    });
    let slices: List<serde_json::Value> = recording.json("kube/endpointslices.json")?;
    let mut endpoints = Vec::new();
    for slice in slices.items {
        // Slices of other Services are of other shapes (the API server's has no labels of a controller).
        if slice["metadata"]["labels"]["kubernetes.io/service-name"] != name {
            continue;
        }
        let slice =
            RawSlice::deserialize(&slice).map_err(|e| recording.wrong("kube/endpointslices.json", &e.to_string()))?;
        let [RawPort { port, protocol }] = &slice.ports[..] else {
            return Err(
                recording.wrong("kube/endpointslices.json", &format!("{} has not one port", slice.metadata.name))
            );
        };
        if protocol != "TCP" {
            return Err(recording.wrong("kube/endpointslices.json", &format!("protocol {protocol} is not known")));
        }
        let ready = slice.endpoints.iter().filter(|endpoint| endpoint.conditions.ready);
        endpoints
            .extend(ready.flat_map(|endpoint| &endpoint.addresses).map(|address| SocketAddrV4::new(*address, *port)));
    }
    Ok(ServiceSeen {
        name: name.to_owned(),
        source: "kube/services.json and kube/endpointslices.json".into(),
        cluster_ip: cluster_ip.transpose()?,
        endpoints,
    })
}

#[derive(Deserialize)]
struct RawCiliumNode {
    metadata: Meta,
    spec: RawCiliumSpec,
}

#[derive(Deserialize)]
struct RawCiliumSpec {
    ipam: RawIpam,
}

#[derive(Deserialize)]
struct RawIpam {
    #[serde(rename = "podCIDRs")]
    pod_cidrs: Vec<Ipv4Net>,
}

/// From `CiliumNode.spec.ipam.podCIDRs` in `kube/ciliumnodes.json`.
pub(super) fn pod_cidrs(recording: Recording) -> Read<PodCidrs> {
    let nodes: List<RawCiliumNode> = recording.json("kube/ciliumnodes.json")?;
    let by_node = nodes
        .items
        .into_iter()
        .map(|node| match node.spec.ipam.pod_cidrs[..] {
            [cidr] => Ok((NodeName(node.metadata.name), cidr)),
            _ => Err(recording.wrong("kube/ciliumnodes.json", &format!("{} has not one CIDR", node.metadata.name))),
        })
        .collect::<Read<_>>()?;
    Ok(PodCidrs { source: "CiliumNode.spec.ipam.podCIDRs".into(), by_node })
}
