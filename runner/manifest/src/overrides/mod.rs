//! Overrides: options of the command line that replace pins, for experiments.
//!
//! The cases are judged against the pins with the overrides applied, and a case that is affected says so:
//! [`Pinned`](lab_model::deviation::Pinned) names the pins that a case is judged against,
//! [`Deviation`](lab_model::deviation::Deviation) an override that differs from its pin. A deviation that no option declared
//! is refuted.

mod apply;
mod assignment;
mod chart;
mod checks;
mod error;
mod expected;
mod image;
mod installed;
mod pod_pool;
mod reference;
#[cfg(test)]
mod tests;

use serde::Serialize;
use std::path::PathBuf;

pub use assignment::{Assignment, ValuePath};
pub use chart::{ChartError, ChartFile};
pub use error::OverrideError;
pub use image::{LocalImage, pinned};
pub use installed::{expect_second_case, installed_values};
pub use pod_pool::PodPool;
pub use reference::{Reference, Unusable};

use crate::{Manifests, ServiceCidr};
use lab_model::deviation::ImageName;

/// The options that replace pins, as they were given.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// `--pod-pool CIDR`.
    pub pod_pool: Option<PodPool>,
    /// `--service-cidr CIDR`.
    pub service_cidr: Option<ServiceCidr>,
    /// `--node-image REF`.
    pub node_image: Option<Reference>,
    /// `--image NAME=REF`, repeated.
    pub images: Vec<LocalImage>,
    /// `--chart FILE`.
    pub chart: Option<PathBuf>,
    /// `--set KEY=VALUE`, repeated.
    pub values: Vec<Assignment>,
    /// `--kit FILE`.
    pub kit: Option<PathBuf>,
}

impl Given {
    /// The first option that was given.
    pub fn first(&self) -> Option<&'static str> {
        if self.pod_pool.is_some() { Some("--pod-pool") } else { self.only_on_kind() }
    }

    /// The first option that was given although it has no meaning on netns.
    pub fn only_on_kind(&self) -> Option<&'static str> {
        let given = [
            (self.service_cidr.is_some(), "--service-cidr"),
            (self.node_image.is_some(), "--node-image"),
            (!self.images.is_empty(), "--image"),
            (self.chart.is_some(), "--chart"),
            (!self.values.is_empty(), "--set"),
            (self.kit.is_some(), "--kit"),
        ];
        given.into_iter().find_map(|(given, option)| given.then_some(option))
    }
}

/// The checked options that replace pins: the chart was read, and no option is given twice.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Overrides {
    /// `--pod-pool`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_pool: Option<PodPool>,
    /// `--service-cidr`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_cidr: Option<ServiceCidr>,
    /// `--node-image`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_image: Option<Reference>,
    /// `--image`: images in the host's Docker Engine. They are never pulled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<LocalImage>,
    /// `--chart`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chart: Option<ChartFile>,
    /// `--set`.
    #[serde(rename = "set", skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Assignment>,
    /// `--kit`: replaces registries, not pins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kit: Option<PathBuf>,
}

impl Overrides {
    /// Checks the options. A chart is read, and must have the name that the manifests give.
    ///
    /// # Errors
    /// When an option is given twice, the file is not a chart, or nothing of a kit would be used.
    pub fn read(args: &Given, manifests: &Manifests) -> Result<Self, OverrideError> {
        for (number, image) in args.images.iter().enumerate() {
            if args.images[..number].iter().any(|earlier| earlier.name == image.name) {
                return Err(OverrideError::Twice(format!("--image {}", image.name)));
            }
        }
        for (number, set) in args.values.iter().enumerate() {
            for earlier in &args.values[..number] {
                if earlier.path() == set.path() {
                    return Err(OverrideError::Twice(format!("--set {}", set.path())));
                }
                if earlier.path().is_within_or_around(set.path()) {
                    return Err(OverrideError::Around { set: set.to_string(), other: earlier.path().to_string() });
                }
            }
        }
        if args.kit.is_some()
            && args.node_image.is_some()
            && args.chart.is_some()
            && args.images.len() == ImageName::ALL.len()
        {
            return Err(OverrideError::UselessKit);
        }
        let name = manifests.cilium.release.chart.as_str();
        let chart = args.chart.as_deref().map(|path| ChartFile::read(path, name)).transpose()?;
        Ok(Self {
            pod_pool: args.pod_pool,
            service_cidr: args.service_cidr,
            node_image: args.node_image.clone(),
            images: args.images.clone(),
            chart,
            values: args.values.clone(),
            kit: args.kit.clone(),
        })
    }

    /// The local image that replaces this one, if there is one.
    pub fn local_image(&self, name: ImageName) -> Option<&Reference> {
        self.images.iter().find(|image| image.name == name).map(|image| &image.reference)
    }
}
