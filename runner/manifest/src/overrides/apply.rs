//! Applies overrides to the manifests: what the lab is built from, what is expected of it, and how it deviates from the pins.

use ipnet::Ipv4Net;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

use super::Overrides;
use super::assignment::Assignment;
use super::error::OverrideError;
use super::installed::contrast;
use crate::check::runs_with;
use crate::kind_config::POD_SUBNET;
use crate::pins::Image;
use crate::{Cidr, Manifests, MaskSize};
use lab_model::deviation;
use lab_model::deviation::Deviation;
use lab_model::deviation::ImageName;
use lab_model::expect::{ClusterExpectations, ImageExpected};
use lab_model::{CiliumVersion, Routing};

/// Keys of chart 1.12.4 for the pool of pod CIDRs, and for their prefix length.
const POOL_KEY: &str = "ipam.operator.clusterPoolIPv4PodCIDR";
const MASK_KEY: &str = "ipam.operator.clusterPoolIPv4MaskSize";
/// The key for a list of pools. In charts 1.12 and 1.13 it takes precedence over the key for one pool; from 1.14 on it is the
/// only one (`templates/cilium-configmap.yaml`).
const POOLS_KEY: &str = "ipam.operator.clusterPoolIPv4PodCIDRList";
/// The key that decides where pods' addresses come from.
const IPAM_KEY: &str = "ipam.mode";
/// The keys for the tunnel and for direct routes, which an agent refuses to combine.
const TUNNEL_KEY: &str = "tunnel";
const DIRECT_KEY: &str = "autoDirectNodeRoutes";
/// The key that replaces `tunnel`: chart 1.14 has both, charts from 1.15 on have only this one.
pub(super) const MODE_KEY: &str = "routingMode";
/// The key for the native routing CIDR, which must contain the pool.
const NATIVE_KEY: &str = "ipv4NativeRoutingCIDR";

/// The key of chart 1.12.4 for an image's whole reference (`image.override`, `operator.image.override`).
const fn override_key(name: ImageName) -> Option<&'static str> {
    match name {
        ImageName::Cilium => Some("image.override"),
        ImageName::OperatorGeneric => Some("operator.image.override"),
        ImageName::HelloApp => None,
    }
}

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
    /// The manifests with the overrides of the network (pool, prefix length, native routing CIDR) and of the workload's image
    /// applied. The pins, and the chart's other values, stay as they are.
    ///
    /// # Errors
    /// When overrides contradict each other or what remains of the pins.
    pub fn apply(&self, pinned: &Manifests) -> Result<Manifests, OverrideError> {
        self.check_versions(pinned)?;
        let mut manifests = pinned.clone();
        if let Some(pool) = self.pod_pool {
            manifests.cilium.chart_defaults.cluster_pool_ipv4_pod_cidr = pool.cidr();
            manifests.cilium.values.ipv4_native_routing_cidr = pool.cidr();
        }
        for set in &self.values {
            let key = set.path().to_string();
            self.check_value(set, &key, pinned)?;
            let problem = |problem: String| OverrideError::Value { set: set.to_string(), problem };
            match key.as_str() {
                NATIVE_KEY => manifests.cilium.values.ipv4_native_routing_cidr = cidr(set.value()).map_err(problem)?,
                POOL_KEY => {
                    manifests.cilium.chart_defaults.cluster_pool_ipv4_pod_cidr = cidr(set.value()).map_err(problem)?;
                }
                MASK_KEY => {
                    manifests.cilium.chart_defaults.cluster_pool_ipv4_mask_size = mask(set.value()).map_err(problem)?;
                }
                // The nodes' own pod CIDRs, which kind's cluster hands out, and no pool of Cilium's.
                IPAM_KEY if set.value() == "kubernetes" => {
                    if let Some(pool) = self.pod_pool {
                        return Err(OverrideError::UselessPool { pool: pool.to_string(), set: set.to_string() });
                    }
                    let (subnet, prefix) = POD_SUBNET;
                    manifests.cilium.chart_defaults.cluster_pool_ipv4_pod_cidr =
                        Cidr::try_from(subnet.to_string()).map_err(|error| problem(error.to_string()))?;
                    manifests.cilium.chart_defaults.cluster_pool_ipv4_mask_size =
                        MaskSize::try_from(u64::from(prefix)).map_err(|error| problem(error.to_string()))?;
                }
                _ => {}
            }
        }
        if let Some(services) = self.service_cidr {
            manifests.kind.networking.service_subnet = Some(services);
        }
        let (defaults, values) = (&manifests.cilium.chart_defaults, &manifests.cilium.values);
        let (pool, native) = (defaults.cluster_pool_ipv4_pod_cidr.net(), values.ipv4_native_routing_cidr.net());
        if let Some(by) = self.by().filter(|_| !native.contains(&pool)) {
            return Err(OverrideError::PoolNotRouted { by, pool, native });
        }
        self.check_tunnel(pinned)?;
        self.check_ipv6(pinned)?;
        if let Some(reference) = self.local_image(ImageName::HelloApp) {
            let [container] = &mut manifests.hello_app.deployment.spec.template.spec.containers;
            container.image = reference.to_string();
        }
        Ok(manifests)
    }

    /// Refuses values that the chart does not know, and versions of Cilium whose output this program cannot read. Otherwise a
    /// lab would be built for minutes, and then could not be judged.
    fn check_versions(&self, pinned: &Manifests) -> Result<(), OverrideError> {
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
    fn check_tunnel(&self, pinned: &Manifests) -> Result<(), OverrideError> {
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
    fn check_ipv6(&self, pinned: &Manifests) -> Result<(), OverrideError> {
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

    /// A value of the release: that of the last `--set`, else the article's.
    fn value<'a>(&'a self, key: &str, article: &'a BTreeMap<String, Value>) -> Option<&'a Value> {
        self.set(key).map(Assignment::value).or_else(|| article.get(key))
    }

    /// The last `--set` of this key.
    fn set(&self, key: &str) -> Option<&Assignment> {
        self.values.iter().rev().find(|set| set.path().to_string() == key)
    }

    /// The option that decides the pool of pod CIDRs, its prefix length or the native routing CIDR, for errors.
    fn by(&self) -> Option<String> {
        let keys = [NATIVE_KEY, POOL_KEY, MASK_KEY, IPAM_KEY];
        let sets = self.values.iter().rev().find(|set| keys.contains(&set.path().to_string().as_str()));
        sets.map(|set| format!("--set {set}")).or_else(|| self.pod_pool.map(|pool| format!("--pod-pool {pool}")))
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
    fn check_value(&self, set: &Assignment, key: &str, pinned: &Manifests) -> Result<(), OverrideError> {
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

    /// Applies the other overrides to what a kind cluster should be.
    pub fn expect(&self, cluster: &mut ClusterExpectations) {
        if let Some(reference) = &self.node_image {
            let pinned = image_text(&cluster.node_image);
            if reference.to_string() != pinned {
                cluster.node_image = ImageExpected {
                    reference: named(reference),
                    digest: reference.digest().map(|digest| digest.as_str().to_owned()),
                };
                // Nodes report what their image contains, and what another image contains is not known.
                cluster.kubernetes = None;
                cluster.os_image = None;
                cluster.container_runtime = None;
            }
        }
        for image in &self.images {
            let expected = ImageExpected { reference: image.reference.to_string(), digest: None };
            cluster.images.insert(image.name.key().to_owned(), expected);
            if let Some(key) = override_key(image.name) {
                cluster.own_values.insert(key.to_owned(), Value::String(image.reference.to_string()));
            }
        }
        if let Some(chart) = &self.chart {
            cluster.chart_version.clone_from(&chart.version);
        }
        if let Some(pool) = self.pod_pool {
            cluster.values.insert(NATIVE_KEY.to_owned(), Value::String(pool.to_string()));
            let pool = Value::String(pool.to_string());
            let version = CiliumVersion::parse(&cluster.chart_version);
            let (key, pool) = match version {
                Some(version) if version >= CiliumVersion::ROUTING_MODE => (POOLS_KEY, Value::Array(vec![pool])),
                _ => (POOL_KEY, pool),
            };
            cluster.values.insert(key.to_owned(), pool);
        }
        for set in &self.values {
            let key = set.path().to_string();
            cluster.own_values.remove(&key);
            cluster.values.insert(key, set.value().clone());
        }
    }

    /// The overrides that differ from the pins.
    pub fn deviations(&self, pinned: &Manifests) -> Vec<Deviation> {
        let mut found = Vec::new();
        let mut add = |what: String, was: Option<String>, used: String, by: String| {
            if was.as_ref() != Some(&used) {
                found.push(Deviation { what, pinned: was, used, by });
            }
        };
        let article = pinned.cilium.values.flat();
        let defaults = &pinned.cilium.chart_defaults;
        let pool = defaults.cluster_pool_ipv4_pod_cidr.net().to_string();
        if let Some(used) = self.pod_pool {
            let by = format!("--pod-pool {used}");
            add(deviation::POD_POOL.to_owned(), Some(pool.clone()), used.to_string(), by.clone());
            let native = pinned.cilium.values.ipv4_native_routing_cidr.net().to_string();
            add(deviation::value(&NATIVE_KEY), Some(native), used.to_string(), by);
        }
        if let Some(used) = self.service_cidr {
            let was = pinned.kind.networking.service_cidr().to_string();
            let by = format!("--service-cidr {used}");
            add(deviation::SERVICE_CIDR.to_owned(), Some(was), used.to_string(), by);
        }
        if let Some(reference) = &self.node_image {
            let by = format!("--node-image {reference}");
            let was = pinned_image(&pinned.pins.images.node);
            if reference.to_string() != was {
                add(deviation::NODE_IMAGE.to_owned(), Some(was), reference.to_string(), by.clone());
                let version = pinned.pins.kubernetes.version.to_string();
                add(deviation::KUBERNETES.to_owned(), Some(version), "that of the node image".to_owned(), by);
            }
        }
        for image in &self.images {
            let was = pinned_image(super::pinned(image.name, &pinned.pins.images));
            let by = format!("--image {image}");
            // If a digest is pinned, a local image is always a deviation, because nothing proves that it is the pinned one. If
            // none is, the pinned image is a local one too, and only another name is a deviation.
            let pinned_by_digest = super::pinned(image.name, &pinned.pins.images).digest.is_some();
            if !pinned_by_digest && image.reference.to_string() == was {
                continue;
            }
            let used = format!("the local image {}", image.reference);
            add(deviation::image(image.name), Some(was), used, by);
        }
        if let Some(chart) = &self.chart {
            let shown = |version: &dyn fmt::Display, sha256: &dyn fmt::Display| {
                format!("{} {version} (SHA-256 {sha256})", chart.name)
            };
            let pins = &pinned.pins.chart;
            let by = format!("--chart {}", chart.path.display());
            let was = shown(&pins.version, &pins.sha256);
            add(deviation::CHART.to_owned(), Some(was), shown(&chart.version, &chart.sha256), by);
        }
        for set in &self.values {
            let key = set.path().to_string();
            let by = format!("--set {set}");
            let used = plain(set.value());
            match key.as_str() {
                POOL_KEY => add(deviation::POD_POOL.to_owned(), Some(pool.clone()), used, by),
                MASK_KEY => {
                    let was = defaults.cluster_pool_ipv4_mask_size.get().to_string();
                    add(deviation::value(&key), Some(was), used, by);
                }
                IPAM_KEY if used == "kubernetes" => {
                    add(deviation::POD_POOL.to_owned(), Some(pool.clone()), POD_SUBNET.0.to_string(), by.clone());
                    add(deviation::value(&key), None, used, by);
                }
                _ => add(deviation::value(&key), article.get(&key).map(plain), used, by),
            }
        }
        found
    }
}

/// Whether the first dotted key is that of a mapping that contains the second.
fn is_around(outer: &str, inner: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'))
}

fn cidr(value: &Value) -> Result<Cidr, String> {
    Cidr::try_from(plain(value)).map_err(|error| error.to_string())
}

fn mask(value: &Value) -> Result<MaskSize, String> {
    let number = value.as_u64().ok_or_else(|| format!("expected a prefix length from 1 to 30, found {value}"))?;
    MaskSize::try_from(number).map_err(|error| error.to_string())
}

/// The value as it is written after `--set KEY=`: a text without quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The pinned image's name, tag and digest, in the form of kind's documentation.
fn pinned_image(image: &Image) -> String {
    image_text(&ImageExpected {
        reference: image.tagged(),
        digest: image.digest.as_ref().map(|digest| digest.as_str().to_owned()),
    })
}

fn image_text(image: &ImageExpected) -> String {
    image.digest.as_ref().map_or_else(|| image.reference.clone(), |digest| format!("{}@{digest}", image.reference))
}

/// The reference's name, with its tag if it has one, without its digest.
fn named(reference: &super::Reference) -> String {
    match reference.tag() {
        Some(tag) => format!("{}:{tag}", reference.repository()),
        None => reference.repository().to_owned(),
    }
}
