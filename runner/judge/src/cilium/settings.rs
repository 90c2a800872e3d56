//! What the values of a release become, by version: in the `ConfigMap` that the chart writes, and in what an agent runs
//! with.
//!
//! Read in the sources that [`CiliumVersion`] names: the chart's `templates/cilium-configmap.yaml`, and the agent's
//! `pkg/option/config.go`. Four of the five have the same names in all of these versions; routing has not.

use std::collections::BTreeMap;

use serde_json::Value;

use super::written;
use lab_model::CiliumVersion;
use lab_model::observe::AgentConfig;

/// One setting, in the words of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    /// The value of the Helm release that asks for it, with dots between nested keys.
    pub(super) value: &'static str,
    /// The key in the `ConfigMap`.
    pub(super) config_map: &'static str,
    /// The field of an agent's running configuration; none where this version has no such field.
    pub(super) field: Option<Field>,
    /// What the `ConfigMap` and the agent should have there.
    pub(super) wanted: String,
}

/// A field of an agent's running configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Tunnel,
    RoutingMode,
    EnableAutoDirectRouting,
    IPv4NativeRoutingCidr,
    KubeProxyReplacement,
    EnableBpfMasquerade,
}

impl Field {
    /// As the agent calls it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Tunnel => "Tunnel",
            Self::RoutingMode => "RoutingMode",
            Self::EnableAutoDirectRouting => "EnableAutoDirectRouting",
            Self::IPv4NativeRoutingCidr => "IPv4NativeRoutingCIDR",
            Self::KubeProxyReplacement => "KubeProxyReplacement",
            Self::EnableBpfMasquerade => "EnableBPFMasquerade",
        }
    }

    /// What an agent runs with, as the `ConfigMap` would write it.
    pub(super) fn of(self, config: &AgentConfig) -> Option<String> {
        match self {
            Self::Tunnel => config.tunnel.clone(),
            Self::RoutingMode => config.routing_mode.clone(),
            Self::EnableAutoDirectRouting => config.auto_direct_node_routes.map(|on| on.to_string()),
            Self::IPv4NativeRoutingCidr => config.native_cidr.map(|cidr| cidr.to_string()),
            Self::KubeProxyReplacement => config.kube_proxy_replacement.clone(),
            Self::EnableBpfMasquerade => config.bpf_masquerade.map(|on| on.to_string()),
        }
    }
}

/// Value, key and field of what is called the same in all versions.
const SAME: [(&str, &str, Field); 4] = [
    ("autoDirectNodeRoutes", "auto-direct-node-routes", Field::EnableAutoDirectRouting),
    ("ipv4NativeRoutingCIDR", "ipv4-native-routing-cidr", Field::IPv4NativeRoutingCidr),
    ("kubeProxyReplacement", "kube-proxy-replacement", Field::KubeProxyReplacement),
    ("bpf.masquerade", "enable-bpf-masquerade", Field::EnableBpfMasquerade),
];
/// Value and key of what has agents announce pod CIDRs by BGP; the agent's running configuration does not tell it.
const BGP: (&str, &str) = ("bgpControlPlane.enabled", "enable-bgp-control-plane");
/// The value of `tunnel` that is native routing (charts 1.12 to 1.14).
const DISABLED: &str = "disabled";
/// The value of `routingMode` that is native routing (charts 1.14 and 1.15).
pub(super) const NATIVE: &str = "native";
/// The value of `routingMode` that is an overlay.
const TUNNEL: &str = "tunnel";

/// The settings that these values ask of a version. The error is the value that is needed and not set.
pub(super) fn settings(version: CiliumVersion, values: &BTreeMap<String, Value>) -> Result<Vec<Setting>, &'static str> {
    let mut settings = routing(version, values)?;
    for (value, config_map, field) in SAME {
        let wanted = set(values, value).ok_or(value)?;
        settings.push(Setting { value, config_map, field: Some(field), wanted });
    }
    // Asked for in the article's second case alone.
    if let Some(wanted) = set(values, BGP.0) {
        settings.push(Setting { value: BGP.0, config_map: BGP.1, field: None, wanted });
    }
    Ok(settings)
}

/// Whether these values ask a version for native routing.
pub(super) fn is_native(version: CiliumVersion, values: &BTreeMap<String, Value>) -> bool {
    let first = routing(version, values).ok().and_then(|routing| routing.into_iter().next());
    first.is_some_and(|setting| [DISABLED, NATIVE].contains(&setting.wanted.as_str()))
}

/// How packets get from node to node. Until 1.13 it is `tunnel` throughout. From 1.14 the chart makes a mode and a
/// protocol of it, and takes both as values of their own as well, which then decide; in 1.15 these alone.
fn routing(version: CiliumVersion, values: &BTreeMap<String, Value>) -> Result<Vec<Setting>, &'static str> {
    let tunnel = set(values, "tunnel");
    if version < CiliumVersion::ROUTING_MODE {
        let wanted = tunnel.ok_or("tunnel")?;
        return Ok(vec![Setting { value: "tunnel", config_map: "tunnel", field: Some(Field::Tunnel), wanted }]);
    }
    let tunnel = tunnel.filter(|_| version < CiliumVersion::DBG);
    let of_tunnel = tunnel.as_ref().map(|tunnel| if tunnel == DISABLED { NATIVE } else { TUNNEL }.to_owned());
    let (value, wanted) = match (set(values, "routingMode"), of_tunnel) {
        (Some(mode), _) => ("routingMode", mode),
        (None, Some(mode)) => ("tunnel", mode),
        (None, None) => return Err("routingMode"),
    };
    let mut settings = vec![Setting { value, config_map: "routing-mode", field: Some(Field::RoutingMode), wanted }];
    let protocol = set(values, "tunnelProtocol").map(|protocol| ("tunnelProtocol", protocol));
    let protocol = protocol.or_else(|| tunnel.filter(|tunnel| tunnel != DISABLED).map(|tunnel| ("tunnel", tunnel)));
    if let Some((value, wanted)) = protocol {
        settings.push(Setting { value, config_map: "tunnel-protocol", field: None, wanted });
    }
    Ok(settings)
}

/// A value as the chart writes it; none if it is not set, or null, which removes the chart's default.
fn set(values: &BTreeMap<String, Value>, key: &str) -> Option<String> {
    values.get(key).filter(|value| !value.is_null()).map(written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::kind::expectations;
    use serde_json::json;

    fn article(changes: &[(&str, Value)]) -> BTreeMap<String, Value> {
        let mut values = expectations().cluster.expect("a cluster is expected").values;
        values.extend(changes.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        values
    }

    fn version(minor: u32) -> CiliumVersion {
        CiliumVersion { major: 1, minor }
    }

    /// The keys of the `ConfigMap` that are about routing, with what they are to have.
    fn told(minor: u32, changes: &[(&str, Value)]) -> Vec<String> {
        let settings = settings(version(minor), &article(changes)).expect("all is said");
        let about_routing = settings.len() - SAME.len();
        settings.iter().take(about_routing).map(|one| format!("{}={}", one.config_map, one.wanted)).collect()
    }

    #[test]
    fn routing_is_told_in_each_versions_own_words() {
        for minor in [12, 13] {
            assert_eq!(told(minor, &[]), ["tunnel=disabled"], "{minor}");
            assert_eq!(told(minor, &[("tunnel", json!("geneve"))]), ["tunnel=geneve"], "{minor}");
        }
        assert_eq!(told(14, &[]), ["routing-mode=native"]);
        assert_eq!(told(14, &[("tunnel", json!("vxlan"))]), ["routing-mode=tunnel", "tunnel-protocol=vxlan"]);
        // The new values decide where they are set.
        assert_eq!(told(14, &[("routingMode", json!("tunnel"))]), ["routing-mode=tunnel"]);
        let own = [("tunnel", Value::Null), ("routingMode", json!("native"))];
        assert_eq!(told(14, &own), ["routing-mode=native"]);
        assert_eq!(told(15, &own), ["routing-mode=native"]);
        let overlay = [("routingMode", json!("tunnel")), ("tunnelProtocol", json!("geneve"))];
        assert_eq!(told(15, &overlay), ["routing-mode=tunnel", "tunnel-protocol=geneve"]);
    }

    #[test]
    fn bgp_is_told_where_it_is_asked_for_alone() {
        let key = |values: &BTreeMap<String, Value>| {
            let settings = settings(version(12), values).expect("all is said").into_iter();
            settings.map(|one| format!("{}={}", one.config_map, one.wanted)).find(|text| text.contains("bgp"))
        };
        assert_eq!(key(&article(&[])), None);
        let second = article(&[("bgpControlPlane.enabled", json!(true))]);
        assert_eq!(key(&second).as_deref(), Some("enable-bgp-control-plane=true"));
    }

    #[test]
    fn what_a_version_does_not_know_says_nothing() {
        // Chart 1.15 takes no `tunnel`, and makes an overlay where nothing else is said.
        assert_eq!(settings(version(15), &article(&[])), Err("routingMode"));
        assert_eq!(settings(version(12), &article(&[("tunnel", Value::Null)])), Err("tunnel"));
        let mut values = article(&[]);
        values.remove("bpf.masquerade");
        assert_eq!(settings(version(12), &values), Err("bpf.masquerade"));
    }

    #[test]
    fn native_routing_is_known_in_all_of_them() {
        for minor in 12..=14 {
            assert!(is_native(version(minor), &article(&[])), "{minor}");
            assert!(!is_native(version(minor), &article(&[("tunnel", json!("vxlan"))])), "{minor}");
        }
        assert!(is_native(version(15), &article(&[("routingMode", json!("native"))])));
        assert!(!is_native(version(15), &article(&[("routingMode", json!("tunnel"))])));
        assert!(!is_native(version(15), &article(&[])));
    }
}
