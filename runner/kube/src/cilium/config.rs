//! Parses `cilium config --all -o json`: the running configuration of an agent (cilium 1.12 to 1.15: `pkg/option`,
//! `DaemonConfig`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ipnet::Ipv4Net;
use serde::Deserialize;
use std::net::Ipv4Addr;

use lab_model::observe::AgentConfig;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Raw {
    tunnel: Option<String>,
    routing_mode: Option<String>,
    enable_auto_direct_routing: Option<bool>,
    #[serde(rename = "IPv4NativeRoutingCIDR")]
    native_cidr: Option<RawCidr>,
    kube_proxy_replacement: Option<String>,
    #[serde(rename = "EnableBPFMasquerade")]
    bpf_masquerade: Option<bool>,
    enable_host_legacy_routing: Option<bool>,
}

/// Go's `net.IPNet`. Its mask is a byte array, which Go writes to JSON as base64.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawCidr {
    #[serde(rename = "IP")]
    ip: String,
    mask: Option<String>,
}

impl RawCidr {
    fn read(&self) -> Result<Ipv4Net, String> {
        let wrong = |what: &str| format!("IPv4NativeRoutingCIDR: {what}");
        let address: Ipv4Addr = self.ip.parse().map_err(|_| wrong(&format!("{:?} is not an IPv4 address", self.ip)))?;
        let mask = self.mask.as_deref().unwrap_or_default();
        let bytes = STANDARD.decode(mask).ok().and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
        let bytes = bytes.ok_or_else(|| wrong(&format!("{mask:?} is not a mask of four bytes in base64")))?;
        Ipv4Net::with_netmask(address, bytes.into())
            .map_err(|_| wrong(&format!("{mask:?} is not the mask of a prefix")))
    }
}

/// Parses the configuration. Options that it does not have are none.
///
/// # Errors
/// A text that says why, when the JSON or an option in it has another form.
pub fn parse_config(text: &str) -> Result<AgentConfig, String> {
    let raw: Raw = serde_json::from_str(text).map_err(|error| format!("`cilium config --all -o json`: {error}"))?;
    let native_cidr = raw.native_cidr.map(|cidr| cidr.read()).transpose();
    Ok(AgentConfig {
        // From 1.14 on it is there, and empty: what it said is in the routing mode.
        tunnel: raw.tunnel.filter(|tunnel| !tunnel.is_empty()),
        routing_mode: raw.routing_mode,
        auto_direct_node_routes: raw.enable_auto_direct_routing,
        native_cidr: native_cidr.map_err(|error| format!("`cilium config --all -o json`: {error}"))?,
        kube_proxy_replacement: raw.kube_proxy_replacement,
        bpf_masquerade: raw.bpf_masquerade,
        host_legacy_routing: raw.enable_host_legacy_routing,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidr(ip: &str, mask: &str) -> Result<AgentConfig, String> {
        parse_config(&format!(r#"{{"IPv4NativeRoutingCIDR": {{"IP": "{ip}", "Mask": {mask}}}, "Unknown": [1]}}"#))
    }

    #[test]
    fn what_is_not_named_is_none() {
        let none = parse_config("{}").unwrap();
        assert_eq!((none.tunnel, none.auto_direct_node_routes, none.native_cidr), (None, None, None));
        // Cilium 1.14 (`pkg/option/config.go`, `Populate`) has both, 1.15 the second alone.
        for text in [r#"{"Tunnel": "", "RoutingMode": "native"}"#, r#"{"RoutingMode": "native"}"#] {
            let config = parse_config(text).unwrap();
            assert_eq!((config.tunnel, config.routing_mode.as_deref()), (None, Some("native")), "{text}");
        }
        assert_eq!(cidr("10.0.0.0", "\"/wAAAA==\"").unwrap().native_cidr, "10.0.0.0/8".parse().ok());
    }

    #[test]
    fn masks_that_are_none_are_refused() {
        for (ip, mask, words) in [
            ("10.0.0.0", "\"/wAA\"", "is not a mask of four bytes"),
            ("10.0.0.0", "null", "is not a mask of four bytes"),
            ("10.0.0.0", "\"/wD/AA==\"", "is not the mask of a prefix"),
            ("fd00::", "\"/wAAAA==\"", "is not an IPv4 address"),
        ] {
            let error = cidr(ip, mask).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        assert!(parse_config("Tunnel disabled").unwrap_err().starts_with("`cilium config --all -o json`: expected"));
        assert!(parse_config(r#"{"Tunnel": 1}"#).unwrap_err().contains("invalid type: integer"));
    }
}
