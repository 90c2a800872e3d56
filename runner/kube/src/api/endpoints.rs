//! A Service and its ready endpoints, from the newest of the APIs that the server has.
//!
//! Kubernetes has `discovery.k8s.io/v1` from 1.21 on, `v1beta1` until 1.24, and so far always `core/v1` Endpoints. Slices
//! are read with types defined here, because k8s-openapi has `discovery.k8s.io/v1` only.

use async_recursion::async_recursion as boxed;
use k8s_openapi::api::core::v1::{Endpoints, Service};
use serde::Deserialize;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::call::Api;
use super::error::ApiError;
use lab_model::observe::ServiceSeen;

/// The label of a slice that names its Service.
const SERVICE: &str = "kubernetes.io/service-name";

impl Api {
    /// A Service and its ready endpoints. For a Service that does not exist, both are empty.
    ///
    /// # Errors
    /// When it cannot be read, or differs from what a lab makes: one TCP port at one IPv4 address.
    #[boxed(?Send)]
    pub async fn service(&self, namespace: &str, name: &str) -> Result<ServiceSeen, ApiError> {
        let object = format!("Service {namespace}/{name}");
        let cluster_ip = match self.get::<Service>(namespace, name).await? {
            None => None,
            Some(service) => cluster_ip(&service).map_err(|problem| self.unreadable(&object, &problem))?,
        };
        let (source, endpoints) = self.endpoints(namespace, name).await?;
        Ok(ServiceSeen { name: name.to_owned(), source: format!("v1 Service, {source}"), cluster_ip, endpoints })
    }

    async fn endpoints(&self, namespace: &str, name: &str) -> Result<(String, Vec<SocketAddrV4>), ApiError> {
        for version in ["v1", "v1beta1"] {
            let group = format!("discovery.k8s.io/{version}");
            let path = format!("/apis/{group}/namespaces/{namespace}/endpointslices?labelSelector={SERVICE}%3D{name}");
            let Some(text) = self.text(&path).await? else { continue };
            let object = format!("an EndpointSlice of {namespace}/{name} ({group})");
            let endpoints = parse_slices(&text).map_err(|problem| self.unreadable(&object, &problem))?;
            return Ok((format!("{group} EndpointSlice"), endpoints));
        }
        let endpoints = match self.get::<Endpoints>(namespace, name).await? {
            None => Vec::new(),
            Some(endpoints) => addresses(endpoints)
                .map_err(|problem| self.unreadable(&format!("Endpoints {namespace}/{name}"), &problem))?,
        };
        Ok(("v1 Endpoints".to_owned(), endpoints))
    }
}

/// Parses a list of slices of `discovery.k8s.io`. Returns the endpoints that are not marked as not ready.
///
/// # Errors
/// A text that says why, when the JSON has another form, or differs from what a lab makes.
pub fn parse_slices(text: &str) -> Result<Vec<SocketAddrV4>, String> {
    serde_json::from_str::<SliceList>(text).map_err(|error| error.to_string())?.ready()
}

fn cluster_ip(service: &Service) -> Result<Option<SocketAddrV4>, String> {
    let spec = service.spec.as_ref().ok_or("it has no spec")?;
    let ports = spec.ports.as_deref().unwrap_or_default();
    let [port] = ports else { return Err(format!("it has {} ports, not one", ports.len())) };
    // TCP is the default (`core/v1`, ServicePort.protocol).
    let protocol = port.protocol.as_deref().unwrap_or("TCP");
    if protocol != "TCP" {
        return Err(format!("its port's protocol is {protocol}, not TCP"));
    }
    let port = number(port.port)?;
    match spec.cluster_ip.as_deref() {
        None | Some("" | "None") => Ok(None),
        Some(address) => Ok(Some(SocketAddrV4::new(ipv4(address)?, port))),
    }
}

#[derive(Deserialize)]
struct SliceList {
    #[serde(deserialize_with = "or_empty")]
    items: Vec<Slice>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Slice {
    address_type: String,
    #[serde(default, deserialize_with = "or_empty")]
    endpoints: Vec<SliceEndpoint>,
    #[serde(default, deserialize_with = "or_empty")]
    ports: Vec<SlicePort>,
}

#[derive(Deserialize)]
struct SliceEndpoint {
    #[serde(default, deserialize_with = "or_empty")]
    addresses: Vec<String>,
    #[serde(default)]
    conditions: Conditions,
}

#[derive(Default, Deserialize)]
struct Conditions {
    /// None means unknown, which counts as ready (`discovery/v1`, `EndpointConditions`).
    ready: Option<bool>,
}

#[derive(Deserialize)]
struct SlicePort {
    port: Option<i32>,
    protocol: Option<String>,
}

/// A list that may be `null`, which is how Go writes an empty list.
fn or_empty<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl SliceList {
    fn ready(&self) -> Result<Vec<SocketAddrV4>, String> {
        let mut found = Vec::new();
        for slice in &self.items {
            if slice.address_type != "IPv4" {
                return Err(format!("addressType is {}, not IPv4", slice.address_type));
            }
            let ready = slice.endpoints.iter().filter(|endpoint| endpoint.conditions.ready != Some(false));
            for address in ready.flat_map(|endpoint| &endpoint.addresses) {
                let port = slice.port()?;
                found.push(SocketAddrV4::new(ipv4(address)?, port));
            }
        }
        Ok(found)
    }
}

impl Slice {
    fn port(&self) -> Result<u16, String> {
        match &self.ports[..] {
            [SlicePort { port: Some(port), protocol }] if protocol.as_deref().unwrap_or("TCP") == "TCP" => {
                number(*port)
            }
            [SlicePort { port: None, .. }] => Err("its port has no number".to_owned()),
            [SlicePort { protocol, .. }] => {
                Err(format!("its port's protocol is {}, not TCP", protocol.as_deref().unwrap_or_default()))
            }
            others => Err(format!("it has {} ports, not one", others.len())),
        }
    }
}

fn addresses(endpoints: Endpoints) -> Result<Vec<SocketAddrV4>, String> {
    let mut found = Vec::new();
    for subset in endpoints.subsets.unwrap_or_default() {
        let ports = subset.ports.unwrap_or_default();
        for address in subset.addresses.unwrap_or_default() {
            let [port] = &ports[..] else { return Err(format!("a subset has {} ports, not one", ports.len())) };
            found.push(SocketAddrV4::new(ipv4(&address.ip)?, number(port.port)?));
        }
    }
    Ok(found)
}

fn ipv4(address: &str) -> Result<Ipv4Addr, String> {
    address.parse().map_err(|_| format!("{address:?} is not an IPv4 address"))
}

fn number(port: i32) -> Result<u16, String> {
    u16::try_from(port).map_err(|_| format!("{port} is not a port number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(address_type: &str, endpoints: &str, ports: &str) -> String {
        format!(
            r#"{{"kind": "EndpointSliceList", "items": [{{"addressType": "{address_type}", "endpoints": {endpoints}, "ports": {ports}}}]}}"#
        )
    }

    const PORT: &str = r#"[{"name": "", "port": 8080, "protocol": "TCP"}]"#;
    const TWO: &str = r#"[{"addresses": ["10.0.1.212"], "conditions": {"ready": true}, "zone": "a"},
                          {"addresses": ["10.0.2.38"], "conditions": {}}, {"addresses": ["10.0.2.39"]},
                          {"addresses": ["10.0.2.40"], "conditions": {"ready": false, "serving": true}}]"#;

    #[test]
    fn endpoints_that_may_be_ready_are_ready() {
        let ready = parse_slices(&slice("IPv4", TWO, PORT)).unwrap();
        assert_eq!(ready, ["10.0.1.212:8080", "10.0.2.38:8080", "10.0.2.39:8080"].map(|one| one.parse().unwrap()));
    }

    #[test]
    fn a_service_without_pods_has_slices_of_nothing() {
        for (endpoints, ports) in [("null", "null"), ("[]", PORT)] {
            assert_eq!(parse_slices(&slice("IPv4", endpoints, ports)), Ok(Vec::new()));
        }
        assert_eq!(parse_slices(r#"{"items": null}"#), Ok(Vec::new()));
    }

    #[test]
    fn what_a_lab_does_not_make_is_not_guessed_at() {
        let refused = |address_type, ports| parse_slices(&slice(address_type, TWO, ports)).unwrap_err();
        assert_eq!(refused("IPv6", PORT), "addressType is IPv6, not IPv4");
        assert_eq!(refused("IPv4", "[]"), "it has 0 ports, not one");
        assert_eq!(refused("IPv4", r#"[{"port": 8080, "protocol": "UDP"}]"#), "its port's protocol is UDP, not TCP");
        assert_eq!(refused("IPv4", r#"[{"port": 80800}]"#), "80800 is not a port number");
        assert_eq!(refused("IPv4", r#"[{"protocol": "TCP"}]"#), "its port has no number");
        let name = slice("IPv4", r#"[{"addresses": ["hello-app"]}]"#, PORT);
        assert_eq!(parse_slices(&name).unwrap_err(), "\"hello-app\" is not an IPv4 address");
        assert!(parse_slices("{}").unwrap_err().contains("missing field `items`"));
    }
}
