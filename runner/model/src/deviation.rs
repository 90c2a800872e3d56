//! What was used in place of a pin, and which pins a case is judged against.

use serde::{Deserialize, Serialize};
use std::fmt;

/// An image that runs in the cluster, by its key in `pins.json`, `images`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageName {
    /// The agent.
    Cilium,
    /// The operator.
    OperatorGeneric,
    /// The workload.
    HelloApp,
}

impl ImageName {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Cilium, Self::OperatorGeneric, Self::HelloApp];

    /// The key: `operator-generic`.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Cilium => "cilium",
            Self::OperatorGeneric => "operator-generic",
            Self::HelloApp => "hello-app",
        }
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.key())
    }
}

/// A pin that a case is judged against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pinned {
    /// The image that nodes are made of (pins.json: `images.node`).
    NodeImage,
    /// Kubernetes' version (pins.json: `kubernetes.version`), which comes with the nodes' image.
    Kubernetes,
    /// An image in the cluster (pins.json: `images`).
    Image(ImageName),
    /// Cilium's chart (pins.json: `chart`).
    Chart,
    /// One of the article's values (cilium.yaml: `values`), with dots between nested keys.
    Value(&'static str),
    /// All values of the Helm release: the article's, and that there are no others.
    Values,
    /// Where pod CIDRs come from (cilium.yaml: `chartDefaults`).
    PodPool,
    /// Where Services get their addresses from (kind.yaml: `networking.serviceSubnet`).
    ServiceCidr,
}

impl Pinned {
    /// Whether this deviation is one from this pin.
    pub fn is_meant_by(self, deviation: &Deviation) -> bool {
        let what = deviation.what.as_str();
        match self {
            Self::NodeImage => what == NODE_IMAGE,
            Self::Kubernetes => what == KUBERNETES,
            Self::Image(name) => what == image(name),
            Self::Chart => what == CHART,
            Self::Value(key) => what == value(&key),
            Self::Values => what.starts_with(VALUES),
            Self::PodPool => what == POD_POOL,
            Self::ServiceCidr => what == SERVICE_CIDR,
        }
    }
}

/// [`Deviation::what`] of the nodes' image.
pub const NODE_IMAGE: &str = "node-image";
/// [`Deviation::what`] of Kubernetes' version.
pub const KUBERNETES: &str = "kubernetes.version";
/// [`Deviation::what`] of the chart.
pub const CHART: &str = "chart";
/// [`Deviation::what`] of the pool of pod CIDRs.
pub const POD_POOL: &str = "pod-pool";
/// [`Deviation::what`] of the network of Services.
pub const SERVICE_CIDR: &str = "service-cidr";
/// How [`Deviation::what`] of a value begins.
const VALUES: &str = "values.";

/// [`Deviation::what`] of an image in the cluster.
pub fn image(name: ImageName) -> String {
    format!("images.{name}")
}

/// [`Deviation::what`] of a value of the release.
pub fn value(key: &dyn fmt::Display) -> String {
    format!("{VALUES}{key}")
}

/// Something that was declared to be otherwise than it is pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deviation {
    /// What: `values.tunnel`, `images.cilium`, `node-image`, `kubernetes.version`, `chart`, `pod-pool`,
    /// `service-cidr`.
    pub what: String,
    /// What is pinned; none for a value that the article does not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<String>,
    /// What is used.
    pub used: String,
    /// The option that declares it: `--set tunnel=vxlan`.
    pub by: String,
}

/// Up to how many octets a value is repeated with the option that has it.
const SHORT: usize = 40;

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, pinned, used, by } = self;
        // A long value stands there once: of the option that has it too, its name is enough.
        let repeated = by.strip_suffix(used.as_str()).filter(|_| used.len() > SHORT);
        let by = repeated.map_or(by.as_str(), |by| by.trim_end_matches('='));
        match pinned {
            Some(pinned) => write!(f, "{what} is {used}, not {pinned} ({by})"),
            None => write!(f, "{what} is {used}, which the article does not set ({by})"),
        }
    }
}

/// The values of a release that decide how packets get from node to node, with what they are for native routing (charts
/// 1.12 to 1.15: `values.yaml`).
const NATIVE: [(&str, &str); 3] = [("tunnel", "disabled"), ("routingMode", "native"), ("autoDirectNodeRoutes", "true")];

/// The values among these deviations with which packets do not get from node to node by native routing: `tunnel=vxlan`.
/// Empty where there are none.
pub fn not_native(deviations: &[Deviation]) -> String {
    let set = deviations.iter().filter_map(|deviation| {
        let key = deviation.what.strip_prefix(VALUES)?;
        let (_, native) = NATIVE.into_iter().find(|(known, _)| *known == key)?;
        (deviation.used != native).then(|| format!("{key}={}", deviation.used))
    });
    set.collect::<Vec<String>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(what: &str) -> Deviation {
        Deviation { what: what.to_owned(), pinned: None, used: "x".to_owned(), by: "--set".to_owned() }
    }

    #[test]
    fn values_of_another_routing_are_told_from_all_others() {
        let set = |what: &str, used: &str| Deviation { used: used.to_owned(), ..of(what) };
        assert_eq!(not_native(&[set("values.tunnel", "vxlan"), set("images.cilium", "vxlan")]), "tunnel=vxlan");
        let both = [set("values.autoDirectNodeRoutes", "false"), set("values.routingMode", "tunnel")];
        assert_eq!(not_native(&both), "autoDirectNodeRoutes=false, routingMode=tunnel");
        assert_eq!(not_native(&[set("values.routingMode", "native"), set("values.hubble.enabled", "false")]), "");
    }

    #[test]
    fn each_pin_means_its_own_deviations_and_no_other() {
        let table = [
            (Pinned::NodeImage, &["node-image"][..]),
            (Pinned::Kubernetes, &["kubernetes.version"]),
            (Pinned::Image(ImageName::Cilium), &["images.cilium"]),
            (Pinned::Image(ImageName::OperatorGeneric), &["images.operator-generic"]),
            (Pinned::Chart, &["chart"]),
            (Pinned::Value("tunnel"), &["values.tunnel"]),
            (Pinned::Values, &["values.tunnel", "values.hubble.enabled"]),
            (Pinned::PodPool, &["pod-pool"]),
            (Pinned::ServiceCidr, &["service-cidr"]),
        ];
        let all: std::collections::BTreeSet<&str> = table.iter().flat_map(|(_, means)| *means).copied().collect();
        for (pin, means) in table {
            let meant: Vec<&str> = all.iter().copied().filter(|what| pin.is_meant_by(&of(what))).collect();
            let mut expected = means.to_vec();
            expected.sort_unstable();
            assert_eq!(meant, expected, "{pin:?}");
        }
    }

    #[test]
    fn it_reads_as_what_is_and_what_should_be() {
        let changed = Deviation {
            what: "values.tunnel".to_owned(),
            pinned: Some("disabled".to_owned()),
            used: "vxlan".to_owned(),
            by: "--set tunnel=vxlan".to_owned(),
        };
        assert_eq!(changed.to_string(), "values.tunnel is vxlan, not disabled (--set tunnel=vxlan)");
        let long = format!("quay.io/own/cilium@sha256:{}", "4".repeat(64));
        let image = Deviation {
            what: "images.cilium".to_owned(),
            used: long.clone(),
            by: format!("--image cilium={long}"),
            ..changed.clone()
        };
        assert_eq!(image.to_string(), format!("images.cilium is {long}, not disabled (--image cilium)"));
        let added = Deviation { pinned: None, ..changed };
        assert_eq!(added.to_string(), "values.tunnel is vxlan, which the article does not set (--set tunnel=vxlan)");
    }
}
