//! What is expected of a lab with overrides, and how it differs from the pins.

use serde_json::Value;
use std::fmt;

use super::Overrides;
use super::apply::{IPAM_KEY, MASK_KEY, NATIVE_KEY, POOL_KEY, POOLS_KEY, plain};
use crate::Manifests;
use crate::kind_config::POD_SUBNET;
use crate::pins::Image;
use lab_model::CiliumVersion;
use lab_model::deviation::{self, Deviation, ImageName};
use lab_model::expect::{ClusterExpectations, ImageExpected};

/// The key of chart 1.12.4 for an image's whole reference (`image.override`, `operator.image.override`).
const fn override_key(name: ImageName) -> Option<&'static str> {
    match name {
        ImageName::Cilium => Some("image.override"),
        ImageName::OperatorGeneric => Some("operator.image.override"),
        ImageName::HelloApp => None,
    }
}

impl Overrides {
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
