//! What the command line puts in place of pins, for experiments.
//!
//! The cases are judged against the pins with these applied, and each that is says so:
//! [`Pinned`](lab_model::deviation::Pinned) names the pins that a case is judged against,
//! [`Deviation`](lab_model::deviation::Deviation) what was declared. What is otherwise and was not declared is refuted.

mod apply;
mod assignment;
mod chart;
mod error;
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
pub use installed::installed_values;
pub use pod_pool::PodPool;
pub use reference::{Reference, Unusable};

use crate::Manifests;
use lab_model::deviation::ImageName;

/// What is put in place of pins, as it is given: the options by their names.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// `--pod-pool CIDR`.
    pub pod_pool: Option<PodPool>,
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

    /// The first option that was given and that means nothing on netns.
    pub fn only_on_kind(&self) -> Option<&'static str> {
        let given = [
            (self.node_image.is_some(), "--node-image"),
            (!self.images.is_empty(), "--image"),
            (self.chart.is_some(), "--chart"),
            (!self.values.is_empty(), "--set"),
            (self.kit.is_some(), "--kit"),
        ];
        given.into_iter().find_map(|(given, option)| given.then_some(option))
    }
}

/// What the command line puts in place of pins: the options, with the chart read and none given twice.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Overrides {
    /// `--pod-pool`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_pool: Option<PodPool>,
    /// `--node-image`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_image: Option<Reference>,
    /// `--image`: images of the host's own Engine. They are never pulled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<LocalImage>,
    /// `--chart`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chart: Option<ChartFile>,
    /// `--set`.
    #[serde(rename = "set", skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Assignment>,
    /// `--kit`: in place of registries, not of pins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kit: Option<PathBuf>,
}

impl Overrides {
    /// Takes the options. A chart is read, and must be the one that the manifests name.
    ///
    /// # Errors
    /// When an option is given twice, the chart is none, or nothing of a kit would be used.
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
            node_image: args.node_image.clone(),
            images: args.images.clone(),
            chart,
            values: args.values.clone(),
            kit: args.kit.clone(),
        })
    }

    /// The local image that is used for this one, if one was given.
    pub fn local_image(&self, name: ImageName) -> Option<&Reference> {
        self.images.iter().find(|image| image.name == name).map(|image| &image.reference)
    }
}
