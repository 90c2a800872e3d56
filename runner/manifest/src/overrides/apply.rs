//! Applies overrides to the manifests that a lab is built from.

use serde_json::Value;
use std::collections::BTreeMap;

use super::Overrides;
use super::assignment::Assignment;
use super::error::OverrideError;
use crate::kind_config::POD_SUBNET;
use crate::{Cidr, Manifests, MaskSize};
use lab_model::deviation::ImageName;

/// Keys of chart 1.12.4 for the pool of pod CIDRs, and for their prefix length.
pub(super) const POOL_KEY: &str = "ipam.operator.clusterPoolIPv4PodCIDR";
pub(super) const MASK_KEY: &str = "ipam.operator.clusterPoolIPv4MaskSize";
/// The key for a list of pools. In charts 1.12 and 1.13 it takes precedence over the key for one pool; from 1.14 on it is the
/// only one (`templates/cilium-configmap.yaml`).
pub(super) const POOLS_KEY: &str = "ipam.operator.clusterPoolIPv4PodCIDRList";
/// The key that decides where pods' addresses come from.
pub(super) const IPAM_KEY: &str = "ipam.mode";
/// The keys for the tunnel and for direct routes, which an agent refuses to combine.
pub(super) const TUNNEL_KEY: &str = "tunnel";
pub(super) const DIRECT_KEY: &str = "autoDirectNodeRoutes";
/// The key that replaces `tunnel`: chart 1.14 has both, charts from 1.15 on have only this one.
pub(super) const MODE_KEY: &str = "routingMode";
/// The key for the native routing CIDR, which must contain the pool.
pub(super) const NATIVE_KEY: &str = "ipv4NativeRoutingCIDR";

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

    /// A value of the release: that of the last `--set`, else the article's.
    pub(super) fn value<'a>(&'a self, key: &str, article: &'a BTreeMap<String, Value>) -> Option<&'a Value> {
        self.set(key).map(Assignment::value).or_else(|| article.get(key))
    }

    /// The last `--set` of this key.
    pub(super) fn set(&self, key: &str) -> Option<&Assignment> {
        self.values.iter().rev().find(|set| set.path().to_string() == key)
    }

    /// The option that decides the pool of pod CIDRs, its prefix length or the native routing CIDR, for errors.
    pub(super) fn by(&self) -> Option<String> {
        let keys = [NATIVE_KEY, POOL_KEY, MASK_KEY, IPAM_KEY];
        let sets = self.values.iter().rev().find(|set| keys.contains(&set.path().to_string().as_str()));
        sets.map(|set| format!("--set {set}")).or_else(|| self.pod_pool.map(|pool| format!("--pod-pool {pool}")))
    }
}

fn cidr(value: &Value) -> Result<Cidr, String> {
    Cidr::try_from(plain(value)).map_err(|error| error.to_string())
}

fn mask(value: &Value) -> Result<MaskSize, String> {
    let number = value.as_u64().ok_or_else(|| format!("expected a prefix length from 1 to 30, found {value}"))?;
    MaskSize::try_from(number).map_err(|error| error.to_string())
}

/// The value as it is written after `--set KEY=`: a text without quotes.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
