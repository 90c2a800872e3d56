//! Overrides that contradict each other, the pins or the machine: refused before anything is built.

use ipnet::Ipv4Net;
use serde_json::Value;

use super::Overrides;
use super::apply::{DIRECT_KEY, MODE_KEY, NATIVE_KEY, POOL_KEY, POOLS_KEY, TUNNEL_KEY, plain};
use super::assignment::Assignment;
use super::error::OverrideError;
use super::installed::contrast;
use crate::Manifests;
use crate::check::runs_with;
use lab_model::deviation::ImageName;
use lab_model::{CiliumVersion, Routing};

/// Keys that `--set` may not set, with the option that must be used instead. They are about images, which the lab itself
/// loads into the nodes, and about pools.
const MANAGED: [(&str, &str); 10] = [
    ("image.override", "--image cilium=REF"),
    ("image.repository", "--image cilium=REF"),
    ("image.tag", "--image cilium=REF"),
    ("image.digest", "--image cilium=REF"),
    ("operator.image.override", "--image operator-generic=REF"),
    ("operator.image.repository", "--image operator-generic=REF"),
    ("operator.image.tag", "--image operator-generic=REF"),
    ("operator.image.suffix", "--image operator-generic=REF"),
    ("operator.image.genericDigest", "--image operator-generic=REF"),
    (POOLS_KEY, "--pod-pool CIDR"),
];

impl Overrides {
    /// Refuses values that the chart does not know, and versions of Cilium whose output this program cannot read. Otherwise a
    /// lab would be built for minutes, and then could not be judged.
    pub(super) fn check_versions(&self, pinned: &Manifests) -> Result<(), OverrideError> {
        let by = self.chart.as_ref().map(|chart| format!("--chart {}", chart.path.display()));
        let text = self.chart.as_ref().map_or(pinned.pins.chart.version.as_str(), |chart| chart.version.as_str());
        let by = by.unwrap_or_else(|| "pins.json: chart.version".to_owned());
        let unknown = |by: String, found: &str| OverrideError::UnknownVersion { by, found: found.to_owned() };
        let version = CiliumVersion::parse(text).filter(|version| version.is_known());
        let version = version.ok_or_else(|| unknown(by.clone(), text))?;
        // An image whose tag is not a version is accepted.
        let agent = self.images.iter().find(|image| image.name == ImageName::Cilium);
        if let Some((image, tag)) = agent.and_then(|image| Some((image, image.reference.tag()?.to_string())))
            && CiliumVersion::parse(&tag).is_some_and(|version| !version.is_known())
        {
            return Err(unknown(format!("--image {image}"), &tag));
        }
        if version < CiliumVersion::ROUTING_MODE {
            return Ok(());
        }
        let set = |key: &str| self.values.iter().find(|set| set.path().to_string() == key);
        if let Some(set) = set(POOL_KEY) {
            let problem = "takes a list of pools, not a single pool";
            let by = format!("--set {set}");
            return Err(OverrideError::OtherWords { by, version, problem, instead: "`--pod-pool CIDR`" });
        }
        let is_set = |key: &str| set(key).is_some_and(|set| !set.value().is_null());
        // The article sets `tunnel`, so it is set unless `--set tunnel=null` removes it.
        let has_tunnel = set(TUNNEL_KEY).is_none_or(|set| !set.value().is_null());
        match (is_set(MODE_KEY), has_tunnel) {
            (true, true) => Err(OverrideError::OtherWords {
                by,
                version,
                problem: "accepts either `tunnel` (which the article sets) or `routingMode`, but not both",
                instead: "`--set tunnel=null` too",
            }),
            (false, _) if version >= CiliumVersion::DBG => Err(OverrideError::OtherWords {
                by,
                version,
                problem: "no longer has the value `tunnel`, and builds an overlay unless `routingMode` is set",
                instead: "`--set tunnel=null --set routingMode=native` too",
            }),
            _ => Ok(()),
        }
    }

    /// Refuses a tunnel together with direct routes: minutes later an agent of Cilium 1.12 would end with
    /// `auto-direct-node-routes cannot be used with tunneling`. With `--chart` nothing is refused, because that chart may
    /// install another version.
    pub(super) fn check_tunnel(&self, pinned: &Manifests) -> Result<(), OverrideError> {
        if self.chart.is_some() {
            return Ok(());
        }
        let article = pinned.cilium.values.flat();
        let tunnel = self.value(TUNNEL_KEY, &article).map(plain).filter(|tunnel| tunnel != "disabled");
        match (tunnel, self.value(DIRECT_KEY, &article)) {
            (Some(tunnel), Some(Value::Bool(direct))) if !runs_with(&tunnel, *direct) => {
                let by = [TUNNEL_KEY, DIRECT_KEY].into_iter().find_map(|key| self.set(key));
                by.map_or(Ok(()), |by| Err(OverrideError::TunnelWithRoutes { set: by.to_string(), tunnel }))
            }
            _ => Ok(()),
        }
    }

    /// Refuses IPv6 together with BPF masquerading: minutes later an agent of Cilium 1.12 or 1.13 would end with `BPF
    /// masquerade is not supported for IPv6` (`daemon/cmd/daemon_main.go`; 1.14 does it). With `--chart` nothing is refused.
    pub(super) fn check_ipv6(&self, pinned: &Manifests) -> Result<(), OverrideError> {
        const ENABLED: &str = "ipv6.enabled";
        let article = pinned.cilium.values.flat();
        // The chart's own value where neither is set: `enableIPv6Masquerade` is true there (chart 1.12.4: `values.yaml`).
        let is = |key: &str, unset: bool| self.value(key, &article).map_or(unset, |value| plain(value) == "true");
        let ends = is(ENABLED, false) && is("enableIPv6Masquerade", true) && is("bpf.masquerade", false);
        let by = [ENABLED, "enableIPv6Masquerade", "bpf.masquerade"].into_iter().find_map(|key| self.set(key));
        match by {
            Some(by) if ends && self.chart.is_none() => Err(OverrideError::Ipv6Masquerade { set: by.to_string() }),
            _ => Ok(()),
        }
    }

    /// Refuses a pool that has no room for so many nodes, or that overlaps a network that the lab uses for something else:
    /// `apart` are those networks, each with its purpose. `manifests` are those with the overrides applied.
    ///
    /// # Errors
    /// When the pool was given by an option; the pool in the manifests is checked when they are read.
    pub fn check_pool(
        &self,
        manifests: &Manifests,
        nodes: usize,
        apart: &[(Ipv4Net, &'static str)],
    ) -> Result<(), OverrideError> {
        let defaults = &manifests.cilium.chart_defaults;
        let room = defaults.pod_cidrs();
        if let Some(by) = self.by().filter(|_| room < nodes) {
            let (pool, prefix) =
                (defaults.cluster_pool_ipv4_pod_cidr.net(), defaults.cluster_pool_ipv4_mask_size.get());
            return Err(OverrideError::PoolTooSmall { by, nodes, prefix, room, pool });
        }
        let services = self.service_cidr.map(|services| format!("--service-cidr {services}"));
        let Some(by) = services.or_else(|| self.by()) else { return Ok(()) };
        let mut used = defaults.first_pod_cidrs(nodes).into_iter();
        let taken = used.find_map(|used| {
            let overlaps = |other: &Ipv4Net| used.contains(other) || other.contains(&used);
            apart.iter().find(|(other, _)| overlaps(other)).map(|(other, whose)| (used, *other, *whose))
        });
        taken.map_or(Ok(()), |(pool, other, whose)| Err(OverrideError::PoolInUse { by, pool, other, whose }))
    }

    /// Refuses a value of `--set` that `--routing` sets too.
    ///
    /// # Errors
    /// When `--routing` asks for the contrast, and `--set` for one of its values.
    pub fn check_routing(&self, routing: Routing) -> Result<(), OverrideError> {
        let by_mode = self.values.iter().any(|set| set.path().to_string() == MODE_KEY && !set.value().is_null());
        let keys = contrast(routing, by_mode);
        // With a chart that has no `tunnel`, `routingMode` must be given by `--set`, so it may be set together with --routing.
        let clashes = |key: &str| key != MODE_KEY && keys.iter().any(|(other, _)| key == *other);
        let set = self.values.iter().find(|set| clashes(&set.path().to_string()));
        set.map_or(Ok(()), |set| Err(OverrideError::Routing { set: set.to_string(), routing }))
    }

    /// Refuses a value that another option sets, or that does not have the type of the article's value for the same key.
    pub(super) fn check_value(&self, set: &Assignment, key: &str, pinned: &Manifests) -> Result<(), OverrideError> {
        let managed = MANAGED.into_iter().find(|(managed, _)| key == *managed || is_around(key, managed));
        if let Some((_, instead)) = managed {
            return Err(OverrideError::Managed { set: set.to_string(), instead });
        }
        if self.pod_pool.is_some() && [NATIVE_KEY, POOL_KEY].contains(&key) {
            return Err(OverrideError::Twice(format!("{key} (--pod-pool sets it, and --set {set})")));
        }
        let article = pinned.cilium.values.flat();
        if let Some(other) = article.keys().find(|other| is_around(key, other) || is_around(other, key)) {
            return Err(OverrideError::Around { set: set.to_string(), other: other.clone() });
        }
        // The values of another chart's keys may have other types.
        if self.chart.is_none() && article.contains_key(key) {
            let checked = pinned.cilium.values.check(set.path().keys(), set.value());
            return checked.map_err(|problem| OverrideError::Value { set: set.to_string(), problem });
        }
        Ok(())
    }
}

/// Whether the first dotted key is that of a mapping that contains the second.
fn is_around(outer: &str, inner: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'))
}
