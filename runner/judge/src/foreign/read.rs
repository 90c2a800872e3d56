//! Reads what agents start with: the `ConfigMap` `cilium-config`, and the images that they run.
//!
//! The keys and their defaults were read in the sources that [`CiliumVersion`] names: the chart's
//! `templates/cilium-configmap.yaml`, and the agent's `pkg/option/config.go` and `pkg/defaults/defaults.go`.

use std::collections::BTreeMap;

use lab_model::CiliumVersion;
use lab_model::foreign::{Beneath, Configuration, Families, KubeProxy, Mode, PodAddresses, RoutesBy};

/// The settings that running agents are compared with.
pub const CONFIG_KEYS: [&str; 6] = [
    "tunnel",
    "routing-mode",
    "auto-direct-node-routes",
    "ipv4-native-routing-cidr",
    "kube-proxy-replacement",
    "enable-bpf-masquerade",
];
/// What an agent does where nothing says how it routes.
const DEFAULT_TUNNEL: &str = "vxlan";
/// Chaining modes that leave pods' routes to Cilium: none at all, and the plugin for `hostPort`.
const NOT_CHAINED: [&str; 3] = ["", "none", "portmap"];
/// Settings with which an agent makes a tunnel device in native mode too.
const BESIDE: [(&str, &str); 3] = [
    ("bpf-lb-dsr-dispatch", "geneve"),
    ("enable-high-scale-ipcache", "true"),
    // What leaves by another node goes there through the tunnel, whatever the mode (`pkg/egressgateway/manager.go`).
    ("enable-ipv4-egress-gateway", "true"),
];

/// What these settings and images say.
pub fn read(config_map: &BTreeMap<String, String>, images: &[String]) -> Configuration {
    let value = |key: &str| config_map.get(key).map(|value| value.trim());
    let is = |key: &str, default: bool| value(key).map_or(default, |value| value.eq_ignore_ascii_case("true"));
    let mut versions: Vec<String> = images.iter().map(|image| version_of(image)).collect();
    versions.sort();
    versions.dedup();
    let oldest = versions.iter().filter_map(|version| CiliumVersion::parse(version)).min();
    let by_agents = is("auto-direct-node-routes", false);
    let announces = ["enable-bgp-control-plane", "bgp-announce-pod-cidr", "direct-routing-skip-unreachable"];
    let routes = match (by_agents, announces.into_iter().any(|key| is(key, false))) {
        (true, false) => RoutesBy::Agents,
        (true, true) => RoutesBy::AgentsAndNetwork,
        (false, _) => RoutesBy::Network,
    };
    let ipam = value("ipam").unwrap_or("cluster-pool").to_owned();
    let addresses = match ipam.as_str() {
        "cluster-pool" | "cluster-pool-v2beta" | "multi-pool" | "kubernetes" => PodAddresses::OfNode,
        "eni" | "azure" | "alibabacloud" => PodAddresses::OfCloud,
        _ => PodAddresses::Unknown,
    };
    let kube_proxy = match value("kube-proxy-replacement") {
        Some("strict" | "true") => KubeProxy::Replaced,
        // `partial` and `probe` replace parts of it, and which is a matter of the node's kernel.
        _ => KubeProxy::Kept,
    };
    let beneath = match (is("enable-wireguard", false), is("enable-ipsec", false)) {
        (true, _) => Beneath::WireGuard,
        (false, true) => Beneath::Ipsec,
        (false, false) => Beneath::Nothing,
    };
    let families = match (is("enable-ipv4", true), is("enable-ipv6", true)) {
        (true, false) => Families::V4,
        (false, true) => Families::V6,
        _ => Families::Dual,
    };
    let chained = value("cni-chaining-mode").filter(|mode| !NOT_CHAINED.contains(mode)).map(str::to_owned);
    let beside = BESIDE.into_iter().find(|(key, word)| value(key).is_some_and(|value| value == *word));
    let declared = CONFIG_KEYS.into_iter().filter_map(|key| Some((key.to_owned(), value(key)?.to_owned())));
    Configuration {
        mode: mode(oldest, &value),
        routes,
        ipam,
        addresses,
        endpoint_routes: is("enable-endpoint-routes", false),
        kube_proxy,
        beneath,
        families,
        chained,
        native_cidr: value("ipv4-native-routing-cidr").and_then(|cidr| cidr.parse().ok()),
        // The agent's own default (pkg/option/config.go: EnableIPv4Masquerade).
        masquerades: is("enable-ipv4-masquerade", true),
        always_policed: value("enable-policy") == Some("always"),
        tunnel_beside: beside.map(|(key, word)| format!("{key}={word}")),
        declared: declared.collect(),
        versions,
    }
}

/// The version in an image's tag, without its `v`.
fn version_of(image: &str) -> String {
    let named = image.split_once('@').map_or(image, |(named, _digest)| named);
    let tag = named.rsplit_once(':').map(|(_name, tag)| tag.strip_prefix('v').unwrap_or(tag));
    tag.filter(|tag| CiliumVersion::parse(tag).is_some()).unwrap_or("unknown").to_owned()
}

/// How packets travel. Until 1.13 `tunnel` says it, from 1.15 `routing-mode`, in 1.14 the latter where it is set.
fn mode<'a>(version: Option<CiliumVersion>, value: &impl Fn(&str) -> Option<&'a str>) -> Mode {
    let knows_mode = version.is_none_or(|version| version >= CiliumVersion::ROUTING_MODE);
    let knows_tunnel = version.is_none_or(|version| version < CiliumVersion::DBG);
    let protocol = value("tunnel-protocol").unwrap_or(DEFAULT_TUNNEL);
    let by_mode = value("routing-mode").filter(|_mode| knows_mode);
    let by_tunnel = value("tunnel").filter(|_tunnel| knows_tunnel);
    match (by_mode, by_tunnel) {
        (Some("native"), _) | (None, Some("disabled")) => Mode::Native,
        (Some("tunnel"), _) | (None, None) => Mode::Tunnel(protocol.to_owned()),
        (None, Some(tunnel @ ("vxlan" | "geneve"))) => Mode::Tunnel(tunnel.to_owned()),
        (Some(other), _) | (None, Some(other)) => Mode::Unknown(other.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foreign::fixture::config;

    fn by(version: &str, settings: &[(&str, &str)]) -> Configuration {
        read(&config(settings), &[format!("quay.io/cilium/cilium:{version}@sha256:0")])
    }

    #[test]
    fn the_mode_is_read_in_the_words_of_the_version() {
        let tunnel = |protocol: &str| Mode::Tunnel(protocol.to_owned());
        for (version, settings, mode) in [
            ("v1.12.4", &[("tunnel", "disabled")][..], Mode::Native),
            ("v1.12.4", &[("tunnel", "geneve")], tunnel("geneve")),
            // A key that this version does not read.
            ("v1.13.2", &[("routing-mode", "native")], tunnel("vxlan")),
            ("v1.14.0", &[("routing-mode", "native"), ("tunnel-protocol", "geneve")], Mode::Native),
            ("v1.14.0", &[("tunnel", "disabled")], Mode::Native),
            ("v1.14.0", &[("routing-mode", "tunnel"), ("tunnel-protocol", "geneve")], tunnel("geneve")),
            ("v1.15.0", &[("tunnel", "disabled")], tunnel("vxlan")),
            ("v1.15.0", &[("routing-mode", "native")], Mode::Native),
            ("v1.15.0", &[("routing-mode", "hybrid")], Mode::Unknown("hybrid".to_owned())),
            ("v1.12.4", &[("tunnel", "gre")], Mode::Unknown("gre".to_owned())),
            ("v1.12.4", &[], tunnel("vxlan")),
            // Nothing tells the version: either word counts.
            ("latest", &[("tunnel", "disabled")], Mode::Native),
            ("latest", &[("routing-mode", "native")], Mode::Native),
        ] {
            assert_eq!(by(version, settings).mode, mode, "{version} {settings:?}");
        }
    }

    #[test]
    fn each_setting_is_read() {
        let plain = by("v1.12.4", &[("tunnel", "disabled"), ("enable-ipv6", "false")]);
        assert_eq!(
            (plain.routes, plain.addresses, plain.kube_proxy),
            (RoutesBy::Network, PodAddresses::OfNode, KubeProxy::Kept)
        );
        assert_eq!((plain.beneath, plain.families, plain.endpoint_routes), (Beneath::Nothing, Families::V4, false));
        assert_eq!((plain.ipam.as_str(), plain.chained.as_deref()), ("cluster-pool", None));
        let with = |key: &str, value: &str| by("v1.12.4", &[("tunnel", "disabled"), (key, value)]);
        assert_eq!(with("auto-direct-node-routes", "true").routes, RoutesBy::Agents);
        assert_eq!(with("enable-bgp-control-plane", "true").routes, RoutesBy::Network);
        for key in ["enable-bgp-control-plane", "bgp-announce-pod-cidr", "direct-routing-skip-unreachable"] {
            let both = by("v1.12.4", &[("auto-direct-node-routes", "true"), (key, "true")]);
            assert_eq!(both.routes, RoutesBy::AgentsAndNetwork, "{key}");
        }
        for (ipam, addresses) in [
            ("kubernetes", PodAddresses::OfNode),
            ("multi-pool", PodAddresses::OfNode),
            ("eni", PodAddresses::OfCloud),
            ("azure", PodAddresses::OfCloud),
            ("alibabacloud", PodAddresses::OfCloud),
            ("crd", PodAddresses::Unknown),
            ("delegated-plugin", PodAddresses::Unknown),
        ] {
            assert_eq!(with("ipam", ipam).addresses, addresses, "{ipam}");
        }
        for (word, kube_proxy) in [
            ("strict", KubeProxy::Replaced),
            ("true", KubeProxy::Replaced),
            ("partial", KubeProxy::Kept),
            ("false", KubeProxy::Kept),
        ] {
            assert_eq!(with("kube-proxy-replacement", word).kube_proxy, kube_proxy, "{word}");
        }
        assert_eq!(with("enable-wireguard", "true").beneath, Beneath::WireGuard);
        assert_eq!(with("enable-ipsec", "true").beneath, Beneath::Ipsec);
        assert_eq!(with("enable-ipv6", "true").families, Families::Dual);
        assert_eq!(with("enable-ipv4", "false").families, Families::V6);
        assert!(with("enable-endpoint-routes", "true").endpoint_routes);
        assert_eq!(with("cni-chaining-mode", "aws-cni").chained.as_deref(), Some("aws-cni"));
        assert_eq!(with("cni-chaining-mode", "portmap").chained, None);
        let geneve = with("bpf-lb-dsr-dispatch", "geneve").tunnel_beside;
        assert_eq!(geneve.as_deref(), Some("bpf-lb-dsr-dispatch=geneve"));
        assert_eq!(with("bpf-lb-dsr-dispatch", "opt").tunnel_beside, None);
    }

    #[test]
    fn versions_are_those_of_images_each_once() {
        let images = ["a/cilium:v1.13.2", "a/cilium:v1.12.4@sha256:0", "a/cilium:v1.12.4", "a/cilium:dev", "a/cilium"];
        let read = read(&config(&[]), &images.map(str::to_owned));
        assert_eq!(read.versions, ["1.12.4", "1.13.2", "unknown"]);
        assert_eq!(read.unknown_version(), Some("unknown"));
        assert_eq!(by("v1.12.4", &[]).unknown_version(), None);
        assert_eq!(by("v1.17.1", &[]).unknown_version(), Some("1.17.1"));
    }
}
